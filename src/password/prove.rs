//! Proving the current password, before anything that a stolen session must not do.

use entity::user;

use super::attempt::{Attempt, Target, compare};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
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
    let attempt = Attempt::begin(app, caller, Target::Own(user.id)).await?;
    let stored = user.password_hash.as_deref();
    if !compare(app, &caller.turn, attempt.as_ref(), password, stored)
        .await?
        .matches
    {
        return Err(Error::InvalidCredentials);
    }
    if let Some(attempt) = attempt {
        attempt.succeed(app.db.write()).await?;
    }
    caller.turn.prove();
    Ok(())
}
