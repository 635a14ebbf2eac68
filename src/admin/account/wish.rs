//! What an administrator wishes an account to be, in the words that creating and changing one share.

use chrono::{DateTime, Utc};
use entity::{StringList, connection, user};
use serde_json::Value;

use crate::account::profile::{NAME, username};
use crate::error::Issue;
use crate::realm::role;
use crate::scalar::Json;
use crate::value::{self, Email, Issues, Locale, Username};

/// Nothing where a field is left out; nothing in it where it is null.
pub(super) type Wish<T> = Option<Option<T>>;

/// The fields that may be given; those that are left out stay as they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Wishes {
    pub email: Wish<String>,
    pub email_verified: Wish<bool>,
    pub username: Wish<String>,
    pub display_name: Wish<String>,
    pub given_name: Wish<String>,
    pub middle_name: Wish<String>,
    pub family_name: Wish<String>,
    pub phone_number: Wish<String>,
    pub phone_number_verified: Wish<bool>,
    pub locale: Wish<String>,
    pub metadata: Wish<Json>,
    pub app_metadata: Wish<Json>,
    pub roles: Wish<Vec<String>>,
    pub default_role: Wish<String>,
    pub disabled: Wish<bool>,
}

impl Wishes {
    /// Makes the account what is wished; what is wrong is noted.
    pub fn apply(
        &self,
        connection: &connection::Model,
        user: &mut user::Model,
        now: DateTime<Utc>,
        issues: &mut Issues,
    ) {
        self.apply_email(user, now, issues);
        if let Some(wish) = &self.username {
            let username = username(connection, wish.as_deref(), issues);
            user.username_key = username.as_ref().map(Username::key);
            user.username = username.map(|username| username.as_str().to_owned());
        }
        self.apply_names(user, issues);
        self.apply_phone_number(user, now, issues);
        if let Some(wish) = &self.locale {
            let locale = wish.as_deref().map_or(Ok(Locale::default()), |given| {
                Locale::parse("locale", given)
            });
            if let Some(locale) = issues.take(locale) {
                user.locale = locale.as_str().to_owned();
            }
        }
        if let Some(wish) = &self.metadata {
            user.metadata = metadata("metadata", wish.as_ref(), issues);
        }
        if let Some(wish) = &self.app_metadata {
            user.app_metadata = metadata("appMetadata", wish.as_ref(), issues);
        }
        self.apply_roles(user, issues);
        match value_of("disabled", &self.disabled, issues) {
            Some(true) => user.disabled_at = user.disabled_at.or(Some(now)),
            Some(false) => user.disabled_at = None,
            None => {}
        }
    }

    /// Another address is not verified, unless that is wished, too.
    fn apply_email(&self, user: &mut user::Model, now: DateTime<Utc>, issues: &mut Issues) {
        if let Some(given) = value_of("email", &self.email, issues)
            && let Some(email) = issues.take(Email::parse("email", given))
        {
            if user.email_key != email.key() {
                user.email_verified_at = None;
            }
            user.email = email.as_str().to_owned();
            user.email_key = email.key().to_owned();
        }
        match value_of("emailVerified", &self.email_verified, issues) {
            Some(true) => user.email_verified_at = user.email_verified_at.or(Some(now)),
            Some(false) => user.email_verified_at = None,
            None => {}
        }
    }

    fn apply_names(&self, user: &mut user::Model, issues: &mut Issues) {
        let mut name = |path, wish: &Wish<String>| {
            let given = wish.as_ref()?;
            issues.take(value::text(path, given.as_deref(), NAME))
        };
        if let Some(name) = name("displayName", &self.display_name) {
            let local_part = user.email.rsplit_once('@').map_or("", |(local, _)| local);
            user.display_name = name.unwrap_or_else(|| local_part.to_owned());
        }
        if let Some(name) = name("givenName", &self.given_name) {
            user.given_name = name;
        }
        if let Some(name) = name("middleName", &self.middle_name) {
            user.middle_name = name;
        }
        if let Some(name) = name("familyName", &self.family_name) {
            user.family_name = name;
        }
    }

    /// Another number is not verified, unless that is wished, too.
    fn apply_phone_number(&self, user: &mut user::Model, now: DateTime<Utc>, issues: &mut Issues) {
        if let Some(wish) = &self.phone_number
            && let Some(number) = issues.take(value::phone_number("phoneNumber", wish.as_deref()))
            && user.phone_number != number
        {
            user.phone_number = number;
            user.phone_number_verified_at = None;
        }
        match value_of("phoneNumberVerified", &self.phone_number_verified, issues) {
            Some(true) if user.phone_number.is_none() => issues.push(Issue::new(
                "phoneNumberVerified",
                "not_allowed",
                "There is no number to be verified.",
            )),
            Some(true) => {
                user.phone_number_verified_at = user.phone_number_verified_at.or(Some(now));
            }
            Some(false) => user.phone_number_verified_at = None,
            None => {}
        }
    }

    fn apply_roles(&self, user: &mut user::Model, issues: &mut Issues) {
        if let Some(roles) = value_of("roles", &self.roles, issues) {
            role::check_granted("roles", roles, issues);
            user.roles = StringList(roles.clone());
        }
        if let Some(role) = value_of("defaultRole", &self.default_role, issues) {
            user.default_role = role.clone();
        }
        let touched = self.roles.is_some() || self.default_role.is_some();
        if touched && !user.roles.0.contains(&user.default_role) {
            issues.push(Issue::new(
                "defaultRole",
                "not_allowed",
                "The default role must be one of the user's roles.",
            ));
        }
    }
}

/// The value, where one is given. A null that would mean nothing is noted.
fn value_of<'a, T>(path: &'static str, wish: &'a Wish<T>, issues: &mut Issues) -> Option<&'a T> {
    let given = wish.as_ref()?;
    if given.is_none() {
        issues.push(Issue::new(path, "required", "This cannot be null."));
    }
    given.as_ref()
}

fn metadata(path: &'static str, wish: Option<&Json>, issues: &mut Issues) -> Value {
    let metadata = wish.cloned().unwrap_or_default().0;
    issues.take(value::metadata(path, &metadata));
    Value::Object(metadata)
}
