//! Disabling, deleting and taking away take effect on the next request, on every instance.

use axum::http::Method;
use serde_json::{Value, json};

use super::{admin, application, assert_issues, connection, member, only, sign_in_with};
use crate::harness::{Client, PASSWORD, TestApp, by_ticket};
use crate::http::email_pages::post;
use crate::support::{assert_alive, reason, sign_up_with, verify_ticket};

/// Ann is signed in, and every kind of mail waits for its answer, in the connection `staff` of the application `office`.
struct Opened {
    ann: Client,
    sign_up: String,
    reset: String,
    change: String,
    undo: String,
}

async fn open(test: &TestApp) -> Opened {
    connection(test, "staff", json!({})).await;
    application(
        test,
        "office",
        json!({ "connections": ["staff", "default"] }),
    )
    .await;
    let office = test.anon().header("x-client-id", "office");
    let ann = member(test, &office, json!({})).await;
    let bob = member(test, &office, json!({ "email": "bob@example.org" })).await;
    let ask = |email: &str| json!({ "input": { "newEmail": email, "currentPassword": PASSWORD } });
    let asked = bob.run("request_email_change", ask("bobby@example.org"));
    asked.await.ok();
    let ticket = test.mail_to("bobby@example.org").await.ticket();
    let confirmed = bob.run("confirm_email_change", by_ticket(&ticket)).await;
    confirmed.ok();
    let undo = test.mail_to("bob@example.org").await.ticket();
    sign_up_with(&office, json!({ "email": "eve@example.org" }))
        .await
        .ok();
    let sign_up = test.mail_to("eve@example.org").await.ticket();
    let reset = json!({ "input": { "email": "ann@example.org" } });
    office.run("request_password_reset", reset).await.ok();
    let reset = test.mail_to("ann@example.org").await.ticket();
    ann.run("request_email_change", ask("anne@example.org"))
        .await
        .ok();
    let change = test.mail_to("anne@example.org").await.ticket();
    Opened {
        ann,
        sign_up,
        reset,
        change,
        undo,
    }
}

/// Nothing works any more on this instance.
async fn assert_closed(test: &TestApp, house: &TestApp, opened: &Opened, how: &str) {
    let office = house.anon().header("x-client-id", "office");
    let ann = office.clone().bearer(&opened.ann.access_token);
    assert_eq!(reason(&ann.me().await), "SESSION_REVOKED", "{how}");
    let refreshed = office.refresh(&opened.ann.refresh_token).await;
    assert_eq!(refreshed.code(), "INVALID_REFRESH_TOKEN", "{how}");
    let signed_in = sign_in_with(&office, json!({ "connection": "staff" })).await;
    assert_eq!(signed_in.code(), "INVALID_INPUT", "{how}");
    let verified = verify_ticket(&house.anon(), &opened.sign_up).await;
    assert_eq!(verified.code(), "INVALID_TICKET", "{how}");
    let mut reset = by_ticket(&opened.reset);
    reset["input"]["newPassword"] = json!("a brand new horse battery");
    let reset = house.anon().run("reset_password", reset).await;
    assert_eq!(reset.code(), "INVALID_TICKET", "{how}");
    let changed = ann
        .run("confirm_email_change", by_ticket(&opened.change))
        .await;
    assert_eq!(reason(&changed), "SESSION_REVOKED", "{how}");
    let undo = json!({ "input": { "ticket": opened.undo } });
    let undone = house.anon().run("undo_email_change", undo).await;
    assert_eq!(undone.code(), "INVALID_TICKET", "{how}");

    let browser = house.anon().header("accept", "text/html,*/*;q=0.8");
    let pages = [
        ("/verify", &opened.sign_up),
        ("/confirm-email", &opened.change),
        ("/undo-email-change", &opened.undo),
    ];
    for (page, ticket) in pages {
        let answer = post(&browser, page, &[("ticket", ticket)]).await;
        assert_eq!(answer.status, 410, "{how} {page}");
    }
    let password = ("password", "a brand new horse battery");
    let answer = post(&browser, "/reset", &[("ticket", &opened.reset), password]).await;
    assert_eq!(answer.status, 410, "{how}");
    let looked = crate::http::email_pages::open(&browser, Method::GET, "/reset", &opened.reset);
    assert_eq!(looked.await.status, 410, "{how}");
    let by = json!({ "by": { "email": { "email": "eve@example.org", "connection": "staff" } } });
    assert!(only(test.admin().run("admin_user", by).await).is_null());
}

/// Closes the place, looks on two instances, and opens it again.
async fn close(test: &TestApp, (name, input): (&str, Value), again: Option<(&str, Value)>) {
    let opened = open(test).await;
    let second = test.second_instance().await;
    assert_alive(&opened.ann.me().await);
    let how = format!("{name} {input}");
    only(admin(test, name, input).await);
    for house in [test, &second] {
        assert_closed(test, house, &opened, &how).await;
    }
    let Some((name, input)) = again else {
        return;
    };
    // What has not ended meanwhile works again: nothing was consumed.
    only(admin(test, name, input).await);
    assert_alive(&opened.ann.me().await);
    opened.ann.refresh(&opened.ann.refresh_token).await.ok();
    verify_ticket(&test.anon(), &opened.sign_up).await.ok();
    let mut reset = by_ticket(&opened.reset);
    reset["input"]["newPassword"] = json!("a brand new horse battery");
    test.anon().run("reset_password", reset).await.ok();
}

on_both_databases! {
    async fn a_disabled_application_lets_nobody_in_until_it_is_enabled(backend: Backend) {
        let test = TestApp::start(backend).await;
        let of = |disabled: bool| ("update_application", json!({ "clientId": "office", "disabled": disabled }));
        close(&test, of(true), Some(of(false))).await;
        // It exists for nobody while it is disabled.
        only(admin(&test, "update_application", json!({ "clientId": "default", "disabled": true })).await);
        assert_issues(&sign_in_with(&test.anon(), json!({})).await, &["clientId:unknown"]);
        let config = "{ authConfig { signUpEnabled } }";
        assert_issues(&test.anon().query(config, json!({})).await, &["clientId:unknown"]);
    }

    async fn a_disabled_connection_lets_nobody_in_until_it_is_enabled(backend: Backend) {
        let test = TestApp::start(backend).await;
        let of = |disabled: bool| ("update_connection", json!({ "name": "staff", "disabled": disabled }));
        close(&test, of(true), Some(of(false))).await;
    }

    async fn a_connection_that_is_taken_from_an_application_lets_nobody_in_through_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let of = |connections: &[&str]| ("update_application", json!({ "clientId": "office", "connections": connections }));
        close(&test, of(&["default"]), Some(of(&["default", "staff"]))).await;
        // Through another application its accounts work all the same.
        only(admin(&test, of(&["default"]).0, of(&["default"]).1).await);
        let fields = json!({ "connection": "staff", "password": "a brand new horse battery" });
        sign_in_with(&test.anon(), fields).await.ok();
    }

    async fn a_deleted_application_lets_nobody_in(backend: Backend) {
        let test = TestApp::start(backend).await;
        close(&test, ("delete_application", json!({ "clientId": "office" })), None).await;
    }

    async fn a_deleted_connection_lets_nobody_in(backend: Backend) {
        let test = TestApp::start(backend).await;
        close(&test, ("delete_connection", json!({ "name": "staff", "deleteUsers": true })), None).await;
    }
}
