//! Administration of applications, connections and tenants.

mod application;
mod connection;
mod name;
mod null;
mod tenant;

pub use application::read::by_ids as applications_by_ids;
pub use application::{
    AdminCreateApplicationInput, AdminDeleteApplicationInput, AdminUpdateApplicationInput,
    Application, DeleteApplicationPayload,
};
use async_graphql::{Context, ID, Object};
pub use connection::read::by_ids as connections_by_ids;
pub use connection::{
    AdminCreateConnectionInput, AdminDeleteConnectionInput, AdminUpdateConnectionInput,
    ConnectionSettings, DeleteConnectionPayload,
};
pub use tenant::read::by_ids as tenants_by_ids;
pub use tenant::{
    AdminCreateTenantInput, AdminDeleteTenantInput, AdminRemoveTenantMemberInput,
    AdminSetTenantMemberInput, AdminUpdateTenantInput, DeleteTenantPayload, Tenant,
};

use crate::admin::page::{Connection, PageArguments, is_counted};
use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;
use crate::user::{Selection, User};

#[derive(Default)]
pub struct RealmAdminQuery;

#[Object]
impl RealmAdminQuery {
    /// A database connection and its rules, by name; null where there is none. Administrators only.
    async fn admin_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As inputs call it.")] name: String,
    ) -> Result<Option<ConnectionSettings>> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(connection::read::admin_connection(app, &name)).await
    }

    /// Database connections, newest first: pages after the Relay specification of at most 100, 50 where nothing is asked for.
    /// Administrators only.
    async fn admin_connections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The newest entries, or those after `after`.")] first: Option<i32>,
        #[graphql(desc = "A cursor.")] after: Option<String>,
        #[graphql(desc = "The oldest entries, or those before `before`.")] last: Option<i32>,
        #[graphql(desc = "A cursor.")] before: Option<String>,
    ) -> Result<Connection<ConnectionSettings>> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        Box::pin(connection::read::admin_connections(
            app,
            arguments,
            is_counted(ctx),
        ))
        .await
    }

    /// An application, by client id; null where there is none. Administrators only.
    async fn admin_application(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As inputs call it.")] client_id: String,
    ) -> Result<Option<Application>> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(application::read::admin_application(app, &client_id)).await
    }

    /// Applications, newest first: pages after the Relay specification of at most 100, 50 where nothing is asked for.
    /// Administrators only.
    async fn admin_applications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The newest entries, or those after `after`.")] first: Option<i32>,
        #[graphql(desc = "A cursor.")] after: Option<String>,
        #[graphql(desc = "The oldest entries, or those before `before`.")] last: Option<i32>,
        #[graphql(desc = "A cursor.")] before: Option<String>,
    ) -> Result<Connection<Application>> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        Box::pin(application::read::admin_applications(
            app,
            arguments,
            is_counted(ctx),
        ))
        .await
    }

    /// A tenant, by id; null where there is none. Administrators only.
    async fn admin_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "`Tenant.id`.")] id: ID,
    ) -> Result<Option<Tenant>> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(tenant::read::admin_tenant(app, &id)).await
    }

    /// Tenants, newest first: pages after the Relay specification of at most 100, 50 where nothing is asked for.
    /// Administrators only.
    async fn admin_tenants(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The newest entries, or those after `after`.")] first: Option<i32>,
        #[graphql(desc = "A cursor.")] after: Option<String>,
        #[graphql(desc = "The oldest entries, or those before `before`.")] last: Option<i32>,
        #[graphql(desc = "A cursor.")] before: Option<String>,
    ) -> Result<Connection<Tenant>> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        Box::pin(tenant::read::admin_tenants(app, arguments, is_counted(ctx))).await
    }
}

#[derive(Default)]
pub struct RealmAdminMutation;

