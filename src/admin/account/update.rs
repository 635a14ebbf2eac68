//! `adminUpdateUser`: an administrator changes an account, at once and without asking its owner.

use async_graphql::{ID, InputObject, MaybeUndefined};
use entity::user::{ActiveModel, Column, Entity, Model};
use entity::verification::Purpose;
use entity::{connection, session};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, SqlErr,
};
use serde_json::{Value, json};

use super::find;
use super::wish::Wishes;
use crate::account::settle;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::password::attempt;
use crate::password::choose::{Candidate, choose, connection_of, personal_data, remember};
use crate::scalar::Json;
use crate::secret::Secret;
use crate::session as sessions;
use crate::value::Issues;
use crate::verification::address;

/// What to change of which account. Fields that are left out stay. Null clears, but is `INVALID_INPUT` for `email`,
/// `emailVerified`, `phoneNumberVerified`, `roles`, `defaultRole`, `disabled` and `password`.
#[derive(Debug, InputObject)]
pub struct AdminUpdateUserInput {
    /// Which account.
    pub user_id: ID,
    /// Becomes the account's at once, unverified unless `emailVerified` is true. Every mail that waits for an answer is
    /// void, also one that would give a former address back.
    pub email: MaybeUndefined<String>,
    /// Whether the address counts as verified.
    pub email_verified: MaybeUndefined<bool>,
    /// Null clears it, where the connection does not require one.
    pub username: MaybeUndefined<String>,
    /// At most 100 characters; null: the part of the address before the `@`.
    pub display_name: MaybeUndefined<String>,
    /// At most 100 characters.
    pub given_name: MaybeUndefined<String>,
    /// At most 100 characters.
    pub middle_name: MaybeUndefined<String>,
    /// At most 100 characters.
    pub family_name: MaybeUndefined<String>,
    /// In international form (E.164). Another number is not verified, unless `phoneNumberVerified` is true.
    pub phone_number: MaybeUndefined<String>,
    /// Whether the number counts as verified.
    pub phone_number_verified: MaybeUndefined<bool>,
    /// BCP 47; null: `en`.
    pub locale: MaybeUndefined<String>,
    /// Replaced whole: at most 10 properties; names of at most 100 characters; string values of at most 500.
    pub metadata: MaybeUndefined<Json>,
    /// Replaced whole; the same bounds.
    pub app_metadata: MaybeUndefined<Json>,
    /// Replaced whole; at most 50. What is taken away is gone with the next request, and from the next token.
    /// `vestibule-admin` makes an administrator.
    pub roles: MaybeUndefined<Vec<String>>,
    /// One of the roles.
    pub default_role: MaybeUndefined<String>,
    /// True ends every session and voids every mail that waits for an answer, but the link that takes a change of address
    /// back; false lets the user sign in again.
    pub disabled: MaybeUndefined<bool>,
    /// Must meet the connection's policy. Ends every session and voids every mail that waits for an answer, but the link that
    /// takes a change of address back.
    #[graphql(secret)]
    pub password: MaybeUndefined<Secret>,
}

/// # Errors
/// `NOT_FOUND`, `INVALID_INPUT` with every issue, `WEAK_PASSWORD`, `EMAIL_TAKEN`, `USERNAME_TAKEN`, `OVERLOADED`.
pub async fn admin_update_user(
    app: &App,
    caller: &Caller,
    mut input: AdminUpdateUserInput,
) -> Result<Model> {
    let id = find::id(&input.user_id)?;
    let password: Option<Option<Secret>> = std::mem::take(&mut input.password).into();
    if password == Some(None) {
        return Err(Error::invalid(
            "password",
            "required",
            "This cannot be null.",
        ));
    }
    let wishes = Wishes::from(input);
    let user = find::user(app.db.read(), id).await?;
    let connection = connection_of(app, &user).await?;
    let wished = changed(app, &connection, &user, &wishes)?;
    let hash = match password.flatten() {
        Some(password) => {
            let candidate = Candidate {
                connection: &connection,
                password: &password,
                personal: personal_data(&wished),
                user: Some(&user),
            };
            Some(choose(app, caller, "password", &candidate).await?)
        }
        None => None,
    };

    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            // Once more, by the account as it is now and stays until the end.
            let before = find::held_user(&tx, id).await?;
            let mut after = changed(app, &connection, &before, &wishes)?;
            let new_password = hash.is_some();
            after.password_hash = hash.clone().or(after.password_hash);
            store(&tx, &after).await?;
            if new_password {
                remember(app, &tx, &before).await?;
            }
            follow(app, &tx, &before, &after, new_password).await?;
            let event = Event {
                user: Some(id),
                connection: Some(connection.id),
                details: details(&before, &after, new_password),
                ..Event::by_administrator(Kind::UserUpdated, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            Ok(after)
        })
        .await
}

fn changed(
    app: &App,
    connection: &connection::Model,
    user: &Model,
    wishes: &Wishes,
) -> Result<Model> {
    let mut issues = Issues::default();
    let mut user = user.clone();
    wishes.apply(connection, &mut user, app.now(), &mut issues);
    issues.none()?;
    user.updated_at = app.now();
    Ok(user)
}

