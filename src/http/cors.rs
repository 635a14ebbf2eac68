//! Cross-origin requests (the Fetch standard's CORS): exact origins, as the applications list them.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::caller::{X_ADMIN_SECRET, X_CLIENT_ID};
use super::layer::X_REQUEST_ID;
use crate::app::App;
use crate::realm::origin;

/// How long a browser may remember a preflight: an origin that is struck from a list is refused by then.
const REMEMBERED: Duration = Duration::from_secs(300);

pub fn layer(app: App) -> CorsLayer {
    let listed = move |given: HeaderValue, parts: &Parts| {
        let app = app.clone();
        let client_id = parts
            .headers
            .get(X_CLIENT_ID)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        async move {
            let Ok(given) = given.to_str() else {
                return false;
            };
            match origin::is_listed_by(&app, given, client_id.as_deref()).await {
                Ok(listed) => listed,
                Err(error) => {
                    tracing::warn!(%error, "an origin cannot be looked up");
                    false
                }
            }
        }
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::async_predicate(listed))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, X_CLIENT_ID, X_ADMIN_SECRET])
        .expose_headers([RETRY_AFTER, X_REQUEST_ID])
        .max_age(REMEMBERED)
}
