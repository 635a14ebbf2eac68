//! `adminUpdateConnection`: the rules of a set of accounts.

use async_graphql::{ID, InputObject, SimpleObject};
use entity::connection::{ActiveModel, Column, Entity, Model};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::realm::policy::PasswordPolicy;
use crate::value::storable;

/// What to change of which connection.
#[derive(Debug, InputObject)]
pub struct AdminUpdateConnectionInput {
    /// Which connection; names do not change.
    pub name: String,
    /// Whether `signUp` is open.
    pub sign_up_enabled: Option<bool>,
    /// Whether a mail must be answered before an account exists (`signUp`) or is used (`signIn`).
    pub email_verification_required: Option<bool>,
}

/// A database connection (Auth0's term): a set of accounts and the rules for them.
#[derive(Clone, Debug, SimpleObject)]
pub struct ConnectionSettings {
    id: ID,
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
        }
    }
}

/// # Errors
/// `NOT_FOUND` for an unknown name.
pub async fn admin_update_connection(
    app: &App,
    caller: &Caller,
    input: AdminUpdateConnectionInput,
) -> Result<ConnectionSettings> {
    let mut change = ActiveModel {
        updated_at: Set(app.now()),
        ..Default::default()
    };
    let mut details = serde_json::Map::new();
    if let Some(enabled) = input.sign_up_enabled {
        change.sign_up_enabled = Set(enabled);
        details.insert("signUpEnabled".into(), json!(enabled));
    }
    if let Some(required) = input.email_verification_required {
        change.email_verification_required = Set(required);
        details.insert("emailVerificationRequired".into(), json!(required));
    }
    let name = storable(&input.name);
    let tx = app.db.begin().await?;
    let changed = Entity::update_many()
        .set(change)
        .filter(Column::Name.eq(name))
        .exec(&tx)
        .await?;
    if changed.rows_affected == 0 {
        return Err(Error::NotFound);
    }
    let row = Entity::find()
        .filter(Column::Name.eq(name))
        .one(&tx)
        .await?
        .ok_or(Error::NotFound)?;
    let event = Event {
        connection: Some(row.id),
        details: details.into(),
        ..Event::by_administrator(Kind::ConnectionUpdated)
    };
    app.record(&tx, &caller.origin, event).await?;
    tx.commit().await?;
    Ok(row.into())
}
