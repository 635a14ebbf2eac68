//! The public keys, for whoever verifies our tokens.

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;

use super::House;

/// Hasura asks again after `max-age`; with none it never would, with 0 it would every second.
pub async fn published(State(house): State<House>) -> impl IntoResponse {
    (
        [(CACHE_CONTROL, "public, max-age=300")],
        Json(house.app.keys.published()),
    )
}
