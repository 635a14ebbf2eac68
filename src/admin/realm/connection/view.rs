//! What administrators see of a connection. The words of its dictionary are told to nobody.

use async_graphql::{ID, SimpleObject};
use entity::connection::Model;
use uuid::Uuid;

use crate::admin::page::Row;
use crate::realm::policy::PasswordPolicy;
use crate::scalar::DateTime;

/// A database connection (Auth0's term): a set of accounts and the rules for them.
#[derive(Clone, Debug, SimpleObject)]
pub struct ConnectionSettings {
    pub(crate) id: ID,
    /// What applications and inputs call it.
    name: String,
    /// Whether `signUp` is open.
    sign_up_enabled: bool,
    /// Whether a mail must be answered before an account exists or is used.
    email_verification_required: bool,
    /// Whether a sign-up needs a username.
    username_required: bool,
    /// If not empty, only addresses of these domains may sign up.
    allowed_email_domains: Vec<String>,
    /// Addresses of these domains may not sign up.
    blocked_email_domains: Vec<String>,
    /// The rules for passwords that are chosen from now on.
    password_policy: PasswordPolicy,
    /// True while none of its accounts works, and nobody can sign up.
    disabled: bool,
    /// Since when it is disabled.
    disabled_at: Option<DateTime>,
    created_at: DateTime,
    updated_at: DateTime,
}

impl From<Model> for ConnectionSettings {
    fn from(row: Model) -> Self {
        Self {
            password_policy: PasswordPolicy::from(&row),
            id: row.id.into(),
            name: row.name,
            sign_up_enabled: row.sign_up_enabled,
            email_verification_required: row.email_verification_required,
            username_required: row.username_required,
            allowed_email_domains: row.allowed_email_domains.0,
            blocked_email_domains: row.blocked_email_domains.0,
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
