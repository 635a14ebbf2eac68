//! `/confirm-email` and `/undo-email-change`: the pages behind the links of a change of address.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::harness::{Answer, Client, PASSWORD, TestApp};
use crate::support::{accounts, assert_alive, reason};

pub async fn open(client: &Client, method: Method, path: &str, ticket: &str) -> Answer {
    let ticket: String = url::form_urlencoded::byte_serialize(ticket.as_bytes()).collect();
    let request = Request::builder()
        .method(method)
        .uri(format!("{path}?ticket={ticket}"));
    client.send(request.body(Body::empty()).unwrap()).await
}

pub async fn post(client: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let form = form.extend_pairs(fields).finish();
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    client.send(request.body(form.into()).unwrap()).await
}

fn browser(test: &TestApp) -> Client {
    test.anon().header("accept", "text/html,*/*;q=0.8")
}

async fn look(test: &TestApp, path: &str, ticket: &str) {
    for _ in 0..3 {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(open(&browser(test), method, path, ticket).await.status, 200);
        }
    }
}

on_both_databases! {
    async fn looking_changes_nothing_and_one_click_each_confirms_and_undoes(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let input = json!({ "newEmail": "new@example.org", "currentPassword": PASSWORD });
        ann.run("request_email_change", json!({ "input": input })).await.ok();
        let ticket = test.mail_to("new@example.org").await.ticket();
        look(&test, "/confirm-email", &ticket).await;
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
        // The ticket of one page is nothing on another.
        assert_eq!(post(&browser(&test), "/undo-email-change", &[("ticket", &ticket)]).await.status, 410);

        let done = post(&browser(&test), "/confirm-email", &[("ticket", &ticket)]).await;
        assert_eq!(done.status, 200);
        assert!(done.headers.get("set-cookie").is_none());
        let page = done.body.as_str().unwrap();
        assert!(page.contains("Your new address is confirmed") && !page.contains("eyJ"), "{page}");
        assert_eq!(accounts(&test, "new@example.org").await.len(), 1);
        let me = ann.me().await.ok();
        assert_eq!(me.text("/data/me/email"), "new@example.org");
        assert_eq!(me.at("/data/me/sessions").as_array().map(Vec::len), Some(1));
        let again = post(&browser(&test), "/confirm-email", &[("ticket", &ticket)]).await;
        assert_eq!(again.status, 410);
        let page = again.body.as_str().unwrap();
        assert!(page.contains("no longer works") && page.contains("ask for the change again"), "{page}");

        let undo = test.mail_to("ann@example.org").await.ticket();
        look(&test, "/undo-email-change", &undo).await;
        assert_alive(&ann.me().await.ok());
        let done = post(&browser(&test), "/undo-email-change", &[("ticket", &undo)]).await;
        assert_eq!(done.status, 200);
        assert!(done.headers.get("set-cookie").is_none());
        assert!(done.body.as_str().unwrap().contains("The change is taken back"));
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
        assert_eq!(test.mail_to("ann@example.org").await.purpose(), "PASSWORD_RESET");
        let again = post(&browser(&test), "/undo-email-change", &[("ticket", &undo)]).await;
        assert_eq!(again.status, 410);
        assert!(again.body.as_str().unwrap().contains("reset your password with your former address"), "{}", again.body);
    }

    async fn the_pages_escape_the_ticket_and_allow_no_script(backend: Backend) {
        let test = TestApp::start(backend).await;
        for path in ["/confirm-email", "/undo-email-change"] {
            let page = open(&browser(&test), Method::GET, path, "\"><script>alert(1)</script>").await;
            assert_eq!(page.status, 200);
            let html = page.body.as_str().unwrap();
            assert!(!html.contains("<script") && !html.contains("\"><"), "{html}");
            assert!(html.contains(&format!("<form method=\"post\" action=\"{path}\">")), "{html}");
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{policy}");
            assert_eq!(page.headers["referrer-policy"], "no-referrer");
            assert_eq!(page.headers["cache-control"], "no-store");
        }
    }
}
