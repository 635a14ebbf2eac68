//! `deleteUser`: the owner leaves. Everything of the user goes, and the address is free again.

use async_graphql::{ID, InputObject, SimpleObject};
use entity::{audit_event, limit_counter, user, verification};
use sea_orm::sea_query::{ExprTrait, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use super::settle;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind, Origin};
use crate::job;
use crate::password::{attempt, prove};
use crate::secret::Secret;
use crate::verification::address::ids;
use crate::verification::start::address_counter;

/// The current password proves who is asking.
#[derive(Debug, InputObject)]
pub struct DeleteUserInput {
    /// The password as it is now.
    #[graphql(secret)]
    pub current_password: Secret,
}

/// Which account is gone.
#[derive(Debug, SimpleObject)]
pub struct DeleteUserPayload {
    pub user_id: ID,
}

/// # Errors
/// `UNAUTHENTICATED`, `INVALID_CREDENTIALS`, `RATE_LIMITED` after too many wrong passwords, `OVERLOADED`.
pub async fn delete_user(
    app: &App,
    caller: &Caller,
    input: DeleteUserInput,
) -> Result<DeleteUserPayload> {
    let user = caller.identity(app).await?.user.clone();
    prove::current_password(app, caller, &user, &input.current_password).await?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let held = hold(&tx, user.id).await?;
            if held.is_none_or(|held| held.password_hash != user.password_hash) {
                return Err(Error::InvalidCredentials);
            }
            forget(&tx, &user).await?;
            // The trail keeps that an account was deleted, under an id that names nobody any more.
            let event = Event {
                connection: Some(user.connection_id),
                ..Event::by_user(Kind::UserDeleted, user.id)
            };
            app.record(&tx, &Origin::default(), event).await?;
            tx.commit().await?;
            Ok(DeleteUserPayload {
                user_id: user.id.into(),
            })
        })
        .await
}

/// Holds the row of an account that is to go before anything else of it: with the row go its requests, and whoever asks
/// for another mail holds the counter of the address before those.
///
/// # Errors
/// When the database does not answer.
pub async fn hold(tx: &impl ConnectionTrait, id: Uuid) -> Result<Option<user::Model>> {
    let held = user::Entity::find_by_id(id).lock(LockType::Update);
    Ok(held.one(tx).await?)
}

/// Deletes a user whose row is held, with sessions, tokens, former passwords, memberships and verifications, and with what
/// holds personal data without belonging to the row: where the user came from in the trail, also as an
/// administrator and while the account was only a sign-up; requests that name the address; mails under way.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(tx: &impl ConnectionTrait, user: &user::Model) -> Result<()> {
    let by_user = audit_event::Column::UserId
        .eq(user.id)
        .or(audit_event::Column::ActorId.eq(user.id));
    // Two statements: each is served by an index, both together would read the whole trail.
    settle::forget_origins_of(tx, by_user).await?;
    settle::forget_origins(tx, settle::of_address(user)).await?;
    audit_event::Entity::update_many()
        .col_expr(audit_event::Column::Details, json!({}).into())
        .filter(audit_event::Column::UserId.eq(user.id))
        .exec(tx)
        .await?;
    limit_counter::Entity::delete_by_id(address_counter(user.connection_id, &user.email_key))
        .exec(tx)
        .await?;
    let mut asked = Vec::new();
    for which in [
        settle::of_address(user),
        verification::Column::UserId.eq(user.id),
    ] {
        asked.extend(ids(tx, which).await?);
    }
    job::forget(tx, &[user.id], &asked).await?;
    verification::Entity::delete_many()
        .filter(settle::of_address(user))
        .exec(tx)
        .await?;
    attempt::forgive(tx, &[user.id]).await?;
    user::Entity::delete_by_id(user.id).exec(tx).await?;
    Ok(())
}
