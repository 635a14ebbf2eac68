//! Guards for documents that would cost too much. The engine's own limits come too late for two kinds, and it has none for a
//! third: its parser recurses into nested values until the stack ends, its depth check walks every spread of every fragment
//! again, and it copies the value of a variable to wherever it stands. Beside them stands what the specification asks and the
//! engine does not do: variables that were not sent, and objects of which nothing is selected.

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
