//! `adminUpdateConnection`: the rules of a set of accounts, and whether it is open at all.

use async_graphql::{InputObject, MaybeUndefined};
use entity::connection::{ActiveModel, Column, Entity};
use sea_orm::sea_query::LockType;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;

use super::ConnectionSettings;
use super::rules::{PasswordPolicyInput, Rules};
use crate::admin::realm::null;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::value::{Issues, storable};

/// What to change of which connection. Fields that are left out stay; null is `INVALID_INPUT`, but for the dictionary, which it
/// empties: an empty list of domains opens the door, and has to be written.
#[derive(Debug, InputObject)]
pub struct AdminUpdateConnectionInput {
    /// Which connection; names do not change.
    pub name: String,
    /// Whether `signUp` is open.
    pub sign_up_enabled: MaybeUndefined<bool>,
    /// Whether a mail must be answered before an account exists (`signUp`) or is used (`signIn`).
    pub email_verification_required: MaybeUndefined<bool>,
    /// Whether a sign-up needs a username, and `signIn` takes it.
    pub username_required: MaybeUndefined<bool>,
    /// Replaced whole: `example.org` is that domain alone, `*.example.org` every domain below it. Empty: every domain
    /// that is not blocked. Accounts that are there already stay.
    pub allowed_email_domains: MaybeUndefined<Vec<String>>,
    /// Replaced whole, and written alike. A blocked domain is blocked even where it is allowed, too.
    pub blocked_email_domains: MaybeUndefined<Vec<String>>,
    /// The rules for passwords that are chosen from now on.
    pub password_policy: MaybeUndefined<PasswordPolicyInput>,
    /// True: none of its accounts works from the next request on, and no mailed link. False: all of that works again,
    /// as far as it has not ended meanwhile.
    pub disabled: MaybeUndefined<bool>,
}

/// # Errors
/// `NOT_FOUND` for an unknown name; `INVALID_INPUT` for what is out of bounds.
pub async fn admin_update_connection(
    app: &App,
    caller: &Caller,
    input: AdminUpdateConnectionInput,
) -> Result<ConnectionSettings> {
    let now = app.now();
    let mut change = ActiveModel {
        updated_at: Set(now),
        ..Default::default()
    };
    let mut issues = Issues::default();
    let disabled = null::never("disabled", input.disabled, &mut issues);
    let password_policy = null::never("passwordPolicy", input.password_policy, &mut issues);
    if let Some(policy) = &password_policy {
        policy.note_nulls(&mut issues);
    }
    let rules = Rules {
        sign_up_enabled: null::never("signUpEnabled", input.sign_up_enabled, &mut issues),
        email_verification_required: null::never(
            "emailVerificationRequired",
            input.email_verification_required,
            &mut issues,
        ),
        username_required: null::never("usernameRequired", input.username_required, &mut issues),
        allowed_email_domains: null::never(
            "allowedEmailDomains",
            input.allowed_email_domains,
            &mut issues,
        ),
        blocked_email_domains: null::never(
            "blockedEmailDomains",
            input.blocked_email_domains,
            &mut issues,
        ),
        password_policy,
    };
    let details = rules.apply(&mut change, &mut issues);
    issues.none()?;
    app.db
        .transact(|| async {
            let (mut change, mut details) = (change.clone(), details.clone());
            let tx = app.db.begin().await?;
            let row = Entity::find()
                .filter(Column::Name.eq(storable(&input.name)))
                .lock(LockType::NoKeyUpdate)
                .one(&tx)
                .await?
                .ok_or(Error::NotFound)?;
            if let Some(disabled) = disabled {
                // Disabled twice is disabled since the first time.
                change.disabled_at = Set(disabled.then(|| row.disabled_at.unwrap_or(now)));
                details.insert("disabled".into(), json!(disabled));
            }
            Entity::update_many()
                .set(change)
                .filter(Column::Id.eq(row.id))
                .exec(&tx)
                .await?;
            let row = Entity::find_by_id(row.id)
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
        })
        .await
}
