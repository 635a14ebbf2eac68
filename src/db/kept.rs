//! The connection that the last lone statement ran on, kept for the next one. Given back to its pool, it would be asked
//! whether it is well before anybody else has it: a round trip after every statement, as long as the statement itself.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::sea_query::Values;
use sea_orm::{ConnAcquireErr, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres};

use super::unanswered;
use super::writable::Doubt;

/// Whoever finds a connection that nobody used for so long gives it back: its server may have gone meanwhile, which its pool
/// finds out.
const QUIET: Duration = Duration::from_secs(1);
/// One that is never quiet goes back after this time all the same, so that its pool can end what is too old.
const TURN: Duration = Duration::from_secs(10);

/// At most one connection of one pool.
#[derive(Debug, Default)]
pub(super) struct Kept {
    slot: Mutex<Slot>,
    /// Those who ask the pool for a connection.
    asking: AtomicUsize,
    doubt: Doubt,
}

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Empty,
    Full(Idle),
    /// For good: the pool is waiting for its connections.
    Closed,
}

#[derive(Debug)]
struct Idle {
    connection: PoolConnection<Postgres>,
    taken_at: Instant,
    used_at: Instant,
}

impl Kept {
    /// Whom the pool does not trust any more is not kept either.
    pub(super) fn under(doubt: &Doubt) -> Self {
        Self {
            doubt: doubt.clone(),
            ..Self::default()
        }
    }

    /// # Errors
    /// When no connection is free in time, and the server's own.
    pub(super) async fn execute(
        &self,
        pool: &PgPool,
        statement: Statement,
    ) -> Result<ExecResult, DbErr> {
        let run = async |connection: &mut PgConnection| query(statement).execute(connection).await;
        let done = self.run(pool, run).await?;
        Ok(done.map_err(|error| DbErr::Exec(failed(error)))?.into())
    }

    /// # Errors
    /// As those of [`Kept::execute`].
    pub(super) async fn query_all(
        &self,
        pool: &PgPool,
        statement: Statement,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let run =
            async |connection: &mut PgConnection| query(statement).fetch_all(connection).await;
        let rows = self.run(pool, run).await?;
        let rows = rows.map_err(|error| DbErr::Query(failed(error)))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Runs one statement. Its connection is kept after a success only: after a failure, or given up, it goes back to its
    /// pool, which asks whether it is still good.
    async fn run<T>(
        &self,
        pool: &PgPool,
        statement: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<Result<T, sqlx::Error>, DbErr> {
        let mut idle = match self.take() {
            Some(idle) => idle,
            // Seldom, and some kilobytes that every statement would carry along.
            None => Idle::from(Box::pin(pool.acquire()).await.map_err(not_acquired)?),
        };
        let done = statement(&mut idle.connection).await;
        if done.is_ok() {
            self.keep(pool, idle);
        }
        Ok(done)
    }

    fn take(&self) -> Option<Idle> {
        let mut slot = self.slot();
        match std::mem::take(&mut *slot) {
            Slot::Full(idle) => {
                let age = idle.taken_at.elapsed();
                let is_fresh = idle.used_at.elapsed() < QUIET && age < TURN;
                (is_fresh && !self.doubt.touches(age)).then_some(idle)
            }
            other => {
                *slot = other;
                None
            }
        }
    }

    /// Not where somebody may be waiting for it.
    fn keep(&self, pool: &PgPool, mut idle: Idle) {
        idle.used_at = Instant::now();
        let mut slot = self.slot();
        if matches!(*slot, Slot::Empty) && !self.is_wanted(pool) {
            *slot = Slot::Full(idle);
        }
    }

    /// Whether those who ask for a connection now may have to wait for another's.
    fn is_wanted(&self, pool: &PgPool) -> bool {
        let most = pool.options().get_max_connections();
        let unopened = most.saturating_sub(pool.size()) as usize;
        idle(pool) + unopened <= self.asking.load(Ordering::SeqCst)
    }

    /// Lets what asks the pool for a connection have the one that is kept, where there is no other.
    pub(super) async fn give_way_to<T>(&self, pool: &PgPool, asks: impl Future<Output = T>) -> T {
        let _asking = Asking::from(&self.asking);
        let mut asks = pin!(asks);
        tokio::select! {
            biased;
            done = &mut asks => return done,
            // It stands in the pool's line now, if it has to.
            () = std::future::ready(()) => {}
        }
        if self.is_wanted(pool) {
            self.give_back();
        }
        asks.await
    }

    /// Gives the connection back.
    pub(super) fn give_back(&self) {
        let mut slot = self.slot();
        if matches!(*slot, Slot::Full(_)) {
            *slot = Slot::Empty;
        }
    }

    /// Gives the connection back, and keeps none from now on.
    pub(super) fn close(&self) {
        *self.slot() = Slot::Closed;
    }

    /// How many connections are kept now.
    pub(super) fn idle(&self) -> usize {
        usize::from(matches!(*self.slot(), Slot::Full(_)))
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<PoolConnection<Postgres>> for Idle {
    fn from(connection: PoolConnection<Postgres>) -> Self {
        let now = Instant::now();
        Self {
            connection,
            taken_at: now,
            used_at: now,
        }
    }
}

struct Asking<'a>(&'a AtomicUsize);

impl<'a> From<&'a AtomicUsize> for Asking<'a> {
    fn from(asking: &'a AtomicUsize) -> Self {
        asking.fetch_add(1, Ordering::SeqCst);
        Self(asking)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many connections lie in the pool. The driver takes one out before it has counted it in, so that its count may be one
/// below zero for a moment.
pub(super) fn idle(pool: &PgPool) -> usize {
    let idle = pool.num_idle();
    if idle > pool.size() as usize { 0 } else { idle }
}

/// As SeaORM sends it.
fn query(statement: Statement) -> Query<'static, Postgres, SqlxValues> {
    let values = statement.values.unwrap_or(Values(Vec::new()));
    // All of our statements are texts of the program with their values apart.
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

fn failed(error: sqlx::Error) -> RuntimeErr {
    RuntimeErr::SqlxError(error.into())
}

/// As SeaORM calls it.
fn not_acquired(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => unanswered(),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        _ => DbErr::Conn(failed(error)),
    }
}
