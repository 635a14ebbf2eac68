//! What one request has had of the workers, and is due, where it needs several hashes (ADR 28).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What one request has had of the workers.
#[derive(Debug, Default)]
pub struct Turn {
    /// How long its passwords have waited, in nanoseconds.
    waited: AtomicU64,
    /// Its passwords go before those of strangers.
    proved: AtomicBool,
}

impl Turn {
    /// The caller has proved whose account it is: what is still to be hashed goes before the passwords of those who have
    /// not, within the share of the workers that such have.
    pub fn prove(&self) {
        self.proved.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_proved(&self) -> bool {
        self.proved.load(Ordering::Relaxed)
    }

    pub(super) fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }

    pub(super) fn note(&self, wait: Duration) {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.waited.fetch_add(wait, Ordering::Relaxed);
    }
}
