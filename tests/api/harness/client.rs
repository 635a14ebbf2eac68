//! A client of the API, in this process: the front itself answers, without a socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;
use vestibule::http::Front;
use vestibule::http::Peer;

use super::PASSWORD;

/// Sends documents from `tests/api/queries/`. Cheap to clone; with every call it hands out a changed copy.
#[derive(Clone)]
pub struct Client {
    front: Front,
    headers: Vec<(String, String)>,
    peer: SocketAddr,
    /// Of the last session that it was given.
    pub access_token: String,
    pub refresh_token: String,
    pub session_id: String,
    pub user_id: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Client {
    pub fn new(front: Front) -> Self {
        Self {
            front,
            headers: vec![("accept".into(), "application/graphql-response+json".into())],
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000)),
            access_token: String::new(),
            refresh_token: String::new(),
            session_id: String::new(),
            user_id: String::new(),
        }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// The client calls from this address.
    #[must_use]
    pub fn calling_from(mut self, ip: &str) -> Self {
        self.peer = SocketAddr::new(ip.parse().expect("an address"), 50_000);
        self
    }

    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Holds the tokens of a `Session` from now on.
    #[must_use]
    pub fn signed_in(self, session: &Value) -> Self {
        let text = |name: &str| {
            session[name]
                .as_str()
                .unwrap_or_else(|| panic!("no {name}: {session}"))
                .to_owned()
        };
        let user_id = session["user"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let mut client = self.bearer(&text("accessToken"));
        client.access_token = text("accessToken");
        client.refresh_token = text("refreshToken");
        client.session_id = text("sessionId");
        client.user_id = user_id;
        client
    }

    /// Runs `tests/api/queries/<name>.graphql`.
    pub async fn run(&self, name: &str, variables: Value) -> Answer {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/api/queries/{name}.graphql"));
        let query = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.query(&query, variables).await
    }

    /// Runs a document.
    pub async fn query(&self, query: &str, variables: Value) -> Answer {
        self.post(json!({ "query": query, "variables": variables }).to_string())
            .await
    }

    /// Sends a body to `/graphql`.
    pub async fn post(&self, body: impl Into<Body>) -> Answer {
        let request = Request::post("/graphql").header("content-type", "application/json");
        self.send(request.body(body.into()).expect("a request"))
            .await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("a request"))
            .await
    }

    /// Sends any request; the client's headers are added where the request has none of that name.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        for (name, value) in &self.headers {
            let name: axum::http::HeaderName = name.parse().expect("a header name");
            request
                .headers_mut()
                .entry(name)
                .or_insert(value.parse().expect("a header value"));
        }
        request.extensions_mut().insert(Peer(self.peer));
        let response = self
            .front
            .clone()
            .oneshot(request)
            .await
            .expect("the front answers");
        let (parts, body) = response.into_parts();
        let octets = to_bytes(body, usize::MAX).await.expect("a body");
        let text = || Value::String(String::from_utf8_lossy(&octets).into_owned());
        let body = serde_json::from_slice(&octets).unwrap_or_else(|_| text());
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub async fn sign_up(&self, email: &str) -> Answer {
        self.run(
            "sign_up",
            json!({ "input": { "email": email, "password": PASSWORD } }),
        )
        .await
    }

    pub async fn sign_in(&self, login: &str, password: &str) -> Answer {
        self.run(
            "sign_in",
            json!({ "input": { "login": login, "password": password } }),
        )
        .await
    }

    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        let input = json!({ "refreshToken": refresh_token });
        self.clone()
            .without_header("authorization")
            .run("refresh_session", json!({ "input": input }))
            .await
    }

    pub async fn me(&self) -> Answer {
        self.run("me", json!({})).await
    }
}

impl Answer {
    /// The value at a JSON pointer (null where there is none).
    pub fn at(&self, pointer: &str) -> Value {
        self.body.pointer(pointer).cloned().unwrap_or_default()
    }

    /// The text at a JSON pointer.
    pub fn text(&self, pointer: &str) -> String {
        self.at(pointer)
            .as_str()
            .unwrap_or_else(|| panic!("no text at {pointer}: {}", self.body))
            .to_owned()
    }

    /// `extensions.code` of the only error.
    pub fn code(&self) -> String {
        assert_eq!(
            self.at("/errors").as_array().map(Vec::len),
            Some(1),
            "one error: {}",
            self.body
        );
        self.text("/errors/0/extensions/code")
    }

    /// `extensions.code` of the first error, or an empty text where all went well.
    pub fn code_or_ok(&self) -> String {
        self.at("/errors/0/extensions/code")
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// `path:rule` of every issue of the only error.
    pub fn issues(&self) -> Vec<String> {
        let issues = self.at("/errors/0/extensions/issues");
        let text = |issue: &Value, name: &str| issue[name].as_str().unwrap_or_default().to_owned();
        let issue = |issue: &Value| format!("{}:{}", text(issue, "path"), text(issue, "rule"));
        issues
            .as_array()
            .map(|issues| issues.iter().map(issue).collect())
            .unwrap_or_default()
    }

    /// Asserts that there was no error.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(
            self.at("/errors").is_null() && self.status.is_success(),
            "{} {}",
            self.status,
            self.body
        );
        self
    }
}
