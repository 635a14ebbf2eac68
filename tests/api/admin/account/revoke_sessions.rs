//! `adminRevokeSessions`.

use serde_json::json;

use super::steps::NOBODY;
use crate::harness::{Answer, Client, TestApp, race};
use crate::support::{another_session, assert_alive, events, reason};

async fn revoke(client: &Client, user_id: &str, session_id: Option<&str>) -> Answer {
    let input = json!({ "userId": user_id, "sessionId": session_id });
    let input = json!({ "input": input });
    client.run("admin_revoke_sessions", input).await
}

fn count(answer: &Answer) -> i64 {
    let count = answer.at("/data/adminRevokeSessions/revokedSessions");
    count.as_i64().expect("a number")
}

on_both_databases! {
    async fn one_session_ends_or_all_of_them(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        let (second, third) = (another_session(&test, "ann").await, another_session(&test, "ann").await);
        let one = revoke(&test.admin(), &ann.user_id, Some(&second.session_id)).await.ok();
        assert_eq!((one.at("/data/adminRevokeSessions/userId"), count(&one)), (json!(ann.user_id), 1));
        assert_eq!(reason(&second.me().await), "SESSION_REVOKED");
        assert_eq!(second.refresh(&second.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        for alive in [&ann, &third, &bob] {
            assert_alive(&alive.me().await.ok());
        }
        // Once more is a success that ends nothing.
        assert_eq!(count(&revoke(&test.admin(), &ann.user_id, Some(&second.session_id)).await.ok()), 0);
        test.clock.advance(chrono::TimeDelta::milliseconds(1));
        assert_eq!(count(&revoke(&test.admin(), &ann.user_id, None).await.ok()), 2);
        for dead in [&ann, &third] {
            assert_eq!(reason(&dead.me().await), "SESSION_REVOKED");
            assert_eq!(dead.refresh(&dead.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        }
        assert_eq!(count(&revoke(&test.admin(), &ann.user_id, None).await.ok()), 0);
        assert_alive(&bob.me().await.ok());
        another_session(&test, "ann").await;
        let told = events(&test, "session_revoked").await;
        let details: Vec<_> = told.iter().map(|event| (event.details.clone(), event.session_id.map(|id| id.to_string()))).collect();
        assert_eq!(details, [(json!({ "sessions": 1 }), Some(second.session_id)), (json!({ "sessions": 2 }), None)]);
        assert!(told.iter().all(|event| event.actor == "administrator" && event.user_id.unwrap().to_string() == ann.user_id));
    }

    async fn what_is_not_there_or_somebody_elses_is_not_found(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        for id in [NOBODY, "", "x", "\0", &ann.session_id] {
            assert_eq!(revoke(&test.admin(), id, None).await.code(), "NOT_FOUND", "{id:?}");
        }
        for id in [NOBODY, "", "x", "\0", &bob.session_id, &ann.user_id] {
            assert_eq!(revoke(&test.admin(), &ann.user_id, Some(id)).await.code(), "NOT_FOUND", "{id:?}");
        }
        assert_eq!(reason(&revoke(&test.anon(), &ann.user_id, None).await), "TOKEN_MISSING");
        assert_eq!(revoke(&ann, &ann.user_id, None).await.code(), "FORBIDDEN");
        for alive in [&ann, &bob] {
            assert_alive(&alive.me().await.ok());
        }
        assert!(events(&test, "session_revoked").await.is_empty());
    }

    async fn of_many_at_once_each_session_ends_once(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        for _ in 0..4 {
            another_session(&test, "ann").await;
        }
        let (admin, id) = (test.admin(), ann.user_id.clone());
        let answers = race(10, |_| {
            let (admin, id) = (admin.clone(), id.clone());
            async move { revoke(&admin, &id, None).await.ok() }
        }).await;
        assert_eq!(answers.iter().map(count).sum::<i64>(), 5);
        assert_eq!(events(&test, "session_revoked").await.len(), 1);
    }
}
