//! Whatever is put where a text is expected, the answer is a clean refusal: never a masked error, always a code.

use axum::body::Body;
use serde_json::{Value, json};

use crate::harness::{Answer, Backend, TestApp};

/// Every input with all of its fields; nothing in it gets as far as a password hash.
fn inputs() -> Vec<(&'static str, Value)> {
    vec![
        (
            "sign_up",
            json!({
                "email": "ann@example.org", "password": "short", "clientId": "default", "connection": "default",
                "displayName": "Ann", "givenName": "Ann", "middleName": "B", "familyName": "C",
                "phoneNumber": "+4930123456", "locale": "en", "metadata": {}, "allowedRoles": ["user"],
                "defaultRole": "user", "redirectTo": "http://localhost:3000/", "codeChallenge": "x",
            }),
        ),
        (
            "sign_in",
            json!({ "login": "ann", "password": "short", "clientId": "x", "connection": "y" }),
        ),
        (
            "verify_email",
            json!({ "proof": { "ticket": "x" }, "codeVerifier": "y" }),
        ),
        ("resend_verification", json!({ "verificationId": "x" })),
        (
            "await_verification",
            json!({ "verificationId": "x", "codeVerifier": "y", "username": "z" }),
        ),
        ("handoff_choices", json!({ "ticket": "x" })),
        (
            "approve_handoff",
            json!({ "ticket": "x", "handoffNumber": 42 }),
        ),
        ("refresh_session", json!({ "refreshToken": "x" })),
        ("sign_out", json!({ "refreshToken": "x", "scope": "ALL" })),
        ("revoke_session", json!({ "sessionId": "x" })),
        (
            "change_password",
            json!({ "currentPassword": "x", "newPassword": "y" }),
        ),
        (
            "admin_update_connection",
            json!({ "name": "nowhere", "signUpEnabled": true }),
        ),
    ]
}

#[track_caller]
fn assert_clean(answer: &Answer, what: &str) {
    assert!(
        answer.status.as_u16() < 500,
        "{what}: {} {}",
        answer.status,
        answer.body
    );
    for error in answer.body["errors"].as_array().into_iter().flatten() {
        let code = error["extensions"]["code"].as_str();
        assert!(
            code.is_some_and(|code| code != "INTERNAL"),
            "{what}: {}",
            answer.body
        );
    }
    let refused = answer.status == 400;
    assert_eq!(
        answer.body.get("data").is_none(),
        refused,
        "{what}: {}",
        answer.body
    );
}

async fn put(test: &TestApp, query: &str, input: &Value, name: &str, value: Value) {
    let mut input = input.clone();
    input[name] = value;
    let what = format!("{query} {name}={}", input[name]);
    let answer = test.admin().run(query, json!({ "input": input })).await;
    assert_clean(&answer, &what);
}

#[tokio::test]
async fn every_input_refuses_values_of_a_wrong_kind() {
    let test = TestApp::start(Backend::Sqlite).await;
    for (query, input) in inputs() {
        let names: Vec<String> = input.as_object().unwrap().keys().cloned().collect();
        for name in &names {
            for value in [
                json!({ "a": 1 }),
                json!([[1]]),
                json!(7),
                json!(1e300),
                json!(true),
                Value::Null,
            ] {
                put(&test, query, &input, name, value).await;
            }
        }
        for whole in [
            json!([]),
            json!(7),
            json!("x"),
            Value::Null,
            json!({ "unknown": 1 }),
        ] {
            let answer = test.anon().run(query, json!({ "input": whole })).await;
            assert_clean(&answer, query);
        }
    }
}

