//! `checkPassword`: the rules, one by one, before anything is stored.

use async_graphql::{InputObject, SimpleObject};

use super::attempt::may_compare_former;
use super::choose::{Candidate, judge_at_length};
use super::message::message;
use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;
use crate::realm::place;
use crate::realm::policy::{Judged, Personal, judge};
use crate::secret::Secret;

/// A password to try, and what the form knows of its owner.
#[derive(Debug, InputObject)]
pub struct CheckPasswordInput {
    #[graphql(secret)]
    pub password: Secret,
    /// Its local part must not stand in the password.
    pub email: Option<String>,
    pub username: Option<String>,
    pub display_name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    /// The application; without it header `x-client-id`, else the default application.
    pub client_id: Option<String>,
    /// One of the application's database connections; its default if left out.
    pub connection: Option<String>,
}

/// What the policy says of a password.
#[derive(Debug, SimpleObject)]
pub struct PasswordCheck {
    /// Whether every rule is met.
    ok: bool,
    /// One entry a rule, met or not.
    rules: Vec<PasswordRule>,
}

/// One rule of the policy.
#[derive(Debug, SimpleObject)]
pub struct PasswordRule {
    /// Stable: `min_length`, `max_length`, `character_classes`, `repeats`, `common`, `personal_data`, `breached`,
    /// `history`. `history` is checked for the caller's own account only, and left out of
    /// the answer for who asks often: five times at once, then after waits that double, as for wrong
    /// passwords; and where another rule is not met.
    rule: String,
    met: bool,
    /// In the caller's language (header `Accept-Language`).
    message: String,
}

/// # Errors
/// `INVALID_INPUT` for an unknown application or connection; `OVERLOADED`.
pub async fn check_password(
    app: &App,
    caller: &Caller,
    input: CheckPasswordInput,
) -> Result<PasswordCheck> {
    let place = place::find(
        app,
        caller,
        input.client_id.as_deref(),
        input.connection.as_deref(),
    )
    .await?;
    // A bad bearer makes an anonymous caller here: a sign-up form may hold an old one.
    let own = caller
        .identity(app)
        .await
        .ok()
        .filter(|own| own.user.connection_id == place.connection.id);
    let personal = Personal::default()
        .with(
            input
                .email
                .as_deref()
                .and_then(|email| email.rsplit_once('@'))
                .map(|(local, _)| local),
        )
        .with(input.username.as_deref())
        .with(input.display_name.as_deref())
        .with(input.given_name.as_deref())
        .with(input.family_name.as_deref());
    let mut judged = judge(&place.connection, &input.password, &personal);
    // A stolen access token must not find the password out here either. Whoever asks too often is told of the other rules;
    // where one of those is not met, nothing has to be compared.
    let own = match own {
        Some(own)
            if place.connection.password_history > 0 && judged.iter().all(|rule| rule.met) =>
        {
            let may = may_compare_former(app, caller, own.user.id).await?;
            may.then_some(&own.user)
        }
        _ => None,
    };
    let candidate = Candidate {
        connection: &place.connection,
        password: &input.password,
        personal,
        user: own,
    };
    judged.extend(judge_at_length(app, caller, &candidate).await?);
    let shown = |Judged { rule, met }: &Judged| PasswordRule {
        rule: rule.name().to_owned(),
        met: *met,
        message: message(app, caller, *rule),
    };
    Ok(PasswordCheck {
        ok: judged.iter().all(|judged| judged.met),
        rules: judged.iter().map(shown).collect(),
    })
}
