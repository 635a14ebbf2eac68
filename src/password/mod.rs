//! What a password opens, and how it is changed.

pub mod attempt;
mod change;
mod check;
pub mod choose;
mod message;
pub mod prove;
mod request_reset;
mod reset;
mod sign_in;

use async_graphql::{Context, Object};
pub use change::ChangePasswordInput;
pub use check::{CheckPasswordInput, PasswordCheck};
pub use request_reset::RequestPasswordResetInput;
pub use reset::{Page, ResetPasswordInput, Terms, reset_by_page, terms};
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
        answer(ctx, Box::pin(sign_in::sign_in(app, caller, input)).await?).await
    }

    /// Tries a password against the policy, without storing anything: one entry per rule, met or not. A mutation, so that
    /// no client puts a password into an address. Open to everybody.
    async fn check_password(
        &self,
        ctx: &Context<'_>,
        input: CheckPasswordInput,
    ) -> Result<PasswordCheck> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        Box::pin(check::check_password(app, caller, input)).await
    }

    /// Changes the caller's own password. Signed in: proves the current password, keeps this session under fresh
    /// tokens, ends every other, and tells the owner by mail.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
    ) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(
            ctx,
            Box::pin(change::change_password(app, caller, input)).await?,
        )
        .await
    }

    /// Sends the change-password e-mail. Not signed in. Always `PendingVerification` for a well-formed address, known or
    /// not; the link lives for 60 minutes, the code (10 characters) for 10.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        input: RequestPasswordResetInput,
    ) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(
            ctx,
            Box::pin(request_reset::request_password_reset(app, caller, input)).await?,
        )
        .await
    }

    /// Redeems the link or the code of a change-password e-mail, or the link of an invitation, once: sets the password,
    /// verifies the address, ends every session and every other mail of the user, but the link that takes a change of address
    /// back, tells the owner (but not who just accepted an invitation), and answers a `Session`. A password that the policy
    /// refuses consumes nothing.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        input: ResetPasswordInput,
    ) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(
            ctx,
            Box::pin(reset::reset_password(app, caller, input)).await?,
        )
        .await
    }
}
