//! `/verify`: confirms the address here, or hands the answer over to the device that asked and shows a number.

use axum::extract::{Form, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use axum::{RequestExt, Router};
use serde::Deserialize;

use super::{Saying, Ticket, language, outcome};
use crate::account;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::http::{House, caller};
use crate::secret::Secret;
use crate::text::{Texts, context};

pub(super) fn router() -> Router<House> {
    Router::new().route("/verify", get(ask).post(answer))
}

/// What a button sends.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    ticket: String,
    /// The number that was picked; none for the button that confirms here.
    number: Option<i32>,
}

/// What the page shows beside its state.
#[derive(Default)]
struct Shown<'a> {
    ticket: &'a str,
    choices: Option<[i32; 3]>,
}

/// Redeems nothing. Whether the link still works is told by the click alone; where it does not, there are no numbers.
async fn ask(
    State(house): State<House>,
    headers: HeaderMap,
    Query(Ticket { ticket }): Query<Ticket>,
) -> Response {
    let texts = &house.app.texts;
    let language = language(texts, &headers);
    if ticket.is_empty() {
        let over = (StatusCode::BAD_REQUEST, Saying::Over);
        return page(texts, language, over, &Shown::default());
    }
    let secret = Secret::new(ticket.clone());
    let shown = Shown {
        ticket: &ticket,
        choices: account::choices(&house.app, &secret).await.ok(),
    };
    page(texts, language, (StatusCode::OK, Saying::Ask), &shown)
}

async fn answer(State(house): State<House>, request: Request) -> Response {
    let app = &house.app;
    let language = language(&app.texts, request.headers()).to_owned();
    let caller = caller::caller(app, request.headers(), request.extensions());
    let extensions = request.extensions().clone();
    let Ok(Form(Answer { ticket, number })) = request.extract::<Form<Answer>, _>().await else {
        let over = (StatusCode::BAD_REQUEST, Saying::Over);
        return page(&app.texts, &language, over, &Shown::default());
    };
    let secret = Secret::new(ticket.clone());
    let picked: Result<Option<bool>> = match number {
        Some(number) => pick(app, &caller, secret, number).await.map(Some),
        None => account::confirm_address(app, &caller, secret)
            .await
            .map(|()| None),
    };
    let mut shown = Shown::default();
    let said = match picked {
        Ok(Some(true)) => (StatusCode::OK, Saying::Approved),
        Ok(Some(false)) => {
            // What is left can still be done here.
            shown.ticket = &ticket;
            (StatusCode::UNPROCESSABLE_ENTITY, Saying::Refused)
        }
        other => outcome(other.map(|_| ()), &extensions),
    };
    page(&app.texts, &language, said, &shown)
}

/// Whoever taps twice on a wrong number is told the same twice: the hand-off is over, and the link is not.
async fn pick(app: &App, caller: &Caller, ticket: Secret, number: i32) -> Result<bool> {
    match account::approve(app, caller, ticket.clone(), number).await {
        Err(Error::InvalidTicket) if account::is_closed_alone(app, &ticket).await? => Ok(false),
        picked => picked,
    }
}

fn page(
    texts: &Texts,
    language: &str,
    (status, saying): (StatusCode, Saying),
    shown: &Shown<'_>,
) -> Response {
    let context = context! {
        state => saying.as_str(), ticket => shown.ticket, choices => shown.choices.map(Vec::from),
    };
    super::page(texts, language, "verify", status, &context)
}
