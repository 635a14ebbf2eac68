//! The settings of Hasura's engine: how it learns who is asking.

use serde::Serialize;

use super::ADMIN;
use super::metadata::PlanError;

/// Where the session variables stand in our tokens, and where Hasura looks for them.
const NAMESPACE: &str = "https://hasura.io/jwt/claims";

/// Seconds by which the clocks of Hasura and the house may differ: to one that is behind, a fresh token would be of the
/// future.
const SKEW: u32 = 10;

/// How Hasura learns who is asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It checks our tokens by itself. What is revoked goes on there until the token has expired.
    Jwt,
    /// It asks `/hasura/auth-hook` with every request. What is revoked ends at once.
    Webhook,
}

/// The value of `HASURA_GRAPHQL_JWT_SECRET`. With `jwk_url` there is neither `type` nor `key`: each key says what it is.
#[derive(Clone, Debug, Serialize)]
pub struct JwtSecret {
    jwk_url: String,
    issuer: String,
    audience: Vec<String>,
    claims_namespace: &'static str,
    claims_format: &'static str,
    allowed_skew: u32,
}

impl JwtSecret {
    /// For tokens of these applications, whose keys Hasura fetches from `base`.
    pub fn new(base: &str, issuer: &str, client_ids: &[String]) -> Self {
        Self {
            jwk_url: format!("{base}/.well-known/jwks.json"),
            issuer: issuer.to_owned(),
            audience: client_ids.to_vec(),
            claims_namespace: NAMESPACE,
            claims_format: "json",
            allowed_skew: SKEW,
        }
    }
}

/// The variables with their values, one a line, as `docker run --env-file` takes them. In webhook mode, who is anonymous is
/// a setting of the house.
///
/// # Errors
/// When the anonymous would be allowed everything.
pub fn environment(
    mode: Mode,
    base: &str,
    secret: &JwtSecret,
    anonymous: Option<&str>,
) -> Result<String, PlanError> {
    if anonymous == Some(ADMIN) {
        return Err(PlanError::Admin);
    }
    let mut lines = vec!["HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS=true".to_owned()];
    match mode {
        Mode::Jwt => {
            let secret = serde_json::to_string(secret)?;
            lines.push(format!("HASURA_GRAPHQL_JWT_SECRET={secret}"));
            let role = anonymous.map(|role| format!("HASURA_GRAPHQL_UNAUTHORIZED_ROLE={role}"));
            lines.extend(role);
        }
        Mode::Webhook => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(secret.audience.iter().map(|id| ("client_id", id)));
            let query = query.finish();
            lines.push(format!(
                "HASURA_GRAPHQL_AUTH_HOOK={base}/hasura/auth-hook?{query}"
            ));
            lines.push("HASURA_GRAPHQL_AUTH_HOOK_MODE=GET".to_owned());
        }
    }
    Ok(lines.join("\n") + "\n")
}
