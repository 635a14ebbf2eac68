//! `revokeSession`, and the one statement by which sessions end.

use async_graphql::{ID, InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use entity::session;
use sea_orm::sea_query::IntoCondition;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};

/// Which session to end.
#[derive(Debug, InputObject)]
pub struct RevokeSessionInput {
    /// One of `me.sessions[].id`.
    pub session_id: ID,
}

/// Which session has ended.
#[derive(Debug, SimpleObject)]
pub struct RevokeSessionPayload {
    /// As it was given.
    session_id: ID,
}

/// # Errors
/// `UNAUTHENTICATED`; `NOT_FOUND` when the caller has no such session.
pub async fn revoke_session(
    app: &App,
    caller: &Caller,
    input: RevokeSessionInput,
) -> Result<RevokeSessionPayload> {
    let identity = caller.identity(app).await?;
    let id: Uuid = input.session_id.parse().map_err(|_| Error::NotFound)?;
    let own = session::Entity::find_by_id(id)
        .filter(session::Column::UserId.eq(identity.user.id))
        .one(app.db.read())
        .await?
        .ok_or(Error::NotFound)?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            if revoke(&tx, session::Column::Id.eq(own.id), app.now()).await? > 0 {
                let event = Event {
                    session: Some(own.id),
                    ..Event::by_user(Kind::SessionRevoked, identity.user.id)
                };
                app.record(&tx, &caller.origin, event).await?;
            }
            tx.commit().await?;
            Ok(RevokeSessionPayload {
                session_id: own.id.into(),
            })
        })
        .await
}

/// Ends every session that the condition names and that has not ended yet; says how many.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke(
    tx: &impl ConnectionTrait,
    which: impl IntoCondition,
    now: DateTime<Utc>,
) -> Result<u64> {
    let ended = session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, now.into())
        .filter(session::Column::RevokedAt.is_null())
        .filter(Condition::all().add(which.into_condition()))
        .exec(tx)
        .await?;
    Ok(ended.rows_affected)
}
