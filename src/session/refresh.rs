//! `refreshSession`: rotation with a grace for lost answers, and reuse detection after it (RFC 9700 section 4.14.2).

use std::sync::Arc;

use async_graphql::InputObject;
use chrono::{DateTime, Utc};
use entity::{application, refresh_token, session, user};
use sea_orm::{ColumnTrait, EntityTrait};

use super::chain::{self, GRACE, Minted};
use super::cookie;
use super::open::{Opened, finish};
use super::revoke::revoke;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::identity::{self, Identity, Rotation, rotate_all};
use crate::key::{open_with_token, seal_with_token};
use crate::realm::tenant::{self, Membership};
use crate::secret::Secret;
use crate::ticket::digest_of;

/// The token that is exchanged.
#[derive(Debug, Default, InputObject)]
pub struct RefreshSessionInput {
    /// The newest refresh token of the session; without it, the cookie.
    #[graphql(secret)]
    pub refresh_token: Option<Secret>,
}

struct Presented {
    token: Secret,
    row: refresh_token::Model,
    session: session::Model,
    user: user::Model,
    application: Arc<application::Model>,
    has_tenants: bool,
}

/// Nothing for a token that was retired a moment ago, by another tab where the password was changed: the session goes on under
/// other tokens.
///
/// # Errors
/// `INVALID_REFRESH_TOKEN` for a token that is unknown, expired, used, revoked or another application's;
/// `ORIGIN_NOT_ALLOWED` for a cookie that another page sends than the application lists.
pub async fn refresh_session(
    app: &App,
    caller: &Caller,
    input: RefreshSessionInput,
) -> Result<Option<Opened>> {
    let cookie = caller.refresh_cookie().map(|(_, token)| token);
    let by_cookie = input.refresh_token.is_none();
    let token = input
        .refresh_token
        .or_else(|| cookie.cloned())
        .ok_or_else(required)?;
    let presented = find(app, caller, token).await?;
    if by_cookie {
        cookie::check_use(app, caller, &presented.application)?;
    }
    let now = app.now();
    // Before the rotation: what fails after it looks like a lost answer to the client.
    let memberships = if presented.has_tenants {
        tenant::of(app.db.read(), &[presented.user.id]).await?
    } else {
        Vec::new()
    };
    if presented.row.rotated_at.is_none()
        && let Some(minted) = rotate(app, &presented, now).await?
    {
        return complete(app, presented, minted, &memberships, now).map(Some);
    }
    // Rotated before, or by a request that ran beside this one.
    let presented = find(app, caller, presented.token).await?;
    match repeat(app, &presented, now).await? {
        Some(minted) => complete(app, presented, minted, &memberships, now).map(Some),
        None => refuse(app, caller, &presented, now).await,
    }
}

async fn find(app: &App, caller: &Caller, token: Secret) -> Result<Presented> {
    let found = app.identities.find_by_token(digest_of(token.expose()));
    let identity::Presented {
        token: row,
        identity,
    } = found
        .await?
        .filter(|found| found.token.expires_at > app.now())
        .ok_or(Error::InvalidRefreshToken)?;
    let elsewhere = caller
        .client_id
        .as_ref()
        .is_some_and(|client_id| *client_id != identity.application.client_id);
    if elsewhere {
        return Err(Error::InvalidRefreshToken);
    }
    let Identity {
        session,
        user,
        application,
        has_tenants,
    } = Arc::unwrap_or_clone(identity);
    Ok(Presented {
        token,
        row,
        session,
        user,
        application,
        has_tenants,
    })
}

/// Exchanges the token for its successor, in one transaction with those who do so at the same time; nothing, when someone
/// else was faster.
async fn rotate(app: &App, presented: &Presented, now: DateTime<Utc>) -> Result<Option<Minted>> {
    let expires_at = chain::expiry(&presented.application, &presented.session, now);
    let minted = chain::mint(app, expires_at);
    let rotation = Rotation {
        token: presented.row.id,
        session: presented.session.id,
        successor: minted.id,
        digest: digest_of(minted.token.expose()),
        sealed: seal_with_token(&presented.token, &app.rng, &minted.token)?,
        expires_at,
    };
    let house = app.clone();
    let work = move |rotations: Vec<Rotation>| {
        let app = house.clone();
        async move {
            app.db
                .transact(|| async {
                    let tx = app.db.begin().await?;
                    let rotated = rotate_all(&tx, &rotations, app.now()).await?;
                    tx.commit().await?;
                    Ok(rotated)
                })
                .await
        }
    };
    let is_ours = app.rotations.ask(rotation, work).await?;
    Ok(is_ours.then_some(minted))
}

/// The same successor again, within the grace and while nobody has used it.
async fn repeat(app: &App, presented: &Presented, now: DateTime<Utc>) -> Result<Option<Minted>> {
    let row = &presented.row;
    let in_time = row
        .rotated_at
        .is_some_and(|rotated_at| now <= rotated_at + GRACE);
    let (true, Some(id), Some(sealed)) = (in_time, row.successor_id, &row.sealed_successor) else {
        return Ok(None);
    };
    let successor = refresh_token::Entity::find_by_id(id)
        .one(app.db.read())
        .await?;
    let unused = successor.filter(|successor| successor.rotated_at.is_none());
    Ok(unused.and_then(|successor| {
        let token = open_with_token(&presented.token, sealed)?;
        Some(Minted {
            id,
            token,
            expires_at: successor.expires_at,
        })
    }))
}

/// A used token that comes back may be a stolen one: whoever holds the newest loses it, too. Only a token that was
/// retired, or rotated and then retired, a moment ago (another tab, while the password was changed) harms nobody.
async fn refuse(
    app: &App,
    caller: &Caller,
    presented: &Presented,
    now: DateTime<Utc>,
) -> Result<Option<Opened>> {
    let retired = presented.row.sealed_successor.is_none();
    if retired
        && presented
            .row
            .rotated_at
            .is_none_or(|rotated_at| now <= rotated_at + GRACE)
    {
        return Ok(None);
    }
    app.db.transact(|| async {
    let tx = app.db.begin().await?;
    revoke(&tx, session::Column::Id.eq(presented.session.id), now).await?;
    let event = Event {
        session: Some(presented.session.id),
        application: Some(presented.application.id),
        user: Some(presented.user.id),
        ..Event::anonymous(Kind::RefreshTokenReused)
    };
    app.record(&tx, &caller.origin, event).await?;
    tx.commit().await?;
    tracing::warn!(session = %presented.session.id, "a used refresh token came back; its session is revoked");
    Err(Error::InvalidRefreshToken)
    }).await
}

fn complete(
    app: &App,
    presented: Presented,
    minted: Minted,
    memberships: &[Membership],
    now: DateTime<Utc>,
) -> Result<Opened> {
    let Presented {
        mut session,
        user,
        application,
        ..
    } = presented;
    session.last_used_at = now;
    session.expires_at = minted.expires_at;
    finish(
        app,
        Opened::new(session, user, application, minted),
        memberships,
    )
}

fn required() -> Error {
    Error::invalid("refreshToken", "required", "A refresh token is required.")
}
