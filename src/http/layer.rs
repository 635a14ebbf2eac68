//! Around every request: an id, a deadline, headers that keep browsers careful, one line in the log, and a net below
//! for panics.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::{Instrument, Span};

use crate::app::App;
use crate::error::RETRY_AFTER as PAUSE;
use crate::telemetry::{TRACED, adopt};

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Names one request in the log, in its answer, and in errors that are masked. Made here, never taken from a client.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

/// How long a request waited for a person: stands in its answer, and counts for no slowness.
#[derive(Clone, Copy, Debug)]
pub struct Waited(pub Duration);

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The one address where a request may wait for a person.
pub const GRAPHQL: &str = "/graphql";

/// [`around`] a request that a router has found the place of.
pub async fn page(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    around(&app, route, request, |request| next.run(request)).await
}

/// `route` is the path as a pattern, if it is one of ours.
pub async fn around<F>(
    app: &App,
    route: Option<&str>,
    mut request: Request,
    run: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let id: Arc<str> = app.id().to_string().into();
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", id = %id);
    let traced = traced(app, &request, route);
    let started = Instant::now();
    // The API has deadlines of its own and says what was late; this one is for the pages, and for what is forgotten.
    let settings = &app.config.settings;
    let mut deadline = settings.read_timeout + settings.request_timeout;
    if route == Some(GRAPHQL) {
        deadline += settings.verification_wait;
    }
    let deadline = Duration::from_millis(deadline);
    // Whatever wraps a future moves all of it: what is large goes to the heap first.
    let run = AssertUnwindSafe(Box::pin(run(request))).catch_unwind();
    let mut response = match tokio::time::timeout(deadline, run)
        .instrument(traced.clone())
        .instrument(span.clone())
        .await
    {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            span.in_scope(|| tracing::error!("a handler panicked"));
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    };
    let passes = response.status() == StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    if passes {
        headers
            .entry(RETRY_AFTER)
            .or_insert(HeaderValue::from(PAUSE));
    }
    if app.is_leaving() {
        // Whoever comes again comes on a new connection, and by then to another instance.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(X_REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry(REFERRER_POLICY)
        .or_insert(HeaderValue::from_static("no-referrer"));
    if app.config.is_secure() {
        let two_years = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        headers.insert(STRICT_TRANSPORT_SECURITY, two_years);
    }
    let (status, taken) = (response.status().as_u16(), started.elapsed());
    traced.record("http.response.status_code", status);
    let route = route.unwrap_or("unknown");
    let waited = response.extensions().get::<Waited>();
    let busy = taken.saturating_sub(waited.map_or(Duration::ZERO, |waited| waited.0));
    app.metrics.answered(route, status, busy);
    let millis = taken.as_millis();
    // The path without its query: that may hold a ticket. So may a path that we do not know: some mail programs write
    // the question mark of a link as %3F.
    let path = if status == 404 { "unknown" } else { &path };
    span.in_scope(|| tracing::info!(%method, path, status, millis, "answered"));
    response
}

/// The request as traces show it: nothing of what it holds, and its path as a pattern. It is a part of a longer trace where
/// a proxy that is trusted says so: anybody else would write into the traces of others.
fn traced(app: &App, request: &Request, route: Option<&str>) -> Span {
    let (name, route) = (method(request.method()), route.unwrap_or("unknown"));
    let traced = tracing::trace_span!(
        target: TRACED,
        parent: None,
        "request",
        otel.name = %format_args!("{name} {route}"),
        otel.kind = "server",
        http.request.method = name,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
    );
    if traced.is_disabled() {
        return traced;
    }
    let Some(Peer(peer)) = request.extensions().get::<Peer>() else {
        return traced;
    };
    let peer = peer.ip().to_canonical();
    let trusted = &app.config.settings.trusted_proxies;
    let parent = request.headers().get("traceparent");
    if let Some(parent) = parent.and_then(|value| value.to_str().ok())
        && trusted.iter().any(|network| network.contains(&peer))
    {
        adopt(&traced, parent);
    }
    traced
}

/// A method that nobody knows is a text of the client's.
fn method(method: &Method) -> &str {
    match *method {
        Method::GET | Method::POST | Method::OPTIONS | Method::HEAD => method.as_str(),
        _ => "_OTHER",
    }
}
