//! The tables, one per file. Entities hold columns and relations and nothing else: no hashing, no clock, no GraphQL.
//!
//! Migrations are the truth; a drift test compares a migrated database with these definitions.
//! State is a nullable timestamp (`revoked_at`, `consumed_at`) rather than a boolean: it says when, too.

pub mod application;
pub mod application_connection;
pub mod attempt_counter;
pub mod audit_event;
pub mod connection;
pub mod former_password;
pub mod identity_change;
pub mod job;
pub mod limit_counter;
pub mod pending_sign_up;
pub mod refresh_token;
pub mod sealed_secret;
pub mod session;
pub mod signing_key;
pub mod tenant;
pub mod tenant_member;
pub mod user;
pub mod verification;

use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};

/// A list of plain strings in one JSON column: roles, redirect addresses, domains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct StringList(pub Vec<String>);

impl StringList {
    /// Copies anything that iterates over strings into a list.
    pub fn of<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Self {
        Self(items.into_iter().map(Into::into).collect())
    }
}
