//! `/reset`: the page behind a reset's link.

use axum::http::Method;
use serde_json::json;

use super::email_pages::{open, post};
use crate::admin::realm::{application, connection};
use crate::harness::program::Program;
use crate::harness::{ADMIN_SECRET, Client, PASSWORD, TestApp, wire};
use crate::support::{reason, sign_up_with};

const NEW: &str = "a brand new horse battery";

fn browser(test: &TestApp) -> Client {
    test.anon().header("accept", "text/html,*/*;q=0.8")
}

/// Asks for a reset of Ann's and answers the mailed ticket.
pub async fn ticket_of_ann(test: &TestApp) -> String {
    let ask =
        "mutation { requestPasswordReset(input: { email: \"ann@example.org\" }) { __typename } }";
    test.anon().query(ask, json!({})).await.ok();
    let letter = test.mail_to("ann@example.org").await;
    assert_eq!(letter.purpose(), "PASSWORD_RESET");
    letter.ticket()
}

on_both_databases! {
    async fn looking_redeems_nothing_and_one_post_sets_the_password_without_a_session(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let ticket = ticket_of_ann(&test).await;
        for _ in 0..3 {
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(open(&browser(&test), method, "/reset", &ticket).await.status, 200);
            }
        }
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();

        let done = post(&browser(&test), "/reset", &[("ticket", &ticket), ("password", NEW)]).await;
        assert_eq!(done.status, 200);
        assert!(done.headers.get("set-cookie").is_none());
        let page = done.body.as_str().unwrap();
        assert!(page.contains("Your new password is saved") && !page.contains("eyJ") && !page.contains(NEW), "{page}");
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
        let by = json!({ "by": { "email": { "email": "ann@example.org" } } });
        let user = test.admin().run("admin_user", by).await.ok();
        assert_eq!(user.at("/data/adminUser/sessions"), json!([]));

        let again = post(&browser(&test), "/reset", &[("ticket", &ticket), ("password", PASSWORD)]).await;
        assert_eq!(again.status, 410);
        let page = again.body.as_str().unwrap();
        assert!(page.contains("no longer works") && page.contains("ask for a password reset again"), "{page}");
        assert_eq!(open(&browser(&test), Method::GET, "/reset", &ticket).await.status, 410);
        assert_eq!(test.anon().sign_in("ann@example.org", PASSWORD).await.code(), "INVALID_CREDENTIALS");
        test.anon().sign_in("ann@example.org", NEW).await.ok();
    }

    async fn a_weak_password_shows_the_rules_in_the_readers_language_and_consumes_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let ticket = ticket_of_ann(&test).await;
        let german = browser(&test).header("accept-language", "de-CH, en;q=0.5");
        for weak in ["zq8", "password1", ""] {
            let refused = post(&german, "/reset", &[("ticket", &ticket), ("password", weak)]).await;
            assert_eq!(refused.status, 422, "{weak:?}");
            assert_eq!(refused.headers["content-language"], "de");
            let page = refused.body.as_str().unwrap();
            assert!(page.contains("role=\"alert\"") && page.contains("<li>") && page.contains(&ticket), "{page}");
            assert!(weak.is_empty() || !page.contains(&format!("\"{weak}\"")), "the password is not shown again");
        }
        let short = post(&german, "/reset", &[("ticket", &ticket), ("password", "zq8")]).await;
        assert!(short.body.as_str().unwrap().contains("Zeichen"), "{}", short.body);
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_eq!(post(&german, "/reset", &[("ticket", &ticket), ("password", NEW)]).await.status, 200);
        test.anon().sign_in("ann@example.org", NEW).await.ok();
    }

    async fn the_script_is_told_whose_rules_count(backend: Backend) {
        let test = TestApp::start(backend).await;
        let rules = json!({ "passwordPolicy": { "minLength": 40 }, "emailVerificationRequired": false });
        connection(&test, "staff", rules).await;
        application(&test, "desk", json!({ "connections": ["default", "staff"] })).await;
        let at_desk = test.anon().header("x-client-id", "desk");
        sign_up_with(&at_desk, json!({ "connection": "staff", "password": NEW.repeat(2) })).await.ok();
        let ask = "mutation { requestPasswordReset(input: { email: \"ann@example.org\", connection: \"staff\" }) { __typename } }";
        at_desk.query(ask, json!({})).await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let asked = open(&browser(&test), Method::GET, "/reset", &ticket).await;
        let refused = post(&browser(&test), "/reset", &[("ticket", &ticket), ("password", NEW)]).await;
        assert_eq!((asked.status.as_u16(), refused.status.as_u16()), (200, 422));
        for page in [asked, refused] {
            let html = page.body.as_str().unwrap();
            assert!(html.contains(r#" data-client-id="desk" data-connection="staff">"#), "{html}");
            assert!(html.contains("At least 40 characters"), "{html}");
        }
        let script = test.anon().get("/assets/page.js").await;
        let script = script.body.as_str().unwrap();
        assert!(script.contains("{ clientId, connection } = document.currentScript.dataset"), "{script}");
        assert!(script.contains("{ input: { password, clientId, connection } }"), "{script}");
        // What the script asks is judged as what the page posts.
        let judged = |client_id: &str, connection: &str| {
            let input = json!({ "password": NEW, "clientId": client_id, "connection": connection });
            let anyone = test.anon();
            async move { anyone.run("check_password", json!({ "input": input })).await.ok().at("/data/checkPassword/ok") }
        };
        assert_eq!((judged("desk", "staff").await, judged("default", "default").await), (json!(false), json!(true)));
        let over = open(&browser(&test), Method::GET, "/reset", "another").await;
        assert!(!over.body.as_str().unwrap().contains("data-"), "{}", over.body);
    }

    async fn only_our_own_script_runs_and_nobody_learns_the_ticket(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let ticket = ticket_of_ann(&test).await;
        let page = open(&browser(&test), Method::GET, "/reset", &ticket).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        let scripts: Vec<_> = policy.split(';').map(str::trim).filter(|part| part.starts_with("script-src")).collect();
        assert_eq!(scripts, ["script-src 'self'"]);
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        assert_eq!(page.headers["cache-control"], "no-store");
        let html = page.body.as_str().unwrap();
        assert_eq!(html.matches("<script").count(), 1);
        assert!(html.contains("<script src=\"/assets/page.js\""), "{html}");
        assert!(!html.contains(" style=") && !html.contains(" onclick="), "{html}");

        let attack = "\"><script>alert(1)</script>";
        for answer in [
            open(&browser(&test), Method::GET, "/reset", attack).await,
            post(&browser(&test), "/reset", &[("ticket", attack), ("password", NEW)]).await,
        ] {
            assert_eq!(answer.status, 410);
            assert!(!answer.body.as_str().unwrap().contains("alert(1)"), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn no_ticket_and_no_password_of_a_page_stands_in_the_log() {
    let settings = [
        ("VESTIBULE_LOG", "trace"),
        ("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET),
    ];
    let mut program = Program::serve(&settings).await;
    let (ticket, password) = ("a-ticket-that-nobody-logs", "a-password-that-nobody-logs");
    for path in [
        "/reset",
        "/invitation",
        "/confirm-email",
        "/undo-email-change",
        "/verify",
    ] {
        let address = format!("{path}?ticket={ticket}");
        let looked = wire::get(program.address, &address, &[("accept", "text/html")]).await;
        assert!([200, 410].contains(&looked.status), "{path}");
        let form = format!("ticket={ticket}&password={password}");
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n{form}",
            form.len()
        );
        let answer = wire::exchange(program.address, request.as_bytes()).await;
        assert_eq!(wire::Wire::of(&answer).status, 410, "{path}");
    }
    program.terminate();
    assert!(program.ended().await.success());
    let output = program.output();
    assert!(
        output.contains("/undo-email-change"),
        "the log tells of requests: {output}"
    );
    assert!(!output.contains(ticket) && !output.contains(password));
}
