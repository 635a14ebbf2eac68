use std::error::Error;

use serde_json::json;
use vestibule::app::App;
use vestibule::clock::{Clock, Rng};

use super::Overrides;
use crate::harness::{Backend, Database, PASSWORD, TestApp, config};

/// Signs up in a language, and gives subject, text and HTML of the mail.
async fn signed_up(test: &TestApp, locale: &str) -> [String; 3] {
    let input = json!({ "email": "ann@example.org", "password": PASSWORD, "locale": locale });
    let variables = json!({ "input": input });
    test.anon().run("sign_up", variables).await.ok();
    let content = test.mail_to("ann@example.org").await.0.mail.content;
    [content.subject, content.text, content.html]
}

on_both_databases! {
    async fn a_mail_is_written_in_the_reader_s_language(backend: Backend) {
        let test = TestApp::start(backend).await;
        let [subject, text, html] = signed_up(&test, "de-CH").await;
        assert_eq!(subject, "Bestätigen Sie Ihre E-Mail-Adresse");
        assert!(text.contains("innerhalb von 24 Stunden"), "{text}");
        assert!(html.contains(r#"<html lang="de" dir="ltr">"#), "{html}");
    }
}

#[tokio::test]
async fn an_unknown_language_gets_english() {
    let test = TestApp::start(Backend::Sqlite).await;
    let [subject, ..] = signed_up(&test, "tlh").await;
    assert_eq!(subject, "Confirm your e-mail address");
}

#[tokio::test]
async fn the_languages_are_published() {
    let test = TestApp::start(Backend::Sqlite).await;
    let query = "{ authConfig { locales } }";
    let answer = test.anon().query(query, json!({})).await.ok();
    assert_eq!(
        answer.at("/data/authConfig/locales"),
        json!(["de", "en", "es", "fr"])
    );
}

#[tokio::test]
async fn a_folder_of_the_operator_changes_template_and_wording() {
    let template =
        "{{ t('sign-up-subject') }}\nHello from {{ t('product-name') }}: {{ proof.link }}\n";
    let files = [
        ("mail/sign_up.txt", template),
        ("de.ftl", "product-name = Foyer\n"),
    ];
    let folder = Overrides::with("changed", &files);
    let settings = [("VESTIBULE_TEMPLATES", folder.path())];
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    let [subject, text, html] = signed_up(&test, "de").await;
    assert_eq!(subject, "Bestätigen Sie Ihre E-Mail-Adresse");
    assert!(text.starts_with("Hello from Foyer: http"), "{text}");
    assert!(html.contains("Foyer"), "{html}");
}

#[tokio::test]
async fn a_broken_template_refuses_the_start_and_is_named() {
    let folder = Overrides::with("broken", &[("mail/sign_up.txt", "Hello\n{{ nobody }}\n")]);
    let database = Database::fresh(Backend::Sqlite).await;
    let config = config(&database, &[("VESTIBULE_TEMPLATES", folder.path())]);
    let refused = App::open(config, Clock::system(), Rng::system()).await;
    let error = refused.expect_err("the start is refused");
    let cause = error.source().expect("a cause").to_string();
    assert!(cause.starts_with("mail/sign_up.txt:2: "), "{cause}");
}
