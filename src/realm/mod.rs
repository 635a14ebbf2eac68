//! Who may come in, under which rules: applications, connections, roles, redirect addresses.

mod auth_config;
pub mod claim;
pub mod domain;
pub mod origin;
pub mod place;
pub mod policy;
pub mod role;
pub mod template_options;
pub mod tenant;

use async_graphql::{Context, Object};
pub use auth_config::{AuthConfig, ErrorCode};

pub use crate::mail::redirect;

use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;

#[derive(Default)]
pub struct RealmQuery;

#[Object]
impl RealmQuery {
    /// What a sign-in or sign-up page needs to know before anyone types: which fields to show, which rules the
    /// password has, which error codes to expect. Open to everybody.
    async fn auth_config(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The application; without it header `x-client-id`, else the default application."
        )]
        client_id: Option<String>,
        #[graphql(
            desc = "One of the application's database connections; its default if left out."
        )]
        connection: Option<String>,
    ) -> Result<AuthConfig> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        Box::pin(auth_config::auth_config(
            app,
            caller,
            client_id.as_deref(),
            connection.as_deref(),
        ))
        .await
    }
}
