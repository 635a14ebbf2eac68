//! Who a bearer is, in Hasura's words: what its webhook mode asks with every request. The answer is as the database has it
//! now, not as the token had it: who signed out, was disabled or lost a role is told apart at once.

use serde_json::{Map, Value};

use super::open;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Reason, Result};
use crate::identity::Identity;
use crate::realm::tenant;

/// What Hasura may go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Session variables by their names, in small letters; each value is a text.
    pub variables: Map<String, Value>,
    /// How long a connection that stays open may go by them, in seconds; at least one.
    pub max_age: i64,
}

/// The caller's session variables, under the role that is wanted, or the default one.
///
/// # Errors
/// `UNAUTHENTICATED` for a bearer that does not sign anybody in or is of another application than these (of any, where
/// none is named), and for none where no role of the anonymous is set;
/// `FORBIDDEN` for a role that the caller does not have; `OVERLOADED` when the database does not answer.
pub async fn vouch(
    app: &App,
    caller: &Caller,
    client_ids: &[String],
    wanted: Option<&str>,
) -> Result<Vouched> {
    let identity = caller.identity_if_any(app).await?;
    let is_meant = |identity: &&Identity| {
        client_ids.is_empty() || client_ids.contains(&identity.application.client_id)
    };
    if identity.is_some_and(|identity| !is_meant(&identity)) {
        return Err(Error::Unauthenticated(Reason::TokenInvalid));
    }
    match (identity, &app.config.settings.hasura_anonymous_role) {
        (Some(identity), _) => of_user(app, caller, identity, wanted).await,
        (None, Some(role)) => of_nobody(app, role, wanted),
        (None, None) => Err(caller.identity(app).await.err().unwrap_or(Error::Forbidden)),
    }
}

async fn of_user(
    app: &App,
    caller: &Caller,
    identity: &Identity,
    wanted: Option<&str>,
) -> Result<Vouched> {
    let Identity {
        user, application, ..
    } = identity;
    let memberships = tenant::of(app.db.read(), &[user.id]).await?;
    // The same names and values as in a token, so that permission rules hold in both modes.
    let claims = open::hasura(application, user, &memberships)?;
    let role = wanted.unwrap_or(&claims.default_role);
    if !claims.allowed_roles.iter().any(|allowed| allowed == role) {
        return Err(Error::Forbidden);
    }
    let role = Value::from(role);
    let Value::Object(mut variables) = serde_json::to_value(claims).map_err(Error::internal)?
    else {
        return Err(Error::internal("claims are an object"));
    };
    // They say which roles there are to choose from; Hasura drops them from a token once it has chosen.
    variables.remove("x-hasura-default-role");
    variables.remove("x-hasura-allowed-roles");
    variables.insert("x-hasura-role".to_owned(), role);
    let ends = caller.claims(app).await?.map_or(0, |claims| claims.exp);
    let left = ends - app.now().timestamp();
    Ok(Vouched {
        variables,
        max_age: left.clamp(1, app.config.settings.hasura_max_age.into()),
    })
}

fn of_nobody(app: &App, role: &str, wanted: Option<&str>) -> Result<Vouched> {
    if wanted.is_some_and(|wanted| wanted != role) {
        return Err(Error::Forbidden);
    }
    let variables = [
        ("x-hasura-role", role),
        ("x-hasura-user-is-anonymous", "true"),
    ];
    Ok(Vouched {
        variables: variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
        max_age: app.config.settings.hasura_max_age.into(),
    })
}
