//! `adminRevokeSessions`: ends one session of a user, or all of them.

use async_graphql::{ID, InputObject, SimpleObject};
use entity::session::{Column, Entity};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use serde_json::json;

use super::find;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::session;

/// Whose sessions to end.
#[derive(Debug, InputObject)]
pub struct AdminRevokeSessionsInput {
    /// Which account.
    pub user_id: ID,
    /// One of its sessions; all of them if left out.
    pub session_id: Option<ID>,
}

/// What has ended.
#[derive(Debug, SimpleObject)]
pub struct AdminRevokeSessionsPayload {
    /// As it was given.
    user_id: ID,
    /// How many sessions have ended now; those that had ended before do not count.
    revoked_sessions: i32,
}

/// # Errors
/// `NOT_FOUND` for an unknown user, and for a session that is not the user's.
pub async fn admin_revoke_sessions(
    app: &App,
    caller: &Caller,
    input: AdminRevokeSessionsInput,
) -> Result<AdminRevokeSessionsPayload> {
    let id = find::id(&input.user_id)?;
    let only = input.session_id.as_ref().map(find::id).transpose()?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let user = find::held_user(&tx, id).await?;
            let mut which = Condition::all().add(Column::UserId.eq(id));
            if let Some(only) = only {
                which = which.add(Column::Id.eq(only));
                let own = Entity::find().filter(which.clone()).one(&tx).await?;
                own.ok_or(Error::NotFound)?;
            }
            let revoked = session::revoke(&tx, which, app.now()).await?;
            if revoked > 0 {
                let event = Event {
                    user: Some(id),
                    session: only,
                    connection: Some(user.connection_id),
                    details: json!({ "sessions": revoked }),
                    ..Event::by_administrator(Kind::SessionRevoked, caller.acting_user())
                };
                app.record(&tx, &caller.origin, event).await?;
            }
            tx.commit().await?;
            Ok(AdminRevokeSessionsPayload {
                user_id: input.user_id.clone(),
                revoked_sessions: i32::try_from(revoked).unwrap_or(i32::MAX),
            })
        })
        .await
}
