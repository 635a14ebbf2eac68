use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, TestApp, race};
use crate::support::{PATIENT, another_session, assert_alive, events, jwt_part, reason};

/// How many sessions a sign-out ended.
async fn sign_out(client: &Client, input: Value) -> Value {
    let answer = client.run("sign_out", json!({ "input": input })).await.ok();
    answer.at("/data/signOut/revokedSessions")
}

on_both_databases! {
    async fn by_the_bearer_the_session_and_its_tokens_are_dead_at_once(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        assert_eq!(sign_out(&ann, Value::Null).await, 1);
        let me = ann.me().await;
        assert!(me.at("/data/me").is_null() && me.at("/data").is_object());
        assert_eq!(reason(&me), "SESSION_REVOKED");
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_alive(&other.me().await.ok());
    }

    async fn by_a_refresh_token_no_bearer_is_needed(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        assert_eq!(sign_out(&test.anon(), json!({ "refreshToken": ann.refresh_token })).await, 1);
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
    }

    async fn a_refresh_token_comes_before_the_bearer(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        assert_eq!(sign_out(&ann, json!({ "refreshToken": other.refresh_token })).await, 1);
        assert_eq!(reason(&other.me().await), "SESSION_REVOKED");
        assert_alive(&ann.me().await.ok());
        // Not even one that is unknown lets the bearer decide.
        assert_eq!(sign_out(&ann, json!({ "refreshToken": "garbage" })).await, 0);
        assert_alive(&ann.me().await.ok());
    }

    async fn a_rotated_refresh_token_still_names_its_session(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        ann.refresh(&ann.refresh_token).await.ok();
        assert_eq!(sign_out(&test.anon(), json!({ "refreshToken": ann.refresh_token })).await, 1);
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
    }

    async fn by_an_expired_bearer_the_session_ends_too(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        test.clock.advance(TimeDelta::hours(1));
        assert_eq!(reason(&ann.me().await), "TOKEN_EXPIRED");
        assert_eq!(sign_out(&ann, Value::Null).await, 1);
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
    }

    async fn every_scope_ends_its_sessions_and_counts_them(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let bob = test.user("bob").await;
        let (second, third) = (another_session(&test, "ann").await, another_session(&test, "ann").await);
        assert_eq!(sign_out(&third, json!({ "scope": "CURRENT" })).await, 1);
        assert_eq!(reason(&third.me().await), "SESSION_REVOKED");
        assert_alive(&second.me().await.ok());

        let third = another_session(&test, "ann").await;
        assert_eq!(sign_out(&ann, json!({ "scope": "OTHERS" })).await, 2);
        assert_alive(&ann.me().await.ok());
        for ended in [&second, &third] {
            assert_eq!(reason(&ended.me().await), "SESSION_REVOKED");
            assert_eq!(ended.refresh(&ended.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        }
        assert_eq!(sign_out(&ann, json!({ "scope": "OTHERS" })).await, 0);

        let fourth = another_session(&test, "ann").await;
        let all = json!({ "scope": "ALL", "refreshToken": fourth.refresh_token });
        assert_eq!(sign_out(&test.anon(), all).await, 2);
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
        assert_alive(&bob.me().await.ok());
    }

    /// It would go on, and be in no list.
    async fn no_access_token_outlives_the_refresh_token_beside_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let input = json!({ "clientId": "default", "refreshTokenTtl": 300, "accessTokenTtl": 900 });
        test.admin().run("admin_update_application", json!({ "input": input })).await.ok();
        test.user("ann").await;
        let answer = test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_eq!(answer.at("/data/signIn/expiresIn"), json!(300));
        let ann = test.anon().signed_in(&answer.at("/data/signIn"));
        let claims = jwt_part(&ann.access_token, 1);
        assert_eq!(claims["exp"].as_i64(), Some(claims["iat"].as_i64().expect("seconds") + 300));
        test.clock.advance(TimeDelta::seconds(299));
        assert_alive(&ann.me().await.ok());
        test.clock.advance(TimeDelta::seconds(61));
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_eq!(reason(&ann.me().await), "TOKEN_EXPIRED");
    }

    async fn a_second_time_and_with_garbage_it_is_a_success_that_ends_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        assert_eq!(sign_out(&ann, Value::Null).await, 1);
        for scope in ["CURRENT", "OTHERS", "ALL"] {
            assert_eq!(sign_out(&ann, json!({ "scope": scope })).await, 0, "{scope}");
            let by_token = json!({ "scope": scope, "refreshToken": ann.refresh_token });
            assert_eq!(sign_out(&test.anon(), by_token).await, 0, "{scope}");
            for garbage in ["", "garbage", "x\u{0}y"] {
                let input = json!({ "scope": scope, "refreshToken": garbage });
                assert_eq!(sign_out(&test.anon(), input).await, 0, "{scope}");
            }
            assert_eq!(sign_out(&test.anon().bearer("garbage"), json!({ "scope": scope })).await, 0, "{scope}");
            assert_eq!(sign_out(&test.anon(), json!({ "scope": scope })).await, 0, "{scope}");
        }
        assert_alive(&other.me().await.ok());
    }

    async fn another_application_ends_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = ann.clone().header("x-client-id", "other");
        assert_eq!(sign_out(&other, Value::Null).await, 0);
        assert_eq!(sign_out(&other, json!({ "refreshToken": ann.refresh_token })).await, 0);
        assert_alive(&ann.me().await.ok());
    }

    async fn of_fifty_at_once_one_ends_the_session(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let ann = test.user("ann").await;
        let counts = race(50, |_| {
            let client = ann.clone();
            async move { sign_out(&client, Value::Null).await }
        }).await;
        assert_eq!(counts.iter().filter(|count| **count == 1).count(), 1, "{counts:?}");
        assert_eq!(counts.iter().filter(|count| **count == 0).count(), 49, "{counts:?}");
        assert_eq!(events(&test, "signed_out").await.len(), 1);
    }

    async fn the_audit_trail_tells_who_signed_out_and_how_far(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        another_session(&test, "ann").await;
        sign_out(&test.anon(), json!({ "refreshToken": "garbage" })).await;
        assert!(events(&test, "signed_out").await.is_empty());
        sign_out(&ann, json!({ "scope": "ALL" })).await;
        let told = events(&test, "signed_out").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].user_id.map(|id| id.to_string()), Some(ann.user_id));
        assert_eq!(told[0].session_id.map(|id| id.to_string()), Some(ann.session_id));
        assert_eq!(told[0].details, json!({ "sessions": 2 }));
    }
}
