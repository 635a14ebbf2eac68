//! The development inbox shows live tickets, and so only to this machine.

use serde_json::json;

use crate::harness::{Answer, Backend, PASSWORD, TestApp};

async fn inbox(test: &TestApp, peer: &str, host: &str, accept: &str) -> Answer {
    let client = test.anon().calling_from(peer).header("host", host);
    client.header("accept", accept).get("/dev/inbox").await
}

#[tokio::test]
async fn only_a_loopback_peer_that_asks_a_loopback_name_reads_it() {
    let test = TestApp::start(Backend::Sqlite).await;
    for (peer, host, status) in [
        ("127.0.0.1", "localhost:4000", 200),
        ("127.0.0.1", "LOCALHOST", 200),
        ("127.8.8.8", "127.0.0.1:4000", 200),
        ("::1", "[::1]:4000", 200),
        ("::ffff:127.0.0.1", "localhost", 200),
        ("127.0.0.1", "evil.example", 403),
        ("127.0.0.1", "localhost.evil.example", 403),
        ("127.0.0.1", "127.0.0.1.evil.example", 403),
        ("127.0.0.1", "0.0.0.0:4000", 403),
        ("127.0.0.1", "", 403),
        ("192.0.2.7", "localhost:4000", 403),
        ("2001:db8::1", "localhost:4000", 403),
    ] {
        let answer = inbox(&test, peer, host, "application/json").await;
        assert_eq!(answer.status.as_u16(), status, "{peer} {host}");
    }
    let nameless = test
        .anon()
        .header("accept", "application/json")
        .get("/dev/inbox")
        .await;
    assert_eq!(nameless.status, 403);
    let forwarded = test
        .anon()
        .calling_from("192.0.2.7")
        .header("host", "localhost");
    let forwarded = forwarded
        .header("x-forwarded-for", "127.0.0.1")
        .get("/dev/inbox")
        .await;
    assert_eq!(forwarded.status, 403);
}

#[tokio::test]
async fn as_json_it_is_a_list_with_the_newest_mail_first() {
    let test = TestApp::start(Backend::Sqlite).await;
    test.anon().sign_up("ann@example.org").await.ok();
    test.run_jobs().await;
    test.anon().sign_up("bob@example.org").await.ok();
    test.run_jobs().await;
    let answer = inbox(&test, "127.0.0.1", "localhost", "application/json")
        .await
        .ok();
    assert_eq!(answer.headers["content-type"], "application/json");
    let mails = answer.body.as_array().expect("a list");
    assert_eq!(mails.len(), 2);
    assert_eq!(
        (&mails[0]["to"], &mails[1]["to"]),
        (&json!("bob@example.org"), &json!("ann@example.org"))
    );
    let mut names: Vec<_> = mails[0]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "code", "html", "link", "purpose", "sentAt", "subject", "text", "ticket", "to"
        ]
    );

    let text = |name: &str| {
        mails[0][name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name}"))
    };
    assert_eq!(text("purpose"), "EMAIL_VERIFICATION");
    assert_eq!(text("sentAt"), "2026-11-20T12:00:00.123Z");
    assert_eq!(
        text("link"),
        format!("http://127.0.0.1:4000/verify?ticket={}", text("ticket"))
    );
    assert!(text("code").len() == 6 && text("code").bytes().all(|byte| byte.is_ascii_digit()));
    for alone in [text("link"), text("code")] {
        assert!(
            text("text").lines().any(|line| line.trim() == alone),
            "{alone}: {}",
            text("text")
        );
    }
}

#[tokio::test]
async fn a_mail_without_a_proof_says_so_with_nulls() {
    let test = TestApp::start(Backend::Sqlite).await;
    let ann = test.user("ann").await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": "another battery staple" });
    ann.run("change_password", json!({ "input": input }))
        .await
        .ok();
    test.run_jobs().await;
    let answer = inbox(&test, "127.0.0.1", "localhost", "application/json")
        .await
        .ok();
    assert_eq!(answer.text("/0/purpose"), "PASSWORD_CHANGED");
    for name in ["link", "ticket", "code"] {
        assert_eq!(answer.body[0].get(name), Some(&json!(null)), "{name}");
    }
}

#[tokio::test]
async fn as_a_page_it_shows_the_code_and_runs_nothing() {
    let test = TestApp::start(Backend::Sqlite).await;
    let hostile = "\"<script>alert(1)</script>\"@example.org";
    let strange = test.anon().sign_up(hostile).await;
    test.anon().sign_up("o'neil&co@example.org").await.ok();
    test.run_jobs().await;
    let code = test.mail_to("o'neil&co@example.org").await.code();
    let page = inbox(&test, "127.0.0.1", "localhost", "text/html")
        .await
        .ok();
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("script-src"),
        "{policy}"
    );
    let html = page.body.as_str().expect("a page");
    assert!(html.contains(&code), "the code stands there");
    assert!(!html.contains("<script"), "{strange:?}");
    assert!(!html.contains("o'neil&co@"), "the address is escaped");
}
