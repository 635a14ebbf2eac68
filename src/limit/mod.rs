//! Limits that all instances share and that a restart does not forget.

mod backoff;
mod window;

pub use backoff::{Backoff, FAILURES};
pub use window::{Limit, Verdict};
