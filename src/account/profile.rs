//! The input of a sign-up, checked: everything that is wrong is told at once.

use entity::connection;
use serde_json::Value;

use super::sign_up::SignUpInput;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Issue, Result};
use crate::realm::place::Place;
use crate::realm::policy::Personal;
use crate::realm::role::{self, Roles};
use crate::realm::{claim, domain, redirect, template_options};
use crate::value::{self, Email, Issues, Locale, Username};
use crate::verification as proofs;

/// Code points of a name.
pub const NAME: usize = 100;

/// What is stored of a sign-up, but the password.
#[derive(Clone, Debug)]
pub struct Profile {
    pub email: Email,
    pub username: Option<Username>,
    pub display_name: String,
    pub given_name: Option<String>,
    pub middle_name: Option<String>,
    pub family_name: Option<String>,
    pub phone_number: Option<String>,
    pub locale: Locale,
    pub metadata: Value,
    pub roles: Roles,
    pub redirect_to: Option<String>,
    pub code_challenge: Option<String>,
    pub template_options: Option<Value>,
    pub custom_claims: Option<Value>,
}

/// # Errors
/// `INVALID_INPUT` with every issue; `REDIRECT_NOT_ALLOWED`.
pub fn check(app: &App, caller: &Caller, place: &Place, input: SignUpInput) -> Result<Profile> {
    let mut issues = Issues::default();
    let mut name = |path, given: &Option<String>| {
        issues
            .take(value::text(path, given.as_deref(), NAME))
            .flatten()
    };
    let display_name = name("displayName", &input.display_name);
    let given_name = name("givenName", &input.given_name);
    let middle_name = name("middleName", &input.middle_name);
    let family_name = name("familyName", &input.family_name);
    let email = issues.take(Email::parse("email", &input.email));
    if let Some(email) = &email {
        issues.take(domain::admits(&place.connection, "email", email));
    }
    let username = username(&place.connection, input.username.as_deref(), &mut issues);
    let phone_number = issues
        .take(value::phone_number(
            "phoneNumber",
            input.phone_number.as_deref(),
        ))
        .flatten();
    let locale = match &input.locale {
        Some(given) => issues
            .take(Locale::parse("locale", given))
            .unwrap_or_default(),
        None => caller.locale.clone().unwrap_or_default(),
    };
    let metadata = input.metadata.unwrap_or_default().0;
    issues.take(value::metadata("metadata", &metadata));
    let roles = role::at_sign_up(
        &place.application,
        input.allowed_roles,
        input.default_role,
        &mut issues,
    );
    let template_options =
        template_options::check(&place.application, input.template_options, &mut issues);
    let custom_claims = claim::check(&place.application, input.custom_claims, &mut issues);
    issues.none()?;
    // Without an issue there is an address.
    let email = email.ok_or(Error::InvalidInput(Vec::new()))?;
    proofs::check_challenge(
        input.code_challenge.as_deref(),
        input.redirect_to.as_deref(),
    )?;
    let redirect_to = redirect::check_given(
        &app.config,
        &place.application,
        input.redirect_to.as_deref(),
    )?;
    Ok(Profile {
        display_name: display_name.unwrap_or_else(|| email.local_part().to_owned()),
        email,
        username,
        given_name,
        middle_name,
        family_name,
        phone_number,
        locale,
        metadata: Value::Object(metadata),
        roles,
        redirect_to,
        code_challenge: input.code_challenge,
        template_options,
        custom_claims,
    })
}

/// Required where the connection has usernames, and refused where it has none: it could not be signed in with.
pub fn username(
    connection: &connection::Model,
    given: Option<&str>,
    issues: &mut Issues,
) -> Option<Username> {
    match given {
        None if connection.username_required => issues.take(Username::parse("username", "")),
        None => None,
        Some(given) if connection.username_required => {
            issues.take(Username::parse("username", given))
        }
        Some(_) => {
            issues.push(Issue::new(
                "username",
                "not_allowed",
                "The connection has no usernames.",
            ));
            None
        }
    }
}

impl Profile {
    /// What must not stand in the password.
    pub fn personal(&self) -> Personal {
        Personal::default()
            .with(Some(self.email.local_part()))
            .with(self.username.as_ref().map(Username::as_str))
            .with(Some(&self.display_name))
            .with(self.given_name.as_deref())
            .with(self.middle_name.as_deref())
            .with(self.family_name.as_deref())
            .with_metadata(&self.metadata)
    }
}
