//! Opens a session for a user whose proof has been checked, and makes its tokens.

use std::sync::Arc;

use chrono::TimeDelta;
use entity::{application, session, user};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::Value;

use super::chain::{self, ABSOLUTE_LIFE, Minted};
use super::cookie::{self, TokenTransport};
use super::earlier;
use super::note::{self, Noted};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Reason, Result};
use crate::key::{Claims, HasuraClaims};
use crate::realm::tenant::{self, Membership};
use crate::realm::{claim, role};
use crate::secret::Secret;

/// A session and the tokens that were just made for it.
#[derive(Clone, Debug)]
pub struct Opened {
    pub session: session::Model,
    pub user: user::Model,
    pub application: Arc<application::Model>,
    pub refresh: Minted,
    pub access_token: Secret,
    pub access_expires_at: chrono::DateTime<chrono::Utc>,
    /// The first time that this user ever signs in.
    pub first_seen: bool,
}

/// What a session is opened with, once the proof has been checked.
#[derive(Clone, Debug)]
pub struct Opening {
    pub user: user::Model,
    pub application: application::Model,
    /// The authentication method (RFC 8176).
    pub amr: &'static str,
    /// Extra claims of its access tokens.
    pub custom_claims: Option<Value>,
    /// How its refresh token travels.
    pub transport: TokenTransport,
}

/// Opens a session inside the caller's transaction. The user's row is touched first and decides: whoever was disabled,
/// or changed the password that was just checked, in the meantime, does not come in, nor does anybody through what was
/// switched off. What the tokens say is what the rows say now: the proof may have taken seconds.
///
/// # Errors
/// `INVALID_CREDENTIALS` when the account is no longer as it was when its proof was checked; `ORIGIN_NOT_ALLOWED` for a
/// cookie that the asking page could not use.
pub async fn open(
    app: &App,
    tx: &impl ConnectionTrait,
    caller: &Caller,
    opening: Opening,
) -> Result<Box<Opened>> {
    let Noted {
        user,
        application,
        first_seen,
        has_tenants,
    } = note::note(app, tx, &opening.user, opening.application).await?;
    cookie::check_transport(app, caller, &application, opening.transport)?;
    let opening = Opening {
        user,
        application,
        ..opening
    };
    let (session, refresh) = begin(app, caller, &opening);
    let Opening {
        user, application, ..
    } = opening;
    session::Entity::insert(session::ActiveModel::from(session.clone()))
        .exec_without_returning(tx)
        .await?;
    let memberships = if has_tenants {
        tenant::of(tx, &[user.id]).await?
    } else {
        Vec::new()
    };
    let mut opened = Opened::new(session, user, Arc::new(application), refresh);
    opened.first_seen = first_seen;
    finish(app, opened, &memberships)
}

/// A session as it begins, with its first refresh token.
pub(super) fn begin(app: &App, caller: &Caller, opening: &Opening) -> (session::Model, Minted) {
    let now = app.now();
    let Opening {
        user, application, ..
    } = opening;
    let mut session = session::Model {
        id: app.id(),
        user_id: user.id,
        application_id: application.id,
        user_agent: caller.origin.user_agent.clone(),
        ip_address: caller.origin.ip.clone(),
        amr: entity::StringList::of([opening.amr]),
        custom_claims: opening.custom_claims.clone(),
        token_transport: opening.transport.as_str().to_owned(),
        authenticated_at: now,
        created_at: now,
        last_used_at: now,
        expires_at: now,
        ends_at: now + ABSOLUTE_LIFE,
        due_at: now,
        revoked_at: None,
        refresh_digest: None,
        sealed_successor: None,
        retired_at: None,
    };
    session.expires_at = chain::expiry(application, &session, now);
    session.due_at = session.expires_at;
    let refresh = chain::mint(app, session.id, session.expires_at);
    session.refresh_digest = Some(refresh.digest.clone());
    (session, refresh)
}

