//! The chain of refresh tokens of a session: opaque, 256 random bits, kept as digests.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{application, refresh_token, session};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::app::App;
use crate::error::Result;
use crate::secret::Secret;
use crate::ticket::digest_of;

/// No session lives longer, however often it is refreshed.
pub const ABSOLUTE_LIFE: TimeDelta = TimeDelta::days(90);
/// How long a rotated token still gets its successor, while that is unused.
pub const GRACE: TimeDelta = TimeDelta::seconds(30);

/// A refresh token on its way to its owner; the database never sees it.
#[derive(Clone, Debug)]
pub struct Minted {
    pub id: Uuid,
    pub token: Secret,
    pub expires_at: DateTime<Utc>,
}

pub fn mint(app: &App, expires_at: DateTime<Utc>) -> Minted {
    Minted {
        id: app.id(),
        token: Secret::new(URL_SAFE_NO_PAD.encode(app.rng.bytes::<32>())),
        expires_at,
    }
}

pub async fn store(
    app: &App,
    tx: &impl ConnectionTrait,
    session: Uuid,
    minted: &Minted,
) -> Result<()> {
    let row = refresh_token::ActiveModel {
        id: Set(minted.id),
        session_id: Set(session),
        digest: Set(digest_of(minted.token.expose())),
        created_at: Set(app.now()),
        expires_at: Set(minted.expires_at),
        rotated_at: Set(None),
        successor_id: Set(None),
        sealed_successor: Set(None),
    };
    refresh_token::Entity::insert(row)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Retires what a session has: no token gets a successor any more, and none that was given is given again. When a
/// token was rotated before stays as it is.
pub async fn retire(tx: &impl ConnectionTrait, session: Uuid, now: DateTime<Utc>) -> Result<()> {
    use refresh_token::{Column, Entity};
    Entity::update_many()
        .col_expr(Column::RotatedAt, now.into())
        .filter(Column::SessionId.eq(session))
        .filter(Column::RotatedAt.is_null())
        .exec(tx)
        .await?;
    Entity::update_many()
        .col_expr(Column::SealedSuccessor, Option::<Vec<u8>>::None.into())
        .filter(Column::SessionId.eq(session))
        .filter(Column::SealedSuccessor.is_not_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Slides with every use, and never past the session's absolute end.
pub fn expiry(
    application: &application::Model,
    session: &session::Model,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    (now + TimeDelta::seconds(application.refresh_token_ttl.into())).min(session.ends_at)
}
