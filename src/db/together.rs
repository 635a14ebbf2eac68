//! What is wanted at the same time goes to the database together: while one statement, or one transaction, is under way,
//! those who come gather behind it. Nobody waits for company, and nobody gets an answer older than the question; a crowd
//! only shares its round trips.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::Lone;
use crate::error::{Error, Result};

/// Under way at once, at most: where one is stuck, the next one may be on a connection that works.
const LANES: usize = 2;
/// How long a batch takes before there is another lane for those who wait behind it. Few lanes make large crowds, which share
/// more.
const PATIENCE: Duration = Duration::from_millis(20);
/// Items that go together; a power of two.
pub const MOST: usize = 64;

/// Who waits with what. All handles share one line.
#[derive(Debug)]
pub struct Together<I, O> {
    line: Arc<Mutex<Line<I, O>>>,
    db: Lone,
}

#[derive(Debug)]
struct Line<I, O> {
    waiting: Vec<Waiting<I, O>>,
    /// Open ones.
    lanes: usize,
    /// Batches that have ended, on all lanes.
    ended: u64,
}

type Waiting<I, O> = (I, oneshot::Sender<Result<O>>);

impl<I, O> Together<I, O>
where
    I: Send + 'static,
    O: Send + 'static,
{
    /// Of what is asked for there. A batch has the time of two statements, and ends when its connections are left alone: all
    /// lanes would stay stuck for good behind connections that were cut off in silence.
    pub fn on(db: &Lone) -> Self {
        let line = Line {
            waiting: Vec::new(),
            lanes: 0,
            ended: 0,
        };
        Self {
            line: Arc::new(Mutex::new(line)),
            db: db.clone(),
        }
    }

    /// What becomes of this item. `work` is given at least one and at most 64 items, and answers in their order; once it
    /// has begun, it ends even if all who asked have given up; what has not begun by then is left undone.
    ///
    /// # Errors
    /// Those of `work`, for everybody whose item it was given; `OVERLOADED` where it did not end in time.
    pub async fn ask<F, W>(&self, item: I, work: W) -> Result<O>
    where
        F: Future<Output = Result<Vec<O>>> + Send + 'static,
        W: Fn(Vec<I>) -> F + Clone + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let goes_ahead = {
            let mut line = lock(&self.line);
            line.waiting.push((item, answer));
            line.opens(1)
        };
        if goes_ahead {
            // Not in the request of whoever came first: it may be given up, and others wait for it.
            open(&self.line, &self.db, work);
        }
        let found = answered.await;
        found.map_err(|_| Error::internal("what was asked for together panicked"))?
    }
}

fn lock<I, O>(line: &Mutex<Line<I, O>>) -> MutexGuard<'_, Line<I, O>> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open<I, O, F, W>(line: &Arc<Mutex<Line<I, O>>>, db: &Lone, work: W)
where
    I: Send + 'static,
    O: Send + 'static,
    F: Future<Output = Result<Vec<O>>> + Send + 'static,
    W: Fn(Vec<I>) -> F + Clone + Send + 'static,
{
    let others = lock(line).ended;
    let lane = Lane {
        line: Arc::clone(line),
        db: db.clone(),
        others,
        is_open: true,
    };
    tokio::spawn(lane.serve(work));
}

impl<I, O> Line<I, O> {
    /// Whether there is to be one lane more, which then counts, while somebody waits and there are fewer than so many.
    fn opens(&mut self, lanes: usize) -> bool {
        let opens = self.lanes < lanes && !self.waiting.is_empty();
        self.lanes += usize::from(opens);
        opens
    }
}

/// One of those who ask on behalf of the line.
struct Lane<I, O> {
    line: Arc<Mutex<Line<I, O>>>,
    db: Lone,
    /// How many batches would have ended by now if no other lane worked.
    others: u64,
    is_open: bool,
}

