//! What no Hasura sends.

use serde_json::json;

use super::{HOOK, assert_refused, post, posted};
use crate::harness::{Backend, TestApp, wire};

const ANONYMOUS: &[(&str, &str)] = &[("VESTIBULE_HASURA_ANONYMOUS_ROLE", "anonymous")];

on_both_databases! {
    async fn a_bad_token_is_never_anonymous(backend: Backend) {
        let test = TestApp::with(backend, ANONYMOUS).await;
        let (ann, nobody) = (test.user("ann").await, test.anon());
        let good = format!("Bearer {}", ann.access_token);
        nobody.get(HOOK).await.ok();
        for bad in ["", "Bearer", "Bearer ", "Bearer x", "Basic YTpi", "bearer a.b.c", &good[..good.len() - 4], &ann.access_token] {
            assert_refused(&nobody.clone().header("authorization", bad).get(HOOK).await);
            assert_refused(&posted(&nobody, json!({ "aUTHORIZATION": bad })).await);
        }
        let lines = format!("{good}\r\nX-Hasura-Role: admin");
        for bad in [json!([good]), json!(null), json!(7), json!({ "0": good }), json!(lines), json!(format!("{good}\n")), json!("Bearer \u{e9}")] {
            assert_refused(&posted(&nobody, json!({ "Authorization": bad })).await);
        }
        // Two of them, though one is good.
        assert_refused(&posted(&nobody, json!({ "Authorization": good, "authorization": good })).await);
        assert_refused(&posted(&nobody, json!({ "Authorization": good, "AUTHORIZATION": "" })).await);
        for roles in [json!({ "x-hasura-role": "user", "X-Hasura-Role": "admin" }), json!({ "x-hasura-role": ["user"] }), json!({ "x-hasura-role": null })] {
            let mut headers = roles;
            headers["authorization"] = json!(good);
            assert_refused(&posted(&nobody, headers).await);
        }
    }

    async fn nothing_but_the_body_counts_in_the_way_by_post(backend: Backend) {
        let test = TestApp::with(backend, ANONYMOUS).await;
        let ann = test.user("ann").await;
        let answer = posted(&ann.clone().header("x-hasura-role", "user"), json!({})).await.ok();
        assert_eq!(answer.text("/X-Hasura-Role"), "anonymous");
        assert!(answer.at("/X-Hasura-User-Id").is_null());
    }

    async fn a_body_is_read_as_far_as_its_headers(backend: Backend) {
        let test = TestApp::with(backend, ANONYMOUS).await;
        let (ann, nobody) = (test.user("ann").await, test.anon());
        let headers = json!({ "Authorization": format!("Bearer {}", ann.access_token) }).to_string();
        let rows = "x".repeat(1 << 20);
        for body in [
            format!(r#"{{"headers":{headers},"request":{{"query":"{rows}"}}}}"#),
            format!(r#"{{"other":[1,{{"headers":{{}}}}],"headers":{headers},"more":null}}"#),
            format!(r#"{{"headers":{headers}"#),
        ] {
            let answer = post(&nobody, body).await.ok();
            assert_eq!(answer.text("/X-Hasura-User-Id"), ann.user_id);
        }
        let deep = "[".repeat(20_000);
        for body in [
            String::new(), "null".to_owned(), "[]".to_owned(), "7".to_owned(), "{".to_owned(), "{}".to_owned(), deep.clone(),
            format!(r#"{{"request":{deep}"#), format!(r#"{{"headers":{deep}"#), r#"{"headers":[]}"#.to_owned(),
            r#"{"headers":null}"#.to_owned(), format!(r#"[{{"headers":{headers}}}]"#), format!(r#"{{"request":"{rows}","headers":{headers}}}"#),
            "\u{0}\u{1}".to_owned(),
        ] {
            assert_refused(&post(&nobody, body).await);
        }
        let many: String = (0..3_000).map(|number| format!(r#""h{number}":"{number}","#)).collect();
        let answer = post(&nobody, format!(r#"{{"headers":{{{many}"x":"y"}}}}"#)).await.ok();
        assert_eq!(answer.text("/X-Hasura-Role"), "anonymous");
        assert_eq!(post(&nobody, vec![b' '; (16 << 20) + 1]).await.status, 413);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bearers_in_one_request_are_none() {
    let server = crate::harness::Server::start_now(Backend::Sqlite).await;
    let ann = server.test.user("ann").await;
    let good = format!("Bearer {}", ann.access_token);
    let one = [("authorization", good.as_str())];
    assert_eq!(wire::get(server.address, HOOK, &one).await.status, 200);
    let two = [one[0], one[0]];
    assert_eq!(wire::get(server.address, HOOK, &two).await.status, 401);
    let roles = [one[0], ("x-hasura-role", "user"), ("X-Hasura-Role", "me")];
    assert_eq!(wire::get(server.address, HOOK, &roles).await.status, 401);
    server.stop().await;
}

#[tokio::test]
async fn other_ways_to_ask_are_refused() {
    use axum::body::Body;
    use axum::http::Request;
    let test = TestApp::start(Backend::Sqlite).await;
    let ann = test.user("ann").await;
    for method in ["PUT", "DELETE", "PATCH"] {
        let request = Request::builder().method(method).uri(HOOK);
        let answer = ann.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 405, "{method}");
    }
}
