//! The pages that mailed links open when no `redirectTo` was given. A GET redeems nothing, however often a mail scanner
//! sends it: the page asks for a click, and posts. They work without scripts and open no session.

use askama::Template;
use axum::extract::{Form, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use serde::Deserialize;

use super::layer::RequestId;
use super::{House, caller};
use crate::account;
use crate::error::Error;
use crate::secret::Secret;

/// No script, no foreign host, no frame; forms go back to where the page came from.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
const STYLE: &str = include_str!("../../assets/page.css");
const ICON: &str = include_str!("../../playground/favicon.svg");

#[derive(Template)]
#[template(path = "page/verify.html")]
struct VerifyPage<'a> {
    saying: Saying<'a>,
}

/// What the page has to say.
enum Saying<'a> {
    Ask {
        ticket: &'a str,
    },
    Done,
    /// The link is unknown, expired or used.
    Over,
    /// Try again later.
    Busy,
}

#[derive(Deserialize)]
struct Ticket {
    #[serde(default)]
    ticket: String,
}

pub fn router() -> Router<House> {
    Router::new()
        .route("/verify", get(ask).post(confirm))
        .route(
            "/assets/page.css",
            get(|| async { file("text/css; charset=utf-8", STYLE) }),
        )
        .route(
            "/assets/favicon.svg",
            get(|| async { file("image/svg+xml", ICON) }),
        )
}

async fn ask(Query(ticket): Query<Ticket>) -> Response {
    if ticket.ticket.is_empty() {
        return page(StatusCode::BAD_REQUEST, Saying::Over);
    }
    page(
        StatusCode::OK,
        Saying::Ask {
            ticket: &ticket.ticket,
        },
    )
}

async fn confirm(
    State(house): State<House>,
    id: Option<Extension<RequestId>>,
    request: Request,
) -> Response {
    let caller = caller::caller(&house.app, request.headers(), request.extensions());
    let form = axum::RequestExt::extract::<Form<Ticket>, _>(request).await;
    let Ok(Form(ticket)) = form else {
        return page(StatusCode::BAD_REQUEST, Saying::Over);
    };
    match account::confirm_address(&house.app, &caller, Secret::new(ticket.ticket)).await {
        Ok(()) => page(StatusCode::OK, Saying::Done),
        Err(Error::Overloaded { .. }) => page(StatusCode::SERVICE_UNAVAILABLE, Saying::Busy),
        Err(error @ (Error::Database(_) | Error::Internal(_))) => {
            let request_id = id.map(|id| id.0.0.to_string()).unwrap_or_default();
            tracing::error!(request_id, ?error, "an internal error was masked");
            page(StatusCode::INTERNAL_SERVER_ERROR, Saying::Busy)
        }
        Err(_) => page(StatusCode::GONE, Saying::Over),
    }
}

fn page(status: StatusCode, saying: Saying<'_>) -> Response {
    match (VerifyPage { saying }).render() {
        Ok(html) => (status, [(CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
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
