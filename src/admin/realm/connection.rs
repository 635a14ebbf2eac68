//! `adminUpdateConnection`: the rules of a set of accounts.

use async_graphql::{ID, InputObject, SimpleObject};
use entity::StringList;
use entity::connection::{ActiveModel, Column, Entity, Model};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Issue, Result};
use crate::event::{Event, Kind};
use crate::realm::policy::{
    MAX_DICTIONARY, MAX_HISTORY, MAX_MIN_LENGTH, PasswordPolicy, PasswordStrength,
};
use crate::value::{Issues, storable};

/// What to change of which connection.
#[derive(Debug, InputObject)]
pub struct AdminUpdateConnectionInput {
    /// Which connection; names do not change.
    pub name: String,
    /// Whether `signUp` is open.
    pub sign_up_enabled: Option<bool>,
    /// Whether a mail must be answered before an account exists (`signUp`) or is used (`signIn`).
    pub email_verification_required: Option<bool>,
    /// Whether a sign-up needs a username, and `signIn` takes it.
    pub username_required: Option<bool>,
    /// The rules for passwords that are chosen from now on.
    pub password_policy: Option<PasswordPolicyInput>,
}

/// Rules for new passwords. What is left out stays; a `strength` without a `minLength` brings its own minimum.
#[derive(Debug, InputObject)]
pub struct PasswordPolicyInput {
    pub strength: Option<PasswordStrength>,
    /// Unicode code points: 1 to 128.
    pub min_length: Option<i32>,
    /// How many former passwords may not come back: 0 to 24. What was chosen before the switch is not known.
    pub history: Option<i32>,
    /// Refuse passwords of a list of a hundred thousand, and of the dictionary.
    pub reject_common: Option<bool>,
    /// Refuse passwords that hold a part of the account's own data.
    pub reject_personal_data: Option<bool>,
    /// Own words that count as common; at most 1,000, compared without regard to case.
    pub dictionary: Option<Vec<String>>,
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
/// `NOT_FOUND` for an unknown name; `INVALID_INPUT` for what is out of bounds.
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
    if let Some(required) = input.username_required {
        change.username_required = Set(required);
        details.insert("usernameRequired".into(), json!(required));
    }
    if let Some(policy) = input.password_policy {
        change_policy(&mut change, policy)?;
        details.insert("passwordPolicy".into(), json!("changed"));
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
        ..Event::by_administrator(Kind::ConnectionUpdated, caller.acting_user())
    };
    app.record(&tx, &caller.origin, event).await?;
    tx.commit().await?;
    Ok(row.into())
}

fn change_policy(change: &mut ActiveModel, policy: PasswordPolicyInput) -> Result<()> {
    let mut issues = Issues::default();
    let mut within = |path: &'static str, value: i32, least: i32, most: i32| {
        if !(least..=most).contains(&value) {
            issues.push(Issue::new(
                path,
                "not_allowed",
                format!("{least} to {most}."),
            ));
        }
        Set(value)
    };
    let min_length = policy
        .min_length
        .or(policy.strength.map(PasswordStrength::min_length));
    if let Some(min_length) = min_length {
        change.password_min_length =
            within("passwordPolicy.minLength", min_length, 1, MAX_MIN_LENGTH);
    }
    if let Some(history) = policy.history {
        change.password_history = within("passwordPolicy.history", history, 0, MAX_HISTORY);
    }
    if let Some(strength) = policy.strength {
        change.password_strength = Set(strength.as_str().to_owned());
    }
    if let Some(reject) = policy.reject_common {
        change.password_reject_common = Set(reject);
    }
    if let Some(reject) = policy.reject_personal_data {
        change.password_reject_personal_data = Set(reject);
    }
    if let Some(words) = policy.dictionary {
        let path = "passwordPolicy.dictionary";
        if words.len() > MAX_DICTIONARY {
            issues.push(Issue::new(
                path,
                "too_many",
                format!("At most {MAX_DICTIONARY} words."),
            ));
        }
        let bad = |word: &String| {
            word.is_empty() || word.chars().count() > 128 || word.chars().any(char::is_control)
        };
        if words.iter().any(bad) {
            issues.push(Issue::new(path, "format", "Words of 1 to 128 characters."));
        }
        change.password_dictionary = Set(StringList(words));
    }
    issues.none()
}
