//! A transaction that lost a race is run again. PostgreSQL says so of a deadlock, and of every conflict where its
//! transactions are serialisable; databases that speak its protocol say so more often. SQLite has one writer, who waits.

use std::ops::Deref;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    prelude::async_trait,
};
use tracing::{Instrument, Span};

use super::pools::Pools;
use super::{Db, unanswered};
use crate::clock::Rng;
use crate::error::{Error, RETRY_AFTER, Result, is_lost_race, is_read_only};
use crate::metrics::Metrics;
use crate::telemetry::TRACED;

/// How often a race is run again; with the pauses between, that takes two seconds at most.
const AGAIN: u32 = 10;
/// Before the second try; doubled before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(8);
const LAST_PAUSE: Duration = Duration::from_millis(400);
/// A crowd's work waits for a connection and runs some statements: it has so many times the time of one, and no longer than
/// requests wait by default.
const BATCH: u32 = 2;
const LONGEST: Duration = Duration::from_secs(15);
/// For what is under way on connections that are left alone: one of those that still work may be its.
const LAST_WORD: Duration = Duration::from_secs(1);
/// The same where a crowd waits, and others behind it.
const LAST_WORD_OF_MANY: Duration = Duration::from_millis(250);
/// All pauses before a statement's last try, with some room.
const PAUSES: Duration = Duration::from_secs(4);
/// Of no consequence: nobody waits for it.
const FOR_EVER: Duration = Duration::from_secs(86_400);

/// One try of a transaction, of one kind for all that is tried: what runs it is compiled once.
type Try<'a> = Pin<Box<dyn Future<Output = std::result::Result<(), Lost>> + Send + 'a>>;

/// Another one was faster.
struct Lost;

impl Db {
    /// Runs what a use case does in one transaction, from its begin to its commit, and once more from the beginning where
    /// another one was faster. So nothing in it may be slow, or have an effect outside of the transaction before the commit.
    ///
    /// # Errors
    /// Those of the use case; `OVERLOADED` after eleven lost races, and where its connections were left alone: it may have been
    /// committed or not.
    pub async fn transact<T, F>(&self, work: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Send,
        F: Future<Output = Result<T>> + Send,
    {
        let done = Mutex::new(None);
        let attempt = || -> Try<'_> {
            Box::pin(async {
                let outcome = work().await;
                let lost = self.was_lost(outcome.as_ref().err());
                *done.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
                if lost { Err(Lost) } else { Ok(()) }
            })
        };
        self.attempt(&attempt).await;
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.unwrap_or(Err(Error::Overloaded {
            retry_after: RETRY_AFTER,
        }))
    }

    /// Whether another one was faster.
    fn was_lost(&self, error: Option<&Error>) -> bool {
        if let Some(Error::Outage(error)) = error
            && is_read_only(error)
        {
            self.writer.pools.doubt();
        }
        matches!(error, Some(Error::LostRace(_)))
    }

    async fn attempt<'a>(&self, attempt: &'a (dyn Fn() -> Try<'a> + Send + Sync)) {
        // What the house does by itself, as at its start, is no trace of anybody's.
        let traced = match Span::current().is_none() {
            true => Span::none(),
            false => tracing::trace_span!(target: TRACED, "transaction"),
        };
        let all = async {
            // Who has lost for the last time says so by what was done.
            drop(again(&self.rng, |_: &Lost| true, attempt).await);
        };
        let all = pin!(all.instrument(traced));
        self.writer.unless_left(all, None).await;
    }
}

/// Connections for statements that stand alone, each its own transaction: one that lost a race is sent again.
#[derive(Clone, Debug)]
pub struct Lone {
    pub(super) pools: Pools,
    pub(super) rng: Rng,
    /// How long to wait for a connection, and for a statement.
    pub(super) timeout: Duration,
    pub(super) metrics: Arc<Metrics>,
}

