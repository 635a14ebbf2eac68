//! Administration of accounts.

mod get;
mod list;

use async_graphql::{Context, Object};
pub use get::UserLookup;
pub use list::UserFilter;

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
        get::admin_user(app, by, selection).await
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
        list::admin_users(
            app,
            arguments,
            filter.unwrap_or_default(),
            selection,
            is_counted(ctx),
        )
        .await
    }
}
