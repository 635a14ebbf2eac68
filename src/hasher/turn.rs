//! What one request has had of the workers, and is due, where it needs several hashes (ADR 28).

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What one request has had of the workers.
#[derive(Debug, Default)]
pub struct Turn {
    /// How long its passwords have waited, in nanoseconds.
    waited: AtomicU64,
    /// Its passwords go before those of strangers.
    proved: AtomicBool,
    /// In the strangers' line, until its password stands there.
    place: Mutex<Option<Place>>,
}

/// A place that is kept for a password which is still to come. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Place {
    /// Keeps one more; answers how many were kept before, too.
    pub(super) fn keep(coming: &Arc<AtomicUsize>) -> (Self, usize) {
        let before = coming.fetch_add(1, Ordering::AcqRel);
        (Self(Arc::clone(coming)), before)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Until this is dropped, the turn has a place, unless its password stands there already.
#[must_use = "dropping it gives the place up"]
#[derive(Debug)]
pub struct Kept<'a>(&'a Turn);

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        drop(self.0.take_place());
    }
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

    /// Its own, instead of one that it may have had.
    pub(super) fn hold(&self, place: Place) -> Kept<'_> {
        *self.place() = Some(place);
        Kept(self)
    }

    /// The one that it has had until now.
    pub(super) fn take_place(&self) -> Option<Place> {
        self.place().take()
    }

    /// A place stays true whatever panicked while it was held.
    fn place(&self) -> MutexGuard<'_, Option<Place>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }

    pub(super) fn note(&self, wait: Duration) {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.waited.fetch_add(wait, Ordering::Relaxed);
    }
}
