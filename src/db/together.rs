//! Look-ups that are wanted at the same time go to the database in one statement: while one is under way, those that come
//! gather behind it. Nobody waits for company, and nobody gets an answer older than the question; a crowd only shares its
//! round trips.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::DbErr;
use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// Statements under way at once: where one is stuck, the next one may be on a connection that works.
const LANES: usize = 2;
/// Keys of one statement; a power of two.
pub const MOST: usize = 64;

type Found<V> = Result<Option<Arc<V>>, DbErr>;
type Waiting<K, V> = (K, oneshot::Sender<Found<V>>);

/// Who waits for what. All handles share one line.
#[derive(Debug)]
pub struct Together<K, V>(Arc<Mutex<Line<K, V>>>);

#[derive(Debug)]
struct Line<K, V> {
    waiting: Vec<Waiting<K, V>>,
    /// Open ones.
    lanes: usize,
}

impl<K, V> Together<K, V>
where
    K: Copy + Eq + Hash + Send + 'static,
    V: Send + Sync + 'static,
{
    /// What the database holds under this key. `look_up` is given at least one and at most 64 different keys, and answers
    /// those that it found.
    ///
    /// # Errors
    /// Those of `look_up`, for everybody whose key it was given.
    pub async fn find<F, L>(&self, key: K, look_up: L) -> Result<Option<Arc<V>>>
    where
        F: Future<Output = Result<HashMap<K, Arc<V>>, DbErr>> + Send + 'static,
        L: Fn(Vec<K>) -> F + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let goes_ahead = {
            let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            line.waiting.push((key, answer));
            let is_free = line.lanes < LANES;
            line.lanes += usize::from(is_free);
            is_free
        };
        if goes_ahead {
            let lane = Lane {
                line: Arc::clone(&self.0),
                is_open: true,
            };
            // Not in the request of whoever came first: it may be given up, and others wait for it.
            tokio::spawn(lane.serve(look_up));
        }
        let found = answered.await;
        Ok(found.map_err(|_| Error::internal("a look-up panicked"))??)
    }
}

impl<K, V> Default for Together<K, V> {
    fn default() -> Self {
        let (waiting, lanes) = (Vec::new(), 0);
        Self(Arc::new(Mutex::new(Line { waiting, lanes })))
    }
}

/// One of those who ask on behalf of the line.
struct Lane<K, V> {
    line: Arc<Mutex<Line<K, V>>>,
    is_open: bool,
}

impl<K: Copy + Eq + Hash, V> Lane<K, V> {
    async fn serve<F, L>(mut self, look_up: L)
    where
        F: Future<Output = Result<HashMap<K, Arc<V>>, DbErr>>,
        L: Fn(Vec<K>) -> F,
    {
        while let Some(batch) = self.next() {
            let keys: HashSet<K> = batch.iter().map(|(key, _)| *key).collect();
            let found = look_up(keys.into_iter().collect()).await;
            for (key, answer) in batch {
                let for_one = match &found {
                    Ok(found) => Ok(found.get(&key).cloned()),
                    Err(error) => Err(error.clone()),
                };
                // Whoever gave up needs no answer.
                drop(answer.send(for_one));
            }
        }
    }

    /// Those who wait now; closes the lane where nobody does, under the same lock, so that nobody who comes meanwhile
    /// takes it for open.
    fn next(&mut self) -> Option<Vec<Waiting<K, V>>> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let many = line.waiting.len().min(MOST);
        if many == 0 {
            line.lanes -= 1;
            self.is_open = false;
            return None;
        }
        Some(line.waiting.drain(..many).collect())
    }
}

impl<K, V> Drop for Lane<K, V> {
    /// After a panic: those who wait with nobody to ask for them are not left waiting.
    fn drop(&mut self) {
        if self.is_open {
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            line.lanes -= 1;
            if line.lanes == 0 {
                line.waiting.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::*;

    const FAILS: u32 = 1_001;
    const PANICS: u32 = 1_003;

    #[derive(Default)]
    struct House {
        together: Together<u32, u32>,
        statements: AtomicUsize,
        largest: AtomicUsize,
    }

    impl House {
        /// Even numbers are there, twice as large; each statement takes a permit.
        async fn ask(self: &Arc<Self>, key: u32, permits: &Arc<Semaphore>) -> Result<Option<u32>> {
            let (house, permits) = (Arc::clone(self), Arc::clone(permits));
            let look_up = move |keys: Vec<u32>| {
                let (house, permits) = (Arc::clone(&house), Arc::clone(&permits));
                async move {
                    house.statements.fetch_add(1, Ordering::SeqCst);
                    house.largest.fetch_max(keys.len(), Ordering::SeqCst);
                    permits.acquire().await.unwrap().forget();
                    assert!(!keys.contains(&PANICS), "a look-up that panics");
                    if keys.contains(&FAILS) {
                        return Err(DbErr::Custom("a failure".into()));
                    }
                    let even = keys.into_iter().filter(|key| key % 2 == 0);
                    Ok(even.map(|key| (key, Arc::new(2 * key))).collect())
                }
            };
            let found = self.together.find(key, look_up).await?;
            Ok(found.map(|value| *value))
        }
    }

    #[tokio::test]
    async fn what_comes_while_a_statement_is_under_way_goes_in_one_after_it() {
        let (house, permits) = (Arc::<House>::default(), Arc::new(Semaphore::new(0)));
        let asks = (0..130).map(|key| {
            let (house, permits) = (Arc::clone(&house), Arc::clone(&permits));
            tokio::spawn(async move { house.ask(key % 100, &permits).await.unwrap() })
        });
        let asks: Vec<_> = asks.collect();
        while house.statements.load(Ordering::SeqCst) < LANES {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        permits.add_permits(100);
        for (number, ask) in asks.into_iter().enumerate() {
            let key = u32::try_from(number).unwrap() % 100;
            assert_eq!(ask.await.unwrap(), (key % 2 == 0).then_some(2 * key));
        }
        assert_eq!(house.largest.load(Ordering::SeqCst), MOST);
        let statements = house.statements.load(Ordering::SeqCst);
        assert!((3..=5).contains(&statements), "{statements}");
        // Nothing is kept: who comes later asks again.
        assert_eq!(house.ask(4, &permits).await.unwrap(), Some(8));
        assert_eq!(house.statements.load(Ordering::SeqCst), statements + 1);
    }

    #[tokio::test]
    async fn a_statement_that_fails_or_panics_fails_those_who_shared_it_and_nobody_after() {
        let (house, permits) = (Arc::<House>::default(), Arc::new(Semaphore::new(100)));
        for bad in [FAILS, PANICS] {
            let (bad, shared) = tokio::join!(house.ask(bad, &permits), house.ask(2, &permits));
            assert!(bad.is_err() && shared.is_err());
            assert_eq!(house.ask(6, &permits).await.unwrap(), Some(12));
        }
    }

    #[tokio::test]
    async fn who_gives_up_takes_nobody_along() {
        let (house, permits) = (Arc::<House>::default(), Arc::new(Semaphore::new(0)));
        let asks: Vec<_> = (0..20)
            .map(|key| {
                let (house, permits) = (Arc::clone(&house), Arc::clone(&permits));
                tokio::spawn(async move { house.ask(key, &permits).await.unwrap() })
            })
            .collect();
        while house.statements.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for ask in &asks[..19] {
            ask.abort();
        }
        permits.add_permits(100);
        assert!(asks.into_iter().last().unwrap().await.unwrap().is_none());
    }
}