/// Keeps a session under fresh tokens: every refresh token handed out before is retired without a successor. The
/// session's row decides, as it does for a rotation: one that runs beside this has either ended before, and what it made is
/// retired here, or finds its token retired.
///
/// The refresh token travels as it did, unless another `transport` is asked for. What the tokens say of the user and the
/// application is what their rows say now.
///
/// # Errors
/// `UNAUTHENTICATED` when the session has ended meanwhile, or its user or application was switched off; `ORIGIN_NOT_ALLOWED` for a cookie that the asking page could
/// not use.
pub async fn keep(
    app: &App,
    tx: &impl ConnectionTrait,
    caller: &Caller,
    mut session: session::Model,
    transport: Option<TokenTransport>,
) -> Result<Box<Opened>> {
    let now = app.now();
    let (user, application) = note::again(tx, &session).await?;
    let transport = transport.unwrap_or(TokenTransport::of(&session.token_transport));
    cookie::check_transport(app, caller, &application, transport)?;
    session.token_transport = transport.as_str().to_owned();
    session.expires_at = chain::expiry(&application, &session, now);
    session.last_used_at = now;
    let refresh = chain::mint(app, session.id, session.expires_at);
    let kept = session::Entity::update_many()
        .col_expr(session::Column::LastUsedAt, now.into())
        .col_expr(session::Column::ExpiresAt, session.expires_at.into())
        .col_expr(session::Column::TokenTransport, transport.as_str().into())
        .col_expr(
            session::Column::RefreshDigest,
            refresh.digest.clone().into(),
        )
        .col_expr(
            session::Column::SealedSuccessor,
            Option::<Vec<u8>>::None.into(),
        )
        .col_expr(session::Column::RetiredAt, now.into())
        .filter(session::Column::Id.eq(session.id))
        .filter(session::Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    if kept.rows_affected != 1 {
        return Err(Error::Unauthenticated(Reason::SessionRevoked));
    }
    earlier::retire(tx, session.id, now).await?;
    let memberships = tenant::of(tx, &[user.id]).await?;
    finish(
        app,
        Opened::new(session, user, application, refresh),
        &memberships,
    )
}

impl Opened {
    /// Without an access token yet. On the heap, because it is large and goes through many hands.
    pub(super) fn new(
        session: session::Model,
        user: user::Model,
        application: Arc<application::Model>,
        refresh: Minted,
    ) -> Box<Self> {
        Box::new(Self {
            access_expires_at: session.last_used_at,
            access_token: Secret::new(String::new()),
            first_seen: false,
            session,
            user,
            application,
            refresh,
        })
    }
}

/// Signs the access token.
pub(super) fn finish(
    app: &App,
    mut opened: Box<Opened>,
    memberships: &[Membership],
) -> Result<Box<Opened>> {
    let now = app.now();
    let Opened {
        session,
        user,
        application,
        ..
    } = &*opened;
    // None outlives its session, whatever the two times of the application are: it would be in no list.
    let expires_at =
        (now + TimeDelta::seconds(application.access_token_ttl.into())).min(session.expires_at);
    let claims = Claims {
        iss: app.keys.issuer().to_owned(),
        aud: application.client_id.clone(),
        client_id: application.client_id.clone(),
        sub: user.id,
        sid: session.id,
        jti: app.id(),
        iat: now.timestamp(),
        exp: expires_at.timestamp(),
        auth_time: session.authenticated_at.timestamp(),
        amr: session.amr.0.clone(),
        email: user.email.clone(),
        email_verified: user.email_verified_at.is_some(),
        locale: user.locale.clone(),
        tenants: tenant::claim(memberships),
        hasura: hasura(application, user, memberships)?,
        custom: claim::in_token(application, session.custom_claims.as_ref()),
    };
    opened.access_token = Secret::new(app.keys.sign(&claims, now)?);
    opened.access_expires_at = expires_at;
    Ok(opened)
}

/// Hasura takes texts only, so that lists of tenants go as PostgreSQL and JSON write them.
pub(super) fn hasura(
    application: &application::Model,
    user: &user::Model,
    memberships: &[Membership],
) -> Result<HasuraClaims> {
    let roles = role::in_token(application, user);
    let ids: Vec<String> = memberships
        .iter()
        .map(|membership| membership.tenant_id.to_string())
        .collect();
    let roles_of_tenants = match memberships {
        [] => None,
        some => Some(serde_json::to_string(&tenant::claim(some)).map_err(Error::internal)?),
    };
    Ok(HasuraClaims {
        user_id: user.id.to_string(),
        default_role: roles.default,
        allowed_roles: roles.all,
        is_anonymous: "false".to_owned(),
        tenant_ids: (!ids.is_empty()).then(|| format!("{{{}}}", ids.join(","))),
        tenant_id: match ids.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        tenant_roles: roles_of_tenants,
    })
}
