//! `/hasura/auth-hook`, for Hasura's webhook mode: it asks with the headers of each request of its clients, and takes 200
//! with texts for its permission rules, or 401. Anything else is a defect to it, and its client gets a 500.
//! <https://hasura.io/docs/2.0/auth/authentication/webhook/>

use std::fmt;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use super::House;
use super::caller::{self, X_CLIENT_ID};
use super::layer::RequestId;
use crate::app::App;
use crate::error::{Error, RETRY_AFTER as PAUSE};
use crate::session::{Vouched, vouch};

/// In the address of the hook, once for each application.
const CLIENT_ID: &str = "client_id";
const X_HASURA_ROLE: HeaderName = HeaderName::from_static("x-hasura-role");
/// What counts of the headers that Hasura writes into a body. Nothing else that begins with `x-hasura-` does.
const HEADERS: [HeaderName; 3] = [AUTHORIZATION, X_CLIENT_ID, X_HASURA_ROLE];

/// Octets of a body that are kept: Hasura writes the headers before the request.
const KEPT: usize = 64 * 1024;
/// Octets of a body that are read, and thrown away: it holds the whole request of Hasura's client.
const READ: usize = 16 * 1024 * 1024;

/// Hasura's way by `GET`: the headers of its client are the headers of this request.
pub async fn by_headers(State(house): State<House>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    answer(&house.app, &parts.headers, &parts).await
}

/// Hasura's way by `POST`: `{"headers": {…}, "request": {…}}`.
pub async fn by_body(State(house): State<House>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let patience = Duration::from_millis(house.app.config.settings.read_timeout);
    let octets = match tokio::time::timeout(patience, beginning(body)).await {
        Ok(Ok(octets)) => octets,
        Ok(Err(status)) => return status.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    match headers_in(&octets) {
        Some(headers) => answer(&house.app, &headers, &parts).await,
        None => refusal(json!({ "message": "The body holds no object `headers`." })),
    }
}

/// `parts` are those of Hasura's request, `headers` its client's.
async fn answer(app: &App, headers: &HeaderMap, parts: &Parts) -> Response {
    let extensions = &parts.extensions;
    let caller = caller::caller(app, headers, extensions);
    let client_ids = client_ids(parts.uri.query().unwrap_or_default());
    let deadline = Duration::from_millis(app.config.settings.request_timeout);
    let asked = vouch(app, &caller, &client_ids, wanted_role(headers));
    let vouched = match tokio::time::timeout(deadline, asked).await {
        Ok(vouched) => vouched,
        Err(_) => Err(Error::Overloaded { retry_after: PAUSE }),
    };
    match vouched {
        Ok(vouched) => Json(body(vouched)).into_response(),
        Err(error) => refuse(&error, extensions),
    }
}

/// The applications whose tokens count at this Hasura: in the address, which its operator wrote and no client can change.
fn client_ids(query: &str) -> Vec<String> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let named = pairs.filter(|(name, _)| name == CLIENT_ID);
    named.map(|(_, value)| value.into_owned()).collect()
}

/// The one role that is asked for; of two that differ, or of one that is no text, none that anybody has.
fn wanted_role(headers: &HeaderMap) -> Option<&str> {
    let mut roles = headers.get_all(X_HASURA_ROLE).iter();
    match (roles.next(), roles.next()) {
        (None, _) => None,
        (Some(role), None) => Some(role.to_str().unwrap_or_default()),
        (Some(_), Some(_)) => Some(""),
    }
}

/// `x-hasura-user-id` as Hasura's documentation writes it; and what to it is a header, though it stands in the body.
fn body(vouched: Vouched) -> Map<String, Value> {
    let spell = |name: String| {
        let words = name.split('-').map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        });
        words.collect::<Vec<_>>().join("-")
    };
    let age = format!("max-age={}", vouched.max_age);
    let variables = vouched.variables.into_iter();
    variables
        .map(|(name, value)| (spell(name), value))
        .chain([("Cache-Control".to_owned(), age.into())])
        .collect()
}

fn refuse(error: &Error, extensions: &Extensions) -> Response {
    let message = error.to_string();
    match error {
        Error::Unauthenticated(reason) => {
            refusal(json!({ "message": message, "reason": reason.as_str() }))
        }
        Error::Forbidden => refusal(json!({ "message": "You do not have this role." })),
        _ => match error.retry_after() {
            Some(seconds) => {
                let wait = [(RETRY_AFTER, HeaderValue::from(seconds))];
                let body = Json(json!({ "message": message }));
                (StatusCode::SERVICE_UNAVAILABLE, wait, body).into_response()
            }
            None => {
                let id = extensions.get::<RequestId>().map(|id| &*id.0);
                let cause = error.cause();
                tracing::error!(request_id = id, cause, "an internal error was masked");
                let body = Json(json!({ "message": message, "requestId": id }));
                (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
            }
        },
    }
}

/// What is said stands in Hasura's log; its client learns that it is not authorised.
fn refusal(said: Value) -> Response {
    let scheme = [(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
    (StatusCode::UNAUTHORIZED, scheme, Json(said)).into_response()
}

/// The beginning of a body that is read to its end: whoever is still writing would not hear the answer.
async fn beginning(body: Body) -> Result<Vec<u8>, StatusCode> {
    let mut chunks = body.into_data_stream();
    let (mut kept, mut read) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        read += chunk.len();
        if read > READ {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let room = chunk.len().min(KEPT - kept.len());
        kept.extend_from_slice(&chunk[..room]);
    }
    Ok(kept)
}

fn headers_in(octets: &[u8]) -> Option<HeaderMap> {
    let mut found = None;
    // What follows them may be cut off, and is nothing to us.
    drop(serde_json::Deserializer::from_slice(octets).deserialize_map(Members(&mut found)));
    let mut headers = HeaderMap::new();
    for (name, value) in found? {
        let counts = |known: &&HeaderName| known.as_str().eq_ignore_ascii_case(&name);
        if let Some(known) = HEADERS.iter().find(counts) {
            let value = value.as_str().map(HeaderValue::from_str);
            // A token that is no text is a bad one, and not none.
            let value = value.and_then(Result::ok);
            headers.append(known, value.unwrap_or(HeaderValue::from_static("")));
        }
    }
    Some(headers)
}

/// Takes the member `headers`, and looks no further.
struct Members<'a>(&'a mut Option<Map<String, Value>>);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with a member `headers`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name == "headers" {
                *self.0 = Some(members.next_value()?);
                return Ok(());
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
