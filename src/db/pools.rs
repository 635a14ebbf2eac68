//! Pools of connections to one server, of which one is in use. Where packets vanish (a router, a failover, a firewall that
//! forgot us) nobody says that a connection has ended, and the driver waits for each of its connections until the system
//! gives it up, a quarter of an hour later. So a pool whose connections are silent, or that hands out none, while a fresh
//! connection to the same server works, is left alone, and another one takes its place. It is whole again by the time that
//! its turn comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, ExecResult, QueryResult, Statement, TransactionOptions, TransactionTrait,
};
use sqlx::{Connection, PgPool};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::kept::{Kept, idle};
use super::writable::Doubt;

/// Those that wait for their turn hold no connection.
const POOLS: usize = 4;
/// How often to look whether the pool in use answers.
const LOOK: Duration = Duration::from_secs(1);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a silent one may yet take, once a fresh one has been answered.
const LAST_WORD: Duration = Duration::from_millis(250);
/// How long a fresh connection may take.
const FRESH: Duration = Duration::from_secs(1);

/// All handles share which one is in use.
#[derive(Clone, Debug)]
pub(super) struct Pools(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pools: Vec<Pool>,
    current: AtomicUsize,
    /// Told when another one takes the place of the one in use.
    left: Notify,
    /// Of all of them: they lead to one server.
    doubt: Doubt,
}

#[derive(Debug)]
struct Pool {
    connection: DatabaseConnection,
    /// How often the server has answered a statement that stands alone, or the beginning of a transaction. Not how often a
    /// connection came back: dead ones do, too, once whoever asked has given up.
    served: AtomicU64,
    /// For statements that stand alone.
    kept: Kept,
    /// Somebody heard nothing in a time in which the server itself would have ended every statement.
    suspected: AtomicBool,
}

impl Pools {
    /// One pool and no other, for a database that is no server.
    pub(super) async fn single(options: ConnectOptions) -> Result<Self, DbErr> {
        let doubt = Doubt::default();
        let pool = Pool::of(Database::connect(options).await?, &doubt);
        Ok(Self::of(vec![pool], doubt))
    }

    /// The first one is connected now, the others when their turn comes.
    pub(super) async fn postgres(options: ConnectOptions, doubt: Doubt) -> Result<Self, DbErr> {
        let mut pools = Vec::new();
        for number in 0..POOLS {
            let mut options = options.clone();
            options.connect_lazy(number > 0);
            pools.push(Pool::of(Database::connect(options).await?, &doubt));
        }
        Ok(Self::of(pools, doubt))
    }

    fn of(pools: Vec<Pool>, doubt: Doubt) -> Self {
        Self(Arc::new(Inner {
            pools,
            current: AtomicUsize::new(0),
            left: Notify::new(),
            doubt,
        }))
    }

    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self::of(Vec::new(), Doubt::default())
    }

    /// The one in use.
    pub(super) fn current(&self) -> &DatabaseConnection {
        &self.in_use().connection
    }

    fn in_use(&self) -> &Pool {
        &self.0.pools[self.0.current.load(Ordering::Relaxed)]
    }

    /// What was asked of the one in use was not answered in time.
    pub(super) fn suspect(&self) {
        let current = self.0.pools.get(self.0.current.load(Ordering::Relaxed));
        if let Some(pool) = current {
            pool.suspected.store(true, Ordering::Relaxed);
        }
    }

    /// Somebody was refused a write: no connection that is open now is used again.
    pub(super) fn doubt(&self) {
        self.0.doubt.arises();
    }

    /// Rather than a file.
    pub(super) fn is_server(&self) -> bool {
        self.in_use().of_server().is_some()
    }

    /// Runs a statement that stands alone.
    pub(super) async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let pool = self.in_use();
        match pool.of_server() {
            Some(server) => {
                let done = pool.kept.execute(server, statement).await;
                self.leave_none(pool);
                pool.note(done)
            }
            None => pool.connection.execute_raw(statement).await,
        }
    }

    /// As [`Pools::execute`], for its rows.
    pub(super) async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let pool = self.in_use();
        match pool.of_server() {
            Some(server) => {
                let done = pool.kept.query_all(server, statement).await;
                self.leave_none(pool);
                pool.note(done)
            }
            None => pool.connection.query_all_raw(statement).await,
        }
    }

    /// What has ended on a pool that was left meanwhile leaves no connection there.
    fn leave_none(&self, pool: &Pool) {
        if !std::ptr::eq(pool, self.in_use()) {
            pool.kept.give_back();
        }
    }

    /// Begins a transaction.
    pub(super) async fn begin(
        &self,
        options: TransactionOptions,
    ) -> Result<DatabaseTransaction, DbErr> {
        let pool = self.in_use();
        let begun = pool.ask(Box::pin(pool.connection.begin_with_options(options)));
        pool.note(begun.await)
    }

    /// How many connections are open, and how many of them nobody uses now.
    pub(super) fn size(&self) -> (usize, usize) {
        let pool = self.in_use();
        let (open, free) = match pool.of_server() {
            Some(server) => (server.size(), idle(server)),
            None => {
                let file = pool.connection.get_sqlite_connection_pool();
                (file.size(), file.num_idle())
            }
        };
        (open as usize, free + pool.kept.idle())
    }

    /// Ends when one is left alone after this call: who still waits for it waits in vain.
    pub(super) fn left(&self) -> Notified<'_> {
        self.0.left.notified()
    }

    pub(super) fn leave_for(&self, next: usize) {
        let left = self.0.current.swap(next, Ordering::Relaxed);
        if let Some(left) = self.0.pools.get(left) {
            left.empty();
        }
        self.0.left.notify_waiters();
    }

    /// Changes to another one whenever the one in use is silent and the server is not. Does not end.
    pub(super) async fn watch(&self) {
        let many = self.0.pools.len();
        if many == 1 {
            return std::future::pending().await;
        }
        let mut turn = 0;
        loop {
            tokio::time::sleep(LOOK).await;
            let current = self.0.current.load(Ordering::Relaxed);
            // Another one each time: one that was left a moment ago may be silent, too.
            turn = (turn + 1) % (many - 1);
            let next = (current + 1 + turn) % many;
            let others = self.0.pools.iter().enumerate();
            others
                .filter(|(number, _)| *number != current)
                .for_each(|(_, other)| other.empty());
            if self.0.pools[current].is_cut_off(&self.0.pools[next]).await {
                tracing::warn!(
                    "connections to the database were cut off in silence; opening new ones"
                );
                self.leave_for(next);
            }
        }
    }

    /// Drops the statements that a file's connection keeps prepared, and the pages that it has read.
    pub(super) async fn forget(&self) -> Result<(), sqlx::Error> {
        let pool = self.in_use();
        if pool.of_server().is_some() {
            return Ok(());
        }
        let file = pool.connection.get_sqlite_connection_pool();
        let mut connection = file.acquire().await?;
        connection.clear_cached_statements().await?;
        sqlx::query("PRAGMA shrink_memory")
            .execute(&mut *connection)
            .await?;
        Ok(())
    }

    /// Lets statements under way end and closes every connection.
    pub(super) async fn close(&self) {
        for pool in &self.0.pools {
            pool.kept.close();
            // Two handles on PostgreSQL's pools: the second close finds them closed.
            if let Err(error) = pool.connection.close_by_ref().await {
                tracing::debug!(%error, "closing the database");
            }
        }
    }
}

