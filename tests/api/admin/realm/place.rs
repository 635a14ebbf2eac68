//! A user of one connection is nobody in another; a token belongs to its application.

use serde_json::{Value, json};

use super::{admin, application, assert_issues, connection, member, only, sign_in_with};
use crate::harness::{Answer, Client, PASSWORD, TestApp, by_code, by_ticket};
use crate::support::{accounts, assert_alive, jwt_part, reason, sign_up_with, verify_ticket};

const OTHER: &str = "another horse battery staple";

/// Every operation without a session that belongs somewhere, in the connection of this name or the default one.
async fn assert_unknown(client: &Client, connection: Option<&str>) {
    let with = |mut fields: Value| {
        if let Some(name) = connection {
            fields["connection"] = json!(name);
        }
        fields
    };
    let input = |fields: Value| json!({ "input": with(fields) });
    let unknown = |answer: Answer| assert_issues(&answer, &["connection:unknown"]);
    unknown(sign_up_with(client, with(json!({}))).await);
    unknown(sign_in_with(client, with(json!({}))).await);
    let reset = input(json!({ "email": "ann@example.org" }));
    unknown(client.run("request_password_reset", reset).await);
    let check = input(json!({ "password": PASSWORD }));
    unknown(client.run("check_password", check).await);
    unknown(client.run("auth_config", with(json!({}))).await);
}

