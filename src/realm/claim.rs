//! Extra claims of access tokens: what a client may put into them, and what it may never.

use entity::application;
use serde_json::{Map, Value};

use crate::error::Issue;
use crate::scalar::Json;
use crate::value::{self, Issues};

/// Octets of JSON that the claims of one session may take: every request carries them.
const OCTETS: usize = 1_024;

/// Names that mean something already: what we write ourselves, and the registered claims of RFC 7519, RFC 9068, RFC 8693,
/// RFC 7800, RFC 9396 and OpenID Connect Core.
const TAKEN: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "typ",
    "cty",
    "client_id",
    "scope",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "sub_id",
    "events",
    "act",
    "may_act",
    "cnf",
    "roles",
    "groups",
    "entitlements",
    "authorization_details",
    "email",
    "email_verified",
    "phone_number",
    "phone_number_verified",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "address",
    "updated_at",
    "tenants",
];

/// Whether an application may list the name: 1 to 64 ASCII letters, digits and `_ - : . /`, none that is taken, and
/// nothing that a Hasura engine would read as a session variable or look into.
pub fn is_free(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-:./".contains(&byte))
        && !TAKEN.contains(&lower.as_str())
        && !lower.starts_with("x-hasura")
        && !lower.starts_with("vestibule")
        && !lower.contains("hasura.io")
}

/// The claims, or nothing; what is wrong is noted.
pub fn check(
    application: &application::Model,
    given: Option<Json>,
    issues: &mut Issues,
) -> Option<Value> {
    let given = given?.0;
    for name in given.keys() {
        if !application.allowed_custom_claims.0.contains(name) || !is_free(name) {
            let shown: String = name.chars().take(64).collect();
            issues.push(Issue::new(
                format!("customClaims.{shown}"),
                "not_allowed",
                "The application does not list this claim.",
            ));
        }
    }
    if let Err(issue) = value::json_within("customClaims", &given, OCTETS) {
        issues.push(issue);
    }
    (!given.is_empty()).then_some(Value::Object(given))
}

/// What of a session's claims its application still lists.
pub fn in_token(application: &application::Model, kept: Option<&Value>) -> Map<String, Value> {
    let kept = kept.and_then(Value::as_object);
    kept.into_iter()
        .flatten()
        .filter(|(name, _)| application.allowed_custom_claims.0.contains(name) && is_free(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{TAKEN, is_free};

    #[test]
    fn a_name_that_means_something_already_is_never_free() {
        for name in TAKEN {
            assert!(!is_free(name) && !is_free(&name.to_uppercase()), "{name}");
        }
        for name in [
            "x-hasura-role",
            "X-Hasura-User-Id",
            "x-hasura-default-role",
            "x-hasura-anything",
            "x-hasura",
            "https://hasura.io/jwt/claims",
            "HTTPS://HASURA.IO/jwt/claims",
            "vestibule-admin",
            "",
            "a b",
            "a\0",
            "r\u{f6}le",
        ] {
            assert!(!is_free(name), "{name}");
        }
        assert!(!is_free(&"x".repeat(65)));
        for name in ["plan", "https://example.org/plan", "org:seat", "team_id"] {
            assert!(is_free(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_hasura_reads_is_ever_free(case in any::<u32>(), rest in "[a-zA-Z0-9_-]{0,20}") {
            let prefix: String = "x-hasura-".chars().enumerate()
                .map(|(at, c)| if case >> at & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect();
            let name = format!("{prefix}{rest}");
            prop_assert!(!is_free(&name));
        }
    }
}
