//! Proving the current password, before anything that a stolen session must not do.

use entity::user;

use crate::app::App;
use crate::error::{Error, Result};
use crate::realm::policy::MAX_LENGTH;
use crate::secret::Secret;

/// # Errors
/// `INVALID_CREDENTIALS` when it is not the password; `OVERLOADED`.
pub async fn current_password(app: &App, user: &user::Model, password: &Secret) -> Result<()> {
    // No password is longer; hashing it would be work for nothing.
    let too_long = password.expose().chars().count() > MAX_LENGTH;
    if !too_long
        && app
            .hasher
            .verify(password, user.password_hash.as_deref())
            .await?
            .matches
    {
        return Ok(());
    }
    Err(Error::InvalidCredentials)
}
