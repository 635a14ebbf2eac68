//! Which media type to answer with (RFC 9110 section 12.5.1, and GraphQL over HTTP).

use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};

/// The answers that `/graphql` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/graphql-response+json`: the status code speaks about the GraphQL request.
    GraphqlResponse,
    /// `application/json`: 200 whenever the answer is a GraphQL one, because such clients read no other.
    Json,
    /// A browser that opens the page.
    Html,
}

impl Media {
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        })
    }
}

/// The most wanted type that we have; of equally wanted ones, the one named first. No header, `*/*` and
/// `application/*` mean `application/json`. Nothing, when the client accepts none of ours.
pub fn accepted(headers: &HeaderMap, with_html: bool) -> Option<Media> {
    let lines: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let mut best: Option<(Media, f32)> = None;
    let mut asked = false;
    for range in lines
        .iter()
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
    {
        asked = true;
        let mut parts = range.split(';').map(str::trim);
        let media = match parts
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            "application/graphql-response+json" => Media::GraphqlResponse,
            "application/json" | "application/*" | "*/*" => Media::Json,
            "text/html" if with_html => Media::Html,
            _ => continue,
        };
        let weight = parts
            .find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok())
            .unwrap_or(1.0);
        if weight > best.map_or(0.0, |(_, weight)| weight) {
            best = Some((media, weight));
        }
    }
    if asked {
        best.map(|(media, _)| media)
    } else {
        Some(Media::Json)
    }
}

/// Whether a body is declared as JSON in UTF-8: the only one a page of another origin cannot send without asking first.
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(declared) = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let mut parts = declared.split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.eq_ignore_ascii_case("charset") => {
            charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &str) -> Option<Media> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        accepted(&headers, true)
    }

    #[test]
    fn the_most_wanted_type_wins_and_the_first_of_equals() {
        assert_eq!(
            of("application/graphql-response+json,application/json;q=0.9"),
            Some(Media::GraphqlResponse)
        );
        assert_eq!(
            of("application/json, application/graphql-response+json"),
            Some(Media::Json)
        );
        assert_eq!(
            of("text/html,application/xhtml+xml,*/*;q=0.8"),
            Some(Media::Html)
        );
        assert_eq!(of("*/*"), Some(Media::Json));
        assert_eq!(of("text/plain"), None);
        assert_eq!(of("application/json;q=0"), None);
        assert_eq!(accepted(&HeaderMap::new(), false), Some(Media::Json));
    }

    #[test]
    fn only_json_in_utf_8_is_a_body() {
        let json = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            is_json(&headers)
        };
        assert!(json("application/json") && json("Application/JSON; charset=\"UTF-8\""));
        assert!(!json("text/plain") && !json("application/json; charset=latin1"));
        assert!(!is_json(&HeaderMap::new()));
    }
}
