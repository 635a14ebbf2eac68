//! Pages of other origins: exact, as the applications list them.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::harness::{Answer, Client, TestApp};
use crate::support::list_origins;

const PAGE: &str = "https://app.example.org";
const STRANGERS: [&str; 9] = [
    "https://evil.example",
    "null",
    "",
    "http://app.example.org",
    "https://app.example.org:8443",
    "https://app.example.org/",
    "https://APP.example.org",
    "https://app.example.org.evil.example",
    "https://%",
];

async fn preflight(client: &Client, origin: &str) -> Answer {
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri("/graphql")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type,x-client-id",
        );
    client.send(request.body(Body::empty()).unwrap()).await
}

async fn ask(client: &Client, origin: &str) -> Answer {
    let client = client.clone().header("origin", origin);
    client
        .query("{ authConfig { defaultRole } }", json!({}))
        .await
}

fn header(answer: &Answer, name: &str) -> Option<String> {
    let value = answer.headers.get(name)?;
    Some(value.to_str().expect("text").to_owned())
}

/// Whether caches keep it for each `Origin` apart.
fn varies(answer: &Answer) -> bool {
    let named = answer.headers.get_all("vary").iter();
    named
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_lowercase().contains("origin"))
}

fn allowed(answer: &Answer) -> Option<String> {
    header(answer, "access-control-allow-origin")
}

on_both_databases! {
    async fn a_listed_page_may_call_with_its_headers_and_its_cookie(backend: Backend) {
        let test = TestApp::start(backend).await;
        list_origins(&test, &[PAGE, "http://localhost:5173"]).await;
        let answer = preflight(&test.anon(), PAGE).await;
        assert!(answer.status.is_success());
        assert_eq!(allowed(&answer).as_deref(), Some(PAGE));
        assert_eq!(header(&answer, "access-control-allow-credentials").as_deref(), Some("true"));
        let headers = header(&answer, "access-control-allow-headers").unwrap_or_default();
        for needed in ["authorization", "content-type", "x-client-id"] {
            assert!(headers.contains(needed), "{headers}");
        }
        assert!(header(&answer, "access-control-allow-methods").is_some_and(|methods| methods.contains("POST")));
        let answer = ask(&test.anon(), "http://localhost:5173").await.ok();
        assert_eq!(allowed(&answer).as_deref(), Some("http://localhost:5173"));
        assert!(varies(&answer));
    }

    async fn an_answer_that_no_page_asked_for_is_not_kept_for_one_that_does(backend: Backend) {
        let test = TestApp::start(backend).await;
        list_origins(&test, &[PAGE]).await;
        let answer = test.anon().query("{ authConfig { defaultRole } }", json!({})).await.ok();
        assert_eq!(allowed(&answer), None);
        assert!(varies(&answer), "{:?}", answer.headers);
    }

    async fn an_answer_with_errors_can_be_read_too(backend: Backend) {
        let test = TestApp::start(backend).await;
        list_origins(&test, &[PAGE]).await;
        let client = test.anon().header("origin", PAGE);
        let answer = client.query("{ nonsense }", json!({})).await;
        assert_eq!((answer.code().as_str(), allowed(&answer).as_deref()), ("GRAPHQL_VALIDATION_FAILED", Some(PAGE)));
    }

    async fn strangers_get_no_permission_whatever_they_look_like(backend: Backend) {
        let test = TestApp::start(backend).await;
        list_origins(&test, &[PAGE]).await;
        for stranger in STRANGERS {
            let answers = [preflight(&test.anon(), stranger).await, ask(&test.anon(), stranger).await];
            for answer in answers {
                assert_eq!(allowed(&answer), None, "{stranger:?}");
            }
        }
    }

    async fn without_a_list_nobody_but_the_house_itself_may(backend: Backend) {
        let test = TestApp::start(backend).await;
        assert_eq!(allowed(&preflight(&test.anon(), PAGE).await), None);
        let own = "http://127.0.0.1:4000";
        assert_eq!(allowed(&ask(&test.anon(), own).await.ok()).as_deref(), Some(own));
    }

    async fn a_request_that_names_its_application_is_held_to_that_ones_list(backend: Backend) {
        let test = TestApp::start(backend).await;
        list_origins(&test, &[PAGE]).await;
        let named = test.anon().header("x-client-id", "default");
        assert_eq!(allowed(&ask(&named, PAGE).await.ok()).as_deref(), Some(PAGE));
        let other = test.anon().header("x-client-id", "other");
        assert_eq!(allowed(&ask(&other, PAGE).await), None);
    }

    async fn striking_a_page_from_the_list_takes_effect_with_the_next_request(backend: Backend) {
        let test = TestApp::start(backend).await;
        list_origins(&test, &[PAGE]).await;
        let other = test.second_instance().await;
        assert_eq!(allowed(&ask(&other.anon(), PAGE).await.ok()).as_deref(), Some(PAGE));
        list_origins(&test, &[]).await;
        assert_eq!(allowed(&ask(&other.anon(), PAGE).await.ok()), None);
    }
}
