//! `/reset`: a new password, and `/invitation`: the first one.

use axum::extract::{Form, Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use axum::{RequestExt, Router};
use serde::Deserialize;

use super::{Saying, Ticket, language, outcome};
use crate::error::Error;
use crate::http::{House, caller};
use crate::password::{self, Page, Terms};
use crate::secret::Secret;
use crate::text::{Texts, context};

pub(super) fn router() -> Router<House> {
    Router::new()
        .route("/reset", both(Page::Reset))
        .route("/invitation", both(Page::Invitation))
}

fn both(kind: Page) -> MethodRouter<House> {
    get(move |State(house): State<House>, Query(ticket): Query<Ticket>, request: Request| async move {
        ask(kind, &house, ticket, request).await
    })
    .post(move |State(house): State<House>, request: Request| async move { reset(kind, &house, request).await })
}

fn template(kind: Page) -> &'static str {
    match kind {
        Page::Reset => "reset",
        Page::Invitation => "invitation",
    }
}

#[derive(Deserialize)]
struct NewPassword {
    #[serde(default)]
    ticket: String,
    #[serde(default)]
    password: String,
}

/// What the page shows beside the form.
#[derive(Default)]
struct Shown<'a> {
    ticket: &'a str,
    terms: Terms,
    unmet: Vec<String>,
}

/// Looks whether the link still works, so that nobody thinks up a password for nothing; redeems nothing.
async fn ask(kind: Page, house: &House, Ticket { ticket }: Ticket, request: Request) -> Response {
    let texts = &house.app.texts;
    let language = language(texts, request.headers());
    let caller = caller::caller(&house.app, request.headers(), request.extensions());
    match password::terms(&house.app, &caller, kind, Secret::new(ticket.clone())).await {
        Ok(terms) => {
            let shown = Shown {
                ticket: &ticket,
                terms,
                ..Shown::default()
            };
            page(kind, texts, language, StatusCode::OK, Saying::Ask, &shown)
        }
        Err(error) => {
            let (status, saying) = outcome(Err(error), request.extensions());
            page(kind, texts, language, status, saying, &Shown::default())
        }
    }
}

async fn reset(kind: Page, house: &House, request: Request) -> Response {
    let texts = &house.app.texts;
    let language = language(texts, request.headers()).to_owned();
    let caller = caller::caller(&house.app, request.headers(), request.extensions());
    let extensions = request.extensions().clone();
    let Ok(Form(NewPassword { ticket, password })) =
        request.extract::<Form<NewPassword>, _>().await
    else {
        return page(
            kind,
            texts,
            &language,
            StatusCode::BAD_REQUEST,
            Saying::Over,
            &Shown::default(),
        );
    };
    let password = Secret::new(password);
    let result = password::reset_by_page(
        &house.app,
        &caller,
        kind,
        Secret::new(ticket.clone()),
        &password,
    )
    .await;
    let unmet: Vec<String> = match &result {
        Err(Error::WeakPassword(issues) | Error::InvalidInput(issues)) => issues
            .iter()
            .map(|issue| issue.message.to_string())
            .collect(),
        Err(Error::InvalidCredentials) => vec![texts.message("reset-not-same", &language, &[])],
        _ => Vec::new(),
    };
    if unmet.is_empty() {
        let (status, saying) = outcome(result, &extensions);
        return page(kind, texts, &language, status, saying, &Shown::default());
    }
    let terms = password::terms(&house.app, &caller, kind, Secret::new(ticket.clone()))
        .await
        .unwrap_or_default();
    let shown = Shown {
        ticket: &ticket,
        terms,
        unmet,
    };
    page(
        kind,
        texts,
        &language,
        StatusCode::UNPROCESSABLE_ENTITY,
        Saying::Ask,
        &shown,
    )
}

fn page(
    kind: Page,
    texts: &Texts,
    language: &str,
    status: StatusCode,
    saying: Saying,
    shown: &Shown<'_>,
) -> Response {
    let terms = &shown.terms;
    let context = context! {
        state => saying.as_str(), ticket => shown.ticket, least => terms.least_length, unmet => &shown.unmet,
        client_id => &terms.client_id, connection => &terms.connection,
    };
    super::page(texts, language, template(kind), status, &context)
}
