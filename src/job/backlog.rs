//! How much waits in the outbox, and since when.

use chrono::{DateTime, Utc};
use entity::job::{Column, Entity};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
};

use crate::error::Result;

/// Mails that are neither sent nor given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    pub waiting: i64,
    /// When the oldest of them was written down.
    pub oldest: Option<DateTime<Utc>>,
}

/// Reads the index of what is still to do, which stays small.
///
/// # Errors
/// When the database does not answer.
pub async fn backlog(db: &impl ConnectionTrait) -> Result<Backlog> {
    let found: Option<(i64, Option<DateTime<Utc>>)> = Entity::find()
        .select_only()
        .column_as(Column::Id.count(), "waiting")
        .column_as(Column::CreatedAt.min(), "oldest")
        .filter(Column::DoneAt.is_null())
        .filter(Column::BuriedAt.is_null())
        .into_tuple()
        .one(db)
        .await?;
    let (waiting, oldest) = found.unwrap_or_default();
    Ok(Backlog { waiting, oldest })
}

/// How many mails were given up, and neither tried again nor cleaned up since. Reads the whole outbox.
///
/// # Errors
/// When the database does not answer.
pub async fn given_up(db: &impl ConnectionTrait) -> Result<u64> {
    let buried = Entity::find().filter(Column::BuriedAt.is_not_null());
    Ok(buried.count(db).await?)
}
