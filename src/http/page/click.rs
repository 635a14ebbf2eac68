//! Pages with one button: `/confirm-email` and `/undo-email-change`.

use axum::extract::{Form, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use axum::{RequestExt, Router};

use super::{Saying, Ticket, language, outcome};
use crate::account;
use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;
use crate::http::{House, caller};
use crate::secret::Secret;
use crate::text::{Texts, context};

/// Which page.
#[derive(Clone, Copy)]
enum Click {
    ConfirmEmail,
    UndoEmailChange,
}

pub(super) fn router() -> Router<House> {
    Router::new()
        .route("/confirm-email", both(Click::ConfirmEmail))
        .route("/undo-email-change", both(Click::UndoEmailChange))
}

fn both(click: Click) -> MethodRouter<House> {
    get(move |State(house): State<House>, headers: HeaderMap, Query(ticket): Query<Ticket>| async move {
        click.ask(&house, &headers, &ticket)
    })
    .post(move |State(house): State<House>, request: Request| async move { click.confirm(&house, request).await })
}

impl Click {
    fn template(self) -> &'static str {
        match self {
            Self::ConfirmEmail => "confirm_email",
            Self::UndoEmailChange => "undo_email_change",
        }
    }

    fn ask(self, house: &House, headers: &HeaderMap, Ticket { ticket }: &Ticket) -> Response {
        let texts = &house.app.texts;
        let language = language(texts, headers);
        if ticket.is_empty() {
            return self.page(texts, language, StatusCode::BAD_REQUEST, Saying::Over, "");
        }
        self.page(texts, language, StatusCode::OK, Saying::Ask, ticket)
    }

    async fn confirm(self, house: &House, request: Request) -> Response {
        let texts = &house.app.texts;
        let language = language(texts, request.headers());
        let caller = caller::caller(&house.app, request.headers(), request.extensions());
        let extensions = request.extensions().clone();
        let Ok(Form(Ticket { ticket })) = request.extract::<Form<Ticket>, _>().await else {
            return self.page(texts, language, StatusCode::BAD_REQUEST, Saying::Over, "");
        };
        let result = self.redeem(&house.app, &caller, Secret::new(ticket)).await;
        let (status, saying) = outcome(result, &extensions);
        self.page(texts, language, status, saying, "")
    }

    async fn redeem(self, app: &App, caller: &Caller, ticket: Secret) -> Result<()> {
        match self {
            Self::ConfirmEmail => account::confirm_by_page(app, caller, ticket).await,
            Self::UndoEmailChange => account::undo_by_page(app, caller, ticket).await,
        }
    }

    fn page(
        self,
        texts: &Texts,
        language: &str,
        status: StatusCode,
        saying: Saying,
        ticket: &str,
    ) -> Response {
        let context = context! { state => saying.as_str(), ticket };
        super::page(texts, language, self.template(), status, &context)
    }
}
