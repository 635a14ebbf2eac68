//! `updateUser`: the owner's own data. What is left out stays, null clears, and `metadata` is replaced whole.

use async_graphql::{InputObject, MaybeUndefined};
use chrono::{DateTime, Utc};
use entity::user::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use url::Url;

use super::profile::NAME;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Issue, Result};
use crate::event::{Event, Kind};
use crate::scalar::Json;
use crate::value::{self, Issues, Locale};

/// What to change of one's own account. Fields that are left out stay, null clears.
#[derive(Debug, InputObject)]
pub struct UpdateUserInput {
    /// At most 100 characters; null: the part of the address before the `@`.
    pub display_name: MaybeUndefined<String>,
    /// At most 100 characters.
    pub given_name: MaybeUndefined<String>,
    /// At most 100 characters.
    pub middle_name: MaybeUndefined<String>,
    /// At most 100 characters.
    pub family_name: MaybeUndefined<String>,
    /// In international form (E.164). Another number is not verified.
    pub phone_number: MaybeUndefined<String>,
    /// An https address of at most 2,000 characters.
    pub avatar_url: MaybeUndefined<String>,
    /// BCP 47; null: `en`.
    pub locale: MaybeUndefined<String>,
    /// Replaced whole: at most 10 properties; names of at most 100 characters; string values of at most 500.
    pub metadata: MaybeUndefined<Json>,
}

/// # Errors
/// `UNAUTHENTICATED`, `INVALID_INPUT` with every issue.
pub async fn update_user(app: &App, caller: &Caller, input: UpdateUserInput) -> Result<Model> {
    let user = caller.identity(app).await?.user.clone();
    let change = check(&user, input)?;
    let number = change.phone_number.try_as_ref().cloned();
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let change = ActiveModel {
                updated_at: Set(app.now()),
                ..change.clone()
            };
            let mut update = Entity::update_many().set(change);
            if let Some(number) = &number {
                update = update.col_expr(
                    Column::PhoneNumberVerifiedAt,
                    still_verified(number.clone()),
                );
            }
            update.filter(Column::Id.eq(user.id)).exec(&tx).await?;
            let updated = Entity::find_by_id(user.id)
                .one(&tx)
                .await?
                .ok_or(Error::NotFound)?;
            let event = Event {
                connection: Some(user.connection_id),
                ..Event::by_user(Kind::UserUpdated, user.id)
            };
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            Ok(updated)
        })
        .await
}

/// When the number was verified, as long as it is the same; decided by the row as it is when it is written.
fn still_verified(number: Option<String>) -> Expr {
    CaseStatement::new()
        .case(
            Expr::col(Column::PhoneNumber).eq(number),
            Expr::col(Column::PhoneNumberVerifiedAt),
        )
        .finally(Option::<DateTime<Utc>>::None)
        .into()
}

fn check(user: &Model, input: UpdateUserInput) -> Result<ActiveModel> {
    let mut issues = Issues::default();
    let mut change = ActiveModel::default();
    let mut name = |path, given: MaybeUndefined<String>| {
        let given = wished(given)?;
        issues.take(value::text(path, given.as_deref(), NAME))
    };
    if let Some(text) = name("displayName", input.display_name) {
        let local_part = user.email.rsplit_once('@').map_or("", |(local, _)| local);
        change.display_name = Set(text.unwrap_or_else(|| local_part.to_owned()));
    }
    if let Some(text) = name("givenName", input.given_name) {
        change.given_name = Set(text);
    }
    if let Some(text) = name("middleName", input.middle_name) {
        change.middle_name = Set(text);
    }
    if let Some(text) = name("familyName", input.family_name) {
        change.family_name = Set(text);
    }
    if let Some(given) = wished(input.phone_number)
        && let Some(number) = issues.take(value::phone_number("phoneNumber", given.as_deref()))
    {
        change.phone_number = Set(number);
    }
    if let Some(given) = wished(input.avatar_url)
        && let Some(address) = issues.take(avatar_url(given))
    {
        change.avatar_url = Set(address);
    }
    if let Some(given) = wished(input.locale)
        && let Some(locale) = issues.take(given.map_or(Ok(Locale::default()), |given| {
            Locale::parse("locale", &given)
        }))
    {
        change.locale = Set(locale.as_str().to_owned());
    }
    if let Some(given) = wished(input.metadata) {
        let metadata = given.unwrap_or_default().0;
        issues.take(value::metadata("metadata", &metadata));
        change.metadata = Set(Value::Object(metadata));
    }
    issues.none()?;
    Ok(change)
}

/// Nothing where the field was left out; nothing in it where it is to be cleared.
fn wished<T>(given: MaybeUndefined<T>) -> Option<Option<T>> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

fn avatar_url(given: Option<String>) -> Result<Option<String>, Issue> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    let url = Url::parse(&given)
        .ok()
        .filter(|url| url.scheme() == "https" && given.len() <= 2_000);
    match url {
        Some(url) => Ok(Some(url.to_string())),
        None => Err(Issue::new(
            "avatarUrl",
            "format",
            "An https address of at most 2,000 characters.",
        )),
    }
}
