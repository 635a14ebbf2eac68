//! Whether an address is somebody's, and how what waits for a mailbox is made void.

use chrono::{DateTime, Utc};
use entity::user;
use entity::verification::{Column, Entity, Purpose};
use sea_orm::sea_query::IntoCondition;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
};
use uuid::Uuid;

use crate::error::Result;

/// Whether another user has the address, or can still have it back. `but` is the user whose own address does not count.
///
/// # Errors
/// When the database does not answer.
pub async fn is_taken(
    db: &impl ConnectionTrait,
    connection: Uuid,
    email_key: &str,
    but: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let users = user::Entity::find()
        .filter(user::Column::ConnectionId.eq(connection))
        .filter(user::Column::EmailKey.eq(email_key))
        .filter(but.map_or_else(Condition::all, |but| {
            Condition::all().add(user::Column::Id.ne(but))
        }));
    // Both are always asked: an answer that comes sooner would tell that there is an account.
    let is_used = users.count(db).await? > 0;
    let is_reserved = is_reserved(db, connection, email_key, but, now).await?;
    Ok(is_used || is_reserved)
}

/// Whether another user gave the address up so recently that it can still be had back.
///
/// # Errors
/// When the database does not answer.
pub async fn is_reserved(
    db: &impl ConnectionTrait,
    connection: Uuid,
    email_key: &str,
    but: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let undos = Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::EmailKey.eq(email_key))
        .filter(Column::Purpose.eq(Purpose::EmailChangeUndo))
        .filter(Column::ConsumedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .filter(but.map_or_else(Condition::all, |but| {
            Condition::all().add(Column::UserId.ne(but))
        }));
    Ok(undos.count(db).await? > 0)
}

/// Voids what waits for an answer of a user, of one purpose, but one.
///
/// # Errors
/// When the database does not answer.
pub async fn void(
    tx: &impl ConnectionTrait,
    user: Uuid,
    purpose: Purpose,
    but: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<()> {
    let others = but.map(|newest| Column::Id.ne(newest));
    Entity::update_many()
        .col_expr(Column::ConsumedAt, now.into())
        .filter(Column::UserId.eq(user))
        .filter(Column::Purpose.eq(purpose))
        .filter(Column::ConsumedAt.is_null())
        .filter(Condition::all().add_option(others))
        .exec(tx)
        .await?;
    Ok(())
}

/// Voids every mail of a user that waits for an answer, but those that give a former address back: they are the owner's
/// last resort against whoever changed it.
///
/// # Errors
/// When the database does not answer.
pub async fn void_all(tx: &impl ConnectionTrait, user: Uuid, now: DateTime<Utc>) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::ConsumedAt, now.into())
        .filter(Column::UserId.eq(user))
        .filter(Column::Purpose.ne(Purpose::EmailChangeUndo))
        .filter(Column::ConsumedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Which requests these are.
///
/// # Errors
/// When the database does not answer.
pub async fn ids(tx: &impl ConnectionTrait, which: impl IntoCondition) -> Result<Vec<Uuid>> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(which)
        .into_tuple()
        .all(tx)
        .await?)
}
