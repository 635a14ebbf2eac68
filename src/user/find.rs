//! Users and sessions by their ids alone. Who may see them is for the caller to decide.

use chrono::{DateTime, Utc};
use entity::{session, user};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{Selection, User, UserSession, view};
use crate::error::Result;

/// Those of these ids that are users, as [`view::load_all`] shows them.
///
/// # Errors
/// When the database does not answer.
pub async fn users(
    db: &impl ConnectionTrait,
    ids: &[Uuid],
    current: Option<Uuid>,
    selection: Selection,
    now: DateTime<Utc>,
) -> Result<Vec<(Uuid, User)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = user::Entity::find()
        .filter(user::Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await?;
    let found: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let views = view::load_all(db, rows, current, selection, now).await?;
    Ok(found.into_iter().zip(views).collect())
}

/// Those of these ids that are sessions and alive; with `owner`, that user's alone. `current` is the caller's own.
///
/// # Errors
/// When the database does not answer.
pub async fn sessions(
    db: &impl ConnectionTrait,
    ids: &[Uuid],
    owner: Option<Uuid>,
    current: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Vec<(Uuid, UserSession)>> {
    let mut alive = session::Entity::find()
        .filter(session::Column::Id.is_in(ids.iter().copied()))
        .filter(session::Column::RevokedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now));
    if let Some(owner) = owner {
        alive = alive.filter(session::Column::UserId.eq(owner));
    }
    let rows = alive.all(db).await?.into_iter();
    Ok(rows
        .map(|row| (row.id, UserSession::new(row, current)))
        .collect())
}
