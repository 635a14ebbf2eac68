//! What is wanted at the same time goes to the database together: while one statement, or one transaction, is under way,
//! those who come gather behind it. Nobody waits for company, unless it is known to come, and nobody gets an answer older than
//! the question; a crowd only shares its round trips.

use std::fmt;
use std::pin::{Pin, pin};
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
pub struct Together<I, O> {
    line: Arc<Mutex<Line<I, O>>>,
    db: Lone,
}

struct Line<I, O> {
    /// Items that go together.
    most: usize,
    waiting: Vec<Waiting<I, O>>,
    /// Until all are here who came with the last one.
    complete: Option<Complete>,
    /// Open ones.
    lanes: usize,
    /// Batches that have ended, on all lanes.
    ended: u64,
}

type Waiting<I, O> = (I, oneshot::Sender<Result<O>>);
type Complete = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<I, O> fmt::Debug for Together<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Together").finish_non_exhaustive()
    }
}

impl<I, O> Together<I, O>
where
    I: Send + 'static,
    O: Send + 'static,
{
    /// Of what is asked for there. A batch has the time of two statements, and ends when its connections are left alone: all
    /// lanes would stay stuck for good behind connections that were cut off in silence.
    pub fn on(db: &Lone) -> Self {
        let line = Line {
            most: MOST,
            waiting: Vec::new(),
            complete: None,
            lanes: 0,
            ended: 0,
        };
        Self {
            line: Arc::new(Mutex::new(line)),
            db: db.clone(),
        }
    }

    /// In batches of so many at most, for what cannot be padded, or would fail for many.
    #[must_use]
    pub fn at_most(self, many: usize) -> Self {
        lock(&self.line).most = many;
        self
    }

    /// What becomes of this item. `work` is given at least one and at most 64 items (or [`Together::at_most`]), and answers in
    /// their order; once it has begun, it ends even if all who asked have given up; what has not begun by then is left undone.
    ///
    /// # Errors
    /// Those of `work`, for everybody whose item it was given; `OVERLOADED` where it did not end in time.
    pub async fn ask<F, W>(&self, item: I, work: W) -> Result<O>
    where
        F: Future<Output = Result<Vec<O>>> + Send + 'static,
        W: Fn(Vec<I>) -> F + Clone + Send + 'static,
    {
        answer(self.stand(item, || None, work)).await
    }

    /// As [`Together::ask`], for who comes with others: `arrive` is called once this one stands in line, and they are waited for
    /// until what it gives has ended.
    ///
    /// # Errors
    /// As [`Together::ask`].
    pub async fn ask_with_company<C, F, W>(
        &self,
        item: I,
        arrive: impl FnOnce() -> Option<C>,
        work: W,
    ) -> Result<O>
    where
        C: Future<Output = ()> + Send + 'static,
        F: Future<Output = Result<Vec<O>>> + Send + 'static,
        W: Fn(Vec<I>) -> F + Clone + Send + 'static,
    {
        let complete = || arrive().map(|complete| -> Complete { Box::pin(complete) });
        answer(self.stand(item, complete, work)).await
    }

    fn stand<F, W>(
        &self,
        item: I,
        complete: impl FnOnce() -> Option<Complete>,
        work: W,
    ) -> oneshot::Receiver<Result<O>>
    where
        F: Future<Output = Result<Vec<O>>> + Send + 'static,
        W: Fn(Vec<I>) -> F + Clone + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let mut line = lock(&self.line);
        line.waiting.push((item, answer));
        // Whoever is alone keeps no crowd from waiting.
        if let Some(complete) = complete() {
            line.complete = Some(complete);
        }
        let goes_ahead = line.opens(1);
        drop(line);
        if goes_ahead {
            // Not in the request of whoever came first: it may be given up, and others wait for it.
            open(&self.line, &self.db, work);
        }
        answered
    }
}

async fn answer<O>(answered: oneshot::Receiver<Result<O>>) -> Result<O> {
    let found = answered.await;
    found.map_err(|_| Error::internal("what was asked for together panicked"))?
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
    // On the heap before the runtime moves it, several times.
    tokio::spawn(Box::pin(lane.serve(work)));
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
            let complete = lock(&self.line).complete.take();
            if let Some(complete) = complete {
                complete.await;
            }
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
        let many = line.waiting.len().min(line.most);
        if many == line.waiting.len() {
            // Those who came last have been waited for.
            line.complete = None;
        }
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
mod tests;
