//! `adminDeleteUser`.

use serde_json::json;

use super::steps::{NOBODY, create, delete_as};
use crate::harness::{TestApp, race};
use crate::support::{
    accounts, administer, another_session, assert_alive, dump, events, reason, tally,
};

on_both_databases! {
    async fn everything_of_the_user_goes_and_the_address_is_free_again(backend: Backend) {
        let test = TestApp::with(backend, crate::support::LIMITED).await;
        // Also what was asked for before there was an account, and what others asked for with its address.
        let stranger = test.anon().calling_from("203.0.113.66").header("user-agent", "Stranger/1.0");
        stranger.sign_up("ann@example.org").await.ok();
        test.run_jobs().await;
        let traced = test.anon().calling_from("203.0.113.77").header("user-agent", "Traceable/1.0");
        let pending = traced.sign_up("ann@example.org").await.ok();
        let code = test.mail_to("ann@example.org").await.code();
        let answer = crate::support::verify_code(&traced, &pending.text("/data/signUp/verificationId"), &code).await.ok();
        let ann = traced.signed_in(&answer.at("/data/verifyEmail"));
        let bob = test.user("bob").await;
        let other = another_session(&test, "ann").await;
        let fields = json!({ "displayName": "A name of her own", "email": "ann2@example.org", "appMetadata": { "note": "about her" } });
        administer(&test, &ann.user_id, fields).await.ok();
        stranger.sign_up("ann2@example.org").await.ok();
        let own = [
            "ann@example.org", "ann2@example.org", "203.0.113.77", "Traceable/1.0", "A name of her own", "about her",
            "203.0.113.66", "Stranger/1.0",
        ];
        let before = dump(&test, backend).await;
        for trace in own {
            assert!(before.contains(trace), "the test leaves {trace}");
        }

        let answer = delete_as(&test.admin(), &ann.user_id).await.ok();
        assert_eq!(answer.text("/data/adminDeleteUser/userId"), ann.user_id);
        let after = dump(&test, backend).await;
        for trace in own {
            let lines: Vec<_> = after.lines().filter(|line| line.contains(trace)).collect();
            assert!(lines.is_empty(), "{trace}: {lines:#?}");
        }
        assert!(after.contains("bob@example.org"));
        for dead in [&ann, &other] {
            assert_eq!(reason(&dead.me().await), "SESSION_REVOKED");
            assert_eq!(dead.refresh(&dead.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        }
        assert_alive(&bob.me().await.ok());
        let told = events(&test, "user_deleted").await;
        assert_eq!((told.len(), told[0].actor.as_str()), (1, "administrator"));
        assert_eq!(told[0].user_id.map(|id| id.to_string()), Some(ann.user_id.clone()));
        for address in ["ann@example.org", "ann2@example.org"] {
            create(&test, json!({ "email": address })).await.ok();
        }
    }

    async fn who_is_not_there_is_not_found_and_nobody_else_may(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        for id in [NOBODY, "", "x", "\0", &ann.session_id, &"x".repeat(10_000)] {
            assert_eq!(delete_as(&test.admin(), id).await.code(), "NOT_FOUND", "{id:.40}");
        }
        assert_eq!(reason(&delete_as(&test.anon(), &ann.user_id).await), "TOKEN_MISSING");
        for id in [&ann.user_id, &bob.user_id, NOBODY] {
            assert_eq!(delete_as(&bob, id).await.code(), "FORBIDDEN");
        }
        assert_alive(&ann.me().await.ok());
        assert!(events(&test, "user_deleted").await.is_empty());
    }

    async fn an_administrator_who_leaves_takes_the_own_traces_along(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        administer(&test, &ann.user_id, json!({ "roles": ["user", "vestibule-admin"] })).await.ok();
        let ann = ann.calling_from("203.0.113.77").header("user-agent", "Traceable/1.0");
        let input = json!({ "userId": bob.user_id, "displayName": "Bobby" });
        ann.run("admin_update_user", json!({ "input": input })).await.ok();
        assert!(dump(&test, backend).await.contains("203.0.113.77"));
        delete_as(&ann, &ann.user_id).await.ok();
        let after = dump(&test, backend).await;
        assert!(!after.contains("203.0.113.77") && !after.contains("Traceable/1.0"));
        // What befell others stays told, under an id that names nobody any more.
        let told = events(&test, "user_updated").await;
        let told = told.iter().find(|event| event.actor_id.is_some()).expect("the event");
        assert_eq!((told.actor_id.unwrap().to_string(), &told.details), (ann.user_id.clone(), &json!({ "fields": ["displayName"] })));
    }

    async fn of_ten_at_once_one_deletes(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let (admin, id) = (test.admin(), ann.user_id.clone());
        let answers = race(10, |_| {
            let (admin, id) = (admin.clone(), id.clone());
            async move { delete_as(&admin, &id).await }
        }).await;
        let tally = tally(&answers);
        assert_eq!((tally[""], tally["NOT_FOUND"]), (1, 9), "{tally:?}");
        assert_eq!(events(&test, "user_deleted").await.len(), 1);
        assert!(accounts(&test, "ann@example.org").await.is_empty());
    }
}
