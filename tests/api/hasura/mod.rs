//! What Hasura is given, and what it is told.

mod auth_hook;
mod headers;
mod hostile;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::harness::{Answer, Client};

pub const HOOK: &str = "/hasura/auth-hook";
pub const NAMESPACE: &str = "https://hasura.io/jwt/claims";

/// Hasura asks by `POST`, with these headers of its client.
pub async fn posted(client: &Client, headers: Value) -> Answer {
    let request =
        json!({ "query": "{ articles { id } }", "variables": null, "operationName": null });
    let body = json!({ "headers": headers, "request": request });
    post(client, body.to_string()).await
}

/// The same, with any body.
pub async fn post(client: &Client, body: impl Into<Body>) -> Answer {
    let request = Request::post(HOOK).header("content-type", "application/json");
    client.send(request.body(body.into()).unwrap()).await
}

/// Asserts that Hasura is told to refuse its client.
#[track_caller]
pub fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 401, "{}", answer.body);
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    assert!(
        !answer.body.to_string().contains("X-Hasura"),
        "{}",
        answer.body
    );
}
