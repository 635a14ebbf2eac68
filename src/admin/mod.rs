//! What administrators may ask and do. Every resolver begins with the guard.

mod application;
mod connection;
mod user;

pub use application::{AdminUpdateApplicationInput, Application};
use async_graphql::{Context, Object};
pub use connection::{AdminUpdateConnectionInput, ConnectionSettings};
pub use user::UserLookup;

use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;
use crate::user::{Selection, User};

#[derive(Default)]
pub struct AdminQuery;

#[Object]
impl AdminQuery {
    /// One account, by id or by address; null where there is none. Administrators only: header
    /// `x-vestibule-admin-secret`.
    async fn admin_user(&self, ctx: &Context<'_>, by: UserLookup) -> Result<Option<User>> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let selection = Selection::of(&ctx.look_ahead());
        user::admin_user(app, by, selection).await
    }
}

#[derive(Default)]
pub struct AdminMutation;

#[Object]
impl AdminMutation {
    /// Changes the rules of a database connection, from the next request on. Fields that are left out keep their value.
    /// Administrators only: header `x-vestibule-admin-secret`.
    async fn admin_update_connection(
        &self,
        ctx: &Context<'_>,
        input: AdminUpdateConnectionInput,
    ) -> Result<ConnectionSettings> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        connection::admin_update_connection(app, caller, input).await
    }

    /// Changes an application, from the next request on. Fields that are left out keep their value. Administrators only:
    /// header `x-vestibule-admin-secret`.
    async fn admin_update_application(
        &self,
        ctx: &Context<'_>,
        input: AdminUpdateApplicationInput,
    ) -> Result<Application> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        application::admin_update_application(app, caller, input).await
    }
}