on_both_databases! {
    async fn every_input_bears_texts_that_no_database_stores(backend: Backend) {
        let test = TestApp::start(backend).await;
        for (query, input) in inputs() {
            for (name, value) in input.as_object().unwrap() {
                if !value.is_string() {
                    continue;
                }
                for text in ["\u{0}", "a\u{0}b", "", " ", "\u{feff}", "\u{10ffff}", "'; --", "%", "\\"] {
                    put(&test, query, &input, name, json!(text)).await;
                }
            }
        }
        let sign_up = json!({ "email": "ann@example.org", "password": "correct horse battery" });
        for metadata in [json!({ "a": "\u{0}" }), json!({ "\u{0}": 1 }), json!({ "a": [[{}]] }), json!({ "a": 1e308 })] {
            put(&test, "sign_up", &sign_up, "metadata", metadata).await;
        }
        for id in ["\u{0}", "x"] {
            let by = json!({ "by": { "id": id } });
            assert_clean(&test.admin().run("admin_user", by).await, "adminUser by id");
            let by = json!({ "by": { "email": { "email": id, "connection": id } } });
            assert_clean(&test.admin().run("admin_user", by).await, "adminUser by e-mail");
            let asked = json!({ "clientId": id, "connection": id });
            assert_clean(&test.anon().run("auth_config", asked).await, "authConfig");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_of_ours_is_a_bad_request() {
    let test = TestApp::start(Backend::Sqlite).await;
    let deep = |open: &str, close: &str| {
        let nest = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        format!("{{\"query\":\"{{ me {{ id }} }}\",\"variables\":{{\"x\":{nest}}}}}").into_bytes()
    };
    let mut not_utf8 = br#"{"query":"{ me { id } }","variables":{"x":""#.to_vec();
    not_utf8.extend([0xff, 0xfe]);
    not_utf8.extend(br#""}}"#);
    for body in [
        not_utf8,
        deep("[", "]"),
        deep("{\"a\":", "}"),
        br#"{"query":"{ me { id } }","variables":{"x":"\ud800"}}"#.to_vec(),
        br#"{"query":"{ me { id } }","query":"{ me { email } }"}"#.to_vec(),
        br#"{"query":"{ me { id } }","variables":[]}"#.to_vec(),
        br#"{"query":{"a":1}}"#.to_vec(),
        br#"{"query":7}"#.to_vec(),
        br#"{"query":null}"#.to_vec(),
        br#"{"query":"{ me { id } }","operationName":{}}"#.to_vec(),
        br#"{"variables":{}}"#.to_vec(),
        br#""{ me { id } }""#.to_vec(),
        b"{".to_vec(),
        b"{ me { id } }".to_vec(),
        Vec::new(),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = test.anon().post(Body::from(body)).await;
        assert_eq!(answer.status, 400, "{shown}: {}", answer.body);
        assert_eq!(answer.code(), "BAD_REQUEST", "{shown}");
        assert!(answer.body.get("data").is_none(), "{shown}");
    }
}

#[tokio::test]
async fn a_document_that_does_not_parse_or_fit_says_which_of_both() {
    let test = TestApp::start(Backend::Sqlite).await;
    for (query, code) in [
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        (
            r#"{ authConfig(clientId: "\ud800") { signUpEnabled } }"#,
            "GRAPHQL_PARSE_FAILED",
        ),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ authConfig }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "query($x: Nothing) { authConfig { signUpEnabled } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "query A { me { id } } query B { me { id } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("subscription { me { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("fragment F on Query { me { id } }", "GRAPHQL_PARSE_FAILED"),
        (
            "{ authConfig(clientId: 7) { signUpEnabled } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ] {
        let answer = test.anon().query(query, json!({})).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert_eq!(answer.code_or_ok(), code, "{query}: {}", answer.body);
        assert!(
            answer.body.get("data").is_none(),
            "{query}: {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn a_variable_that_is_given_twice_counts_once() {
    let test = TestApp::start(Backend::Sqlite).await;
    let body = r#"{"query":"query($c: String) { authConfig(clientId: $c) { signUpEnabled } }",
                   "variables":{"c":"nowhere","c":"default"}}"#;
    test.anon().post(body).await.ok();
}
