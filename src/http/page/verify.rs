//! `/verify`: confirms an address with a click.

use axum::extract::{Form, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use axum::{RequestExt, Router};

use super::{Saying, Ticket, language, outcome};
use crate::account;
use crate::http::{House, caller};
use crate::secret::Secret;
use crate::text::{Texts, context};

pub(super) fn router() -> Router<House> {
    Router::new().route("/verify", get(ask).post(confirm))
}

async fn ask(
    State(house): State<House>,
    headers: HeaderMap,
    Query(Ticket { ticket }): Query<Ticket>,
) -> Response {
    let texts = &house.app.texts;
    let language = language(texts, &headers);
    if ticket.is_empty() {
        return page(texts, language, StatusCode::BAD_REQUEST, Saying::Over, "");
    }
    page(texts, language, StatusCode::OK, Saying::Ask, &ticket)
}

async fn confirm(State(house): State<House>, request: Request) -> Response {
    let texts = &house.app.texts;
    let language = language(texts, request.headers());
    let caller = caller::caller(&house.app, request.headers(), request.extensions());
    let extensions = request.extensions().clone();
    let Ok(Form(Ticket { ticket })) = request.extract::<Form<Ticket>, _>().await else {
        return page(texts, language, StatusCode::BAD_REQUEST, Saying::Over, "");
    };
    let result = account::confirm_address(&house.app, &caller, Secret::new(ticket)).await;
    let (status, saying) = outcome(result, &extensions);
    page(texts, language, status, saying, "")
}

fn page(
    texts: &Texts,
    language: &str,
    status: StatusCode,
    saying: Saying,
    ticket: &str,
) -> Response {
    let context = context! { state => saying.as_str(), ticket };
    super::page(texts, language, "verify", status, &context)
}
