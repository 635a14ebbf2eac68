//! What only certain circumstances bring about: second tries, races lost, limits met. Nothing here looks into the
//! database, so that whatever is asked of it is asked by the house.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::account::handoff::{Pending, pick, wait};
use crate::admin::realm::{set_member, tenant};
use crate::harness::{Client, PASSWORD, TestApp, race};
use crate::password::turn::ONE_AT_A_TIME;
use crate::support::{PATIENT, resend, sign_up_with, verify_code, verify_ticket};

const NEW: &str = "a brand new horse battery";

async fn signed_in(test: &TestApp, login: &str, password: &str) -> Client {
    let answer = test.anon().sign_in(login, password).await.ok();
    test.anon().signed_in(&answer.at("/data/signIn"))
}

async fn connection(test: &TestApp, mut fields: Value) {
    fields["name"] = json!("default");
    let input = json!({ "input": fields });
    test.admin()
        .run("admin_update_connection", input)
        .await
        .ok();
}

on_both_databases! {
    async fn sign_ups_crowd_and_are_answered(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_RATE_LIMITS", "on")]).await;
        let mut handle = String::new();
        for _ in 0..7 {
            handle = test.anon().sign_up("ann@example.org").await.ok().text("/data/signUp/verificationId");
        }
        resend(&test.anon(), &handle).await.ok();
        resend(&test.anon(), "unknown").await.ok();
        // What waits goes out before the last one, whose code counts.
        test.mails().await;
        test.clock.advance(TimeDelta::hours(2));
        resend(&test.anon(), &handle).await.ok();
        let code = test.mail_to("ann@example.org").await.code();
        assert_eq!(verify_code(&test.anon(), &handle, "000000").await.code_or_ok(), "INVALID_CODE");
        verify_code(&test.anon(), &handle, &code).await.ok();
        test.anon().sign_up("ann@example.org").await.ok();
        test.mails().await;
    }

    async fn mails_are_answered_for_other_devices(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_RATE_LIMITS", "on")]).await;
        let ann = Pending::of(&test, "ann@example.org").await;
        pick(&test.anon(), &ann.ticket, ann.wrong(&test).await).await.ok();
        wait(&test.anon(), &ann.handle).await.ok();
        let ann = Pending::of(&test, "ann@example.org").await;
        pick(&test.anon(), &ann.ticket, ann.number).await.ok();
        pick(&test.anon(), &ann.ticket, ann.number).await.ok();
        wait(&test.anon(), &ann.handle).await.ok();
    }

    async fn usernames_are_taken_meanwhile(backend: Backend) {
        let test = TestApp::start(backend).await;
        connection(&test, json!({ "usernameRequired": true })).await;
        for email in ["ann@example.org", "bob@example.org"] {
            sign_up_with(&test.anon(), json!({ "email": email, "username": "same" })).await.ok();
        }
        let (ann, bob) = (test.mail_to("ann@example.org").await, test.mail_to("bob@example.org").await);
        verify_ticket(&test.anon(), &ann.ticket()).await.ok();
        assert_eq!(verify_ticket(&test.anon(), &bob.ticket()).await.code(), "USERNAME_TAKEN");
        test.anon().sign_in("same", PASSWORD).await.ok();
        connection(&test, json!({ "emailVerificationRequired": false })).await;
        sign_up_with(&test.anon(), json!({ "email": "cy@example.org", "username": "cy" })).await.ok();
        connection(&test, json!({ "emailVerificationRequired": true })).await;
        test.anon().sign_in("cy", PASSWORD).await.ok();
        let ticket = test.mail_to("cy@example.org").await.ticket();
        verify_ticket(&test.anon(), &ticket).await.ok();
    }

    async fn many_sign_in_at_the_same_time(backend: Backend) {
        let settings = [("VESTIBULE_RATE_LIMITS", "on"), ONE_AT_A_TIME, PATIENT[0], PATIENT[1]];
        let test = TestApp::with(backend, &settings).await;
        let names = ["ann", "bob", "cy", "dan", "eve", "flo"];
        let mut people = Vec::new();
        for name in names {
            people.push(test.user(name).await);
        }
        let theirs = tenant(&test, "Theirs").await;
        set_member(&test, &theirs, &people[0].user_id, &[]).await.ok();
        race(4 * names.len(), |number| {
            let (client, name) = (test.anon(), names[number % names.len()]);
            async move { client.sign_in(&format!("{name}@example.org"), PASSWORD).await.ok() }
        })
        .await;
    }

    async fn many_refresh_at_the_same_time(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let mut sessions = Vec::new();
        for _ in 0..32 {
            sessions.push(signed_in(&test, "ann@example.org", PASSWORD).await);
        }
        race(sessions.len(), |number| {
            let session = sessions[number].clone();
            async move { session.refresh(&session.refresh_token).await.ok() }
        })
        .await;
    }

    async fn refresh_tokens_come_back(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let next = ann.refresh(&ann.refresh_token).await.ok().text("/data/refreshSession/refreshToken");
        ann.refresh(&ann.refresh_token).await.ok();
        ann.refresh(&next).await.ok();
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        let other = signed_in(&test, "ann@example.org", PASSWORD).await;
        let more = signed_in(&test, "ann@example.org", PASSWORD).await;
        let input = json!({ "input": { "sessionId": more.session_id } });
        other.run("revoke_session", input).await.ok();
        for scope in ["OTHERS", "ALL"] {
            other.run("sign_out", json!({ "input": { "scope": scope } })).await.ok();
        }
        let named = signed_in(&test, "ann@example.org", PASSWORD).await;
        let input = json!({ "input": { "refreshToken": named.refresh_token } });
        test.anon().header("x-client-id", "default").run("sign_out", input).await.ok();
    }

    async fn passwords_and_addresses_change(backend: Backend) {
        let test = TestApp::start(backend).await;
        connection(&test, json!({ "passwordPolicy": { "history": 3 } })).await;
        let ann = test.user("ann").await;
        let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
        let changed = ann.run("change_password", json!({ "input": input })).await.ok();
        let ann = test.anon().signed_in(&changed.at("/data/changePassword"));
        let input = json!({ "input": { "newEmail": "new@example.org", "currentPassword": NEW } });
        ann.run("request_email_change", input).await.ok();
        let input = json!({ "input": { "proof": { "ticket": test.mail_to("new@example.org").await.ticket() } } });
        let changed = ann.run("confirm_email_change", input).await.ok();
        let ann = test.anon().signed_in(&changed.at("/data/confirmEmailChange"));
        let undo = test.mail_to("ann@example.org").await.ticket();
        ann.run("update_user", json!({ "input": { "displayName": "Ann" } })).await.ok();
        test.anon().run("undo_email_change", json!({ "input": { "ticket": undo } })).await.ok();
        let reset = test.mail_to("ann@example.org").await;
        let input = json!({ "proof": { "ticket": reset.ticket() }, "newPassword": "the last horse battery" });
        test.anon().run("reset_password", json!({ "input": input })).await.ok();
        test.anon().run("request_password_reset", json!({ "input": { "email": "ann@example.org" } })).await.ok();
        test.anon().run("request_password_reset", json!({ "input": { "email": "nobody@example.org" } })).await.ok();
        let ann = signed_in(&test, "ann@example.org", "the last horse battery").await;
        ann.run("delete_user", json!({ "input": { "currentPassword": "the last horse battery" } })).await.ok();
        test.mails().await;
    }

    async fn the_house_looks_after_itself(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let dearer = TestApp::on(test.database.clone(), &[("VESTIBULE_PASSWORD_PASSES", "3")]).await;
        dearer.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_eq!(test.anon().get("/readyz").await.status, 200);
        test.anon().get("/.well-known/jwks.json").await;
        test.anon().get("/metrics").await;
        test.clock.advance(TimeDelta::days(500));
        test.run_jobs().await;
        assert!(test.app.worker.prune().await.expect("a clean house") > 0);
    }
}
