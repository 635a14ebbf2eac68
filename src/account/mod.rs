//! Accounts: how they come to be, and what their owner sees of them.

mod approve_handoff;
mod await_verification;
mod confirm_email_change;
mod delete;
mod handoff_choices;
pub mod profile;
mod request_email_change;
mod resend_verification;
mod settle;
mod sign_up;
mod undo_email_change;
mod update;
mod verify_email;
mod view;

use std::sync::Arc;

pub use approve_handoff::{ApproveHandoffInput, ApproveHandoffPayload, approve, is_closed_alone};
use async_graphql::{Context, Object};
pub use await_verification::AwaitVerificationInput;
pub use confirm_email_change::{ConfirmEmailChangeInput, confirm_by_page};
pub use delete::{DeleteUserInput, DeleteUserPayload, forget, hold};
pub use handoff_choices::{HandoffChoices, HandoffChoicesInput, choices};
pub use request_email_change::RequestEmailChangeInput;
pub use resend_verification::ResendVerificationInput;
pub use settle::{forget_origins, settle};
pub use sign_up::{SignUpInput, insert_if_free};
pub use undo_email_change::{UndoEmailChangeInput, undo_by_page};
pub use update::UpdateUserInput;
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
    async fn me(&self, ctx: &Context<'_>) -> Result<Option<Arc<User>>> {
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
        answer(ctx, Box::pin(sign_up::sign_up(app, caller, input)).await?).await
    }

    /// Redeems the link or the code of a verification mail, once, and answers a `Session`. A link lives for 24 hours, a
    /// code for 10 minutes and 5 wrong tries; redeeming either ends the other.
    async fn verify_email(
        &self,
        ctx: &Context<'_>,
        input: VerifyEmailInput,
    ) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(
            ctx,
            Box::pin(verify_email::verify_email(app, caller, input)).await?,
        )
        .await
    }

    /// Waits until the mail is answered on another device, for 25 seconds at most: the device that asked for the mail shows
    /// `PendingVerification.handoffNumber`, and whoever opens the link picks it out of three. Then the answer is a `Session`,
    /// once. Otherwise it is `PendingVerification`: ask again, a second later. For a handle that is unknown, used, expired or
    /// refused it is the same after the same time; of its fields count `verificationId` and `handoffNumber` alone. Beyond two
    /// waits of one handle, or too many of a network or in all, it is `OVERLOADED`, a second after the question. Nothing else goes
    /// in its operation.
    async fn await_verification(
        &self,
        ctx: &Context<'_>,
        input: AwaitVerificationInput,
    ) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(
            ctx,
            Box::pin(await_verification::await_verification(app, caller, input)).await?,
        )
        .await
    }

    /// The three numbers that a page of yours, opened by the mailed link, offers beside going on right there. Changes nothing;
    /// a mutation, so that the ticket stands in no address.
    async fn handoff_choices(
        &self,
        ctx: &Context<'_>,
        input: HandoffChoicesInput,
    ) -> Result<HandoffChoices> {
        Box::pin(handoff_choices::handoff_choices(
            ctx.data_unchecked::<App>(),
            input,
        ))
        .await
    }

    /// Hands the answer to the mail over to the device that waits by `awaitVerification` and shows the number that was picked.
    /// It has 10 minutes to take it. One try: another number ends the hand-off for good, and the ticket and the code
    /// go on. Opens no session here.
    async fn approve_handoff(
        &self,
        ctx: &Context<'_>,
        input: ApproveHandoffInput,
    ) -> Result<ApproveHandoffPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        Box::pin(approve_handoff::approve_handoff(app, caller, input)).await
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
            Box::pin(resend_verification::resend_verification(app, caller, input)).await?,
        )
        .await
    }

    /// Asks for another address. Signed in, with the current password; the new address gets a mail, and nothing changes
    /// before it is answered. A taken address gets the same answer, and its owner is told.
    async fn request_email_change(
        &self,
        ctx: &Context<'_>,
        input: RequestEmailChangeInput,
    ) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(
            ctx,
            Box::pin(request_email_change::request_email_change(
                app, caller, input,
            ))
            .await?,
        )
        .await
    }

    /// Redeems the mail at the new address, once. Signed in, as the user who asked. This session goes on under fresh
    /// tokens; the old address is told, with a link that takes the change back for 72 hours.
    async fn confirm_email_change(
        &self,
        ctx: &Context<'_>,
        input: ConfirmEmailChangeInput,
    ) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(
            ctx,
            Box::pin(confirm_email_change::confirm_email_change(
                app, caller, input,
            ))
            .await?,
        )
        .await
    }

    /// Takes a change of address back, with the ticket mailed to the old address: restores it, ends every session, voids
    /// the password, which whoever changed it knew, and mails a password reset.
    async fn undo_email_change(
        &self,
        ctx: &Context<'_>,
        input: UndoEmailChangeInput,
    ) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        answer(
            ctx,
            Box::pin(undo_email_change::undo_email_change(app, caller, input)).await?,
        )
        .await
    }

    /// Changes the caller's own data. Signed in. Fields that are left out stay, null clears, `metadata` is replaced whole.
    async fn update_user(&self, ctx: &Context<'_>, input: UpdateUserInput) -> Result<User> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        let user = Box::pin(update::update_user(app, caller, input)).await?;
        Box::pin(view::own(ctx, user)).await
    }

    /// Deletes the caller's own account. Signed in, with the current password. Everything of the user goes, every session
    /// ends, and the address is free again.
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        input: DeleteUserInput,
    ) -> Result<DeleteUserPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        Box::pin(delete::delete_user(app, caller, input)).await
    }
}
