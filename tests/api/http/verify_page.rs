//! The page that a mailed link opens: mail scanners open it too, and must not redeem anything.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::account::handoff::{Pending, choices, kind, wait};
use crate::harness::{Answer, Backend, Client, PASSWORD, TestApp};
use crate::support::{events, verify_ticket};

async fn open(client: &Client, method: Method, ticket: &str) -> Answer {
    let ticket: String = url::form_urlencoded::byte_serialize(ticket.as_bytes()).collect();
    let request = Request::builder()
        .method(method)
        .uri(format!("/verify?ticket={ticket}"));
    client.send(request.body(Body::empty()).unwrap()).await
}

async fn click(client: &Client, ticket: &str) -> Answer {
    post(client, &[("ticket", ticket)]).await
}

async fn tap(client: &Client, ticket: &str, number: &str) -> Answer {
    post(client, &[("ticket", ticket), ("number", number)]).await
}

async fn post(client: &Client, fields: &[(&str, &str)]) -> Answer {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let form = form.extend_pairs(fields).finish();
    let request =
        Request::post("/verify").header("content-type", "application/x-www-form-urlencoded");
    client.send(request.body(form.into()).unwrap()).await
}

fn browser(test: &TestApp) -> Client {
    test.anon().header("accept", "text/html,*/*;q=0.8")
}

on_both_databases! {
    async fn where_signing_up_was_closed_meanwhile_the_page_says_so_and_the_link_stays_good(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let open = async |enabled: bool| {
            let input = json!({ "name": "default", "signUpEnabled": enabled });
            test.admin().run("admin_update_connection", json!({ "input": input })).await.ok();
        };
        open(false).await;
        let closed = click(&browser(&test), &ticket).await;
        assert_eq!(closed.status, 403);
        let page = closed.body.as_str().unwrap_or_default();
        assert!(page.contains("Signing up is closed at the moment") && !page.contains("<form"), "{page}");
        open(true).await;
        assert_eq!(click(&browser(&test), &ticket).await.status, 200);
    }

    async fn looking_redeems_nothing_and_one_click_redeems_once_without_a_session(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        for method in [Method::GET, Method::HEAD, Method::GET, Method::HEAD, Method::GET, Method::HEAD] {
            assert_eq!(open(&browser(&test), method, &ticket).await.status, 200);
        }
        assert_eq!(test.anon().sign_in("ann@example.org", PASSWORD).await.code(), "INVALID_CREDENTIALS");

        let done = click(&browser(&test), &ticket).await;
        assert_eq!(done.status, 200);
        assert!(done.headers.get("set-cookie").is_none());
        let page = done.body.as_str().unwrap();
        assert!(page.contains("confirmed") && !page.contains("eyJ"), "{page}");
        let by = json!({ "by": { "email": { "email": "ann@example.org" } } });
        let user = test.admin().query(
            "query($by: UserLookup!) { adminUser(by: $by) { emailVerified sessions { id } } }", by,
        ).await.ok();
        assert_eq!(user.at("/data/adminUser/emailVerified"), true);
        assert_eq!(user.at("/data/adminUser/sessions"), json!([]));

        let again = click(&browser(&test), &ticket).await;
        assert_eq!(again.status, 410);
        assert!(again.body.as_str().unwrap().contains("no longer works"));
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
    }
}

