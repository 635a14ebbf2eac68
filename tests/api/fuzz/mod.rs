//! What nobody thought of: documents, variables, bodies, headers and texts made by chance out of good ones, for a bounded
//! time. Whatever arrives, the house answers with a code of its own that is not `INTERNAL`, and lives.
//!
//! `VESTIBULE_FUZZ_SECONDS` says how long each target runs, 2 unless told otherwise. What failed is printed with its input;
//! it becomes a test of its own.

mod schemathesis;
mod text;

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderValue, Request};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::harness::{Answer, Client, PASSWORD, TestApp};

/// How long a target runs.
pub fn patience() -> Duration {
    let seconds = std::env::var("VESTIBULE_FUZZ_SECONDS").ok();
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(2.0))
}

/// Makes inputs until the time is up; always the same ones.
fn inputs<S: Strategy>(strategy: S) -> impl Iterator<Item = S::Value> {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let end = Instant::now() + patience();
    std::iter::from_fn(move || {
        (Instant::now() < end).then(|| strategy.new_tree(&mut runner).expect("an input").current())
    })
}

/// Documents that are good, one for each operation of the tests.
fn documents() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/queries");
    let files = std::fs::read_dir(folder).unwrap().flatten();
    let mut paths: Vec<_> = files.map(|file| file.path()).collect();
    paths.sort();
    let texts = paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap());
    texts.collect()
}

/// Pieces that parsers stumble over.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[\\[\\]{}()\"!:$@#&|=.,\\\\]{1,8}",
        "\\PC{0,6}",
        Just("\"\"\"".to_owned()),
        Just("\u{0}".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("\\ud800".to_owned()),
        Just("{ __typename }".to_owned()),
        Just("...F fragment F on Query { ...F }".to_owned()),
        Just("@include(if: true)".to_owned()),
        Just("99999999999999999999999".to_owned()),
        Just("1e400".to_owned()),
        Just("[".repeat(200)),
        Just("{a:".repeat(200)),
        Just("alias: me { id } ".repeat(40)),
    ]
}

/// A good text with a few places cut out, doubled, or filled with something else.
fn spoiled(seeds: Vec<String>) -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0..12_usize, 0..3_u8, piece());
    (
        prop::sample::select(seeds),
        prop::collection::vec(edit, 1..5),
    )
        .prop_map(|(seed, edits)| {
            let mut text: Vec<char> = seed.chars().collect();
            for (place, length, kind, piece) in edits {
                let start = place.index(text.len() + 1);
                let end = (start + length).min(text.len());
                match kind {
                    0 => drop(text.drain(start..end)),
                    1 => {
                        let doubled = text[start..end].to_vec();
                        text.splice(start..start, doubled);
                    }
                    _ => drop(text.splice(start..end, piece.chars())),
                }
            }
            text.into_iter().collect()
        })
}