impl Pool {
    fn of(connection: DatabaseConnection, doubt: &Doubt) -> Self {
        Self {
            connection,
            served: AtomicU64::default(),
            kept: Kept::under(doubt),
            suspected: AtomicBool::default(),
        }
    }

    /// Nothing for a database that is no server.
    fn of_server(&self) -> Option<&PgPool> {
        let is_server = self.connection.get_database_backend() == DbBackend::Postgres;
        is_server.then(|| self.connection.get_postgres_connection_pool())
    }

    /// Asks the pool itself for a connection.
    async fn ask<T>(&self, asks: impl Future<Output = T>) -> T {
        match self.of_server() {
            Some(server) => self.kept.give_way_to(server, asks).await,
            None => asks.await,
        }
    }

    fn note<T>(&self, done: Result<T, DbErr>) -> Result<T, DbErr> {
        if done.is_ok() {
            self.served.fetch_add(1, Ordering::Relaxed);
        }
        done
    }

    async fn answers(&self, within: Duration) -> bool {
        let ping = tokio::time::timeout(within, self.ask(Box::pin(self.connection.ping()))).await;
        matches!(ping, Ok(Ok(())))
    }

    /// Whether connections are silent though the server, which a fresh one of another pool asks, is not. Every one that lies there
    /// is asked: others that were opened since may well work. Where none does, a crowd before it is told from silence by what
    /// it hands out.
    async fn is_cut_off(&self, other: &Self) -> bool {
        if self.suspected.swap(false, Ordering::Relaxed) {
            return other.answers(FRESH).await;
        }
        let before = self.served.load(Ordering::Relaxed);
        let mut answered = false;
        for _ in 0..self.of_server().map_or(0, PgPool::size) {
            match self.is_silent_beside(other).await {
                Some(true) => return true,
                Some(false) => answered = true,
                None => break,
            }
        }
        let serves = answered
            || self.answers(PATIENCE).await
            || self.served.load(Ordering::Relaxed) != before;
        !serves && other.answers(FRESH).await
    }

    /// Whether the one that has lain there for longest says nothing, also once a fresh one was answered: a server that stood
    /// still for a moment answers both. It goes back only if it answered. Nothing, where none could be asked.
    async fn is_silent_beside(&self, other: &Self) -> Option<bool> {
        let mut connection = self.of_server()?.try_acquire()?;
        let mut ping = Box::pin(connection.ping());
        let mut answer = tokio::time::timeout(PATIENCE, &mut ping).await;
        if answer.is_err() && other.answers(FRESH).await {
            answer = tokio::time::timeout(LAST_WORD, &mut ping).await;
            if answer.is_err() {
                drop(ping);
                drop(connection.detach());
                return Some(true);
            }
        }
        drop(ping);
        if let Ok(Ok(())) = answer {
            return Some(false);
        }
        drop(connection.detach());
        None
    }

    /// Lets go of every connection that nobody has in hand.
    fn empty(&self) {
        self.kept.give_back();
        while let Some(connection) = self.of_server().and_then(PgPool::try_acquire) {
            drop(connection.detach());
        }
    }
}
