//! The database: one pool on PostgreSQL, and others that wait to take its place; on SQLite one writing connection and
//! several reading ones, so that writers queue in memory instead of failing on the file's lock.

mod copy;
mod given;
mod kept;
mod place;
mod pools;
mod retry;
mod together;
mod writable;

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub use copy::{Draft, check, open_file, read_file};
use sea_orm::{
    ConnAcquireErr, ConnectOptions, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqliteTransactionMode, SqlxError, TransactionOptions,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tracing::Instrument;

use self::copy::Access;
use self::pools::Pools;
use self::retry::Taken;
use self::writable::Doubt;

pub use given::{LENGTHS, padded};
pub use place::{is_unguarded, place, sqlite_file};
pub use retry::Lone;
pub use together::Together;

use crate::clock::Rng;
use crate::metrics::Metrics;
use crate::secret::Secret;

/// For every connection to be closed at the end.
const FAREWELL: Duration = Duration::from_secs(5);
/// For finding out why there is none.
const LAST_ATTEMPT: Duration = Duration::from_secs(1);

/// Connected pools. Waiting for a connection, and every statement, ends after the configured time.
#[derive(Clone, Debug)]
pub struct Db {
    reader: Lone,
    writer: Lone,
    /// For the pauses of those who lost a race.
    rng: Rng,
}

/// Connections of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    pub name: &'static str,
    pub open: usize,
    pub idle: usize,
}

impl Db {
    /// Opens the pools; a SQLite file that is not there is made.
    ///
    /// # Errors
    /// When the address is malformed, or the database cannot be reached or takes no writes.
    pub async fn connect(
        url: &Secret,
        connections: u32,
        timeout: Duration,
        rng: Rng,
    ) -> Result<Self, DbErr> {
        let options = options(url, connections, timeout);
        if url.expose().starts_with("sqlite:") {
            make_for_its_owner(url.expose());
            return Self::connect_sqlite(options, timeout, rng).await;
        }
        let pools = to_server(url, options, timeout, true).await?;
        Ok(Self::of(pools.clone(), pools, rng, timeout))
    }

    /// Opens a database to look at it: one that is not there is not made, and in a SQLite file no octet is changed.
    ///
    /// # Errors
    /// When the address is malformed or the database cannot be reached.
    pub async fn find(url: &Secret, timeout: Duration, rng: Rng) -> Result<Self, DbErr> {
        let pools = match sqlite_file(url) {
            Some(file) => Pools::single(copy::as_it_is(&file, Access::Look, timeout)).await?,
            // Also one that takes no writes.
            None => to_server(url, options(url, 1, timeout), timeout, false).await?,
        };
        Ok(Self::of(pools.clone(), pools, rng, timeout))
    }

    fn of(reader: Pools, writer: Pools, rng: Rng, timeout: Duration) -> Self {
        let lone = |pools| Lone {
            pools,
            rng: rng.clone(),
            timeout,
            metrics: Arc::default(),
        };
        Self {
            reader: lone(reader),
            writer: lone(writer),
            rng,
        }
    }

    /// Its waits are counted there.
    pub fn measured_by(mut self, metrics: &Arc<Metrics>) -> Self {
        for lone in [&mut self.reader, &mut self.writer] {
            lone.metrics = Arc::clone(metrics);
        }
        self
    }

    /// How many connections there are, and how many of them nobody uses now.
    pub fn pools(&self) -> Vec<Pool> {
        let of = |name, lone: &Lone| {
            let (open, idle) = lone.pools.size();
            Pool { name, open, idle }
        };
        if self.backend() == DbBackend::Postgres {
            return vec![of("all", &self.writer)];
        }
        vec![of("read", &self.reader), of("write", &self.writer)]
    }

