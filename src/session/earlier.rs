//! Refresh tokens of versions that kept a row for each. They are good until they are exchanged for one of today's, and known
//! after it like those. Nothing makes new ones: ninety days after the last such version has stopped, this can go.

use chrono::{DateTime, Utc};
use entity::{refresh_token, session};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::chain::{self, Minted};
use super::open::Opened;
use super::refresh::{
    Presented, complete, if_unused, member, memberships, refuse, stands, successor, terms,
};
use crate::app::App;
use crate::caller::Caller;
use crate::db::only;
use crate::error::{Error, Result};
use crate::key::seal_with_token;
use crate::secret::Secret;
use crate::ticket::digest_of;

/// Characters: 256 bits in base64url. Today's tokens are longer, and have no row.
const LENGTH: usize = 43;

/// As [`super::refresh::refresh_session`].
///
/// # Errors
/// As there.
pub async fn exchange(
    app: &App,
    caller: &Caller,
    presented: &Presented,
) -> Result<Option<Box<Opened>>> {
    let row = find(app, &presented.token).await?;
    let row = row.filter(|row| row.expires_at > app.now());
    let row = row.ok_or(Error::InvalidRefreshToken)?;
    let (identity, _) = stands(app, caller, row.session_id).await?;
    let expires_at = terms(app, caller, presented)(&identity)?;
    let memberships = memberships(app, member(&identity)).await?;
    let minted = chain::mint(app, row.session_id, expires_at);
    if row.rotated_at.is_none() && adopt(app, presented, &row, &minted).await? {
        return complete(app, identity, minted, &memberships).map(Some);
    }
    // As it is now: somebody else may have been faster.
    let row = find(app, &presented.token).await?;
    let row = row.ok_or(Error::InvalidRefreshToken)?;
    let (_, session) = stands(app, caller, row.session_id).await?;
    match repeat(app, presented, &row, &session).await? {
        Some(minted) => complete(app, identity, minted, &memberships).map(Some),
        None if is_retired(&row, app.now()) => Ok(None),
        None => refuse(app, caller, &session).await,
    }
}

/// The row of a token, in whichever state.
///
/// # Errors
/// When the database does not answer.
pub async fn find(app: &App, token: &Secret) -> Result<Option<refresh_token::Model>> {
    if token.expose().len() != LENGTH {
        return Ok(None);
    }
    let rows = refresh_token::Entity::find()
        .filter(refresh_token::Column::Digest.eq(digest_of(token.expose())))
        .all(app.db.read())
        .await?;
    Ok(only(rows))
}

/// Retires what a session has: no token gets a successor any more, and none that was given is given again. When a token was
/// rotated before stays as it is.
///
/// # Errors
/// When the database refuses.
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

/// Exchanges it, unless somebody else was faster: the session first, as everywhere, so that whoever revokes it beside this is
/// seen here or sees what is done here; then the row, which decides.
async fn adopt(
    app: &App,
    presented: &Presented,
    row: &refresh_token::Model,
    minted: &Minted,
) -> Result<bool> {
    let now = app.now();
    let sealed = seal_with_token(&presented.token, &app.rng, &minted.token)?;
    let made = app.db.transact(|| async {
        let tx = app.db.begin().await?;
        let session = session::Entity::update_many()
            .col_expr(session::Column::LastUsedAt, now.into())
            .col_expr(session::Column::ExpiresAt, minted.expires_at.into())
            // In the place of another one, where a version before has changed the password meanwhile.
            .col_expr(session::Column::RefreshDigest, minted.digest.clone().into())
            .col_expr(
                session::Column::SealedSuccessor,
                Option::<Vec<u8>>::None.into(),
            )
            .filter(session::Column::Id.eq(row.session_id))
            .filter(session::Column::RevokedAt.is_null())
            .exec(&tx)
            .await?;
        let token = refresh_token::Entity::update_many()
            .col_expr(refresh_token::Column::RotatedAt, now.into())
            .col_expr(
                refresh_token::Column::SealedSuccessor,
                sealed.clone().into(),
            )
            .filter(refresh_token::Column::Id.eq(row.id))
            .filter(refresh_token::Column::RotatedAt.is_null())
            .exec(&tx)
            .await?;
        if session.rows_affected == 0 || token.rows_affected == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    });
    made.await
}

/// The same successor again, within the grace and while nobody has used it: one of today's, or one that has a row as well.
async fn repeat(
    app: &App,
    presented: &Presented,
    row: &refresh_token::Model,
    session: &session::Model,
) -> Result<Option<Minted>> {
    let was = (row.sealed_successor.as_deref(), row.rotated_at);
    let Some(successor) = successor(app, presented, was) else {
        return Ok(None);
    };
    Ok(match find(app, &successor).await? {
        Some(next) if next.rotated_at.is_some() => None,
        Some(next) => Some(Minted::of(successor, next.expires_at)),
        None => if_unused(successor, session),
    })
}

/// A moment ago, without a successor.
fn is_retired(row: &refresh_token::Model, now: DateTime<Utc>) -> bool {
    let is_fresh = |at| chain::is_in_grace(Some(at), now);
    row.sealed_successor.is_none() && row.rotated_at.is_none_or(is_fresh)
}
