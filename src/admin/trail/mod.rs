//! What an operator looks into: the audit trail and the mail outbox.

mod discard;
mod event;
mod kind;
mod mail;
mod retry;

use async_graphql::{Context, Object};
pub use discard::{AdminDiscardMailInput, DiscardMailPayload};
pub use event::{AuditEvent, AuditEventFilter, events_by_ids, told_id};
pub use mail::{OutboxMail, OutboxMailFilter, mails_by_ids};
pub use retry::AdminRetryMailInput;

use crate::admin::page::{Connection, PageArguments, is_counted};
use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;

#[derive(Default)]
pub struct TrailAdminQuery;

#[Object]
impl TrailAdminQuery {
    /// The audit trail, newest first: who changed which credential, session, role or setting, when and from where. Pages
    /// after the Relay specification of at most 100, 50 where nothing is asked for. Kept as long as the setting
    /// `VESTIBULE_AUDIT_DAYS` says. Administrators only.
    async fn admin_audit_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The newest entries, or those after `after`.")] first: Option<i32>,
        #[graphql(desc = "A cursor.")] after: Option<String>,
        #[graphql(desc = "The oldest entries, or those before `before`.")] last: Option<i32>,
        #[graphql(desc = "A cursor.")] before: Option<String>,
        #[graphql(desc = "Which events; all where nothing is given.")] filter: Option<
            AuditEventFilter,
        >,
    ) -> Result<Connection<AuditEvent>> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        let filter = filter.unwrap_or_default();
        Box::pin(event::admin_audit_events(
            app,
            arguments,
            filter,
            is_counted(ctx),
        ))
        .await
    }

    /// The mail outbox, newest first: pages after the Relay specification of at most 100, 50 where nothing is asked for.
    /// What was sent leaves it after 30 days. Administrators only.
    async fn admin_mails(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The newest entries, or those after `after`.")] first: Option<i32>,
        #[graphql(desc = "A cursor.")] after: Option<String>,
        #[graphql(desc = "The oldest entries, or those before `before`.")] last: Option<i32>,
        #[graphql(desc = "A cursor.")] before: Option<String>,
        #[graphql(desc = "Which mails; all where nothing is given.")] filter: Option<
            OutboxMailFilter,
        >,
    ) -> Result<Connection<OutboxMail>> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        let filter = filter.unwrap_or_default();
        Box::pin(mail::admin_mails(app, arguments, filter, is_counted(ctx))).await
    }
}

#[derive(Default)]
pub struct TrailAdminMutation;

#[Object]
impl TrailAdminMutation {
    /// Makes a mail that was given up due again, at once and with as many attempts as a new one. Administrators only.
    async fn admin_retry_mail(
        &self,
        ctx: &Context<'_>,
        input: AdminRetryMailInput,
    ) -> Result<OutboxMail> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(retry::admin_retry_mail(app, caller, input)).await
    }

    /// Takes a mail out of the outbox that is queued or was given up; not one that is being sent at this moment.
    /// Administrators only.
    async fn admin_discard_mail(
        &self,
        ctx: &Context<'_>,
        input: AdminDiscardMailInput,
    ) -> Result<DiscardMailPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(discard::admin_discard_mail(app, caller, input)).await
    }
}
