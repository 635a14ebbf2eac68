//! The pages that mailed links open when no `redirectTo` was given. A GET redeems nothing, however often a mail scanner
//! sends it: the page asks for a click, and posts. They work without scripts and open no session.
//!
//! A further page is a file here, a template in `templates/page` with its sample in `text/sample.rs`, and its messages.

mod click;
mod reset;
mod verify;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY,
};
use axum::http::{Extensions, HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::layer::RequestId;
use super::{House, caller};
use crate::app::App;
use crate::error::{Error, Result};
use crate::text::{FALLBACK, Texts, Value};

/// No script, no foreign host, no frame; forms go back to where the page came from.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
/// With the one script, of ours, that shows how a new password fares while it is typed.
const POLICY_WITH_SCRIPT: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                                  connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const STYLE: &str = include_str!("../../../assets/page.css");
const SCRIPT: &str = include_str!("../../../assets/page.js");
const ICON: &str = include_str!("../../../playground/favicon.svg");

pub fn router(app: App) -> Router<House> {
    Router::new()
        .merge(click::router())
        .merge(reset::router())
        .merge(verify::router())
        .route(
            "/assets/page.css",
            get(|| async { file("text/css; charset=utf-8", STYLE) }),
        )
        .route(
            "/assets/page.js",
            get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }),
        )
        .route(
            "/assets/favicon.svg",
            get(|| async { file("image/svg+xml", ICON) }),
        )
        .layer(from_fn_with_state(app, settled))
}

/// Who is told that something is done finds it done on every instance.
async fn settled(State(app): State<App>, request: Request, next: Next) -> Response {
    let writes = request.method() == Method::POST;
    let response = next.run(request).await;
    if writes {
        app.identities.settle().await;
    }
    response
}

/// What a mailed link carries.
#[derive(Deserialize)]
struct Ticket {
    #[serde(default)]
    ticket: String,
}

/// What a page has to say: the variable `state` of its template.
#[derive(Clone, Copy)]
enum Saying {
    /// Here is the button.
    Ask,
    Done,
    /// The link is unknown, expired or used.
    Over,
    /// The link is good, but signing up is switched off.
    Closed,
    /// Try again later.
    Busy,
    /// The number was right: another device goes on.
    Approved,
    /// The number was another one; here is the button that is left.
    Refused,
}

impl Saying {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Done => "done",
            Self::Over => "over",
            Self::Closed => "closed",
            Self::Busy => "busy",
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }
}

/// What became of redeeming a link. A page on which more can go wrong looks at that first.
fn outcome(result: Result<()>, extensions: &Extensions) -> (StatusCode, Saying) {
    match result {
        Ok(()) => (StatusCode::OK, Saying::Done),
        Err(Error::Overloaded { .. } | Error::Outage(_) | Error::LostRace(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, Saying::Busy)
        }
        Err(error @ (Error::Database(_) | Error::Internal(_))) => {
            let request_id = extensions.get::<RequestId>().map(|id| id.0.to_string());
            let request_id = request_id.unwrap_or_default();
            tracing::error!(
                request_id,
                cause = error.cause(),
                "an internal error was masked"
            );
            (StatusCode::INTERNAL_SERVER_ERROR, Saying::Busy)
        }
        Err(Error::SignUpDisabled) => (StatusCode::FORBIDDEN, Saying::Closed),
        Err(_) => (StatusCode::GONE, Saying::Over),
    }
}

/// The language of a page: the first one of the reader's that we have.
fn language<'a>(texts: &'a Texts, headers: &HeaderMap) -> &'a str {
    caller::locale(texts, headers)
        .and_then(|locale| texts.lookup(locale.as_str()))
        .unwrap_or(FALLBACK)
}

/// Renders `page/<name>.html`.
fn page(
    texts: &Texts,
    language: &str,
    name: &str,
    status: StatusCode,
    context: &Value,
) -> Response {
    match texts.render(&format!("page/{name}.html"), language, context) {
        Ok(html) => {
            let policy = if ["reset", "invitation"].contains(&name) {
                POLICY_WITH_SCRIPT
            } else {
                POLICY
            };
            let headers = [
                (CONTENT_SECURITY_POLICY, policy),
                (CONTENT_LANGUAGE, language),
                (VARY, "accept-language"),
            ];
            (status, headers, Html(html)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn file(media_type: &'static str, text: &'static str) -> impl IntoResponse {
    (
        [
            (CONTENT_TYPE, media_type),
            (CACHE_CONTROL, "public, max-age=300"),
        ],
        text,
    )
}
