//! The door to the network: what arrives is guarded, timed and given a name here, and nothing behind this door knows
//! of HTTP.

mod caller;
mod cors;
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
mod ready;
mod server;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
pub use front::Front;
pub use graphiql::{CDN, EMBEDDED};
pub use guard::CREDENTIAL_MUTATIONS;
pub use layer::Peer;
pub use server::{ServerOptions, serve};

use crate::app::App;
use crate::graphql::{GatewaySchema, HouseSchema, gateway_schema, schema};

/// What every handler shares.
#[derive(Clone)]
pub struct House {
    pub app: App,
    pub schema: HouseSchema,
    /// The same for requests of gateways, where there is federation.
    pub gateway: Option<GatewaySchema>,
    /// Reads documents.
    pub reader: Arc<guard::Reader>,
    pub hold: hold::Hold,
}

impl House {
    /// Runs the request on the schema of whoever sends it, once what was written is found to be valid.
    pub async fn execute(
        &self,
        ready: ready::Ready,
        through_gateway: bool,
    ) -> async_graphql::Response {
        if let Some(written) = ready.written {
            let found = self.run(written, through_gateway).await;
            if found.is_err() {
                return found;
            }
        }
        self.run(ready.request, through_gateway).await
    }

    async fn run(
        &self,
        request: async_graphql::Request,
        through_gateway: bool,
    ) -> async_graphql::Response {
        match &self.gateway {
            Some(gateway) if through_gateway => gateway.execute(request).await,
            _ => self.schema.execute(request).await,
        }
    }
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
        schema: schema(app.clone()),
        gateway: gateway_schema(app.clone()),
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
