//! GraphiQL, the page that a browser finds at `GET /graphql` in development.
//!
//! The page and our own files come from `playground/`; GraphiQL's and React's are installed and embedded by the build
//! script. This is an origin that hands out tokens, so no other host is contacted: the one exception is a build that
//! could not install the packages ([`EMBEDDED`] is false), whose page loads them from [`CDN`], pinned by their hashes.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

include!(concat!(env!("OUT_DIR"), "/graphiql_assets.rs"));

/// A file of the page, compressed when it was built.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    etag: &'static str,
    gzip: &'static [u8],
}

/// The files that the page links, below `/graphql/assets/`. To be mounted where GraphiQL is shown, in development.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/graphql/assets/{name}", get(asset))
}

/// The page itself. It may run its own scripts and talk to its own origin, and nothing else: no inline script, no
/// frame, no form. Inline styles are allowed, because its editor sets them.
pub fn page() -> Response {
    let foreign = if EMBEDDED {
        String::new()
    } else {
        format!(" {CDN}")
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'{foreign}; style-src 'self' 'unsafe-inline'{foreign}; \
         img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        // The same address answers a GraphQL client's GET with JSON.
        (VARY, "accept"),
    ];
    ([(CONTENT_SECURITY_POLICY, policy)], headers, Html(PAGE)).into_response()
}

/// Always gzip, whatever `Accept-Encoding` says: every browser reads it, and nothing but the page asks.
async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let always = [
        (ETAG, asset.etag),
        // Kept by the browser, but asked for each time, so that a rebuilt server is never shown with an old script.
        (CACHE_CONTROL, "no-cache"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let known = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    if known.is_some_and(|tags| tags.contains(asset.etag)) {
        return (StatusCode::NOT_MODIFIED, always).into_response();
    }
    let content = [(CONTENT_TYPE, asset.media_type), (CONTENT_ENCODING, "gzip")];
    (always, content, asset.gzip).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the page asks of this server, by name.
    fn linked() -> Vec<&'static str> {
        PAGE.split("\"/graphql/assets/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect()
    }

    #[test]
    fn the_page_links_every_asset_and_nothing_else() {
        let mut linked = linked();
        let mut present: Vec<_> = ASSETS.iter().map(|asset| asset.name).collect();
        linked.sort_unstable();
        present.sort_unstable();
        assert_eq!(linked, present);
    }

    #[test]
    fn a_foreign_host_is_named_only_where_nothing_is_embedded_and_only_with_a_hash() {
        let foreign = PAGE.matches(CDN).count();
        assert_eq!(foreign == 0, EMBEDDED);
        assert_eq!(PAGE.matches("https://").count(), foreign);
        assert_eq!(PAGE.matches(" integrity=\"sha384-").count(), foreign);
        assert_eq!(PAGE.matches(" crossorigin=\"anonymous\"").count(), foreign);
    }

    #[test]
    fn the_policy_names_the_cdn_only_where_it_is_needed() {
        let page = page();
        let policy = page.headers()[CONTENT_SECURITY_POLICY]
            .to_str()
            .expect("a policy in ASCII");
        assert_eq!(policy.contains("https://"), !EMBEDDED);
        assert!(!policy.contains("script-src 'self' 'unsafe-inline'"));
    }

    #[tokio::test]
    async fn a_known_asset_is_not_sent_again() {
        let fresh = asset(Path("boot.js".to_owned()), HeaderMap::new()).await;
        assert_eq!(fresh.status(), StatusCode::OK);
        assert_eq!(fresh.headers()[CONTENT_ENCODING], "gzip");

        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, fresh.headers()[ETAG].clone());
        let again = asset(Path("boot.js".to_owned()), headers).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);

        let unknown = asset(Path("../boot.js".to_owned()), HeaderMap::new()).await;
        assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    }
}
