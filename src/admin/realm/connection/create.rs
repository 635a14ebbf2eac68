//! `adminCreateConnection`: a new set of accounts. No application enables it yet.

use async_graphql::InputObject;
use entity::connection::{ActiveModel, Entity};
use entity::{StringList, connection};
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::json;

use super::ConnectionSettings;
use super::rules::{PasswordPolicyInput, Rules};
use crate::admin::realm::name::{already_exists, check_handle};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::realm::policy::PasswordStrength;
use crate::value::Issues;

/// Unicode code points, as the connection `default` has it.
const MIN_LENGTH: i32 = 8;

/// A new connection. What is left out is as the connection `default` has it at first.
#[derive(Debug, InputObject)]
pub struct AdminCreateConnectionInput {
    /// What applications and inputs call it, for good: 1 to 64 of A-Z, a-z, 0-9, `_`, `-` and `.`.
    pub name: String,
    /// Whether `signUp` is open; it is if left out.
    pub sign_up_enabled: Option<bool>,
    /// Whether a mail must be answered before an account exists (`signUp`) or is used (`signIn`); so it is if left out.
    pub email_verification_required: Option<bool>,
    /// Whether a sign-up needs a username, and `signIn` takes it; not if left out.
    pub username_required: Option<bool>,
    /// `example.org` is that domain alone, `*.example.org` every domain below it; at most 1,000. Empty: every domain that
    /// is not blocked.
    pub allowed_email_domains: Option<Vec<String>>,
    /// Written alike. A blocked domain is blocked even where it is allowed, too.
    pub blocked_email_domains: Option<Vec<String>>,
    /// The rules for passwords. If left out: at least 8 characters, no common ones, no personal data.
    pub password_policy: Option<PasswordPolicyInput>,
}

/// # Errors
/// `ALREADY_EXISTS` for a name that is taken; `INVALID_INPUT` for what is out of bounds.
pub async fn admin_create_connection(
    app: &App,
    caller: &Caller,
    input: AdminCreateConnectionInput,
) -> Result<ConnectionSettings> {
    let mut issues = Issues::default();
    check_handle("name", &input.name, &mut issues);
    let mut row = fresh(app, &input.name);
    let rules = Rules {
        sign_up_enabled: input.sign_up_enabled,
        email_verification_required: input.email_verification_required,
        username_required: input.username_required,
        allowed_email_domains: input.allowed_email_domains,
        blocked_email_domains: input.blocked_email_domains,
        password_policy: input.password_policy,
    };
    let mut details = rules.apply(&mut row, &mut issues);
    issues.none()?;
    details.insert("name".into(), json!(input.name));
    let row = connection::Model::try_from(row).map_err(Error::from)?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            Entity::insert(ActiveModel::from(row.clone()))
                .exec_without_returning(&tx)
                .await
                .map_err(already_exists)?;
            let event = Event {
                connection: Some(row.id),
                details: details.clone().into(),
                ..Event::by_administrator(Kind::ConnectionCreated, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            Ok(row.clone().into())
        })
        .await
}

fn fresh(app: &App, name: &str) -> ActiveModel {
    let now = app.now();
    ActiveModel {
        id: Set(app.id()),
        name: Set(name.to_owned()),
        sign_up_enabled: Set(true),
        email_verification_required: Set(true),
        username_required: Set(false),
        allowed_email_domains: Set(StringList::default()),
        blocked_email_domains: Set(StringList::default()),
        password_strength: Set(PasswordStrength::None.as_str().to_owned()),
        password_min_length: Set(MIN_LENGTH),
        password_history: Set(0),
        password_reject_common: Set(true),
        password_reject_personal_data: Set(true),
        password_dictionary: Set(StringList::default()),
        disabled_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    }
}
