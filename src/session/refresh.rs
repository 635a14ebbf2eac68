//! `refreshSession`: rotation with a grace for lost answers, and reuse detection after it (RFC 9700 section 4.14.2).

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::InputObject;
use chrono::{DateTime, Utc};
use entity::{application, refresh_token, session, user};
use sea_orm::{ColumnTrait, EntityTrait};
use uuid::Uuid;

use super::chain::{self, GRACE, Minted};
use super::cookie;
use super::open::{Opened, finish};
use super::revoke::revoke;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::identity::{self, Exchange, Identity, Judged, Offer, Rotation, rotate_all};
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
    let mut minted = chain::mint(app, app.now());
    let offer = offer(app, caller, by_cookie, &token, &minted)?;
    let house = app.clone();
    let work = move |offers: Vec<Offer>| {
        let app = house.clone();
        async move { exchange(&app, offers).await }
    };
    if let Exchange::Made {
        presented,
        expires_at,
        memberships,
    } = app.exchanges.ask(offer, work).await??
    {
        minted.expires_at = expires_at;
        let presented = Presented::new(token, presented);
        return complete(app, presented, minted, &memberships).map(Some);
    }
    // Rotated before, or by a request that ran beside this one.
    let presented = find(app, caller, token).await?;
    let member = presented.has_tenants.then_some(presented.user.id);
    let memberships = memberships(app, member).await?;
    match repeat(app, &presented, app.now()).await? {
        Some(minted) => complete(app, presented, minted, &memberships).map(Some),
        None => refuse(app, caller, &presented, app.now()).await,
    }
}

/// The token for its successor, on the terms of whom it belongs to.
fn offer(
    app: &App,
    caller: &Caller,
    by_cookie: bool,
    token: &Secret,
    minted: &Minted,
) -> Result<Offer> {
    let (house, client_id) = (app.clone(), caller.client_id.clone());
    let page = caller.browser_origin.clone();
    let terms = move |identity: &Identity| {
        let (application, session) = (&identity.application, &identity.session);
        is_at_home(client_id.as_deref(), application)?;
        if by_cookie {
            cookie::check_use(&house, page.as_deref(), application)?;
        }
        Ok(chain::expiry(application, session, house.now()))
    };
    Ok(Offer {
        digest: digest_of(token.expose()),
        successor: minted.id,
        successor_digest: digest_of(minted.token.expose()),
        sealed: seal_with_token(token, &app.rng, &minted.token)?,
        terms: Box::new(terms),
    })
}

/// What everybody who comes at the same time offers: the tokens that may be are exchanged in one transaction.
async fn exchange(app: &App, offers: Vec<Offer>) -> Result<Vec<Result<Exchange>>> {
    let digests: Vec<_> = offers.iter().map(|offer| offer.digest.clone()).collect();
    let found = app.identities.find_by_tokens(&digests).await?;
    let offers = offers.into_iter().zip(found);
    let judged: Vec<_> = offers
        .map(|(offer, found)| offer.judge(found, app.now()))
        .collect();
    let wanted = judged.iter().flatten().flatten();
    // Before the rotation: what fails after it looks like a lost answer to the client.
    let members = wanted.clone().filter_map(|(presented, _)| {
        let Identity {
            user, has_tenants, ..
        } = &*presented.identity;
        has_tenants.then_some(user.id)
    });
    let memberships = memberships(app, members).await?;
    let wanted: Vec<Rotation> = wanted.map(|(_, rotation)| rotation.clone()).collect();
    let made = rotate(app, &wanted).await?;
    let exchanged = |judged: Judged| match judged {
        Some((presented, rotation)) if made.contains(&rotation.successor) => {
            let user = presented.identity.user.id;
            let own = memberships.iter().filter(|one| one.user_id == user);
            Exchange::Made {
                memberships: own.cloned().collect(),
                expires_at: rotation.expires_at,
                presented,
            }
        }
        _ => Exchange::Spent,
    };
    Ok(judged
        .into_iter()
        .map(|judged| judged.map(exchanged))
        .collect())
}

/// Mostly nobody is a member of anything.
async fn memberships(
    app: &App,
    members: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Membership>> {
    let members: Vec<Uuid> = members.into_iter().collect();
    if members.is_empty() {
        return Ok(Vec::new());
    }
    tenant::of(app.db.read(), &members).await
}

/// Answers the successors that count: of a token that somebody else was faster to exchange, there is none.
async fn rotate(app: &App, wanted: &[Rotation]) -> Result<HashSet<Uuid>> {
    if wanted.is_empty() {
        return Ok(HashSet::new());
    }
    let made = app.db.transact(|| async {
        let tx = app.db.begin().await?;
        let made = rotate_all(&tx, wanted, app.now()).await?;
        tx.commit().await?;
        Ok(made)
    });
    made.await
}

async fn find(app: &App, caller: &Caller, token: Secret) -> Result<Presented> {
    let found = app.identities.find_by_token(digest_of(token.expose()));
    let found = found
        .await?
        .filter(|found| found.token.expires_at > app.now())
        .ok_or(Error::InvalidRefreshToken)?;
    is_at_home(caller.client_id.as_deref(), &found.identity.application)?;
    Ok(Presented::new(token, found))
}

/// Another application's token is none of the one that the request names.
fn is_at_home(client_id: Option<&str>, application: &application::Model) -> Result<()> {
    if client_id.is_some_and(|client_id| client_id != application.client_id) {
        return Err(Error::InvalidRefreshToken);
    }
    Ok(())
}

impl Presented {
    fn new(token: Secret, found: identity::Presented) -> Self {
        let Identity {
            session,
            user,
            application,
            has_tenants,
        } = Arc::unwrap_or_clone(found.identity);
        Self {
            token,
            row: found.token,
            session,
            user,
            application,
            has_tenants,
        }
    }
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
) -> Result<Opened> {
    let Presented {
        mut session,
        user,
        application,
        ..
    } = presented;
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
