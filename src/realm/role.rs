//! Which roles a sign-up may have, and which of a user's roles an application's tokens carry.

use entity::{application, user};

use crate::error::Issue;
use crate::value::Issues;

/// Roles and default role, as they are stored with the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    pub all: Vec<String>,
    pub default: String,
}

/// What a sign-up asked for, within the application's sign-up roles: compared exactly, so that a look-alike or another
/// case is another role. What is wrong is noted.
pub fn at_sign_up(
    application: &application::Model,
    allowed_roles: Option<Vec<String>>,
    default_role: Option<String>,
    issues: &mut Issues,
) -> Roles {
    let offered = &application.sign_up_roles.0;
    let wanted = allowed_roles.unwrap_or_else(|| offered.clone());
    let mut all: Vec<String> = Vec::new();
    // Each once; no more of them than are offered are kept, however long the list is.
    for role in wanted.iter().filter(|role| offered.contains(role)) {
        if !all.contains(role) {
            all.push(role.clone());
        }
    }
    if wanted.iter().any(|role| !offered.contains(role)) {
        issues.push(Issue::new(
            "allowedRoles",
            "not_allowed",
            "The application does not offer one of these roles.",
        ));
    }
    let default = default_role.unwrap_or_else(|| application.default_role.clone());
    if !all.contains(&default) {
        issues.push(Issue::new(
            "defaultRole",
            "not_allowed",
            "The default role must be one of the allowed roles.",
        ));
    }
    Roles { all, default }
}

/// What a token of this application carries: the user's roles within the application's.
pub fn in_token(application: &application::Model, user: &user::Model) -> Roles {
    let all: Vec<_> = user
        .roles
        .0
        .iter()
        .filter(|role| application.roles.0.contains(role))
        .cloned()
        .collect();
    let default = if all.contains(&user.default_role) {
        user.default_role.clone()
    } else {
        all.first().unwrap_or(&application.default_role).clone()
    };
    Roles { all, default }
}
