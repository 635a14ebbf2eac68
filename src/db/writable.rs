//! Connections to servers that take writes. A name or a proxy may lead for a moment, as after a failover, to one that does not:
//! whoever only asks whether a connection lives finds it well, and keeps it until it is old.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::ConnectOptions;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

/// Before a server that takes no writes is asked anew: a busy house would be at its door all the time.
const PAUSE: Duration = Duration::from_millis(300);

/// When a server last refused to write. Those who wrote by it look away from every connection that was opened before.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt(Arc<Mutex<Option<Instant>>>);

impl Doubt {
    /// A server has refused to write now.
    pub(super) fn arises(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection of this age was there already.
    pub(super) fn touches(&self, age: Duration) -> bool {
        let arisen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        arisen.is_some_and(|arisen| arisen.elapsed() < age)
    }
}

/// Refuses new connections to servers that take no writes, as libpq's `target_session_attrs=read-write`; and old ones, once one
/// of them was refused a write.
pub(super) fn only(options: &mut ConnectOptions, doubt: &Doubt) {
    options.map_sqlx_postgres_pool_opts(|pool| {
        pool.after_connect(|connection, _| Box::pin(takes_writes(connection)))
    });
    let doubt = doubt.clone();
    options.map_sqlx_postgres_before_acquire(move |_, about| {
        let is_good = !doubt.touches(about.age);
        Box::pin(async move { Ok(is_good) })
    });
}

/// One round trip, in words that drivers of all kinds use for it.
///
/// # Errors
/// When it takes none. Its pool tries again until the time for a connection is up.
pub(super) async fn takes_writes(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // One row; of all ways to ask, the one that every statement of the house takes.
    let asked = sqlx::raw_sql("SHOW transaction_read_only").fetch_all(connection);
    let answers = asked.await?;
    let is_on = |row: &PgRow| row.try_get::<&str, _>(0).is_ok_and(|answer| answer == "on");
    if answers.iter().any(is_on) {
        tokio::time::sleep(PAUSE).await;
        let refusal = io::Error::other("the server takes no writes: it is read-only");
        return Err(sqlx::Error::Io(refusal));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_touches_what_was_there_when_it_arose_and_nothing_later() {
        let doubt = Doubt::default();
        let long = Duration::from_secs(3_600);
        assert!(!doubt.touches(long));
        doubt.clone().arises();
        assert!(doubt.touches(long));
        assert!(!doubt.touches(Duration::ZERO));
    }
}
