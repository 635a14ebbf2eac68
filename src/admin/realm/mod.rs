//! Administration of applications, connections and tenants.

mod application;
mod connection;

pub use application::{AdminUpdateApplicationInput, Application};
use async_graphql::{Context, Object};
pub use connection::{AdminUpdateConnectionInput, ConnectionSettings};

use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;

#[derive(Default)]
pub struct RealmAdminMutation;

#[Object]
impl RealmAdminMutation {
    /// Changes the rules of a database connection, from the next request on. Fields that are left out keep their value.
    /// Administrators only.
    async fn admin_update_connection(
        &self,
        ctx: &Context<'_>,
        input: AdminUpdateConnectionInput,
    ) -> Result<ConnectionSettings> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        connection::admin_update_connection(app, caller, input).await
    }

    /// Changes an application, from the next request on. Fields that are left out keep their value. Administrators only.
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