/// Any JSON, not too deep, now and then of what the API knows.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,20}".prop_map(Value::from),
        Just(json!("a\u{0}b")),
        Just(json!("ann@example.org")),
        Just(json!(PASSWORD)),
        Just(json!("default")),
        Just(json!("01940000-0000-7000-8000-000000000000")),
        Just(json!("x".repeat(3_000))),
        Just(json!("' OR 1=1 --")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Names of the API's inputs.
const NAMES: [&str; 24] = [
    "email",
    "password",
    "newPassword",
    "currentPassword",
    "login",
    "username",
    "displayName",
    "locale",
    "metadata",
    "allowedRoles",
    "defaultRole",
    "redirectTo",
    "codeChallenge",
    "codeVerifier",
    "templateOptions",
    "customClaims",
    "tokenTransport",
    "clientId",
    "connection",
    "proof",
    "verificationId",
    "newEmail",
    "refreshToken",
    "sessionId",
];

fn variables() -> impl Strategy<Value = Value> {
    let field = (prop::sample::select(NAMES.to_vec()), value());
    prop::collection::vec(field, 0..6).prop_map(|fields| {
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        json!({ "input": Value::Object(fields.collect()) })
    })
}

#[track_caller]
fn assert_sound(answer: &Answer, input: &str) {
    let status = answer.status.as_u16();
    assert!(
        status < 500 || status == 503,
        "{status} {}: {input}",
        answer.body
    );
    let errors = answer.at("/errors");
    for error in errors.as_array().into_iter().flatten() {
        let code = &error["extensions"]["code"];
        assert!(
            code.is_string() && code != "INTERNAL",
            "{}: {input}",
            answer.body
        );
    }
    assert!(answer.body.is_object(), "{status} {}: {input}", answer.body);
}

async fn somebody(test: &TestApp) -> Vec<Client> {
    vec![test.anon(), test.user("ann").await, test.admin()]
}

on_both_databases! {
    async fn documents_that_are_almost_good(backend: Backend) {
        let test = TestApp::start(backend).await;
        let callers = somebody(&test).await;
        for (number, document) in inputs(spoiled(documents())).enumerate() {
            let answer = callers[number % callers.len()].query(&document, json!({ "input": {} })).await;
            assert_sound(&answer, &document);
        }
        test.anon().query("{ __typename }", json!({})).await.ok();
    }

    async fn variables_of_every_kind_and_type(backend: Backend) {
        let test = TestApp::start(backend).await;
        let callers = somebody(&test).await;
        let documents = documents();
        for (number, variables) in inputs(variables()).enumerate() {
            let document = &documents[number % documents.len()];
            let answer = callers[number % callers.len()].query(document, variables.clone()).await;
            assert_sound(&answer, &format!("{document} {variables}"));
        }
    }

    async fn values_for_the_fields_of_each_input(backend: Backend) {
        let test = TestApp::start(backend).await;
        let callers = somebody(&test).await;
        let inputs_of = text::inputs();
        let pairs = (any::<prop::sample::Index>(), prop::collection::vec((any::<prop::sample::Index>(), value()), 1..4));
        for (number, (operation, values)) in inputs(pairs).enumerate() {
            let (document, fields) = &inputs_of[operation.index(inputs_of.len())];
            let mut input = text::good(fields);
            for (place, value) in values {
                let field = &fields[place.index(fields.len())].0;
                input[field.as_str()] = value;
            }
            let variables = json!({ "input": input });
            let answer = callers[number % callers.len()].query(document, variables.clone()).await;
            assert_sound(&answer, &format!("{document} {variables}"));
        }
    }

    async fn bodies_that_are_almost_json(backend: Backend) {
        let test = TestApp::start(backend).await;
        let good = documents().into_iter().map(|query| json!({ "query": query, "variables": { "input": { "email": "a@b.org" } } }).to_string());
        for body in inputs(spoiled(good.collect())) {
            assert_sound(&test.anon().post(body.clone()).await, &body);
        }
    }

    async fn headers_of_every_kind(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let tokens = vec![ann.access_token.clone(), format!("vestibule-default={}", ann.refresh_token), "text/html,*/*;q=0.1".to_owned()];
        let names = ["authorization", "cookie", "accept", "accept-language", "x-client-id", "x-forwarded-for", "origin", "user-agent", "content-type", "x-vestibule-admin-secret"];
        let header = (prop::sample::select(names.to_vec()), spoiled(tokens), any::<bool>());
        for headers in inputs(prop::collection::vec(header, 1..5)) {
            let mut request = Request::post("/graphql");
            for (name, value, bearer) in &headers {
                let value = if *bearer { format!("Bearer {value}") } else { value.clone() };
                if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                    request = request.header(*name, value);
                }
            }
            let body = json!({ "query": "mutation { refreshSession { __typename } }" }).to_string();
            let answer = test.anon().send(request.body(Body::from(body)).unwrap()).await;
            assert_sound(&answer, &format!("{headers:?}"));
        }
    }

    async fn tickets_in_the_addresses_of_pages(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let good = test.mail_to("ann@example.org").await.ticket();
        let pages = ["/verify", "/reset", "/invitation", "/confirm-email", "/undo-email-change"];
        for (number, ticket) in inputs(spoiled(vec![good.clone()])).filter(|ticket| *ticket != good).enumerate() {
            let page = pages[number % pages.len()];
            let encoded: String = url::form_urlencoded::byte_serialize(ticket.as_bytes()).collect();
            let shown = test.anon().get(&format!("{page}?ticket={encoded}")).await;
            assert!(shown.status.as_u16() < 500, "{page} {ticket}");
            let form = Request::post(page).header("content-type", "application/x-www-form-urlencoded");
            let clicked = test.anon().send(form.body(Body::from(format!("ticket={encoded}&password=x"))).unwrap()).await;
            assert!(clicked.status.is_client_error(), "{page} {ticket}: {}", clicked.status);
        }
    }
}
