//! What Hasura is given, and what it is told.

mod auth_hook;
mod environment;
mod headers;
mod hostile;
mod metadata;

use std::process::Output;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::harness::program::{Folder, finish};
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

/// Runs `vestibule hasura`.
pub fn hasura(folder: &Folder, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let arguments = [&["hasura"], arguments].concat();
    finish(folder, settings, &arguments)
}

pub fn printed(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one remote schema of a `replace_metadata`.
pub fn remote(request: &Value) -> Value {
    assert_eq!(request["type"], "replace_metadata");
    assert_eq!(request["version"], 2);
    assert_eq!(request["args"]["metadata"]["version"], 3);
    let all = request["args"]["metadata"]["remote_schemas"].clone();
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    all[0].clone()
}

pub fn roles(remote: &Value) -> Vec<&str> {
    let permissions = remote["permissions"].as_array().unwrap().iter();
    permissions
        .map(|one| one["role"].as_str().unwrap())
        .collect()
}
