//! `refreshSession`: rotation with a grace for lost answers, and reuse detection after it (RFC 9700 section 4.14.2).

use std::sync::Arc;

use async_graphql::InputObject;
use chrono::{DateTime, Utc};
use entity::{application, session};
use sea_orm::{ColumnTrait, EntityTrait};
use uuid::Uuid;

use super::chain::{self, Minted};
use super::open::{Opened, finish};
use super::revoke::revoke;
use super::{cookie, earlier};
use crate::app::App;
use crate::caller::Caller;
use crate::db::only;
use crate::error::{Error, RETRY_AFTER, Result};
use crate::event::{Event, Kind};
use crate::identity::{Exchange, Identity, Lease, Offer, Rotation, rotate_all};
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

/// A token that somebody wants to exchange.
pub(super) struct Presented {
    pub token: Secret,
    pub digest: Vec<u8>,
    pub by_cookie: bool,
}

/// Nothing for a token that was retired a moment ago, by another tab where the password was changed: the session goes on under
/// other tokens.
///
/// # Errors
/// `INVALID_INPUT` where there is no token; `INVALID_REFRESH_TOKEN` for one that is unknown, expired, used, revoked or another
/// application's; `ORIGIN_NOT_ALLOWED` for a cookie that another page sends than the application lists; `OVERLOADED`, which
/// leaves the token as it is.
pub async fn refresh_session(
    app: &App,
    caller: &Caller,
    input: RefreshSessionInput,
) -> Result<Option<Box<Opened>>> {
    let cookie = caller.refresh_cookie().map(|(_, token)| token);
    let by_cookie = input.refresh_token.is_none();
    let token = input
        .refresh_token
        .or_else(|| cookie.cloned())
        .ok_or_else(required)?;
    let presented = Presented {
        digest: digest_of(token.expose()),
        token,
        by_cookie,
    };
    let Some(session) = chain::session_of(app, &presented.token) else {
        return Box::pin(earlier::exchange(app, caller, &presented)).await;
    };
    let mut minted = chain::mint(app, session, app.now());
    let offer = offer(app, caller, &presented, session, &minted)?;
    let house = app.clone();
    let work = move |offers: Vec<Offer>| {
        let app = house.clone();
        async move { exchange(&app, offers).await }
    };
    match app.exchanges.ask(offer, work).await?? {
        Exchange::Made {
            identity,
            expires_at,
            memberships,
        } => {
            minted.expires_at = expires_at;
            let identity = Arc::unwrap_or_clone(identity);
            complete(app, identity, minted, &memberships).map(Some)
        }
        Exchange::Spent => Box::pin(again(app, caller, &presented, session)).await,
    }
}

/// The token for its successor, on the terms of whom it belongs to.
fn offer(
    app: &App,
    caller: &Caller,
    presented: &Presented,
    session: Uuid,
    minted: &Minted,
) -> Result<Offer> {
    Ok(Offer {
        session,
        digest: presented.digest.clone(),
        successor_digest: minted.digest.clone(),
        sealed: seal_with_token(&presented.token, &app.rng, &minted.token)?,
        lease: Lease::unless(!caller.does_one_thing),
        terms: Box::new(terms(app, caller, presented)),
    })
}

/// What the application of a session says to its exchange: until when the successor will do.
pub(super) fn terms(
    app: &App,
    caller: &Caller,
    presented: &Presented,
) -> impl Fn(&Identity) -> Result<DateTime<Utc>> + Send + use<> {
    let (house, client_id) = (app.clone(), caller.client_id.clone());
    let (page, by_cookie) = (caller.browser_origin.clone(), presented.by_cookie);
    move |identity| {
        let (application, session) = (&identity.application, &identity.session);
        is_at_home(client_id.as_deref(), application)?;
        if by_cookie {
            cookie::check_use(&house, page.as_deref(), application)?;
        }
        Ok(chain::expiry(application, session, house.now()))
    }
}

/// What everybody who comes at the same time offers: the tokens that may be are exchanged in one statement.
async fn exchange(app: &App, offers: Vec<Offer>) -> Result<Vec<Result<Exchange>>> {
    let sessions: Vec<Uuid> = offers.iter().map(|offer| offer.session).collect();
    let ignored = offers.iter().any(|offer| offer.lease == Lease::Ignored);
    let lease = Lease::unless(ignored);
    let found = app.identities.find_all(&sessions, lease).await?;
    let judged: Vec<_> = offers
        .into_iter()
        .map(|offer| {
            let found = found.get(&offer.session).cloned();
            offer.judge(found)
        })
        .collect();
    let wanted = judged.iter().flatten();
    // Before the rotation: what fails after it looks like a lost answer to the client.
    let members = wanted.clone().filter_map(|(identity, _)| member(identity));
    let memberships = memberships(app, members).await?;
    let wanted: Vec<&Rotation> = wanted.map(|(_, rotation)| rotation).collect();
    let made = rotate_all(app.db.write(), &wanted, app.now()).await?;
    let exchanged = |(identity, rotation): (Arc<Identity>, Rotation)| {
        if !made.contains(&rotation.successor) {
            return Exchange::Spent;
        }
        let user = identity.user.id;
        let own = memberships.iter().filter(|one| one.user_id == user);
        Exchange::Made {
            memberships: own.cloned().collect(),
            expires_at: rotation.expires_at,
            identity,
        }
    };
    Ok(judged
        .into_iter()
        .map(|judged| judged.map(exchanged))
        .collect())
}

