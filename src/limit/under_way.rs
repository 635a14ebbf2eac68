//! What may be counted once it is done, and counts against a limit until then: of a thousand at once, no more begin than are
//! left. In this process only, and nobody waits for anybody, as they would for the row of a counter.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many are under way, by the key of their counter. Each is a request's, or that of a statement that a request has left, so that
/// their bound is that of requests in the time of a few statements.
#[derive(Clone, Debug, Default)]
pub struct UnderWay(Arc<Mutex<HashMap<String, usize>>>);

/// One of them; dropping it ends it.
#[derive(Debug)]
pub struct One {
    all: UnderWay,
    key: String,
    others: usize,
}

impl UnderWay {
    /// Begins one.
    pub fn begin(&self, key: String) -> One {
        let mut counts = self.counts();
        let count = counts.entry(key.clone()).or_default();
        let others = *count;
        *count += 1;
        drop(counts);
        One {
            all: self.clone(),
            key,
            others,
        }
    }

    /// Counts stay true whatever panicked while it held them.
    fn counts(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl One {
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How many were under way when it began. Of two that begin at once, one sees the other.
    pub fn others(&self) -> usize {
        self.others
    }
}

impl Drop for One {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::UnderWay;

    #[test]
    fn each_sees_those_before_it_and_nothing_is_kept_of_those_that_ended() {
        let all = UnderWay::default();
        let first = all.begin("a".to_owned());
        let second = all.begin("a".to_owned());
        let elsewhere = all.begin("b".to_owned());
        assert_eq!(
            [first.others(), second.others(), elsewhere.others()],
            [0, 1, 0]
        );
        drop(first);
        assert_eq!(all.begin("a".to_owned()).others(), 1);
        drop((second, elsewhere));
        assert!(all.counts().is_empty());
    }
}
