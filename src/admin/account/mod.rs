//! Administration of accounts.

mod create;
mod delete;
mod discard;
mod find;
mod get;
mod link;
mod list;
mod pending;
mod revoke_sessions;
mod update;
mod wish;

use async_graphql::{Context, Object};
pub use create::AdminCreateUserInput;
pub use delete::AdminDeleteUserInput;
pub use discard::{AdminDiscardPendingSignUpInput, AdminDiscardPendingSignUpPayload};
pub use get::UserLookup;
pub use link::{AdminLinkInput, AdminMakeLinkPayload, AdminSendLinkPayload};
pub use list::UserFilter;
pub use pending::{PendingSignUp, PendingSignUpFilter, pending_by_ids};
pub use revoke_sessions::{AdminRevokeSessionsInput, AdminRevokeSessionsPayload};
pub use update::AdminUpdateUserInput;

use crate::account::DeleteUserPayload;
use crate::admin::page::{Connection, PageArguments, is_counted};
use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;
use crate::user::{Selection, User};

#[derive(Default)]
pub struct AccountAdminQuery;

#[Object]
impl AccountAdminQuery {
    /// One account, by id or by address; null where there is none. Administrators only: header
    /// `x-vestibule-admin-secret`, or a user with the role `vestibule-admin`.
    async fn admin_user(&self, ctx: &Context<'_>, by: UserLookup) -> Result<Option<User>> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let selection = Selection::of(&ctx.look_ahead());
        Box::pin(get::admin_user(app, by, selection)).await
    }

    /// Accounts, newest first: pages after the Relay specification of at most 100, 50 where nothing is asked for.
    /// Administrators only.
    async fn admin_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The newest entries, or those after `after`.")] first: Option<i32>,
        #[graphql(desc = "A cursor.")] after: Option<String>,
        #[graphql(desc = "The oldest entries, or those before `before`.")] last: Option<i32>,
        #[graphql(desc = "A cursor.")] before: Option<String>,
        #[graphql(desc = "Which accounts; all where nothing is given.")] filter: Option<UserFilter>,
    ) -> Result<Connection<User>> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        let list = ctx.look_ahead();
        let selection = Selection::of(&list.field("nodes"))
            .or(Selection::of(&list.field("edges").field("node")));
        Box::pin(list::admin_users(
            app,
            arguments,
            filter.unwrap_or_default(),
            selection,
            is_counted(ctx),
        ))
        .await
    }

    /// Sign-ups whose mail waits for an answer, newest first, in pages like those of `adminUsers`. Administrators only.
    async fn admin_pending_sign_ups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The newest entries, or those after `after`.")] first: Option<i32>,
        #[graphql(desc = "A cursor.")] after: Option<String>,
        #[graphql(desc = "The oldest entries, or those before `before`.")] last: Option<i32>,
        #[graphql(desc = "A cursor.")] before: Option<String>,
        #[graphql(desc = "Which sign-ups; all where nothing is given.")] filter: Option<
            PendingSignUpFilter,
        >,
    ) -> Result<Connection<PendingSignUp>> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        let filter = filter.unwrap_or_default();
        Box::pin(pending::admin_pending_sign_ups(
            app,
            arguments,
            filter,
            is_counted(ctx),
        ))
        .await
    }
}

#[derive(Default)]
pub struct AccountAdminMutation;

#[Object]
impl AccountAdminMutation {
    /// Makes an account, with a password or with an invitation to choose one. The connection's policy and its rules for
    /// usernames hold; its lists of domains and whether signing up is open do not. Administrators only.
    async fn admin_create_user(
        &self,
        ctx: &Context<'_>,
        input: AdminCreateUserInput,
    ) -> Result<User> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let user = Box::pin(create::admin_create_user(app, caller, input)).await?;
        Box::pin(find::shown(ctx, user)).await
    }

    /// Changes an account, from the next request on. Fields that are left out stay, null clears what can be empty and is refused
    /// elsewhere, `metadata` and `appMetadata` are replaced whole. Administrators only.
    async fn admin_update_user(
        &self,
        ctx: &Context<'_>,
        input: AdminUpdateUserInput,
    ) -> Result<User> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let user = Box::pin(update::admin_update_user(app, caller, input)).await?;
        Box::pin(find::shown(ctx, user)).await
    }

    /// Deletes an account. Everything of the user goes, every session ends, and the address is free again. Administrators
    /// only.
    async fn admin_delete_user(
        &self,
        ctx: &Context<'_>,
        input: AdminDeleteUserInput,
    ) -> Result<DeleteUserPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(delete::admin_delete_user(app, caller, input)).await
    }

    /// Ends one session of a user, or all of them, at once: their access tokens stop working here with the next request.
    /// Administrators only.
    async fn admin_revoke_sessions(
        &self,
        ctx: &Context<'_>,
        input: AdminRevokeSessionsInput,
    ) -> Result<AdminRevokeSessionsPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(revoke_sessions::admin_revoke_sessions(app, caller, input)).await
    }

    /// Mails a user a link that verifies the address, resets the password, or invites to choose one; whatever the limits of
    /// mails say. Administrators only.
    async fn admin_send_link(
        &self,
        ctx: &Context<'_>,
        input: AdminLinkInput,
    ) -> Result<AdminSendLinkPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(link::admin_send_link(app, caller, input)).await
    }

    /// Makes the same link as `adminSendLink` and answers it instead of mailing it. Whoever follows it counts as the owner
    /// of the address. Administrators only.
    async fn admin_make_link(
        &self,
        ctx: &Context<'_>,
        input: AdminLinkInput,
    ) -> Result<AdminMakeLinkPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(link::admin_make_link(app, caller, input)).await
    }

    /// Discards a pending sign-up: its mail is void, and no account comes of it. Administrators only.
    async fn admin_discard_pending_sign_up(
        &self,
        ctx: &Context<'_>,
        input: AdminDiscardPendingSignUpInput,
    ) -> Result<AdminDiscardPendingSignUpPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(discard::admin_discard_pending_sign_up(app, caller, input)).await
    }
}
