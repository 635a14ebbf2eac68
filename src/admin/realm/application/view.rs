//! What administrators see of an application.

use async_graphql::{ID, SimpleObject};
use entity::application::Model;
use uuid::Uuid;

use crate::admin::page::Row;
use crate::scalar::DateTime;

/// An application: one client of the front door.
#[derive(Clone, Debug, SimpleObject)]
pub struct Application {
    /// What `node` takes; everything else calls it by its `clientId`.
    pub(crate) id: ID,
    /// What inputs and the header `x-client-id` call it; the `aud` of its tokens.
    client_id: String,
    name: String,
    /// The connections that it enables; the first one is its default.
    connections: Vec<String>,
    /// Where mailed links may lead back to.
    allowed_redirect_urls: Vec<String>,
    /// Whose pages may call it, as browsers name them in the header `Origin`.
    allowed_origins: Vec<String>,
    /// What its tokens may carry: a user's roles within these.
    roles: Vec<String>,
    /// What anyone may ask for at sign-up; a subset of `roles`.
    sign_up_roles: Vec<String>,
    /// Of a sign-up that names none.
    default_role: String,
    /// Names that `customClaims` may hold.
    allowed_custom_claims: Vec<String>,
    /// Names that `templateOptions` may hold.
    allowed_template_options: Vec<String>,
    /// Whether `requestPasswordReset` may hold the new password.
    password_in_reset_request_allowed: bool,
    /// Seconds.
    access_token_ttl: i32,
    /// Seconds, sliding.
    refresh_token_ttl: i32,
    /// True while nobody comes in through it, and its tokens work nowhere.
    disabled: bool,
    /// Since when it is disabled.
    disabled_at: Option<DateTime>,
    created_at: DateTime,
    updated_at: DateTime,
}

impl Application {
    pub fn new(row: Model, connections: Vec<String>) -> Self {
        Self {
            id: row.id.into(),
            client_id: row.client_id,
            name: row.name,
            connections,
            allowed_redirect_urls: row.allowed_redirect_urls.0,
            allowed_origins: row.allowed_origins.0,
            roles: row.roles.0,
            sign_up_roles: row.sign_up_roles.0,
            default_role: row.default_role,
            allowed_custom_claims: row.allowed_custom_claims.0,
            allowed_template_options: row.allowed_template_options.0,
            password_in_reset_request_allowed: row.password_in_reset_request_allowed,
            access_token_ttl: row.access_token_ttl,
            refresh_token_ttl: row.refresh_token_ttl,
            disabled: row.disabled_at.is_some(),
            disabled_at: row.disabled_at.map(DateTime),
            created_at: DateTime(row.created_at),
            updated_at: DateTime(row.updated_at),
        }
    }
}

impl Row for Model {
    fn id(&self) -> Uuid {
        self.id
    }
}