#[Object]
impl RealmAdminMutation {
    /// Makes a database connection. It is of no use before an application enables it. Administrators only.
    async fn admin_create_connection(
        &self,
        ctx: &Context<'_>,
        input: AdminCreateConnectionInput,
    ) -> Result<ConnectionSettings> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(connection::create::admin_create_connection(
            app, caller, input,
        ))
        .await
    }

    /// Changes the rules of a database connection, from the next request on. Fields that are left out keep their value; null
    /// is refused, but for the dictionary, which it empties. Administrators only.
    async fn admin_update_connection(
        &self,
        ctx: &Context<'_>,
        input: AdminUpdateConnectionInput,
    ) -> Result<ConnectionSettings> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(connection::update::admin_update_connection(
            app, caller, input,
        ))
        .await
    }

    /// Deletes a database connection, and with `deleteUsers` everyone who lives in it. At once: their sessions work no
    /// more with the next request. An application that enabled nothing else lets nobody in any more. A large one that
    /// runs out of its time is disabled, and goes on when it is asked for again. Administrators only.
    async fn admin_delete_connection(
        &self,
        ctx: &Context<'_>,
        input: AdminDeleteConnectionInput,
    ) -> Result<DeleteConnectionPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(connection::delete::admin_delete_connection(
            app, caller, input,
        ))
        .await
    }

    /// Makes an application. Administrators only.
    async fn admin_create_application(
        &self,
        ctx: &Context<'_>,
        input: AdminCreateApplicationInput,
    ) -> Result<Application> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(application::create::admin_create_application(
            app, caller, input,
        ))
        .await
    }

    /// Changes an application, from the next request on. Fields that are left out keep their value; null empties the lists of
    /// redirect addresses, origins, claims and template options, and is refused elsewhere. Administrators only.
    async fn admin_update_application(
        &self,
        ctx: &Context<'_>,
        input: AdminUpdateApplicationInput,
    ) -> Result<Application> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(application::update::admin_update_application(
            app, caller, input,
        ))
        .await
    }

    /// Deletes an application and every session that was opened through it, at once. Accounts stay: they live in
    /// connections. Administrators only.
    async fn admin_delete_application(
        &self,
        ctx: &Context<'_>,
        input: AdminDeleteApplicationInput,
    ) -> Result<DeleteApplicationPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(application::delete::admin_delete_application(
            app, caller, input,
        ))
        .await
    }

    /// Makes a tenant. Administrators only.
    async fn admin_create_tenant(
        &self,
        ctx: &Context<'_>,
        input: AdminCreateTenantInput,
    ) -> Result<Tenant> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(tenant::create::admin_create_tenant(app, caller, input)).await
    }

    /// Changes the name of a tenant. Administrators only.
    async fn admin_update_tenant(
        &self,
        ctx: &Context<'_>,
        input: AdminUpdateTenantInput,
    ) -> Result<Tenant> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(tenant::update::admin_update_tenant(app, caller, input)).await
    }

    /// Deletes a tenant with its memberships. Its members stay. Administrators only.
    async fn admin_delete_tenant(
        &self,
        ctx: &Context<'_>,
        input: AdminDeleteTenantInput,
    ) -> Result<DeleteTenantPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        Box::pin(tenant::delete::admin_delete_tenant(app, caller, input)).await
    }

    /// Makes a user a member of a tenant, or replaces the roles of one that is. The next access token tells.
    /// Administrators only.
    async fn admin_set_tenant_member(
        &self,
        ctx: &Context<'_>,
        input: AdminSetTenantMemberInput,
    ) -> Result<User> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let selection = Selection::of(&ctx.look_ahead());
        Box::pin(tenant::member::admin_set_tenant_member(
            app, caller, input, selection,
        ))
        .await
    }

    /// Takes a user out of a tenant: `NOT_FOUND` for who is not in it. The next access token tells. Administrators
    /// only.
    async fn admin_remove_tenant_member(
        &self,
        ctx: &Context<'_>,
        input: AdminRemoveTenantMemberInput,
    ) -> Result<User> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        caller.require_administrator(app).await?;
        let selection = Selection::of(&ctx.look_ahead());
        Box::pin(tenant::member::admin_remove_tenant_member(
            app, caller, input, selection,
        ))
        .await
    }
}
