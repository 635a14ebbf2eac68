//! Which media type an answer has, which status, and which headers every answer carries.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::harness::{Backend, TestApp};

const RESPONSE: &str = "application/graphql-response+json";

#[tokio::test]
async fn the_accept_header_chooses_the_media_type() {
    let test = TestApp::start(Backend::Sqlite).await;
    for (accept, status, media) in [
        (Some(RESPONSE), 200, RESPONSE),
        (Some("application/json"), 200, "application/json"),
        (Some("*/*"), 200, "application/json"),
        (Some("application/*"), 200, "application/json"),
        (
            Some("application/json;q=0.5, application/graphql-response+json"),
            200,
            RESPONSE,
        ),
        (Some("text/html"), 406, "application/json"),
        (Some("text/plain"), 406, "application/json"),
        (None, 200, "application/json"),
    ] {
        let client = match accept {
            Some(accept) => test.anon().header("accept", accept),
            None => test.anon().without_header("accept"),
        };
        let answer = client
            .query("{ authConfig { signUpEnabled } }", json!({}))
            .await;
        assert_eq!(answer.status.as_u16(), status, "{accept:?}");
        assert_eq!(
            answer.headers["content-type"],
            format!("{media}; charset=utf-8"),
            "{accept:?}"
        );
        assert_eq!(answer.headers["vary"], "accept");
    }
}

#[tokio::test]
async fn a_browser_gets_the_page_and_a_script_gets_json() {
    let test = TestApp::start(Backend::Sqlite).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = test
        .anon()
        .header("accept", browser)
        .get("/graphql")
        .await
        .ok();
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let script = test
        .anon()
        .header("accept", "*/*")
        .get("/graphql?query=%7B__typename%7D")
        .await
        .ok();
    assert_eq!(script.text("/data/__typename"), "Query");
}

#[tokio::test]
async fn a_refused_request_is_400_for_those_who_read_the_status_and_200_for_those_who_do_not() {
    let test = TestApp::start(Backend::Sqlite).await;
    let deep = "[".repeat(40);
    for query in ["{", "{ nothing }", deep.as_str()] {
        let modern = test.anon().query(query, json!({})).await;
        let classic = test
            .anon()
            .header("accept", "application/json")
            .query(query, json!({}))
            .await;
        assert_eq!(
            (modern.status.as_u16(), classic.status.as_u16()),
            (400, 200),
            "{query}"
        );
        assert_eq!(modern.body, classic.body);
        assert!(classic.body.get("data").is_none());
    }
}

#[tokio::test]
async fn a_failed_field_is_200_with_data_for_everybody() {
    let test = TestApp::start(Backend::Sqlite).await;
    for accept in [RESPONSE, "application/json"] {
        let answer = test
            .anon()
            .header("accept", accept)
            .sign_in("ann@example.org", "guess")
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.code(), "INVALID_CREDENTIALS");
        assert!(
            answer
                .body
                .get("data")
                .is_some_and(serde_json::Value::is_null)
        );
    }
}

#[tokio::test]
async fn a_field_that_may_not_be_null_takes_its_neighbours_along() {
    let test = TestApp::start(Backend::Sqlite).await;
    let query = "{ adminConnections { totalCount } authConfig { __typename } }";
    let answer = test.anon().query(query, serde_json::json!({})).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert_eq!(answer.body.get("data"), Some(&serde_json::Value::Null));
    let query = "{ me { id } authConfig { __typename } }";
    let answer = test.anon().query(query, serde_json::json!({})).await;
    assert_eq!(answer.at("/data/authConfig/__typename"), "AuthConfig");
}

#[tokio::test]
async fn a_field_that_fails_alone_is_null_where_it_may_be() {
    let test = TestApp::start(Backend::Sqlite).await;
    let query = "{ adminUser(by: { id: \"x\" }) { id } }";
    let answer = test.anon().query(query, serde_json::json!({})).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    let expected = serde_json::json!({ "adminUser": null });
    assert_eq!(answer.body.get("data"), Some(&expected));
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_browsers_careful() {
    let test = TestApp::start(Backend::Sqlite).await;
    let client = test
        .anon()
        .header("accept", "*/*")
        .header("x-request-id", "chosen-by-the-client");
    for path in [
        "/graphql?query=%7B__typename%7D",
        "/graphql",
        "/livez",
        "/readyz",
        "/verify?ticket=x",
        "/dev/inbox",
        "/nowhere",
    ] {
        let answer = client.get(path).await;
        let header = |name: &str| {
            let value = answer
                .headers
                .get(name)
                .unwrap_or_else(|| panic!("{path}: no {name}"));
            value.to_str().unwrap().to_owned()
        };
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(
            answer.headers.get_all("x-request-id").iter().count(),
            1,
            "{path}"
        );
        assert_eq!(header("x-request-id").len(), 36, "{path}: a UUID of ours");
        assert!(
            answer.headers.get("strict-transport-security").is_none(),
            "{path}"
        );
        assert!(
            answer.headers.get("access-control-allow-origin").is_none(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn only_an_https_address_promises_https() {
    let https = [("VESTIBULE_PUBLIC_URL", "https://auth.example.org")];
    let test = TestApp::with(Backend::Sqlite, &https).await;
    let answer = test.anon().get("/livez").await;
    let promised = answer.headers["strict-transport-security"]
        .to_str()
        .unwrap();
    assert!(promised.starts_with("max-age="), "{promised}");
}

#[tokio::test]
async fn a_foreign_origin_is_never_invited() {
    let test = TestApp::start(Backend::Sqlite).await;
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
    ] {
        let client = test.anon().header("origin", origin);
        let preflight = Request::options("/graphql")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .body(Body::empty());
        let answers = [client.me().await, client.send(preflight.unwrap()).await];
        for answer in answers {
            assert!(
                answer.headers.get("access-control-allow-origin").is_none(),
                "{origin}"
            );
        }
    }
}
