//! Accounts: how they come to be, and what their owner sees of them.

mod resend_verification;
mod sign_up;
mod verify_email;
mod view;

use async_graphql::{Context, Object};
pub use resend_verification::ResendVerificationInput;
pub use sign_up::SignUpInput;
pub use verify_email::{VerifyEmailInput, confirm_address};

use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;
use crate::session::{SessionResult, answer};
use crate::user::User;

#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// The signed-in user. Null without a bearer, so that a page can always ask; with an expired or revoked one it is
    /// null beside an error `UNAUTHENTICATED`, so that a client's refresh starts.
    async fn me(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        view::me(ctx).await
    }
}

#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Signs a user up. Where the connection asks for verification, the answer is `PendingVerification`, for a free
    /// address and for a taken one alike, and no account exists before the mail is answered. Where it does not, the
    /// answer is a `Session`, and a taken address is `EMAIL_TAKEN`.
    async fn sign_up(&self, ctx: &Context<'_>, input: SignUpInput) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(ctx, sign_up::sign_up(app, caller, input).await?).await
    }

    /// Redeems the link or the code of a verification mail, once, and answers a `Session`. A link lives for 24 hours, a
    /// code for 10 minutes and 5 wrong tries; redeeming either ends the other.
    async fn verify_email(
        &self,
        ctx: &Context<'_>,
        input: VerifyEmailInput,
    ) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(ctx, verify_email::verify_email(app, caller, input).await?).await
    }

    /// Sends another mail for the same request, with the same link and a new code; the code before it is dead. Always
    /// `PendingVerification`, also for an unknown handle. Before `resendAt` the answer is the same and no mail goes.
    async fn resend_verification(
        &self,
        ctx: &Context<'_>,
        input: ResendVerificationInput,
    ) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(
            ctx,
            resend_verification::resend_verification(app, caller, input).await?,
        )
        .await
    }
}
