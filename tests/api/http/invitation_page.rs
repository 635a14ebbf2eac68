//! `/invitation`: the page behind an invitation's link.

use axum::http::Method;
use serde_json::json;

use super::email_pages::{open, post};
use crate::admin::account::steps::{NEW, OTHER_PASSWORD, created};
use crate::harness::{Client, PASSWORD, TestApp};
use crate::support::events;

fn browser(test: &TestApp) -> Client {
    test.anon().header("accept", "text/html,*/*;q=0.8")
}

async fn invited(test: &TestApp) -> String {
    created(test, json!({ "sendInvitation": true })).await;
    test.mail_to(NEW).await.ticket()
}

on_both_databases! {
    async fn looking_redeems_nothing_and_one_post_sets_the_password_without_a_session(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ticket = invited(&test).await;
        for _ in 0..3 {
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(open(&browser(&test), method, "/invitation", &ticket).await.status, 200);
            }
        }
        // The ticket of one page is nothing on another.
        for other in ["/reset", "/verify", "/confirm-email"] {
            assert_eq!(post(&browser(&test), other, &[("ticket", &ticket), ("password", PASSWORD)]).await.status, 410, "{other}");
        }
        assert_eq!(open(&browser(&test), Method::GET, "/reset", &ticket).await.status, 410);
        assert_eq!(test.anon().sign_in(NEW, PASSWORD).await.code(), "INVALID_CREDENTIALS");

        let done = post(&browser(&test), "/invitation", &[("ticket", &ticket), ("password", PASSWORD)]).await;
        assert_eq!(done.status, 200);
        assert!(done.headers.get("set-cookie").is_none());
        let page = done.body.as_str().unwrap();
        assert!(page.contains("Your password is saved") && !page.contains("eyJ") && !page.contains(PASSWORD), "{page}");
        let by = json!({ "by": { "email": { "email": NEW } } });
        let user = test.admin().run("admin_user", by).await.ok();
        assert_eq!((user.at("/data/adminUser/sessions"), user.at("/data/adminUser/status")), (json!([]), json!("ACTIVE")));
        assert_eq!(events(&test, "invitation_accepted").await.len(), 1);
        assert_eq!(test.mails_to(NEW).await, 1);

        let again = post(&browser(&test), "/invitation", &[("ticket", &ticket), ("password", OTHER_PASSWORD)]).await;
        assert_eq!(again.status, 410);
        let page = again.body.as_str().unwrap();
        assert!(page.contains("older than 7 days") && page.contains("another invitation"), "{page}");
        test.anon().sign_in(NEW, PASSWORD).await.ok();
    }

    async fn a_weak_password_shows_the_rules_and_consumes_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ticket = invited(&test).await;
        for (language, welcome) in [("en", "Welcome: choose a password"), ("de-CH", "Willkommen:"), ("fr", "Bienvenue : choisissez"), ("es-419", "Le damos la bienvenida: elija")] {
            let reader = browser(&test).header("accept-language", language);
            let page = open(&reader, Method::GET, "/invitation", &ticket).await;
            assert!(page.body.as_str().unwrap().contains(welcome), "{}", page.body);
            assert!(page.body.as_str().unwrap().contains(r#" data-client-id="default" data-connection="default">"#), "{}", page.body);
            for weak in ["zq8", "password1", ""] {
                let refused = post(&reader, "/invitation", &[("ticket", &ticket), ("password", weak)]).await;
                assert_eq!(refused.status, 422, "{weak:?}");
                let page = refused.body.as_str().unwrap();
                assert!(page.contains("role=\"alert\"") && page.contains("<li>") && page.contains(&ticket) && page.contains("action=\"/invitation\""), "{page}");
            }
        }
        assert_eq!(post(&browser(&test), "/invitation", &[("ticket", &ticket), ("password", PASSWORD)]).await.status, 200);
    }

    async fn it_is_as_strict_as_the_page_of_a_reset(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ticket = invited(&test).await;
        let page = open(&browser(&test), Method::GET, "/invitation", &ticket).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!((&page.headers["referrer-policy"], &page.headers["cache-control"]), (&"no-referrer".parse().unwrap(), &"no-store".parse().unwrap()));
        let html = page.body.as_str().unwrap();
        assert_eq!(html.matches("<script").count(), 1);
        assert!(html.contains("<form method=\"post\" action=\"/invitation\">"), "{html}");
        let attack = "\"><script>alert(1)</script>";
        for answer in [
            open(&browser(&test), Method::GET, "/invitation", attack).await,
            open(&browser(&test), Method::GET, "/invitation", "").await,
            post(&browser(&test), "/invitation", &[("ticket", attack), ("password", PASSWORD)]).await,
        ] {
            assert_eq!(answer.status, 410);
            assert!(!answer.body.as_str().unwrap().contains("alert(1)"), "{}", answer.body);
        }
    }
}
