use axum::http::StatusCode;

use crate::harness::{Backend, TestApp};

/// A page as a browser of this `Accept-Language` gets it.
async fn page(path: &str, languages: &str) -> (StatusCode, String, String) {
    let test = TestApp::start(Backend::Sqlite).await;
    let answer = test
        .anon()
        .header("accept", "text/html")
        .header("accept-language", languages)
        .get(path)
        .await;
    let language = answer.headers["content-language"].to_str().expect("text");
    let html = answer.body.as_str().expect("a page").to_owned();
    (answer.status, language.to_owned(), html)
}

#[tokio::test]
async fn a_page_speaks_the_first_language_of_the_browser_that_we_have() {
    let (status, language, html) = page("/verify?ticket=abc", "it-IT, fr-CH;q=0.9, en;q=0.5").await;
    assert_eq!((status, language.as_str()), (StatusCode::OK, "fr"));
    assert!(html.contains(r#"<html lang="fr" dir="ltr">"#), "{html}");
    assert!(html.contains("Confirmer cette adresse"), "{html}");
}

#[tokio::test]
async fn a_page_without_a_ticket_says_what_to_do() {
    let (status, language, html) = page("/verify", "tlh").await;
    assert_eq!((status, language.as_str()), (StatusCode::BAD_REQUEST, "en"));
    assert!(html.contains("This link no longer works"), "{html}");
}

#[tokio::test]
async fn a_ticket_is_escaped() {
    let (_, _, html) = page("/verify?ticket=%22%3E%3Cb%3E", "en").await;
    assert!(!html.contains("<b>"), "{html}");
}
