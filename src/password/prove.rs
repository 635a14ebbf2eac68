//! Proving the current password, before anything that a stolen session must not do.

use entity::{session, user};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::attempt::{Attempt, Target, compare};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Reason, Result};
use crate::realm::policy::MAX_LENGTH;
use crate::secret::Secret;

/// # Errors
/// `INVALID_CREDENTIALS` when it is not the password; `RATE_LIMITED` after too many wrong ones; `OVERLOADED`.
pub async fn current_password(
    app: &App,
    caller: &Caller,
    user: &user::Model,
    password: &Secret,
) -> Result<()> {
    // No password is longer; hashing it would be work for nothing.
    if password.expose().chars().count() > MAX_LENGTH {
        return Err(Error::InvalidCredentials);
    }
    let mut attempt = Attempt::begin(app, caller, Target::Own(user.id)).await?;
    let stored = user.password_hash.as_deref();
    if !compare(app, &caller.turn, attempt.as_mut(), password, stored)
        .await?
        .matches
    {
        return Err(Error::InvalidCredentials);
    }
    if let Some(attempt) = attempt {
        attempt.succeed(app.db.write()).await?;
        attempt.judged();
    }
    caller.turn.prove();
    Ok(())
}

/// Holds the row of a user who has proved the password, and looks whether that still counts. Whatever was changed since then
/// has ended what the old password could do; what is begun by it must not come after.
///
/// # Errors
/// `INVALID_CREDENTIALS` where password or address were changed meanwhile, or the account was disabled.
pub async fn hold(tx: &impl ConnectionTrait, user: &user::Model) -> Result<()> {
    let held = user::Entity::find_by_id(user.id)
        .lock(LockType::NoKeyUpdate)
        .one(tx)
        .await?;
    let as_proved = held.is_some_and(|held| {
        held.password_hash == user.password_hash
            && held.email_key == user.email_key
            && held.disabled_at.is_none()
    });
    if as_proved {
        Ok(())
    } else {
        Err(Error::InvalidCredentials)
    }
}

/// Holds the session in which that was, and looks whether it goes on. Last before the commit: whoever refreshes it, and
/// everybody who refreshes at the same time, waits.
///
/// # Errors
/// `UNAUTHENTICATED` where it has ended meanwhile.
pub async fn hold_session(tx: &impl ConnectionTrait, session: &session::Model) -> Result<()> {
    session::Entity::find_by_id(session.id)
        .filter(session::Column::RevokedAt.is_null())
        .lock(LockType::Share)
        .one(tx)
        .await?
        .map(drop)
        .ok_or(Error::Unauthenticated(Reason::SessionRevoked))
}
