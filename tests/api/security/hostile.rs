//! Secrets in the wrong places: every input that takes one, in every form that goes wrong.

use serde_json::{Value, json};

use super::canary::{House, OPERATOR};
use super::leaks::WRONG;
use crate::harness::{by_code, by_ticket, wire};

/// Every field of every mutation that takes a secret.
fn inputs() -> Vec<(&'static str, Value)> {
    let of_ticket = || by_ticket(WRONG)["input"]["proof"].clone();
    let of_code = || by_code(WRONG, WRONG)["input"]["proof"].clone();
    vec![
        (
            "sign_up",
            json!({ "email": "eve@example.org", "password": WRONG }),
        ),
        ("sign_in", json!({ "login": "eve", "password": WRONG })),
        (
            "verify_email",
            json!({ "proof": of_ticket(), "codeVerifier": WRONG }),
        ),
        (
            "verify_email",
            json!({ "proof": of_code(), "codeVerifier": WRONG }),
        ),
        (
            "await_verification",
            json!({ "verificationId": "x", "codeVerifier": WRONG }),
        ),
        ("handoff_choices", json!({ "ticket": WRONG })),
        (
            "approve_handoff",
            json!({ "ticket": WRONG, "handoffNumber": 42 }),
        ),
        (
            "change_password",
            json!({ "currentPassword": WRONG, "newPassword": WRONG }),
        ),
        ("check_password", json!({ "password": WRONG })),
        (
            "request_password_reset",
            json!({ "email": "eve@example.org", "newPassword": WRONG }),
        ),
        (
            "reset_password",
            json!({ "proof": of_ticket(), "newPassword": WRONG, "codeVerifier": WRONG }),
        ),
        (
            "reset_password",
            json!({ "proof": of_code(), "newPassword": WRONG, "codeVerifier": WRONG }),
        ),
        (
            "request_email_change",
            json!({ "newEmail": "eve@example.org", "currentPassword": WRONG }),
        ),
        ("confirm_email_change", json!({ "proof": of_ticket() })),
        ("undo_email_change", json!({ "ticket": WRONG })),
        ("delete_user", json!({ "currentPassword": WRONG })),
        ("refresh_session", json!({ "refreshToken": WRONG })),
        ("sign_out", json!({ "refreshToken": WRONG })),
        (
            "admin_create_user",
            json!({ "email": "eve@example.org", "password": WRONG }),
        ),
        (
            "admin_update_user",
            json!({ "userId": "01938aaa-0000-7000-8000-000000000000", "password": WRONG }),
        ),
    ]
}

/// As text of a document; without the quotes where `bare`.
fn literal(value: &Value, bare: bool) -> String {
    match value {
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{name}: {}", literal(value, bare)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) if bare => text.replace(['-', '@', '.'], "_"),
        other => other.to_string(),
    }
}

/// With every secret text wrapped into something of a wrong kind.
fn wrapped(value: &Value, wrap: fn(&Value) -> Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), wrapped(value, wrap)))
            .collect(),
        Value::String(text) if text == WRONG => wrap(value),
        other => other.clone(),
    }
}

/// Every secret-bearing input in every form that goes wrong, each of which might quote.
pub async fn hostile(house: &mut House) {
    let cookie = format!("__Host-vestibule-default={WRONG}");
    let bearer = format!("Bearer {WRONG}.{WRONG}.{WRONG}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("cookie", &cookie),
        OPERATOR,
    ];
    let basic = format!("Basic {WRONG}");
    let guesses = [
        ("authorization", basic.as_str()),
        ("x-vestibule-admin-secret", WRONG),
    ];
    for (name, input) in inputs() {
        for headers in [headers.as_slice(), guesses.as_slice()] {
            house.run(name, input.clone(), headers).await;
        }
        let wraps: [fn(&Value) -> Value; 3] = [
            |value| json!({ "a": value }),
            |value| json!([value, 1]),
            |value| json!([[{ "a": value }]]),
        ];
        for wrap in wraps {
            house.run(name, wrapped(&input, wrap), &[OPERATOR]).await;
        }
        for whole in [json!(WRONG), json!([WRONG])] {
            house.run(name, whole, &[]).await;
        }
        let document = wire::document(name, json!({}));
        let text = document["query"].as_str().expect("a document");
        let field = text
            .split("(input: $input)")
            .next()
            .and_then(|head| head.split_whitespace().last())
            .expect("a field");
        let told = literal(&input, false);
        for query in [
            format!("mutation {{ {field}(input: {told}) {{ __typename }} }}"),
            format!(
                "mutation {{ {field}(input: {}) {{ __typename }} }}",
                literal(&input, true)
            ),
            format!("mutation {{ {field}(input: [{told}, \"{WRONG}\"]) {{ __typename }} }}"),
            format!("mutation {{ {field}(input: {{ x: \"{WRONG}\" }}) {{ __typename }} }}"),
            format!("mutation {{ {field}(input: {told}, x: \"{WRONG}\") {{ __typename }} }}"),
            format!("mutation {{ {field}(input: {told} {{ __typename }} }}"),
            format!("mutation {{ {field}(input: {{ x: \"{WRONG} }}) {{ __typename }} }}"),
            format!(
                "mutation($p: Int = \"{WRONG}\") {{ {field}(input: {told}) {{ __typename }} }}"
            ),
            format!(
                "mutation {{ {field}(input: {told}) {{ __typename @include(if: \"{WRONG}\") }} }}"
            ),
        ] {
            house
                .post(&json!({ "query": query, "variables": { "p": WRONG } }), &[])
                .await;
        }
    }
    let query: String =
        url::form_urlencoded::byte_serialize(format!("{{ me(x: \"{WRONG}\") }}").as_bytes())
            .collect();
    house
        .form(
            "GET",
            &format!("/graphql?query={query}&variables={WRONG}"),
            "",
        )
        .await;
    house
        .form("GET", &format!("/{WRONG}?ticket={WRONG}"), "")
        .await;
    for path in [
        "/verify",
        "/reset",
        "/invitation",
        "/confirm-email",
        "/undo-email-change",
    ] {
        // A page may hold the ticket that it was opened with.
        let ticket = "a-ticket-of-nobody-8a1f";
        house
            .form("GET", &format!("{path}?ticket={ticket}"), "")
            .await;
        house.keep(&json!(ticket));
        house
            .form("POST", path, &format!("ticket={WRONG}&password={WRONG}"))
            .await;
        house
            .form("POST", path, &format!("{WRONG}&ticket=%ff{WRONG}"))
            .await;
    }
    house
        .form("POST", "/graphql", &format!("query={WRONG}"))
        .await;
    house.form("GET", "/metrics", "").await;
    for body in [
        format!("{{\"query\": \"{WRONG}"),
        format!("\"{WRONG}\""),
        format!("[\"{WRONG}\"]"),
        format!("{{\"query\": [\"{WRONG}\"]}}"),
    ] {
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        house.send((head + &body).as_bytes()).await;
    }
}
