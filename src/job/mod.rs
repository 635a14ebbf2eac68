//! The outbox: a change writes down what is to be done about it, in its own transaction; a worker does it later, at
//! least once.

mod backlog;
mod prune;
mod restored;
mod task;
mod worker;

pub use backlog::{Backlog, backlog, given_up};
use chrono::{DateTime, Utc};
use entity::job;
pub use restored::came_without_epoch;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
pub use task::{Desk, Task};
use uuid::Uuid;
pub use worker::Worker;

use crate::error::{Error, Result};

/// Ids that one statement names.
const BATCH: usize = 500;

/// Writes a task down. Wake the worker after the commit.
///
/// # Errors
/// When the database refuses.
pub async fn enqueue(
    db: &impl ConnectionTrait,
    id: Uuid,
    task: &Task,
    now: DateTime<Utc>,
) -> Result<()> {
    let row = job::ActiveModel {
        id: Set(id),
        task: Set(serde_json::to_value(task).map_err(Error::internal)?),
        attempts: Set(0),
        run_at: Set(now),
        claimed_until: Set(None),
        created_at: Set(now),
        done_at: Set(None),
        buried_at: Set(None),
        last_error: Set(None),
    };
    job::Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Deletes what is to be done, or was, for these users and for these verifications: mails name addresses, and so do the answers
/// of mail servers.
///
/// # Errors
/// When the database refuses.
pub async fn forget(
    tx: &impl ConnectionTrait,
    users: &[Uuid],
    verifications: &[Uuid],
) -> Result<()> {
    for (of, ids) in [(OF_USER, users), (OF_VERIFICATION, verifications)] {
        for some in ids.chunks(BATCH) {
            let theirs = named(of, some);
            job::Entity::delete_many().filter(theirs).exec(tx).await?;
        }
    }
    Ok(())
}

/// Deletes what was to be done for these verifications, and was not. Says how many rows went.
async fn forget_unsent(db: &impl ConnectionTrait, verifications: &[Uuid]) -> Result<u64> {
    let unsent = job::Entity::delete_many()
        .filter(named(OF_VERIFICATION, verifications))
        .filter(job::Column::DoneAt.is_null());
    Ok(unsent.exec(db).await?.rows_affected)
}

// A numbered parameter inside of a custom expression would stay unbound on SQLite.
const OF_USER: &str = "task ->> 'user'";
const OF_VERIFICATION: &str = "task ->> 'verification'";

/// What names one of these.
fn named(of: &'static str, ids: &[Uuid]) -> Expr {
    Expr::cust(of).is_in(ids.iter().map(Uuid::to_string))
}
