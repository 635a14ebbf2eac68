use chrono::TimeDelta;
use serde_json::json;

use crate::harness::{Answer, Client, TestApp, race};
use crate::support::{PATIENT, another_session, assert_alive, events, reason};

async fn revoke(client: &Client, session_id: &str) -> Answer {
    let input = json!({ "sessionId": session_id });
    client
        .run("revoke_session", json!({ "input": input }))
        .await
}

on_both_databases! {
    async fn another_device_is_out_at_once_and_this_one_stays(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let lost = another_session(&test, "ann").await;
        let answer = revoke(&ann, &lost.session_id).await.ok();
        assert_eq!(answer.text("/data/revokeSession/sessionId"), lost.session_id);
        assert_eq!(reason(&lost.me().await), "SESSION_REVOKED");
        assert_eq!(lost.refresh(&lost.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_alive(&ann.me().await.ok());
    }

    async fn a_session_of_somebody_else_is_not_there(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        let foreign = revoke(&ann, &bob.session_id).await;
        assert_eq!(foreign.code(), "NOT_FOUND");
        let unknown = revoke(&ann, "01940000-0000-7000-8000-000000000000").await;
        assert_eq!(foreign.body, unknown.body);
        assert_alive(&bob.me().await.ok());
    }

    async fn a_malformed_id_names_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        for id in ["", "x", "1", "\u{0}", "' OR 1=1 --", &ann.user_id, &"x".repeat(10_000)] {
            assert_eq!(revoke(&ann, id).await.code(), "NOT_FOUND", "{id:.40}");
        }
        assert_alive(&ann.me().await.ok());
    }

    async fn a_session_that_has_ended_is_a_success(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let lost = another_session(&test, "ann").await;
        for _ in 0..3 {
            revoke(&ann, &lost.session_id).await.ok();
        }
        assert_eq!(events(&test, "session_revoked").await.len(), 1);
    }

    async fn the_current_session_can_be_ended(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        revoke(&ann, &ann.session_id).await.ok();
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
        assert_eq!(reason(&revoke(&ann, &ann.session_id).await), "SESSION_REVOKED");
    }

    async fn only_who_is_signed_in_may(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        assert_eq!(reason(&revoke(&test.anon(), &ann.session_id).await), "TOKEN_MISSING");
        assert_eq!(reason(&revoke(&test.anon().bearer("x"), &ann.session_id).await), "TOKEN_INVALID");
        test.clock.advance(TimeDelta::minutes(15));
        assert_eq!(reason(&revoke(&ann, &ann.session_id).await), "TOKEN_EXPIRED");
    }

    async fn fifty_at_once_end_it_once(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let ann = test.user("ann").await;
        let lost = another_session(&test, "ann").await;
        let answers = race(50, |_| {
            let (client, id) = (ann.clone(), lost.session_id.clone());
            async move { revoke(&client, &id).await }
        }).await;
        for answer in answers {
            answer.ok();
        }
        let told = events(&test, "session_revoked").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].user_id.map(|id| id.to_string()), Some(ann.user_id));
        assert_eq!(told[0].session_id.map(|id| id.to_string()), Some(lost.session_id));
    }
}
