//! What one request is due of the workers, where it needs several hashes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What one request has had of the workers.
#[derive(Debug, Default)]
pub struct Turn {
    /// How long its passwords have waited, in nanoseconds.
    waited: AtomicU64,
    /// Its next new password goes before all others.
    first: AtomicBool,
}

impl Turn {
    /// The caller has proved a password: the one that takes its place waits behind nobody who has not. Once, and not for
    /// comparing: a few who are signed in must not keep everybody else from the workers.
    pub fn prove(&self) {
        self.first.store(true, Ordering::Relaxed);
    }

    /// Asked once for each new password.
    pub(super) fn goes_first(&self) -> bool {
        self.first.swap(false, Ordering::Relaxed)
    }

    pub(super) fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }

    pub(super) fn note(&self, wait: Duration) {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.waited.fetch_add(wait, Ordering::Relaxed);
    }
}
