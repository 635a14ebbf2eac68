//! Guards for documents that would cost too much. The engine's own limits come too late for two kinds: its parser
//! recurses into nested values until the stack ends, and its depth check walks every spread of every fragment again.

mod cost;
mod empty;
mod reader;
mod scan;
mod uses;
mod variables;

use cost::measure;
pub use cost::{CREDENTIAL_MUTATIONS, Document, Root, WAITS};
use empty::mark;
pub use empty::unmark;
pub use reader::{Read, Reader, Unfit};
use scan::scan;
pub use uses::Uses;
pub use variables::{Incomplete, complete};

/// Why a document is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too large or too costly, and in which way.
    TooComplex(&'static str),
    /// Not valid, and in which way.
    Invalid(&'static str),
}
