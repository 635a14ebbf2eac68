//! `deleteUser`.

use entity::{former_password, job, session};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;

use super::email_change::request;
use crate::harness::{Answer, Client, PASSWORD, TestApp, race};
use crate::support::{
    PATIENT, accounts, another_session, assert_alive, dump, events, reason, tally,
};

const NEW: &str = "a brand new horse battery";

async fn delete(client: &Client, password: &str) -> Answer {
    let input = json!({ "input": { "currentPassword": password } });
    client.run("delete_user", input).await
}

on_both_databases! {
    /// Mail servers name the address in what they answer.
    async fn no_mail_of_the_user_stays_in_the_outbox(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, _bob) = (test.user("ann").await, test.user("bob").await);
        request(&ann, "elsewhere@example.org").await.ok();
        let reset = json!({ "input": { "email": "ann@example.org" } });
        test.anon().run("request_password_reset", reset).await.ok();
        test.run_jobs().await;
        let jobs = async || job::Entity::find().all(test.app.db.read()).await.expect("jobs");
        assert_eq!(jobs().await.len(), 4);
        delete(&ann, PASSWORD).await.ok();
        // The sign-up of Bob.
        assert_eq!(jobs().await.len(), 1);
    }

    async fn everything_of_the_user_goes_and_the_address_is_free_again(backend: Backend) {
        let test = TestApp::with(backend, crate::support::LIMITED).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        let other = another_session(&test, "ann").await;
        request(&ann, "elsewhere@example.org").await.ok();
        let traced = ann.clone().calling_from("203.0.113.77").header("user-agent", "Traceable/1.0");
        let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
        let changed = traced.run("change_password", json!({ "input": input })).await.ok();
        let traced = traced.signed_in(&changed.at("/data/changePassword"));
        let input = json!({ "displayName": "A name of her own", "metadata": { "note": "hers alone" } });
        traced.run("update_user", json!({ "input": input })).await.ok();
        let own = ["ann@example.org", "elsewhere@example.org", "203.0.113.77", "Traceable/1.0", "A name of her own", "hers alone"];
        let before = dump(&test, backend).await;
        for trace in own {
            assert!(before.contains(trace), "the test leaves {trace}");
        }

        let db = test.app.db.read();
        assert_eq!(former_password::Entity::find().count(db).await.expect("a number"), 1);

        let answer = delete(&traced, NEW).await.ok();
        assert_eq!(answer.text("/data/deleteUser/userId"), ann.user_id);
        let after = dump(&test, backend).await;
        for trace in own {
            let lines: Vec<_> = after.lines().filter(|line| line.contains(trace)).collect();
            assert!(lines.is_empty(), "{trace}: {lines:#?}");
        }
        assert!(after.contains("bob@example.org"));
        let db = test.app.db.read();
        assert_eq!(former_password::Entity::find().count(db).await.expect("a number"), 0);
        let sessions = session::Entity::find().all(db).await.expect("the sessions");
        assert!(sessions.iter().all(|session| session.user_id.to_string() == bob.user_id));
        for dead in [&traced, &other] {
            assert_eq!(dead.me().await.code(), "UNAUTHENTICATED");
            assert_eq!(dead.refresh(&dead.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        }
        assert_alive(&bob.me().await.ok());
        assert_eq!(events(&test, "user_deleted").await.len(), 1);
        assert_eq!(test.anon().sign_in("ann@example.org", NEW).await.code(), "INVALID_CREDENTIALS");
        let again = test.user("ann").await;
        assert_ne!(again.user_id, ann.user_id);
    }

    async fn a_wrong_password_deletes_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        for wrong in ["", NEW, &"x".repeat(257)] {
            assert_eq!(delete(&ann, wrong).await.code(), "INVALID_CREDENTIALS", "{wrong:.20}");
        }
        assert_eq!(reason(&delete(&test.anon(), PASSWORD).await), "TOKEN_MISSING");
        assert_alive(&ann.me().await.ok());
        assert!(events(&test, "user_deleted").await.is_empty());
    }

    async fn of_twenty_at_once_one_deletes(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        let answers = race(20, |_| {
            let client = ann.clone();
            async move { delete(&client, PASSWORD).await }
        }).await;
        let tally = tally(&answers);
        assert_eq!(tally[""], 1, "{tally:?}");
        assert!(tally.keys().all(|code| ["", "UNAUTHENTICATED", "INVALID_CREDENTIALS"].contains(&code.as_str())), "{tally:?}");
        assert_eq!(events(&test, "user_deleted").await.len(), 1);
        assert!(accounts(&test, "ann@example.org").await.is_empty());
        assert_alive(&bob.me().await.ok());
    }
}