on_both_databases! {
    async fn one_address_in_two_connections_is_two_accounts(backend: Backend) {
        let test = TestApp::start(backend).await;
        connection(&test, "staff", json!({})).await;
        let here = test.user("ann").await;
        let there = member(&test, &test.anon(), json!({ "connection": "staff", "password": OTHER })).await;
        assert_ne!(here.user_id, there.user_id);
        assert_eq!(there.me().await.ok().at("/data/me/connection"), json!("staff"));
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 2);

        let sign_in = async |connection: &str, password: &str| sign_in_with(&test.anon(), json!({ "connection": connection, "password": password })).await;
        assert_eq!(sign_in("default", PASSWORD).await.ok().text("/data/signIn/user/id"), here.user_id);
        assert_eq!(sign_in("staff", OTHER).await.ok().text("/data/signIn/user/id"), there.user_id);
        assert_eq!(sign_in("default", OTHER).await.code(), "INVALID_CREDENTIALS");
        assert_eq!(sign_in("staff", PASSWORD).await.code(), "INVALID_CREDENTIALS");

        let ask = json!({ "input": { "connection": "staff", "email": "ann@example.org" } });
        test.anon().run("request_password_reset", ask).await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let mut answer = by_ticket(&ticket);
        answer["input"]["newPassword"] = json!("a brand new horse battery");
        let reset = test.anon().run("reset_password", answer).await.ok();
        assert_eq!(reset.text("/data/resetPassword/user/id"), there.user_id);
        assert_eq!(reason(&there.me().await), "SESSION_REVOKED");
        assert_alive(&here.me().await);
        assert_eq!(sign_in("default", PASSWORD).await.ok().text("/data/signIn/user/id"), here.user_id);
        assert_eq!(sign_in("staff", OTHER).await.code(), "INVALID_CREDENTIALS");

        for (connection, id) in [("default", &here.user_id), ("staff", &there.user_id)] {
            let by = json!({ "by": { "email": { "email": "ann@example.org", "connection": connection } } });
            assert_eq!(test.admin().run("admin_user", by).await.ok().text("/data/adminUser/id"), *id);
        }
        // Who leaves one of them stays in the other.
        here.run("delete_user", json!({ "input": { "currentPassword": PASSWORD } })).await.ok();
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
        sign_in("staff", "a brand new horse battery").await.ok();
    }

    async fn an_access_token_works_for_its_own_application_only(backend: Backend) {
        let test = TestApp::start(backend).await;
        application(&test, "shop", json!({})).await;
        let ann = test.user("ann").await;
        let in_shop = sign_in_with(&test.anon(), json!({ "clientId": "shop" })).await.ok();
        let in_shop = test.anon().signed_in(&in_shop.at("/data/signIn"));
        let claims = jwt_part(&in_shop.access_token, 1);
        assert_eq!((&claims["aud"], &claims["client_id"]), (&json!("shop"), &json!("shop")));
        for (client, own, other) in [(&ann, "default", "shop"), (&in_shop, "shop", "default")] {
            assert_alive(&client.me().await);
            assert_alive(&client.clone().header("x-client-id", own).me().await);
            for other in [other, "nobody"] {
                let moved = client.clone().header("x-client-id", other);
                assert_eq!(reason(&moved.me().await), "TOKEN_INVALID");
                assert_eq!(moved.run("update_user", json!({ "input": { "displayName": "Eve" } })).await.code(), "UNAUTHENTICATED");
            }
        }
    }

    async fn a_refresh_token_works_for_its_own_application_only(backend: Backend) {
        let test = TestApp::start(backend).await;
        application(&test, "shop", json!({})).await;
        let ann = test.user("ann").await;
        let elsewhere = test.anon().header("x-client-id", "shop");
        for _ in 0..3 {
            assert_eq!(elsewhere.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        }
        // It is as good as before: another application's attempt rotates nothing and revokes nothing.
        let answer = ann.clone().header("x-client-id", "default").refresh(&ann.refresh_token).await.ok();
        assert_alive(&test.anon().signed_in(&answer.at("/data/refreshSession")).me().await);
    }

    async fn mailed_proofs_work_for_their_own_application_only(backend: Backend) {
        let test = TestApp::start(backend).await;
        application(&test, "shop", json!({})).await;
        let elsewhere = test.anon().header("x-client-id", "shop");
        let pending = test.anon().sign_up("ann@example.org").await.ok();
        let letter = test.mail_to("ann@example.org").await;
        let handle = pending.text("/data/signUp/verificationId");
        assert_eq!(verify_ticket(&elsewhere, &letter.ticket()).await.code(), "INVALID_TICKET");
        assert_eq!(elsewhere.run("verify_email", by_code(&handle, &letter.code())).await.code(), "INVALID_CODE");
        assert!(accounts(&test, "ann@example.org").await.is_empty());
        verify_ticket(&test.anon(), &letter.ticket()).await.ok();

        let ask = json!({ "input": { "email": "ann@example.org" } });
        test.anon().run("request_password_reset", ask).await.ok();
        let mut answer = by_ticket(&test.mail_to("ann@example.org").await.ticket());
        answer["input"]["newPassword"] = json!(OTHER);
        assert_eq!(elsewhere.run("reset_password", answer.clone()).await.code(), "INVALID_TICKET");
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        test.anon().run("reset_password", answer).await.ok();
    }

    async fn a_connection_that_is_not_enabled_does_not_exist(backend: Backend) {
        let test = TestApp::start(backend).await;
        only(admin(&test, "create_connection", json!({ "name": "staff" })).await);
        application(&test, "office", json!({ "connections": ["staff"] })).await;
        let office = test.anon().header("x-client-id", "office");
        for (client, name) in [(test.anon(), "staff"), (office.clone(), "default"), (test.anon(), "nowhere"), (test.anon(), "nul\0"), (test.anon(), "Default")] {
            assert_unknown(&client, Some(name)).await;
        }
        // An account of a connection is nobody where another one is enabled.
        let ann = member(&test, &office, json!({})).await;
        assert_eq!(ann.me().await.ok().at("/data/me/connection"), json!("staff"));
        assert_eq!(sign_in_with(&test.anon(), json!({})).await.code(), "INVALID_CREDENTIALS");
        sign_in_with(&office, json!({})).await.ok();
    }

    async fn while_the_default_connection_is_closed_no_other_one_takes_its_place(backend: Backend) {
        let test = TestApp::start(backend).await;
        connection(&test, "partners", json!({})).await;
        application(&test, "office", json!({ "connections": ["partners", "default"] })).await;
        let office = test.anon().header("x-client-id", "office");
        member(&test, &test.anon(), json!({ "connection": "partners" })).await;
        let close = async |disabled: bool| only(admin(&test, "update_connection", json!({ "name": "default", "disabled": disabled })).await);
        close(true).await;
        assert_unknown(&test.anon(), None).await;
        assert_unknown(&test.anon(), Some("default")).await;
        // By its name, and where it is the default one, the other connection is as open as before.
        sign_in_with(&test.anon(), json!({ "connection": "partners" })).await.ok();
        sign_up_with(&test.anon(), json!({ "connection": "partners", "email": "bob@example.org" })).await.ok();
        test.anon().run("auth_config", json!({ "connection": "partners" })).await.ok();
        sign_in_with(&office, json!({})).await.ok();
        assert_unknown(&office, Some("default")).await;
        close(false).await;
        assert_eq!(sign_in_with(&test.anon(), json!({})).await.code(), "INVALID_CREDENTIALS");
        member(&test, &test.anon(), json!({})).await;
    }
}
