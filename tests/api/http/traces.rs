//! Traces, as a collector receives them from the real program.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::program::Program;
use crate::harness::{by_code, wire};

const PASSWORD: &str = "canary horse battery staple";
const EMAIL: &str = "finch@example.org";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A collector that keeps what it gets: each request with its headers.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(HeaderMap, Bytes)>>>);

impl Collector {
    async fn start() -> (Self, SocketAddr) {
        let collector = Self::default();
        let keep = async |State(Self(kept)): State<Self>, headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            kept.lock().unwrap().push((headers, body));
        };
        let router = Router::new()
            .route("/v1/traces", post(keep))
            .with_state(collector.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (collector, address)
    }

    fn kept(&self) -> Vec<(HeaderMap, Bytes)> {
        self.0.lock().unwrap().clone()
    }

    fn bodies(&self) -> Vec<Bytes> {
        self.kept().into_iter().map(|(_, body)| body).collect()
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let bodies = self.bodies().into_iter();
        bodies
            .map(|body| ExportTraceServiceRequest::decode(body).expect("OTLP"))
            .collect()
    }

    fn spans(&self) -> Vec<Span> {
        let resources = self
            .requests()
            .into_iter()
            .flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    let attribute = attributes.iter().find(|attribute| attribute.key == name);
    match attribute.and_then(|attribute| attribute.value.clone()) {
        Some(AnyValue {
            value: Some(Any::StringValue(text)),
        }) => text,
        Some(AnyValue {
            value: Some(Any::IntValue(number)),
        }) => number.to_string(),
        other => panic!("{name}: {other:?} in {attributes:?}"),
    }
}

async fn run(program: &Program, name: &str, variables: Value, headers: &[(&str, &str)]) -> Value {
    let answer = wire::run(program.address, name, variables, headers)
        .await
        .json();
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"].clone()
}

/// Signs up, verifies and signs in; answers everything secret that was said.
async fn sign_in(program: &Program, headers: &[(&str, &str)]) -> Vec<String> {
    let input = json!({ "input": { "email": EMAIL, "password": PASSWORD } });
    let pending = run(program, "sign_up", input, &[]).await;
    let handle = pending["signUp"]["verificationId"]
        .as_str()
        .expect("a handle")
        .to_owned();
    let mail = loop {
        let json = [("accept", "application/json")];
        let mails = wire::get(program.address, "/dev/inbox", &json).await.json();
        if let Some(mail) = mails.get(0) {
            break mail.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let code = mail["code"].as_str().expect("a code").to_owned();
    run(program, "verify_email", by_code(&handle, &code), &[]).await;
    let input = json!({ "input": { "login": EMAIL, "password": PASSWORD } });
    let session = run(program, "sign_in", input, headers).await["signIn"].clone();
    let member = |of: &Value, name: &str| of[name].as_str().expect(name).to_owned();
    vec![
        "canary".to_owned(),
        "finch".to_owned(),
        handle,
        code,
        member(&mail, "ticket"),
        member(&session, "accessToken"),
        member(&session, "refreshToken"),
    ]
}

async fn traced(settings: &[(&str, &str)]) -> (Collector, Program) {
    let (collector, address) = Collector::start().await;
    let endpoint = format!("http://{address}");
    let mut all = vec![("VESTIBULE_OTLP_ENDPOINT", endpoint.as_str())];
    all.extend(settings);
    (collector, Program::serve(&all).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_arrives_span_by_span_below_the_proxys_and_tells_no_secret() {
    let (collector, mut program) = traced(&[("VESTIBULE_TRUSTED_PROXIES", "127.0.0.1/32")]).await;
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let secrets = sign_in(&program, &[("traceparent", &parent)]).await;
    program.terminate();
    assert!(program.ended().await.success(), "{}", program.output());

    let spans = collector.spans();
    let own: Vec<&Span> = spans
        .iter()
        .filter(|span| hex(&span.trace_id) == TRACE)
        .collect();
    let one = |name: &str| {
        let named: Vec<_> = own.iter().filter(|span| span.name == name).collect();
        assert_eq!(named.len(), 1, "{name}: {own:#?}");
        *named[0]
    };
    let request = one("POST /graphql");
    assert_eq!(hex(&request.parent_span_id), PARENT);
    assert_eq!(text(&request.attributes, "http.route"), "/graphql");
    assert_eq!(
        text(&request.attributes, "http.response.status_code"),
        "200"
    );
    let operation = one("mutation SignIn");
    assert_eq!(
        text(&operation.attributes, "graphql.operation.type"),
        "mutation"
    );
    let (password, hash) = (one("password"), one("hash"));
    for (child, parent) in [
        (operation, request),
        (password, operation),
        (one("wait for a worker"), password),
        (hash, password),
    ] {
        assert_eq!(child.parent_span_id, parent.span_id, "{}", child.name);
    }
    let transactions: Vec<_> = own
        .iter()
        .filter(|span| span.name == "transaction")
        .collect();
    assert!(!transactions.is_empty(), "{own:#?}");
    for transaction in transactions {
        assert_eq!(transaction.parent_span_id, operation.span_id);
    }
    assert!(hash.end_time_unix_nano > hash.start_time_unix_nano);
    let mail = spans
        .iter()
        .find(|span| span.name == "mail")
        .expect("a mail's span");
    assert_eq!(text(&mail.attributes, "purpose"), "EMAIL_VERIFICATION");
    assert!(mail.parent_span_id.is_empty());

    let requests = collector.requests();
    let resource = requests[0].resource_spans[0]
        .resource
        .as_ref()
        .expect("a resource");
    assert_eq!(text(&resource.attributes, "service.name"), "vestibule");
    assert_eq!(
        text(&resource.attributes, "service.version"),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(text(&resource.attributes, "service.instance.id").len(), 36);
    for body in collector.bodies() {
        let told = String::from_utf8_lossy(&body);
        for secret in &secrets {
            assert!(!told.contains(secret.as_str()), "{secret}: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_a_trusted_proxy_writes_into_the_traces_of_others() {
    let (collector, mut program) = traced(&[]).await;
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let headers = [("traceparent", parent.as_str())];
    let body = json!({ "query": "query Canary { __typename }" });
    let sent = wire::post(&body, &headers);
    wire::exchange(program.address, &sent).await;
    program.terminate();
    assert!(program.ended().await.success(), "{}", program.output());
    let spans = collector.spans();
    assert!(
        spans.iter().any(|span| span.name == "query Canary"),
        "{spans:#?}"
    );
    for span in &spans {
        assert_ne!(hex(&span.trace_id), TRACE);
        let is_root = span.name == "POST /graphql" || span.name == "GET /readyz";
        assert_eq!(is_root, span.parent_span_id.is_empty(), "{span:#?}");
    }
}

/// Waits until spans are counted as what became of them, and answers how many.
async fn counted(program: &Program, outcome: &str) -> usize {
    let name = format!("vestibule_spans_total{{outcome=\"{outcome}\"}} ");
    let number = |line: &str| -> Option<usize> { line.strip_prefix(&name)?.parse().ok() };
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let counts = wire::get(program.address, "/metrics", &[]).await.body;
        let many = counts.lines().find_map(number);
        if let Some(many) = many.filter(|many| *many > 0) {
            return many;
        }
        assert!(Instant::now() < end, "{counts}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_collector_is_sent_the_headers_that_were_set_and_what_it_takes_is_counted() {
    let headers = "x-collector-key=canary%20of%20the%20key, x-tenant=house";
    // Nobody is there: what goes to a collector on this machine goes by no proxy.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let settings = [
        ("OTEL_EXPORTER_OTLP_HEADERS", headers),
        ("HTTP_PROXY", proxy.as_str()),
    ];
    let (collector, mut program) = traced(&settings).await;
    sign_in(&program, &[]).await;
    let sent = counted(&program, "sent").await;
    // Counted once they are taken.
    assert!(sent <= collector.spans().len(), "{sent}");
    let counts = wire::get(program.address, "/metrics", &[]).await.body;
    for outcome in ["dropped", "failed"] {
        let none = format!("vestibule_spans_total{{outcome=\"{outcome}\"}} 0\n");
        assert!(counts.contains(&none), "{counts}");
    }
    program.terminate();
    assert!(program.ended().await.success(), "{}", program.output());
    for (headers, _) in collector.kept() {
        assert_eq!(headers["x-collector-key"], "canary of the key");
        assert_eq!(headers["x-tenant"], "house");
    }
    let said = program.output();
    assert!(!said.contains("canary of the key"), "{said}");
}

/// Serves as ever, counts what is lost, and ends.
async fn harms_nothing(endpoint: &str) {
    let mut program = Program::serve(&[("VESTIBULE_OTLP_ENDPOINT", endpoint)]).await;
    sign_in(&program, &[]).await;
    counted(&program, "failed").await;
    program.terminate();
    assert!(program.ended().await.success(), "{}", program.output());
    let said = program.output();
    assert!(said.contains("the collector does not take"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_harms_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    harms_nothing(&format!("http://{address}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_hangs_harms_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hang = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    harms_nothing(&format!("http://{address}")).await;
    hang.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_nothing_is_said_of_traces() {
    let mut program = Program::serve(&[]).await;
    sign_in(&program, &[]).await;
    let counts = wire::get(program.address, "/metrics", &[]).await.body;
    assert!(!counts.contains("vestibule_spans_total{"), "{counts}");
    program.terminate();
    assert!(program.ended().await.success(), "{}", program.output());
}
