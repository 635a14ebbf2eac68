//! Every address of the house. Most requests go to `/graphql`: they go there straight, without the router's look at the
//! path and the boxes it wraps around each of its layers, which took a tenth of what a request costs.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::http::header::{ORIGIN, VARY};
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;

use super::{House, cors, graphql, layer};
use crate::app::App;

/// Clones share everything.
#[derive(Clone)]
pub struct Front(Arc<Rooms>);

struct Rooms {
    house: House,
    cors: CorsLayer,
    /// All the others.
    pages: Router,
}

impl Front {
    pub(super) fn new(house: House, pages: Router) -> Self {
        let cors = cors::layer(house.app.clone());
        Self(Arc::new(Rooms { house, cors, pages }))
    }

    /// As GraphQL, whatever the method.
    async fn graphql(&self, request: Request) -> Response {
        let Rooms { house, cors, .. } = &*self.0;
        // Only browsers ask across origins, and they say so.
        if !request.headers().contains_key(ORIGIN) && request.method() != Method::OPTIONS {
            let mut response = graphql::handle(house, request).await;
            let vary = HeaderValue::from_static("origin");
            response.headers_mut().append(VARY, vary);
            return response;
        }
        let answer = service_fn(|request| async {
            let answered: Result<_, Infallible> = Ok(graphql::handle(house, request).await);
            answered
        });
        // Seldom, and larger than all the rest, which would carry it along.
        let Ok(response) = Box::pin(cors.layer(answer).oneshot(request)).await;
        response
    }

    async fn answer(&self, request: Request) -> Response {
        if request.uri().path() == layer::GRAPHQL {
            let app: &App = &self.0.house.app;
            let run = |request| self.graphql(request);
            return layer::around(app, Some(layer::GRAPHQL), request, run).await;
        }
        let Ok(response) = Box::pin(self.0.pages.clone().oneshot(request)).await;
        response
    }
}

impl Service<Request> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let front = self.clone();
        Box::pin(async move { Ok(front.answer(request).await) })
    }
}