on_both_databases! {
    async fn the_page_offers_three_numbers_and_the_right_one_signs_the_other_device_in(backend: Backend) {
        let test = TestApp::start(backend).await;
        let pending = Pending::of(&test, "ann@example.org").await;
        for _ in 0..3 {
            let page = open(&browser(&test), Method::GET, &pending.ticket).await.ok();
            let html = page.body.as_str().unwrap();
            let offered: Vec<i32> = html
                .split("name=\"number\" value=\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next()?.parse().ok())
                .collect();
            assert_eq!(offered, choices(&test, &pending.ticket).await);
        }
        assert_eq!(kind(&wait(&test.anon(), &pending.handle).await.ok()), "PendingVerification", "looking is no pick");
        let done = tap(&browser(&test), &pending.ticket, &pending.number.to_string()).await;
        assert_eq!(done.status, 200);
        assert!(done.headers.get("set-cookie").is_none());
        let html = done.body.as_str().unwrap();
        assert!(html.contains("other device") && !html.contains("eyJ") && !html.contains("<form"), "{html}");
        let looked = open(&browser(&test), Method::GET, &pending.ticket).await.ok();
        assert!(!looked.body.as_str().unwrap().contains("name=\"number\""), "it was picked");
        assert_eq!(kind(&wait(&test.anon(), &pending.handle).await.ok()), "Session");
    }

    async fn a_wrong_number_signs_nobody_in_and_the_button_still_works(backend: Backend) {
        let test = TestApp::start(backend).await;
        let pending = Pending::of(&test, "ann@example.org").await;
        let wrong = pending.wrong(&test).await.to_string();
        let refused = tap(&browser(&test), &pending.ticket, &wrong).await;
        assert_eq!(refused.status, 422);
        let html = refused.body.as_str().unwrap();
        assert!(html.contains("Nobody was signed in") && html.contains("<form method=\"post\" action=\"/verify\">"), "{html}");
        assert!(!html.contains("name=\"number\""), "{html}");
        // Whatever is tapped after it finds the same.
        for number in [wrong, pending.number.to_string()] {
            let again = tap(&browser(&test), &pending.ticket, &number).await;
            assert_eq!((again.status, &again.body), (refused.status, &refused.body));
        }
        assert_eq!(kind(&wait(&test.anon(), &pending.handle).await.ok()), "PendingVerification");
        assert_eq!(events(&test, "handoff_refused").await.len(), 1);
        assert_eq!(click(&browser(&test), &pending.ticket).await.status, 200);
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
    }

    async fn what_is_no_number_is_no_pick(backend: Backend) {
        let test = TestApp::start(backend).await;
        let pending = Pending::of(&test, "ann@example.org").await;
        for number in ["", "x", "4 2", "99999999999999999999"] {
            assert_eq!(tap(&browser(&test), &pending.ticket, number).await.status, 400, "{number}");
        }
        assert_eq!(choices(&test, &pending.ticket).await.len(), 3);
        // A link that was used offers nothing and says so when it is clicked.
        verify_ticket(&test.anon(), &pending.ticket).await.ok();
        let used = open(&browser(&test), Method::GET, &pending.ticket).await.ok();
        assert!(!used.body.as_str().unwrap().contains("name=\"number\""));
        assert_eq!(tap(&browser(&test), &pending.ticket, &pending.number.to_string()).await.status, 410);
    }
}

#[tokio::test]
async fn an_unknown_or_missing_ticket_is_said_to_no_longer_work() {
    let test = TestApp::start(Backend::Sqlite).await;
    for (answer, status) in [
        (click(&browser(&test), "unknown").await, 410),
        (click(&browser(&test), "").await, 410),
        (click(&browser(&test), "\u{0}").await, 410),
        (open(&browser(&test), Method::GET, "").await, 400),
        (browser(&test).get("/verify").await, 400),
    ] {
        assert_eq!(answer.status.as_u16(), status);
        assert!(
            answer.body.as_str().unwrap().contains("no longer works"),
            "{}",
            answer.body
        );
    }
    let json = Request::post("/verify").header("content-type", "application/json");
    let json = browser(&test)
        .send(json.body("{\"ticket\":\"x\"}".into()).unwrap())
        .await;
    assert_eq!(json.status, 400);
}

#[tokio::test]
async fn the_page_escapes_the_ticket_and_allows_no_script() {
    let test = TestApp::start(Backend::Sqlite).await;
    let page = open(&browser(&test), Method::GET, "\"><script>alert(1)</script>")
        .await
        .ok();
    let html = page.body.as_str().unwrap();
    assert!(
        !html.contains("<script") && !html.contains("\"><"),
        "{html}"
    );
    assert!(
        html.contains("<form method=\"post\" action=\"/verify\">"),
        "a plain form is all it needs"
    );
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    for part in [
        "default-src 'none'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains("script-src"),
        "{policy}"
    );
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert_eq!(page.headers["cache-control"], "no-store");
    for link in html.split("href=\"").skip(1) {
        assert!(link.starts_with('/'), "{link}");
    }
}
