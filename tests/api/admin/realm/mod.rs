//! What the tests of connections, applications and tenants share.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::account::handoff;
use crate::harness::{Answer, Client, PASSWORD, TestApp, by_code};
use crate::support::sign_up_with;

mod application;
mod at_once;
mod claim;
mod connection;
mod domain;
mod list;
mod place;
mod tenant;

/// Runs `admin_<name>.graphql` with the admin secret, a moment after what was done before: what is made in one
/// millisecond has no order.
pub async fn admin(test: &TestApp, name: &str, input: Value) -> Answer {
    test.clock.advance(TimeDelta::milliseconds(1));
    let document = format!("admin_{name}");
    test.admin().run(&document, json!({ "input": input })).await
}

/// As [`admin`], and answers what it answers.
#[track_caller]
pub fn only(answer: Answer) -> Value {
    let data = answer.ok().at("/data");
    let field = data.as_object().and_then(|fields| fields.values().next());
    field.cloned().unwrap_or_default()
}

/// Picks a number that the device of this sign-up does not show.
pub async fn refuse_handoff(test: &TestApp, phone: &Client, ticket: &str, pending: &Answer) {
    let shown = handoff::number(pending, "/data/signUp/handoffNumber");
    let choices = handoff::choices(test, ticket).await;
    let wrong = choices.iter().find(|choice| **choice != shown);
    let answer = handoff::pick(phone, ticket, *wrong.expect("two others")).await;
    assert_eq!(
        answer.ok().at("/data/approveHandoff/approved"),
        json!(false)
    );
}

/// A connection of this name, enabled by the default application as its second one.
pub async fn connection(test: &TestApp, name: &str, rules: Value) -> Value {
    let mut input = rules;
    input["name"] = json!(name);
    let made = only(admin(test, "create_connection", input).await);
    let enabled = json!({ "clientId": "default", "connections": ["default", name] });
    only(admin(test, "update_application", enabled).await);
    made
}

/// An application of this client id, with the default connection if no other is named.
pub async fn application(test: &TestApp, client_id: &str, fields: Value) -> Value {
    let mut input = fields;
    input["clientId"] = json!(client_id);
    input["name"] = json!(client_id);
    only(admin(test, "create_application", input).await)
}

pub async fn tenant(test: &TestApp, name: &str) -> String {
    let made = only(admin(test, "create_tenant", json!({ "name": name })).await);
    made["id"].as_str().expect("an id").to_owned()
}

pub async fn set_member(test: &TestApp, tenant: &str, user: &str, roles: &[&str]) -> Answer {
    let input = json!({ "tenantId": tenant, "userId": user, "roles": roles });
    admin(test, "set_tenant_member", input).await
}

/// Signs up with these fields over the usual ones, verifies, and holds the tokens.
pub async fn member(test: &TestApp, client: &Client, fields: Value) -> Client {
    let pending = sign_up_with(client, fields).await.ok();
    let id = pending.text("/data/signUp/verificationId");
    let email = pending.text("/data/signUp/email");
    let code = test.mail_to(&email).await.code();
    let answer = client.run("verify_email", by_code(&id, &code)).await.ok();
    client.clone().signed_in(&answer.at("/data/verifyEmail"))
}

/// Signs Ann in with these fields over the usual ones.
pub async fn sign_in_with(client: &Client, fields: Value) -> Answer {
    let mut input = json!({ "login": "ann@example.org", "password": PASSWORD });
    for (name, value) in fields.as_object().expect("an object") {
        input[name] = value.clone();
    }
    client.run("sign_in", json!({ "input": input })).await
}

/// `INVALID_INPUT` with exactly these issues.
#[track_caller]
pub fn assert_issues(answer: &Answer, issues: &[&str]) {
    assert_eq!(answer.code(), "INVALID_INPUT", "{}", answer.body);
    assert_eq!(answer.issues(), issues, "{}", answer.body);
}
