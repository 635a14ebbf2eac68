//! The development inbox. It shows live tickets, so that it answers to loopback peers with a loopback Host alone: a
//! page of another origin cannot make a browser read it under a name of its own.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

use super::{House, Peer};
use crate::mail::Received;
use crate::scalar::DateTime;
use crate::secret::Secret;
use crate::text::{FALLBACK, Value as TextValue, context};
use async_graphql::ScalarType;

/// The mails hold their own styles, and links of ours.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self'; frame-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub async fn show(State(house): State<House>, request: Request) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    if !peer.is_some_and(|ip| ip.to_canonical().is_loopback())
        || !has_loopback_host(request.headers())
    {
        return (
            StatusCode::FORBIDDEN,
            "The inbox answers to this machine alone.\n",
        )
            .into_response();
    }
    let mails = house
        .app
        .inbox
        .as_ref()
        .map(crate::mail::Inbox::list)
        .unwrap_or_default();
    let accept = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if accept.contains("application/json") {
        return Json(mails.iter().map(as_json).collect::<Vec<_>>()).into_response();
    }
    let context = context! {
        smtp => house.app.inbox.is_none(),
        mails => mails.iter().map(for_page).collect::<Vec<_>>(),
    };
    let page = house
        .app
        .texts
        .render("page/inbox.html", FALLBACK, &context);
    match page {
        Ok(page) => ([(CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn as_json(received: &Received) -> Value {
    let content = &received.mail.content;
    let proof = content.proof.as_ref();
    json!({
        "to": received.mail.to,
        "subject": content.subject,
        "text": content.text,
        "html": content.html,
        "purpose": content.purpose,
        "link": proof.map(|proof| &proof.link),
        "ticket": proof.map(|proof| proof.ticket.expose()),
        "code": proof.and_then(|proof| proof.code.as_ref()).map(Secret::expose),
        "sentAt": DateTime(received.sent_at).to_value(),
    })
}

/// Its sample in `text/sample.rs` has the same names.
fn for_page(received: &Received) -> TextValue {
    let content = &received.mail.content;
    let proof = content.proof.as_ref().map(
        |proof| context! { link => &proof.link, code => proof.code.as_ref().map(Secret::expose) },
    );
    context! {
        to => &received.mail.to,
        time => received.sent_at.format("%H:%M:%S").to_string(),
        subject => &content.subject,
        text => &content.text,
        html => &content.html,
        purpose => content.purpose,
        proof,
    }
}

fn has_loopback_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
