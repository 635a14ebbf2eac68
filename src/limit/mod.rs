//! Limits that all instances share and that a restart does not forget.

mod backoff;
mod counters;
mod under_way;
mod window;

pub use backoff::{Backoff, FAILURES};
pub use counters::Counters;
pub use under_way::{One, UnderWay};
pub use window::{Limit, Verdict};