/// Mostly nobody is a member of anything.
pub(super) async fn memberships(
    app: &App,
    members: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Membership>> {
    let members: Vec<Uuid> = members.into_iter().collect();
    if members.is_empty() {
        return Ok(Vec::new());
    }
    Box::pin(tenant::of(app.db.read(), &members)).await
}

pub(super) fn member(identity: &Identity) -> Option<Uuid> {
    identity.has_tenants.then_some(identity.user.id)
}

/// For a token that we made, and that is the newest one no more: it was exchanged before, or by a request that ran beside this
/// one, or retired.
async fn again(
    app: &App,
    caller: &Caller,
    presented: &Presented,
    session: Uuid,
) -> Result<Option<Box<Opened>>> {
    let (identity, row) = stands(app, caller, session).await?;
    if row.expires_at <= app.now() {
        return Err(Error::InvalidRefreshToken);
    }
    // Nobody can tell how: it must not end a session whose newest token this is.
    if row.refresh_digest.as_ref() == Some(&presented.digest) {
        return Err(Error::Overloaded {
            retry_after: RETRY_AFTER,
        });
    }
    let was = (row.sealed_successor.as_deref(), Some(row.last_used_at));
    let successor = successor(app, presented, was);
    let Some(minted) = successor.and_then(|token| if_unused(token, &row)) else {
        return refuse(app, caller, &row).await;
    };
    let memberships = memberships(app, member(&identity)).await?;
    complete(app, identity, minted, &memberships).map(Some)
}

/// Who it is, where nothing has ended meanwhile, and the session as it stands now.
pub(super) async fn stands(
    app: &App,
    caller: &Caller,
    session: Uuid,
) -> Result<(Identity, session::Model)> {
    let found = app.identities.find_all(&[session], Lease::Ignored).await?;
    let identity = found
        .get(&session)
        .cloned()
        .ok_or(Error::InvalidRefreshToken)?;
    is_at_home(caller.client_id.as_deref(), &identity.application)?;
    let rows = session::Entity::find_by_id(session)
        .all(app.db.read())
        .await?;
    let alive = only(rows).filter(|row| row.revoked_at.is_none());
    let row = alive.ok_or(Error::InvalidRefreshToken)?;
    Ok((Arc::unwrap_or_clone(identity), row))
}

/// What this token was exchanged for, where it was a moment ago.
pub(super) fn successor(
    app: &App,
    presented: &Presented,
    (sealed, rotated_at): (Option<&[u8]>, Option<DateTime<Utc>>),
) -> Option<Secret> {
    let sealed = sealed.filter(|_| chain::is_in_grace(rotated_at, app.now()))?;
    open_with_token(&presented.token, sealed)
}

/// The newest token of the session; nothing for one that somebody has used meanwhile.
pub(super) fn if_unused(token: Secret, session: &session::Model) -> Option<Minted> {
    let minted = Minted::of(token, session.expires_at);
    (session.refresh_digest.as_ref() == Some(&minted.digest)).then_some(minted)
}

/// Another application's token is none of the one that the request names.
fn is_at_home(client_id: Option<&str>, application: &application::Model) -> Result<()> {
    if client_id.is_some_and(|client_id| client_id != application.client_id) {
        return Err(Error::InvalidRefreshToken);
    }
    Ok(())
}

/// A used token that comes back may be a stolen one: whoever holds the newest loses it, too. Only where the session's tokens
/// were retired a moment ago (another tab, while the password was changed), and none was exchanged since, it harms nobody.
pub(super) async fn refuse(
    app: &App,
    caller: &Caller,
    session: &session::Model,
) -> Result<Option<Box<Opened>>> {
    let now = app.now();
    let was_last = session.retired_at == Some(session.last_used_at);
    if was_last && chain::is_in_grace(session.retired_at, now) {
        return Ok(None);
    }
    app.db.transact(|| async {
    let tx = app.db.begin().await?;
    revoke(&tx, session::Column::Id.eq(session.id), now).await?;
    let event = Event {
        session: Some(session.id),
        application: Some(session.application_id),
        user: Some(session.user_id),
        ..Event::anonymous(Kind::RefreshTokenReused)
    };
    app.record(&tx, &caller.origin, event).await?;
    tx.commit().await?;
    tracing::warn!(session = %session.id, "a used refresh token came back; its session is revoked");
    Err(Error::InvalidRefreshToken)
    }).await
}

pub(super) fn complete(
    app: &App,
    identity: Identity,
    minted: Minted,
    memberships: &[Membership],
) -> Result<Box<Opened>> {
    let Identity {
        mut session,
        user,
        application,
        ..
    } = identity;
    session.last_used_at = app.now();
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
