//! Whether the process lives, and whether it can serve.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;

use super::House;

const PATIENCE: Duration = Duration::from_secs(1);

/// Alive: nothing is asked of anybody.
pub async fn live() -> &'static str {
    "alive\n"
}

/// Ready: the database answers within a second, its schema is as new as this program, and the house is not told to stop.
pub async fn ready(State(house): State<House>) -> (StatusCode, &'static str) {
    if house.app.is_leaving() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match tokio::time::timeout(PATIENCE, migration::is_current(house.app.db.read())).await {
        Ok(Ok(true)) => (StatusCode::OK, "ready\n"),
        Ok(Ok(false)) => (StatusCode::SERVICE_UNAVAILABLE, "migrations are missing\n"),
        Ok(Err(_)) | Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer\n",
        ),
    }
}