impl<I, O> Lane<I, O>
where
    I: Send + 'static,
    O: Send + 'static,
{
    async fn serve<F, W>(mut self, work: W)
    where
        F: Future<Output = Result<Vec<O>>> + Send + 'static,
        W: Fn(Vec<I>) -> F + Clone + Send + 'static,
    {
        loop {
            // Requests that have arrived, and only wait for their turn on this thread, come along.
            tokio::task::yield_now().await;
            let Some(batch) = self.next() else {
                return;
            };
            let (items, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let mut run = pin!(self.db.in_time(work(items)));
            let done = loop {
                if let Ok(done) = tokio::time::timeout(PATIENCE, &mut run).await {
                    break done;
                }
                let is_stuck = lock(&self.line).opens(LANES);
                if is_stuck {
                    open(&self.line, &self.db, work.clone());
                }
            };
            // Whoever gave up needs no answer.
            match done {
                Ok(found) => {
                    for (answer, found) in answers.into_iter().zip(found) {
                        drop(answer.send(Ok(found)));
                    }
                }
                Err(error) => {
                    for answer in answers {
                        drop(answer.send(Err(error.for_another())));
                    }
                }
            }
            lock(&self.line).ended += 1;
            self.others += 1;
        }
    }

    /// Those who wait now; closes the lane where nobody does, under the same lock, so that nobody who comes meanwhile
    /// takes it for open.
    fn next(&mut self) -> Option<Vec<Waiting<I, O>>> {
        let line = Arc::clone(&self.line);
        let mut line = lock(&line);
        // Whoever was told that it took too long is not to find it done much later.
        line.waiting.retain(|(_, answer)| !answer.is_closed());
        let many = line.waiting.len().min(MOST);
        // Two lanes only halve the crowds, once the one that seemed stuck goes on: it takes those who wait.
        let is_spare = line.lanes > 1 && line.ended > self.others;
        if many == 0 || is_spare {
            line.lanes -= 1;
            self.is_open = false;
            return None;
        }
        Some(line.waiting.drain(..many).collect())
    }
}

impl<I, O> Drop for Lane<I, O> {
    /// After a panic: those who wait with nobody to ask for them are not left waiting.
    fn drop(&mut self) {
        if self.is_open {
            let mut line = lock(&self.line);
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

    use super::super::pools::Pools;
    use super::*;
    use crate::clock::Rng;

    const FAILS: u32 = 1_001;
    const PANICS: u32 = 1_003;

    struct House {
        together: Together<u32, Option<u32>>,
        statements: AtomicUsize,
        largest: AtomicUsize,
    }

    /// Its batches may take two seconds.
    impl Default for House {
        fn default() -> Self {
            let db = Lone {
                pools: Pools::none(),
                rng: Rng::system(),
                timeout: Duration::from_secs(1),
                metrics: Arc::default(),
            };
            Self {
                together: Together::on(&db),
                statements: AtomicUsize::default(),
                largest: AtomicUsize::default(),
            }
        }
    }

    impl House {
        /// Even numbers are there, twice as large; each statement takes a permit.
        async fn ask(self: &Arc<Self>, key: u32, permits: &Arc<Semaphore>) -> Result<Option<u32>> {
            let (house, permits) = (Arc::clone(self), Arc::clone(permits));
            let work = move |keys: Vec<u32>| {
                let (house, permits) = (Arc::clone(&house), Arc::clone(&permits));
                async move {
                    house.statements.fetch_add(1, Ordering::SeqCst);
                    house.largest.fetch_max(keys.len(), Ordering::SeqCst);
                    permits.acquire().await.unwrap().forget();
                    assert!(!keys.contains(&PANICS), "a panic");
                    if keys.contains(&FAILS) {
                        return Err(Error::Overloaded { retry_after: 3 });
                    }
                    let doubled = |key| (key % 2 == 0).then_some(2 * key);
                    Ok(keys.into_iter().map(doubled).collect())
                }
            };
            self.together.ask(key, work).await
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
    async fn who_waits_behind_a_stuck_statement_goes_in_another_until_the_first_goes_on() {
        let (house, permits) = (Arc::<House>::default(), Arc::new(Semaphore::new(0)));
        let mut asks = Vec::new();
        let ask = |key| {
            let (house, permits) = (Arc::clone(&house), Arc::clone(&permits));
            tokio::spawn(async move { house.ask(key, &permits).await.unwrap() })
        };
        for lane in 1..=LANES {
            asks.push(ask(2));
            while house.statements.load(Ordering::SeqCst) < lane {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        asks.extend([ask(2), ask(2), ask(2)]);
        tokio::time::sleep(3 * PATIENCE).await;
        assert_eq!(house.statements.load(Ordering::SeqCst), LANES);
        permits.add_permits(100);
        for ask in asks {
            assert_eq!(ask.await.unwrap(), Some(4));
        }
        // All three in one, on the lane that is left.
        assert_eq!(house.statements.load(Ordering::SeqCst), LANES + 1);
        assert_eq!(house.largest.load(Ordering::SeqCst), 3);
        // Both close behind the last one.
        tokio::time::sleep(PATIENCE).await;
        assert_eq!(lock(&house.together.line).lanes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_that_are_all_stuck_are_free_again_after_the_deadline() {
        let (house, never) = (Arc::<House>::default(), Arc::new(Semaphore::new(0)));
        let (bad, late) = tokio::join!(house.ask(2, &never), async {
            tokio::time::sleep(PATIENCE / 2).await;
            house.ask(2, &never).await
        });
        assert!(matches!(bad, Err(Error::Overloaded { .. })) && late.is_err());
        // They close behind those who were sent away.
        tokio::time::sleep(PATIENCE).await;
        let permits = Arc::new(Semaphore::new(1));
        assert_eq!(house.ask(6, &permits).await.unwrap(), Some(12));
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_on_connections_that_are_left_alone_are_free_at_once() {
        let (house, never) = (Arc::<House>::default(), Arc::new(Semaphore::new(0)));
        let began = tokio::time::Instant::now();
        let (bad, late, ()) = tokio::join!(house.ask(2, &never), house.ask(2, &never), async {
            tokio::time::sleep(5 * PATIENCE).await;
            house.together.db.pools.leave_for(1);
        });
        assert!(matches!(bad, Err(Error::Overloaded { .. })) && late.is_err());
        assert!(began.elapsed() < 6 * PATIENCE);
        // It closes behind those who were sent away.
        tokio::time::sleep(PATIENCE).await;
        let permits = Arc::new(Semaphore::new(1));
        assert_eq!(house.ask(6, &permits).await.unwrap(), Some(12));
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

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_left_undone() {
        let (house, permits) = (Arc::<House>::default(), Arc::new(Semaphore::new(0)));
        let ask = |key| {
            let (house, permits) = (Arc::clone(&house), Arc::clone(&permits));
            tokio::spawn(async move { house.ask(key, &permits).await })
        };
        let mut busy = Vec::new();
        for lane in 1..=LANES {
            busy.push(ask(2));
            while house.statements.load(Ordering::SeqCst) < lane {
                tokio::task::yield_now().await;
            }
        }
        // Both lanes are stuck: these wait in line, and give up.
        let late: Vec<_> = (0..200).map(ask).collect();
        tokio::task::yield_now().await;
        late.iter().for_each(tokio::task::JoinHandle::abort);
        for ask in late {
            assert!(ask.await.is_err());
        }
        permits.add_permits(100);
        for ask in busy {
            assert_eq!(ask.await.unwrap().unwrap(), Some(4));
        }
        assert_eq!(house.ask(6, &permits).await.unwrap(), Some(12));
        assert_eq!(house.statements.load(Ordering::SeqCst), LANES + 1);
        assert_eq!(house.largest.load(Ordering::SeqCst), 1);
    }
}