    async fn connect_sqlite(
        mut options: ConnectOptions,
        timeout: Duration,
        rng: Rng,
    ) -> Result<Self, DbErr> {
        options.map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // FULL: what was acknowledged survives a pulled plug.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(timeout)
                .foreign_keys(true)
        });
        options.map_sqlx_sqlite_pool_opts(|pool| {
            pool.after_release(|connection, _| Box::pin(is_out_of_transactions(connection)))
        });
        // An idle connection costs nothing, and opening one anew costs its page cache.
        options
            .idle_timeout(None::<Duration>)
            .max_lifetime(None::<Duration>);
        let mut writing = options.clone();
        writing.max_connections(1).min_connections(1);
        let writer = Pools::single(writing).await?;
        let reader = Pools::single(options).await?;
        Ok(Self::of(reader, writer, rng, timeout))
    }

    /// For statements that only read.
    pub fn read(&self) -> &Lone {
        &self.reader
    }

    /// For one writing statement that needs no transaction around it.
    pub fn write(&self) -> &Lone {
        &self.writer
    }

    /// Begins a writing transaction. Dropping it rolls back, so that a request that is cancelled leaves nothing half
    /// done; the beginning itself is not cancelled, because the driver counts a transaction only after its answer, and
    /// would hand the connection on inside of one. Inside of [`Db::transact`], where somebody else may have it in hand,
    /// too. On SQLite it takes the write lock at once: a deferred one fails when it turns from reading to writing.
    ///
    /// # Errors
    /// When no connection is free in time.
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let _taken = Taken::from_now(&self.writer.metrics, Metrics::begun);
        let pools = self.writer.pools.clone();
        let begin = async move { pools.begin(options).await };
        let begun = tokio::spawn(begin.in_current_span()).await;
        begun.unwrap_or_else(|error| Err(DbErr::Custom(error.to_string())))
    }

    /// Gives up the memory that migrations of a file have left. On a server, it is the server's.
    pub async fn forget(&self) {
        if let Err(error) = self.writer.pools.forget().await {
            tracing::debug!(%error, "what migrations left in memory is kept");
        }
    }

    pub fn backend(&self) -> DbBackend {
        self.write().get_database_backend()
    }

    /// Lets statements under way end and closes every connection; one that was cut off in silence is waited for a moment
    /// only.
    pub async fn close(&self) {
        let all = async {
            for lone in [&self.reader, &self.writer] {
                lone.pools.close().await;
            }
        };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            tracing::warn!("the database did not say good-bye");
        }
    }

    /// Replaces connections to PostgreSQL that were cut off in silence, until told to stop.
    pub async fn watch(self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.writer.pools.watch() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// What holds for databases of both kinds.
fn options(url: &Secret, connections: u32, timeout: Duration) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.expose());
    options
        .max_connections(connections)
        .acquire_timeout(timeout)
        .connect_timeout(timeout)
        // An idle connection is asked whether it lives only after a while: a round trip a request otherwise.
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .sqlx_logging_level(log::LevelFilter::Trace)
        .sqlx_slow_statements_logging_settings(log::LevelFilter::Warn, Duration::from_secs(1));
    options
}

/// To PostgreSQL, or what speaks as it does; to one that takes writes, where that is wanted.
async fn to_server(
    url: &Secret,
    mut options: ConnectOptions,
    timeout: Duration,
    to_write: bool,
) -> Result<Pools, DbErr> {
    let doubt = Doubt::default();
    if to_write {
        writable::only(&mut options, &doubt);
    }
    // The server ends a statement itself, so that a request that gave up leaves nothing running; and a transaction that
    // goes on with none, whose connection may have been cut off: the rows that it holds would stay locked for hours.
    options.map_sqlx_postgres_opts(move |postgres| {
        let idle = timeout.as_millis().to_string();
        postgres.options([("idle_in_transaction_session_timeout", idle)])
    });
    options
        // Soon: after a crash of the server, a quiet house would meet its dead connections one by one, each at the
        // cost of a request.
        .test_before_acquire_if_idle_for(Duration::from_secs(1))
        .statement_timeout(timeout)
        .set_application_name("vestibule");
    match Pools::postgres(options, doubt).await {
        Ok(pools) => Ok(pools),
        Err(error) => Err(why_not(url, error, to_write).await),
    }
}

/// What is said of a database that has not answered in time: an outage.
pub fn unanswered() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

/// The pool tries until its time is up, and then says nothing but that: one attempt more tells the operator the cause.
async fn why_not(url: &Secret, error: DbErr, to_write: bool) -> DbErr {
    let timed_out = matches!(
        &error,
        DbErr::Conn(RuntimeErr::SqlxError(cause)) if matches!(cause.as_ref(), SqlxError::PoolTimedOut)
    );
    if !timed_out {
        return error;
    }
    let attempt = async {
        let mut connection = PgConnection::connect(url.expose()).await?;
        match to_write {
            true => writable::takes_writes(&mut connection).await,
            false => Ok(()),
        }
    };
    match tokio::time::timeout(LAST_ATTEMPT, attempt).await {
        Ok(Err(cause)) => DbErr::Conn(RuntimeErr::SqlxError(cause.into())),
        Ok(Ok(())) | Err(_) => error,
    }
}

/// Whether a connection may be used again. SQLite ends a transaction by itself where it fails for want of room or by a
/// failing disk; the driver then finds nothing to roll back and believes that it is still inside. What came next would be
/// a part of that transaction, which nobody ever commits: acknowledged, and lost. Such a connection is closed.
async fn is_out_of_transactions(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // A rollback is under way: this is answered after it.
    connection.ping().await?;
    let inside = connection.is_in_transaction();
    if inside {
        tracing::warn!("a transaction ended by itself; its connection is replaced");
    }
    Ok(!inside)
}

/// Makes a SQLite file that is not there yet, readable by its owner alone: it will hold password hashes and sealed keys.
/// SQLite gives the files beside it (`-wal`, `-shm`) the same permissions. What is there already is left as it is.
fn make_for_its_owner(url: &str) {
    let is_file = !url.contains(":memory:") && !url.contains("mode=memory");
    let Some(file) = SqliteConnectOptions::from_str(url).ok().filter(|_| is_file) else {
        return;
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let path: &Path = file.get_filename();
    // Where it cannot be made, opening it says why.
    drop(options.open(path));
}

/// The row of a unique key, out of everything that matched it. For the queries of every request: `.one()` adds
/// `LIMIT ?`, and SQLite prepares a statement with a bound limit anew each time it runs.
pub fn only<T>(rows: Vec<T>) -> Option<T> {
    rows.into_iter().next()
}
