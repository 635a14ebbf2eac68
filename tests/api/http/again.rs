//! Documents that come back: what the engine has found valid, it does not judge again.

use serde_json::{Value, json};

use crate::harness::{Answer, Backend, Client, TestApp};

const TIMES: usize = 4;

/// Asked so often, and answered alike every time.
async fn ask(client: &Client, query: &str, operation: Option<&str>) -> Answer {
    let body = json!({ "query": query, "operationName": operation }).to_string();
    let first = client.post(body.clone()).await;
    for _ in 1..TIMES {
        let again = client.post(body.clone()).await;
        assert_eq!(
            (again.status, &again.body),
            (first.status, &first.body),
            "{query}"
        );
    }
    first
}

#[tokio::test]
async fn a_valid_document_is_answered_alike_however_often_it_comes() {
    let test = TestApp::start(Backend::Sqlite).await;
    let ann = test.user("ann").await;
    let me = json!({ "me": { "email": "ann@example.org" } });
    for (query, operation, data) in [
        ("{ me { email } }", None, me.clone()),
        (
            "{ me { ...F } } fragment F on User { email }",
            None,
            me.clone(),
        ),
        (
            "query A { me { email } } query B { me { id } } mutation C { signOut { __typename } }",
            Some("A"),
            me.clone(),
        ),
        (
            "{ a: __typename b: me { id @skip(if: true) email @include(if: true) } }",
            None,
            json!({ "a": "Query", "b": { "email": "ann@example.org" } }),
        ),
        ("{ me { id @skip(if: true) } }", None, json!({ "me": {} })),
        // A text with a string in it is never remembered.
        (
            "{ node(id: \"none\") { __typename } me { email } }",
            None,
            json!({ "node": null, "me": me["me"] }),
        ),
    ] {
        let answer = ask(&ann, query, operation).await;
        assert_eq!(answer.body["data"], data, "{query}");
    }
    assert_eq!(
        ask(&test.anon(), "{ me { email } }", None).await.body["data"],
        json!({ "me": null })
    );
    let forbidden = ask(&ann, "{ adminTenants(first: 1) { totalCount } }", None).await;
    assert_eq!(forbidden.code(), "FORBIDDEN");
    let allowed = ask(
        &test.admin(),
        "{ adminTenants(first: 1) { totalCount } }",
        None,
    )
    .await;
    assert_eq!(allowed.ok().at("/data/adminTenants/totalCount"), 0);
    let forbidden = ask(&ann, "{ adminTenants(first: 1) { totalCount } }", None).await;
    assert_eq!(forbidden.code(), "FORBIDDEN");
}

#[tokio::test]
async fn an_invalid_document_is_refused_however_often_it_comes() {
    let test = TestApp::start(Backend::Sqlite).await;
    let ann = test.user("ann").await;
    for (query, operation) in [
        ("{ me { nothing } }", None),
        ("{ nothing }", None),
        ("{ me }", None),
        ("{ me { id { id } } }", None),
        ("{ me(id: 1) { id } }", None),
        ("{ authConfig(clientId: 1) { signUpEnabled } }", None),
        ("{ authConfig(clientId: $x) { signUpEnabled } }", None),
        ("{ me { ...F } }", None),
        ("{ me { id } } fragment F on User { id }", None),
        ("{ me { ...F } } fragment F on UserSession { id }", None),
        ("{ me { id @nothing } }", None),
        ("{ a: me { id } a: __typename }", None),
        (
            "query A { me { id } } query B { me { nothing } }",
            Some("A"),
        ),
        ("query A { me { id } } query B { me { id } }", Some("C")),
    ] {
        let answer = ask(&ann, query, operation).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        let code = &answer.body["errors"][0]["extensions"]["code"];
        assert_eq!(code, "GRAPHQL_VALIDATION_FAILED", "{query}");
        assert_eq!(answer.body.get("data"), None, "{query}");
    }
}

#[tokio::test]
async fn variables_are_judged_every_time() {
    let test = TestApp::start(Backend::Sqlite).await;
    for _ in 0..TIMES {
        let undeclared = "{ authConfig(clientId: $id) { signUpEnabled } }";
        let sent = json!({ "id": "default" });
        let answer = test.anon().query(undeclared, sent).await;
        assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
    }
    let query = "query($id: String!) { authConfig(clientId: $id) { signUpEnabled } }";
    let ask = async |id: Value| test.anon().query(query, json!({ "id": id })).await;
    for _ in 0..TIMES {
        ask(json!("default")).await.ok();
        for wrong in [json!(1), json!(["default"]), json!({}), json!(null)] {
            let answer = ask(wrong).await;
            assert_eq!(answer.status, 400, "{}", answer.body);
            assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
        }
    }
}
