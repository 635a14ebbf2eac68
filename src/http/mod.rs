//! The door to the network: what arrives is guarded, timed and given a name here, and nothing behind this door knows
//! of HTTP.

mod caller;
mod cors;
mod engine;
mod front;
mod graphiql;
mod graphql;
mod guard;
mod hasura;
mod health;
mod hold;
mod impatient;
mod inbox;
mod jwks;
mod layer;
mod metrics;
mod negotiate;
mod page;
mod parting;
mod reading;
mod ready;
mod room;
mod server;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
pub use front::Front;
pub use graphiql::{CDN, EMBEDDED};
pub use guard::CREDENTIAL_MUTATIONS;
pub use layer::Peer;
pub use server::{ServerOptions, listen, serve};

use crate::app::App;

/// What every handler shares.
#[derive(Clone)]
pub struct House {
    pub app: App,
    /// Runs documents.
    pub engine: Arc<engine::Engine>,
    /// Reads documents.
    pub reader: Arc<guard::Reader>,
    pub hold: hold::Hold,
}

impl FromRef<House> for App {
    fn from_ref(house: &House) -> Self {
        house.app.clone()
    }
}

/// Every address of the house.
pub fn front(app: App) -> Front {
    let mut router = Router::new()
        .route("/.well-known/jwks.json", get(jwks::published))
        .route(
            "/hasura/auth-hook",
            get(hasura::by_headers).post(hasura::by_body),
        )
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .merge(page::router(app.clone()));
    if app.config.metrics_on_main() {
        router = router.route("/metrics", get(metrics::show));
    }
    if app.config.is_development() {
        router = router
            .merge(graphiql::router())
            .route("/dev/inbox", get(inbox::show));
    }
    let house = House {
        engine: Arc::new(engine::Engine::new(app.clone())),
        reader: Arc::new(guard::Reader::new()),
        hold: hold::Hold::new(),
        app: app.clone(),
    };
    let pages = router
        .layer(axum::middleware::from_fn_with_state(app, layer::page))
        .with_state(house.clone());
    Front::new(house, pages)
}

/// `/metrics` and nothing else, for a listener of its own.
pub fn metrics_router(app: App) -> Router {
    Router::new()
        .route("/metrics", get(metrics::show))
        .layer(axum::middleware::from_fn_with_state(
            app.clone(),
            layer::page,
        ))
        .with_state(app)
}
