//! `signOut`: ends sessions, told by a token that need not be fresh.

use async_graphql::{Enum, InputObject, SimpleObject};
use entity::{application, session};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::revoke::revoke;
use super::{chain, cookie, earlier};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::secret::Secret;

/// Which of the user's sessions end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum SignOutScope {
    /// The one that the token belongs to.
    #[default]
    Current,
    /// Every other one.
    Others,
    /// Every one.
    All,
}

/// Which session: `refreshToken`, else the cookie, else the bearer, an expired one included.
#[derive(Debug, Default, InputObject)]
pub struct SignOutInput {
    /// `CURRENT` if left out.
    pub scope: Option<SignOutScope>,
    /// Any refresh token of the session.
    #[graphql(secret)]
    pub refresh_token: Option<Secret>,
}

/// What was ended.
#[derive(Debug, SimpleObject)]
pub struct SignOutPayload {
    /// How many sessions were ended by this call.
    revoked_sessions: i32,
}

/// # Errors
/// `ORIGIN_NOT_ALLOWED` for a cookie that another page sends than the application lists. An unknown token ends nothing,
/// successfully.
pub async fn sign_out(app: &App, caller: &Caller, input: SignOutInput) -> Result<SignOutPayload> {
    let Some(session) = find(app, caller, input.refresh_token).await? else {
        return Ok(SignOutPayload {
            revoked_sessions: 0,
        });
    };
    let (this, other) = (
        session::Column::Id.eq(session.id),
        session::Column::Id.ne(session.id),
    );
    let of_user = session::Column::UserId.eq(session.user_id);
    // Whose refresh token has run out may still have an access token that works.
    let alive = session::Column::EndsAt.gt(app.now());
    let which = match input.scope.unwrap_or_default() {
        SignOutScope::Current => Condition::all().add(this),
        SignOutScope::Others => Condition::all().add(of_user).add(alive).add(other),
        SignOutScope::All => Condition::all().add(of_user).add(alive),
    };
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let revoked = revoke(&tx, which.clone(), app.now()).await?;
            if revoked > 0 {
                let event = Event {
                    session: Some(session.id),
                    application: Some(session.application_id),
                    details: serde_json::json!({ "sessions": revoked }),
                    ..Event::by_user(Kind::SignedOut, session.user_id)
                };
                app.record(&tx, &caller.origin, event).await?;
            }
            tx.commit().await?;
            Ok(SignOutPayload {
                revoked_sessions: i32::try_from(revoked).unwrap_or(i32::MAX),
            })
        })
        .await
}

/// The session that the first token names which names one: the input's, the cookie's, the bearer's. Where it is alive, and
/// of the caller's application.
async fn find(app: &App, caller: &Caller, token: Option<Secret>) -> Result<Option<session::Model>> {
    if let Some(token) = token {
        return alive(app, caller, of_token(app, &token).await?).await;
    }
    let cookie = match caller.refresh_cookie() {
        Some((_, token)) => alive(app, caller, of_token(app, token).await?).await?,
        None => None,
    };
    if let Some(session) = cookie {
        let application = application_of(app, &session).await?;
        cookie::check_use(app, caller.browser_origin.as_deref(), &application)?;
        return Ok(Some(session));
    }
    let claims = caller.claims(app).await?;
    alive(app, caller, claims.map(|claims| claims.sid)).await
}

/// Whether the cookie that was sent is of a session that goes on: another token was named, and ended another one.
///
/// # Errors
/// When the database does not answer.
pub async fn keeps_cookie(app: &App, caller: &Caller) -> Result<bool> {
    let Some((_, token)) = caller.refresh_cookie() else {
        return Ok(false);
    };
    let session = of_token(app, token).await?;
    let alive = alive(app, caller, session).await?;
    Ok(alive.is_some_and(|session| session.expires_at > app.now()))
}

async fn of_token(app: &App, token: &Secret) -> Result<Option<Uuid>> {
    match chain::session_of(app, token) {
        Some(session) => Ok(Some(session)),
        None => Ok(earlier::find(app, token).await?.map(|row| row.session_id)),
    }
}

async fn alive(app: &App, caller: &Caller, id: Option<Uuid>) -> Result<Option<session::Model>> {
    let Some(id) = id else {
        return Ok(None);
    };
    let session = session::Entity::find_by_id(id)
        .filter(session::Column::RevokedAt.is_null())
        .one(app.db.read())
        .await?;
    let (Some(session), Some(client_id)) = (&session, &caller.client_id) else {
        return Ok(session);
    };
    let same = application_of(app, session).await?.client_id == *client_id;
    Ok(same.then(|| session.clone()))
}

async fn application_of(app: &App, session: &session::Model) -> Result<application::Model> {
    application::Entity::find_by_id(session.application_id)
        .one(app.db.read())
        .await?
        .ok_or_else(|| Error::internal("a session without an application"))
}