/// The columns that an administrator may change; the account is held.
async fn store(tx: &impl ConnectionTrait, user: &Model) -> Result<()> {
    let user = user.clone();
    let change = ActiveModel {
        email: Set(user.email),
        email_key: Set(user.email_key),
        email_verified_at: Set(user.email_verified_at),
        username: Set(user.username),
        username_key: Set(user.username_key),
        phone_number: Set(user.phone_number),
        phone_number_verified_at: Set(user.phone_number_verified_at),
        display_name: Set(user.display_name),
        given_name: Set(user.given_name),
        middle_name: Set(user.middle_name),
        family_name: Set(user.family_name),
        locale: Set(user.locale),
        metadata: Set(user.metadata),
        app_metadata: Set(user.app_metadata),
        default_role: Set(user.default_role),
        roles: Set(user.roles),
        password_hash: Set(user.password_hash),
        disabled_at: Set(user.disabled_at),
        updated_at: Set(user.updated_at),
        ..Default::default()
    };
    Entity::update_many()
        .set(change)
        .filter(Column::Id.eq(user.id))
        .exec(tx)
        .await
        .map_err(taken)?;
    Ok(())
}

/// Which of the two unique indexes refused, both databases tell by the name of its column.
fn taken(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(which)) if which.contains("username_key") => {
            Error::UsernameTaken
        }
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::EmailTaken,
        _ => error.into(),
    }
}

/// What a change brings with it: nothing goes on that another address, another password or an account that was open had
/// begun.
async fn follow(
    app: &App,
    tx: &impl ConnectionTrait,
    before: &Model,
    after: &Model,
    new_password: bool,
) -> Result<()> {
    let now = app.now();
    let (id, connection) = (after.id, after.connection_id);
    let moved = before.email_key != after.email_key;
    if moved {
        if address::is_reserved(tx, connection, &after.email_key, Some(id), now).await? {
            return Err(Error::EmailTaken);
        }
        settle(tx, after, now).await?;
        address::void(tx, id, Purpose::EmailChangeUndo, None, now).await?;
    }
    let shut = new_password || after.disabled_at.is_some();
    if shut {
        sessions::revoke(tx, session::Column::UserId.eq(id), now).await?;
    }
    if moved || shut {
        address::void_all(tx, id, now).await?;
    }
    // Late: guesses of others, which are counted together, wait for whoever holds a counter.
    if new_password {
        attempt::forgive(tx, &[after.id]).await?;
    }
    Ok(())
}

/// What the trail tells: names of fields, and no values but those of roles, which are nothing of the person: whom somebody gave
/// which power.
fn details(before: &Model, after: &Model, new_password: bool) -> Value {
    let fields = fields(before, after, new_password);
    let mut details = json!({ "fields": fields });
    if fields.contains(&"roles") {
        details["roles"] = json!(after.roles);
    }
    if fields.contains(&"defaultRole") {
        details["defaultRole"] = json!(after.default_role);
    }
    details
}

/// The names of the fields that are not as they were; a password counts always.
fn fields(before: &Model, after: &Model, new_password: bool) -> Vec<&'static str> {
    let all = [
        ("email", before.email != after.email),
        (
            "emailVerified",
            before.email_verified_at.is_some() != after.email_verified_at.is_some(),
        ),
        ("username", before.username != after.username),
        ("displayName", before.display_name != after.display_name),
        ("givenName", before.given_name != after.given_name),
        ("middleName", before.middle_name != after.middle_name),
        ("familyName", before.family_name != after.family_name),
        ("phoneNumber", before.phone_number != after.phone_number),
        (
            "phoneNumberVerified",
            before.phone_number_verified_at.is_some() != after.phone_number_verified_at.is_some(),
        ),
        ("locale", before.locale != after.locale),
        ("metadata", before.metadata != after.metadata),
        ("appMetadata", before.app_metadata != after.app_metadata),
        ("roles", before.roles != after.roles),
        ("defaultRole", before.default_role != after.default_role),
        (
            "disabled",
            before.disabled_at.is_some() != after.disabled_at.is_some(),
        ),
        ("password", new_password),
    ];
    let changed = all.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(name, _)| name).collect()
}

impl From<AdminUpdateUserInput> for Wishes {
    fn from(input: AdminUpdateUserInput) -> Self {
        Self {
            email: input.email.into(),
            email_verified: input.email_verified.into(),
            username: input.username.into(),
            display_name: input.display_name.into(),
            given_name: input.given_name.into(),
            middle_name: input.middle_name.into(),
            family_name: input.family_name.into(),
            phone_number: input.phone_number.into(),
            phone_number_verified: input.phone_number_verified.into(),
            locale: input.locale.into(),
            metadata: input.metadata.into(),
            app_metadata: input.app_metadata.into(),
            roles: input.roles.into(),
            default_role: input.default_role.into(),
            disabled: input.disabled.into(),
        }
    }
}
