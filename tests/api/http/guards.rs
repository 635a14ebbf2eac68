//! Documents that cost more than they say are refused before they cost anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Request;
use serde_json::{Value, json};

use crate::harness::{Answer, Backend, Client, PASSWORD, TestApp, wire};

/// Octets; a refusal must not be an amplifier.
const SMALL: usize = 16 * 1024;

async fn house() -> TestApp {
    TestApp::start(Backend::Sqlite).await
}

/// Runs a document that could keep a thread busy, and does not wait for it for ever.
async fn patiently(client: &Client, query: String) -> Answer {
    let client = client.clone();
    let run = tokio::spawn(async move { client.query(&query, json!({})).await });
    tokio::time::timeout(Duration::from_secs(10), run)
        .await
        .expect("an answer in time")
        .expect("an answer")
}

#[track_caller]
fn assert_refused(answer: &Answer, codes: &[&str]) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(answer.body.get("data").is_none(), "{}", answer.body);
    for error in answer.body["errors"].as_array().expect("errors") {
        let code = error["extensions"]["code"].as_str().expect("a code");
        assert!(codes.contains(&code), "{code}");
    }
    assert!(answer.body.to_string().len() < SMALL);
}

fn sign_up(email: &str) -> String {
    let input = format!("{{ email: \"{email}\", password: \"{PASSWORD}\" }}");
    format!("signUp(input: {input}) {{ __typename }}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_nested_too_deeply_are_refused_and_the_process_lives() {
    let test = house().await;
    for (open, close) in [("[", "]"), ("{a:", "}")] {
        for depth in [33, 100, 1_300, 6_000, 16_000, 20_000] {
            let closed = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let nest = if closed.len() < 64_000 {
                closed
            } else {
                open.repeat(depth)
            };
            for query in [
                format!("{{ authConfig(clientId: {nest}) {{ signUpEnabled }} }}"),
                format!("query($x: [Int] = {nest}) {{ authConfig {{ signUpEnabled }} }}"),
                format!("{{ authConfig @include(if: {nest}) {{ signUpEnabled }} }}"),
            ] {
                let answer = patiently(&test.anon(), query).await;
                assert_refused(&answer, &["QUERY_TOO_COMPLEX"]);
            }
        }
    }
    let client = test.anon();
    let alive = client
        .query("{ authConfig { signUpEnabled } }", json!({}))
        .await;
    assert_eq!(alive.ok().at("/data/authConfig/signUpEnabled"), true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fragments_that_multiply_are_refused_without_being_walked() {
    let test = house().await;
    for (levels, width) in [(30, 2), (25, 2), (7, 12), (7, 7)] {
        let spreads = |level: usize| format!("...F{level} ").repeat(width);
        let mut query = format!("{{ {} }}", spreads(1));
        for level in 1..levels {
            query.push_str(&format!(
                " fragment F{level} on Query {{ {} }}",
                spreads(level + 1)
            ));
        }
        query.push_str(&format!(
            " fragment F{levels} on Query {{ me {{ id }} authConfig {{ signUpEnabled }} }}"
        ));
        let answer = patiently(&test.anon(), query).await;
        assert_refused(&answer, &["QUERY_TOO_COMPLEX"]);
    }
}

#[tokio::test]
async fn aliases_buy_no_guesses() {
    let test = house().await;
    let sign_in = |number: usize| {
        let input = format!("{{ login: \"ann@example.org\", password: \"guess {number}\" }}");
        format!("a{number}: signIn(input: {input}) {{ __typename }} ")
    };
    for many in [2, 200] {
        let query = format!(
            "mutation {{ {} }}",
            (0..many).map(sign_in).collect::<String>()
        );
        let answer = test.anon().query(&query, json!({})).await;
        assert_refused(&answer, &["QUERY_TOO_COMPLEX"]);
    }
    let two = format!(
        "mutation {{ {} refreshSession(input: {{ refreshToken: \"x\" }}) {{ __typename }} }}",
        sign_up("ann@example.org")
    );
    assert_refused(
        &test.anon().query(&two, json!({})).await,
        &["QUERY_TOO_COMPLEX"],
    );
    assert_eq!(test.mails().await.len(), 0, "nothing ran");

    let one = format!("mutation {{ {} }}", sign_up("ann@example.org"));
    test.anon().query(&one, json!({})).await.ok();
    assert_eq!(test.mails().await.len(), 1, "alone it runs");
}

#[tokio::test]
async fn a_mutation_runs_once_under_one_name() {
    let test = house().await;
    let query = "mutation { ...A ...B }
        fragment A on Mutation { adminCreateTenant(input: { name: \"Acme\" }) { id } }
        fragment B on Mutation { adminCreateTenant(input: { name: \"Acme\" }) { name } }";
    let admin = test.admin();
    let answer = admin.query(query, json!({})).await;
    assert_refused(&answer, &["QUERY_TOO_COMPLEX"]);
    let tenants = admin.query("{ adminTenants { totalCount } }", json!({}));
    assert_eq!(tenants.await.ok().at("/data/adminTenants/totalCount"), 0);
}

#[tokio::test]
async fn more_than_thirty_aliases_are_refused() {
    let test = house().await;
    let aliases = |many: usize| {
        let fields: String = (0..many).map(|i| format!("a{i}: signUpEnabled ")).collect();
        format!("{{ authConfig {{ {fields} }} }}")
    };
    test.anon().query(&aliases(30), json!({})).await.ok();
    let answer = test.anon().query(&aliases(31), json!({})).await;
    assert_refused(&answer, &["QUERY_TOO_COMPLEX"]);
}

#[tokio::test]
async fn several_operations_in_one_request_are_refused_and_none_runs() {
    let test = house().await;
    let operation = |number: usize| {
        let query = sign_up(&format!("a{number}@example.org"));
        json!({ "query": format!("mutation {{ {query} }}") })
    };
    let batch: Value = (0..100).map(operation).collect();
    for body in [batch.to_string(), format!("\n {batch}"), "[]".to_owned()] {
        assert_refused(&test.anon().post(body).await, &["BAD_REQUEST"]);
    }
    assert_eq!(test.mails().await.len(), 0);
}

#[tokio::test]
async fn a_mutation_by_get_is_refused_and_changes_nothing() {
    let test = house().await;
    let mutation = format!("mutation M {{ {} }}", sign_up("ann@example.org"));
    let both = format!("query Q {{ authConfig {{ signUpEnabled }} }} {mutation}");
    let path = |query: &str, name: &str| {
        let mut path = url::form_urlencoded::Serializer::new("/graphql?".to_owned());
        path.append_pair("query", query);
        path.append_pair("operationName", name);
        path.finish()
    };
    let incomplete = "mutation M($input: SignOutInput!) { signOut(input: $input) { __typename } }";
    for path in [
        path(&mutation, ""),
        path(&mutation, "M"),
        path(&both, "M"),
        path(incomplete, "M"),
    ] {
        let answer = test.anon().get(&path).await;
        assert_eq!(answer.status, 405, "{}", answer.body);
        assert_eq!(answer.headers["allow"], "POST");
        assert_eq!(answer.code(), "BAD_REQUEST");
    }
    assert_eq!(test.mails().await.len(), 0);
    test.anon().get(&path(&both, "Q")).await.ok();
    let put = Request::put("/graphql").body(Body::empty()).unwrap();
    let put = test.anon().send(put).await;
    assert_eq!(
        (put.status.as_u16(), &put.headers["allow"]),
        (405, &"GET, POST".parse().unwrap())
    );
}

#[tokio::test]
async fn a_body_that_a_foreign_page_could_send_is_refused_and_changes_nothing() {
    let test = house().await;
    let query = format!("mutation {{ {} }}", sign_up("ann@example.org"));
    let body = json!({ "query": query }).to_string();
    for declared in [
        Some("text/plain"),
        Some("text/plain; application/json"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/graphql"),
        Some("application/json; charset=utf-16"),
        None,
    ] {
        let mut request = Request::post("/graphql");
        if let Some(declared) = declared {
            request = request.header("content-type", declared);
        }
        let answer = test
            .anon()
            .send(request.body(body.clone().into()).unwrap())
            .await;
        assert_eq!(answer.status, 415, "{declared:?}");
        assert_eq!(answer.code(), "BAD_REQUEST");
    }
    assert_eq!(test.mails().await.len(), 0);
}

#[tokio::test]
async fn a_large_body_is_refused_without_being_read_to_its_end() {
    let test = house().await;
    let fitting = |length: usize| {
        let body = json!({ "query": "{ authConfig { signUpEnabled } }" }).to_string();
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    test.anon().post(fitting(64 * 1024)).await.ok();
    let answer = test.anon().post(fitting(64 * 1024 + 1)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (413, "BAD_REQUEST")
    );

    let pulled = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&pulled);
    let hundred_megabytes = futures_util::stream::iter((0..100).map(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1_000_000]))
    }));
    let answer = test.anon().post(Body::from_stream(hundred_megabytes)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (413, "BAD_REQUEST")
    );
    assert!(pulled.load(Ordering::SeqCst) <= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_is_refused_over_the_wire_sized_and_chunked() {
    let server = crate::harness::Server::start(Backend::Sqlite).await;
    let head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let million = " ".repeat(1_000_000);
    let sized = format!("{head}content-length: 104857600\r\n\r\n{million}");
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\nF4240\r\n{million}\r\n");
    for request in [sized, chunked] {
        let answer = wire::exchange(server.address, request.as_bytes()).await;
        // A server that closes while its client still writes may cut off its own answer.
        if !answer.is_empty() {
            assert_eq!(wire::Wire::of(&answer).status, 413);
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_deep_and_circular_documents_get_a_small_refusal() {
    let test = house().await;
    let config = |fields: &str| format!("{{ authConfig {{ {fields} }} }}");
    let unknown: String = (0..5_000).map(|number| format!("field{number} ")).collect();
    let some_unknown: String = (0..150).map(|number| format!("field{number} ")).collect();
    for query in [
        format!(
            "{{ authConfig {} {{ signUpEnabled }} }}",
            "@a ".repeat(20_000)
        ),
        format!("{{ authConfig {} {{ signUpEnabled }} }}", "@a ".repeat(40)),
        config(&"locales ".repeat(8_000)),
        format!("{{ {} }}", "me ".repeat(10_000)),
        config(&unknown),
        config(&some_unknown),
        format!("{}{}", "{ a ".repeat(30), "}".repeat(30)),
        format!("{}{}", "{ a ".repeat(50), "}".repeat(50)),
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
        "{ me { ...A } } fragment A on User { sessions { id } ...A }".to_owned(),
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
            .to_owned(),
    ] {
        let answer = patiently(&test.anon(), query).await;
        assert_refused(&answer, &["QUERY_TOO_COMPLEX", "GRAPHQL_VALIDATION_FAILED"]);
    }
}
