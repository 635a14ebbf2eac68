//! What a password opens, and how it is changed.

mod change;
mod sign_in;

use async_graphql::{Context, Object};
pub use change::ChangePasswordInput;
pub use sign_in::SignInInput;

use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;
use crate::session::{SessionResult, answer};

#[derive(Default)]
pub struct PasswordMutation;

#[Object]
impl PasswordMutation {
    /// Signs a user in. Answers a `Session`, or `PendingVerification` where the address must be verified first.
    /// `INVALID_CREDENTIALS` does not tell whether the login is unknown, not yet verified, or the password wrong;
    /// `ACCOUNT_DISABLED` comes only after the right password; `OVERLOADED` says when to try again.
    async fn sign_in(&self, ctx: &Context<'_>, input: SignInInput) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(ctx, sign_in::sign_in(app, caller, input).await?).await
    }

    /// Changes the caller's own password. Signed in: proves the current password, keeps this session under fresh
    /// tokens, ends every other, and tells the owner by mail.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
    ) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(ctx, change::change_password(app, caller, input).await?).await
    }
}
