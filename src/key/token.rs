//! Access tokens: JWTs after RFC 9068, with the claims that Hasura reads.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::de::{Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::pair::Pair;
use crate::config::TokenAlgorithm;
use crate::error::{Error, Result};

/// The `typ` of an access token (RFC 9068 section 2.1): no other token of ours can be taken for one.
const TYPE: &str = "at+jwt";
/// Longer tokens are not even decoded: roles, tenants and extra claims at their bounds stay below.
const LENGTH: usize = 16_384;

/// Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub client_id: String,
    pub sub: Uuid,
    pub sid: Uuid,
    pub jti: Uuid,
    pub iat: i64,
    pub exp: i64,
    pub auth_time: i64,
    pub amr: Vec<String>,
    pub email: String,
    pub email_verified: bool,
    pub locale: String,
    /// By the tenant's id; left out of the token where there is none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<Uuid, TenantClaim>,
    #[serde(rename = "https://hasura.io/jwt/claims")]
    pub hasura: HasuraClaims,
    /// Extra claims; their names are none of those above.
    #[serde(flatten, skip_deserializing)]
    pub custom: Map<String, Value>,
}

/// The claims as they arrive, beside what no token of ours says.
#[derive(Deserialize)]
struct Arrived {
    #[serde(flatten)]
    claims: Claims,
    #[serde(default, deserialize_with = "is_there")]
    nbf: bool,
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// What the user is in one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantClaim {
    pub roles: Vec<String>,
}

/// Hasura takes texts and, for the roles, a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HasuraClaims {
    #[serde(rename = "x-hasura-user-id")]
    pub user_id: String,
    #[serde(rename = "x-hasura-default-role")]
    pub default_role: String,
    #[serde(rename = "x-hasura-allowed-roles")]
    pub allowed_roles: Vec<String>,
    #[serde(rename = "x-hasura-user-is-anonymous")]
    pub is_anonymous: String,
    /// PostgreSQL's notation of an array, for `_in`: `{id,id}`.
    #[serde(
        rename = "x-hasura-tenant-ids",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub tenant_ids: Option<String>,
    /// Only of a user who is in one tenant alone.
    #[serde(
        rename = "x-hasura-tenant-id",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub tenant_id: Option<String>,
    /// As JSON: the claim `tenants`, for `jsonb` operators.
    #[serde(
        rename = "x-hasura-tenant-roles",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub tenant_roles: Option<String>,
}

/// Why a bearer is no access token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Malformed, foreign, tampered with, or of another kind.
    Invalid,
    /// Signed with a key that is not known here.
    UnknownKey,
}

/// The key id a token names, where its header is one that we write.
pub(super) fn key_id(token: &str) -> Result<String, TokenError> {
    if token.len() > LENGTH {
        return Err(TokenError::Invalid);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
    let ours = header.typ.as_deref() == Some(TYPE)
        && header.jku.is_none()
        && header.x5u.is_none()
        && header.jwk.is_none()
        && header.x5c.is_none()
        && header.crit.is_none();
    header.kid.filter(|_| ours).ok_or(TokenError::Invalid)
}

/// Checks the signature and every claim but the time: that is the caller's, whose clock it is.
pub(super) fn decode(
    token: &str,
    algorithm: TokenAlgorithm,
    key: &DecodingKey,
    issuer: &str,
) -> Result<Claims, TokenError> {
    let mut validation = Validation::new(jws(algorithm));
    validation.validate_exp = false;
    // Which application a token is for is compared with its session.
    validation.validate_aud = false;
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let Arrived { claims, nbf } = jsonwebtoken::decode(token, key, &validation)
        .map_err(|_| TokenError::Invalid)?
        .claims;
    // Whoever writes `nbf` is not us, however good the signature.
    if claims.aud == claims.client_id && !nbf {
        Ok(claims)
    } else {
        Err(TokenError::Invalid)
    }
}

pub(super) fn jws(algorithm: TokenAlgorithm) -> Algorithm {
    match algorithm {
        TokenAlgorithm::Es256 => Algorithm::ES256,
        TokenAlgorithm::Rs256 => Algorithm::RS256,
        TokenAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}

/// Signs with one key, which was parsed once: with RSA, parsing takes four times as long as signing.
pub(super) struct Signer {
    /// The same for all its tokens, encoded already.
    header: String,
    pair: Pair,
}

impl Signer {
    pub fn new(algorithm: TokenAlgorithm, kid: &str, pair: Pair) -> Self {
        let header = json!({ "typ": TYPE, "alg": algorithm.as_str(), "kid": kid });
        Self {
            header: URL_SAFE_NO_PAD.encode(header.to_string()),
            pair,
        }
    }

    /// The compact serialization (RFC 7515 section 7.1).
    pub fn sign(&self, claims: &Claims) -> Result<String> {
        let claims = serde_json::to_vec(claims).map_err(Error::internal)?;
        let mut token = self.header.clone();
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.pair.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}