impl Lone {
    /// Does what many wait for, in its time, and not on connections that have been left alone meanwhile. What is given up
    /// then may have been committed or not.
    ///
    /// # Errors
    /// Those of the work; `OVERLOADED` for what was given up.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        // Whatever wraps a future moves all of it: what is large goes to the heap first.
        let mut work = Box::pin(work);
        let left = self.pools.left();
        let deadline = (BATCH * self.timeout).min(LONGEST);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = left => {
                if let Ok(done) = tokio::time::timeout(LAST_WORD_OF_MANY, work).await {
                    return done;
                }
                tracing::warn!("what a crowd waits for is given up with its connections");
            }
            () = tokio::time::sleep(deadline) => {
                // Where the server may take longer over one statement, nothing is to be concluded.
                if deadline < LONGEST {
                    self.pools.suspect();
                }
                tracing::warn!("what a crowd waits for took too long");
            }
        }
        Err(Error::Overloaded {
            retry_after: RETRY_AFTER,
        })
    }

    async fn again<T, F>(&self, work: impl Fn() -> F + Send) -> Result<T, DbErr>
    where
        T: Send,
        F: Future<Output = Result<T, DbErr>> + Send,
    {
        let _taken = Taken::from_now(&self.metrics, Metrics::stated);
        let mut done = None;
        let all = async { done = Some(again(&self.rng, is_lost_race, work).await) };
        // The server ends a statement by itself after that time: whoever hears nothing then hears nothing more.
        let deadline = BATCH * self.timeout + PAUSES;
        let deadline = self.pools.is_server().then_some(deadline);
        self.unless_left(pin!(all), deadline).await;
        let done = done.unwrap_or(Err(unanswered()));
        if done.as_ref().is_err_and(is_read_only) {
            self.pools.doubt();
        }
        done
    }

    /// Does this to its end, or gives it up at a deadline, or where its connections are left alone meanwhile: it may be on a silent
    /// one. Of one kind for all that is done: it is compiled once.
    async fn unless_left(
        &self,
        mut work: Pin<&mut (dyn Future<Output = ()> + Send)>,
        deadline: Option<Duration>,
    ) {
        let left = self.pools.left();
        let mut end = pin!(tokio::time::sleep(deadline.unwrap_or(FOR_EVER)));
        tokio::select! {
            biased;
            () = &mut work => return,
            () = left => end.set(tokio::time::sleep(LAST_WORD)),
            () = &mut end, if deadline.is_some() => self.pools.suspect(),
        }
        tokio::select! {
            biased;
            () = work => {}
            () = end => tracing::warn!("what waits for a silent connection to the database is given up"),
        }
    }
}

/// Notes how long something took, also where it was given up.
pub(super) struct Taken<'a> {
    begun: Instant,
    metrics: &'a Metrics,
    note: fn(&Metrics, Duration),
}

impl<'a> Taken<'a> {
    pub(super) fn from_now(metrics: &'a Metrics, note: fn(&Metrics, Duration)) -> Self {
        Self {
            begun: Instant::now(),
            metrics,
            note,
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        (self.note)(self.metrics, self.begun.elapsed());
    }
}

/// For what begins a transaction.
impl Deref for Lone {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        self.pools.current()
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Lone {
    fn get_database_backend(&self) -> DbBackend {
        self.pools.current().get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.again(|| self.pools.execute(statement.clone())).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.again(|| self.pools.current().execute_unprepared(sql))
            .await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let rows = self.query_all_raw(statement).await?;
        Ok(rows.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.again(|| self.pools.query_all(statement.clone())).await
    }
}

async fn again<T, E, F>(
    rng: &Rng,
    is_lost: impl Fn(&E) -> bool,
    work: impl Fn() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut lost = 0;
    loop {
        let outcome = work().await;
        if lost == AGAIN || !outcome.as_ref().is_err_and(&is_lost) {
            return outcome;
        }
        lost += 1;
        tokio::time::sleep(pause(rng, lost)).await;
    }
}

/// Anything up to a bound that doubles: whoever waited for as long as the others would meet them again.
fn pause(rng: &Rng, lost: u32) -> Duration {
    let most = (FIRST_PAUSE * 2_u32.pow(lost.min(16) - 1)).min(LAST_PAUSE);
    most.mul_f64(f64::from(u32::from_be_bytes(rng.bytes())) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use sea_orm::RuntimeErr;

    use super::*;

    /// Loses so many races, and then answers how many tries there were.
    async fn after(losses: u32) -> (Result<u32, DbErr>, u32) {
        let tries = AtomicU32::new(0);
        let work = || async {
            let number = tries.fetch_add(1, Ordering::SeqCst) + 1;
            if number > losses {
                return Ok(number);
            }
            Err(DbErr::Exec(RuntimeErr::Internal("lost".into())))
        };
        let is_lost = |error: &DbErr| matches!(error, DbErr::Exec(_));
        let outcome = again(&Rng::system(), is_lost, work).await;
        (outcome, tries.load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn a_race_is_run_again_ten_times_and_no_more() {
        for losses in [0, 1, 10] {
            assert_eq!(after(losses).await, (Ok(losses + 1), losses + 1));
        }
        let (outcome, tries) = after(11).await;
        assert!(outcome.is_err());
        assert_eq!(tries, 11);
    }

    #[tokio::test]
    async fn what_is_no_lost_race_is_not_tried_again() {
        let tries = AtomicU32::new(0);
        let work = || async {
            tries.fetch_add(1, Ordering::SeqCst);
            Err::<(), _>(unanswered())
        };
        assert!(again(&Rng::system(), is_lost_race, work).await.is_err());
        assert_eq!(tries.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn pauses_grow_up_to_their_bound_and_differ() {
        let most = Rng::from_fn(|buffer| buffer.fill(0xff));
        let millis: Vec<_> = [1, 2, 3, 6, 7, 10]
            .map(|lost| pause(&most, lost).as_millis())
            .into();
        assert_eq!(millis, [8, 16, 32, 256, 400, 400]);
        let none = Rng::from_fn(|buffer| buffer.fill(0));
        assert_eq!(pause(&none, 10), Duration::ZERO);
    }
}
