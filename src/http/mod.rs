//! The door to the network: what arrives is guarded, timed and given a name here, and nothing behind this door knows
//! of HTTP.

mod caller;
mod cors;
mod graphiql;
mod graphql;
mod guard;
mod health;
mod inbox;
mod jwks;
mod layer;
mod negotiate;
mod page;
mod server;

use axum::Router;
use axum::routing::{any, get};
pub use graphiql::{CDN, EMBEDDED};
pub use guard::CREDENTIAL_MUTATIONS;
pub use layer::Peer;
pub use server::{ServerOptions, serve};

use crate::app::App;
use crate::graphql::{HouseSchema, schema};

/// What every handler shares.
#[derive(Clone)]
pub struct House {
    pub app: App,
    pub schema: HouseSchema,
}

/// Every address of the house.
pub fn router(app: App) -> Router {
    let mut router = Router::new()
        .route(
            "/graphql",
            any(graphql::handle).layer(cors::layer(app.clone())),
        )
        .route("/.well-known/jwks.json", get(jwks::published))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .merge(page::router());
    if app.config.is_development() {
        router = router
            .merge(graphiql::router())
            .route("/dev/inbox", get(inbox::show));
    }
    let house = House {
        schema: schema(app.clone()),
        app,
    };
    router
        .layer(axum::middleware::from_fn_with_state(
            house.clone(),
            layer::around,
        ))
        .with_state(house)
}
