use std::time::{Duration, Instant};

use chrono::TimeDelta;
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::harness::{Backend, Client, TestApp};
use crate::support::{another_session, assert_alive, disable, least_cost, reason, statements};

/// As in operation; other tests ask the database with every request.
const LEASE: (&str, &str) = ("VESTIBULE_REVOCATION_LEASE", "5");

/// Of what is remembered, and nothing beyond it.
async fn name_of(person: &Client) -> String {
    let answer = person.query("{ me { displayName } }", json!({})).await.ok();
    answer.text("/data/me/displayName")
}

/// How many statements the house sends for so many of these in a row, with those for counting them.
async fn statements_for(test: &TestApp, person: &Client, many: usize) -> usize {
    let before = statements(test).await;
    for _ in 0..many {
        name_of(person).await;
    }
    statements(test).await - before
}

on_both_databases! {
    async fn without_a_bearer_there_is_nobody_and_no_error(backend: Backend) {
        let test = TestApp::start(backend).await;
        let answer = test.anon().me().await.ok();
        assert_eq!(answer.body, json!({ "data": { "me": null } }));
    }

    async fn a_bearer_that_does_not_hold_is_null_beside_its_reason(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        assert_alive(&ann.me().await.ok());
        for (header, expected) in [
            ("Bearer null", "TOKEN_INVALID"),
            ("Bearer", "TOKEN_INVALID"),
            ("Bearer a.b.c", "TOKEN_INVALID"),
            ("Basic YW5uOnBhc3N3b3Jk", "TOKEN_INVALID"),
            (&format!("Bearer {}", ann.refresh_token), "TOKEN_INVALID"),
            (&format!("Bearer {}x", ann.access_token), "TOKEN_INVALID"),
            (&format!("Bearer {}", "x".repeat(20_000)), "TOKEN_INVALID"),
        ] {
            let answer = test.anon().header("authorization", header).me().await;
            assert!(answer.at("/data/me").is_null() && answer.at("/data").is_object(), "{}", answer.body);
            assert_eq!(reason(&answer), expected, "{header:.40}");
            assert_eq!(answer.at("/errors/0/path"), json!(["me"]));
            assert_eq!(answer.status, 200);
        }
        // One expired field does not take the others with it.
        let both = test.anon().bearer("x").query("{ me { id } authConfig { signUpEnabled } }", json!({})).await;
        assert_eq!(both.at("/data/authConfig/signUpEnabled"), json!(true));
        assert_eq!(reason(&both), "TOKEN_INVALID");
    }

    async fn an_access_token_lives_fifteen_minutes(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        test.clock.advance(TimeDelta::seconds(899));
        assert_alive(&ann.me().await.ok());
        test.clock.advance(TimeDelta::seconds(1));
        let answer = ann.me().await;
        assert_eq!(reason(&answer), "TOKEN_EXPIRED");
        assert!(answer.at("/data/me").is_null());
    }

    async fn the_scheme_of_the_bearer_has_no_case(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        for scheme in ["bearer", "BEARER", "bEaReR"] {
            let client = test.anon().header("authorization", &format!("{scheme} {}", ann.access_token));
            assert_alive(&client.me().await.ok());
        }
    }

    async fn another_application_makes_the_token_invalid(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        assert_alive(&ann.clone().header("x-client-id", "default").me().await.ok());
        assert_eq!(reason(&ann.header("x-client-id", "other").me().await), "TOKEN_INVALID");
    }

    async fn a_disabled_account_is_out_at_once(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        disable(&test, "ann@example.org").await;
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
    }

    async fn sessions_stand_newest_first_and_one_is_the_current(backend: Backend) {
        let test = TestApp::start(backend).await;
        let first = test.user("ann").await;
        test.clock.advance(TimeDelta::seconds(1));
        let answer = test.anon().calling_from("203.0.113.7").header("user-agent", "Browser/1")
            .sign_in("ann@example.org", crate::harness::PASSWORD).await.ok();
        let second = test.anon().signed_in(&answer.at("/data/signIn"));
        test.clock.advance(TimeDelta::seconds(1));
        let third = another_session(&test, "ann").await;
        test.user("bob").await;
        let me = second.me().await.ok();
        let of = |name: &str| -> Vec<serde_json::Value> {
            let sessions = me.at("/data/me/sessions");
            sessions.as_array().expect("a list").iter().map(|session| session[name].clone()).collect()
        };
        assert_eq!(of("id"), [json!(third.session_id), json!(second.session_id), json!(first.session_id)]);
        assert_eq!(of("current"), [json!(false), json!(true), json!(false)]);
        assert_eq!(of("ipAddress")[1], json!("203.0.113.7"));
        assert_eq!(of("userAgent")[1], json!("Browser/1"));
        assert_eq!(of("createdAt")[1], json!("2026-11-20T12:00:01.123Z"));
        assert_eq!(of("expiresAt")[1], json!("2026-12-20T12:00:01.123Z"));
    }

    async fn the_last_use_of_a_session_is_its_last_refresh(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        test.clock.advance(TimeDelta::minutes(5));
        let answer = ann.refresh(&ann.refresh_token).await.ok();
        let me = test.anon().signed_in(&answer.at("/data/refreshSession")).me().await.ok();
        assert_eq!(me.text("/data/me/sessions/0/lastUsedAt"), "2026-11-20T12:05:00.123Z");
        assert_eq!(me.text("/data/me/sessions/0/expiresAt"), "2026-12-20T12:05:00.123Z");
        assert_eq!(me.text("/data/me/lastSignInAt"), "2026-11-20T12:00:00.123Z");
    }

    async fn a_session_that_has_ended_is_not_listed(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        other.run("sign_out", json!({})).await.ok();
        let sessions = ann.me().await.ok().at("/data/me/sessions");
        assert_eq!(sessions.as_array().map(Vec::len), Some(1), "{sessions}");
    }

    async fn whatever_was_asked_before_everything_that_is_selected_is_there(backend: Backend) {
        let test = TestApp::with(backend, &[LEASE]).await;
        let ann = test.user("ann").await;
        let whole = "connection lastSignInAt tenants { tenantName } sessions { current }";
        let little = || async { ann.query("{ me { id } }", json!({})).await.ok().text("/data/me/id") };
        for (document, at) in [
            (format!("{{ me {{ id {whole} }} }}"), "/data/me"),
            (format!("{{ me {{ ...A }} }} fragment A on User {{ ...B }} fragment B on User {{ {whole} }}"), "/data/me"),
            (format!("{{ me {{ ... on Node {{ id ... on User {{ {whole} }} }} }} }}"), "/data/me"),
            (format!("{{ a: me {{ id }} b: me {{ {whole} }} }}"), "/data/b"),
            (format!("{{ me {{ id }} me {{ {whole} }} }}"), "/data/me"),
            (format!("query($x: Boolean = true) {{ me {{ id ... on User @include(if: $x) {{ {whole} }} }} }}"), "/data/me"),
        ] {
            assert_eq!(little().await, ann.user_id);
            let me = ann.query(&document, json!({})).await.ok().at(at);
            let shown = json!({
                "connection": "default",
                "lastSignInAt": "2026-11-20T12:00:00.123Z",
                "tenants": [],
                "sessions": [{ "current": true }],
            });
            for (name, value) in shown.as_object().expect("an object") {
                assert_eq!(&me[name], value, "{document}");
            }
        }
        let one = |selection: &str| {
            let document = format!("query($x: Boolean!) {{ me {{ id {selection} }} }}");
            let ann = ann.clone();
            async move { ann.query(&document, json!({ "x": true })).await.ok().at("/data/me/c") }
        };
        assert_eq!(one("c: connection d: email @include(if: $x)").await, "default");
        assert_eq!(one("c: connection @include(if: $x)").await, "default");
        assert_eq!(one("c: connection @skip(if: $x)").await, json!(null));
        assert_eq!(little().await, ann.user_id);
    }

    async fn who_asked_lately_is_answered_from_memory(backend: Backend) {
        let test = TestApp::with(backend, &[LEASE]).await;
        let ann = test.user("ann").await;
        // Without it, no change of a user is told: whoever shows one has read it.
        let trigger = match backend {
            Backend::Postgres => "DROP TRIGGER users_update_identity ON users",
            Backend::Sqlite => "DROP TRIGGER users_update_identity",
        };
        let db = test.database.connect().await;
        db.execute_unprepared(trigger).await.unwrap();
        let (many, mut read) = (200, 0);
        for round in 0..many {
            let name = format!("Ann the {round}th");
            let change = format!("UPDATE users SET display_name = '{name}'");
            db.execute_unprepared(&change).await.unwrap();
            read += usize::from(name_of(&ann).await == name);
        }
        // The first time, and once more where the log tells of what was before that.
        assert!(read < 5, "{read} of {many} were read");
        let other = test.second_instance_with(&[LEASE]).await;
        let ann = other.anon().bearer(&ann.access_token);
        assert_eq!(name_of(&ann).await, format!("Ann the {}th", many - 1));
    }

    async fn within_the_lease_nothing_is_asked_of_the_database(backend: Backend) {
        let many = 200;
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let without = statements_for(&test, &ann, many).await;
        assert!(without >= many, "{without}");
        let test = TestApp::with(backend, &[LEASE]).await;
        let ann = test.user("ann").await;
        // On a busy machine many come after the lease; all of them do only where there is none.
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let begun = Instant::now();
            let sent = statements_for(&test, &ann, many).await;
            // Each question counts for a whole lease. Some are for counting, and for who has to be looked up at first.
            let most = begun.elapsed().as_millis() as usize / 5 + 10;
            assert!(sent <= most, "{sent} statements, {most} at most");
            if sent < many {
                break;
            }
            assert!(Instant::now() < end, "{sent} statements for {many}");
        }
    }

    async fn alone_it_asks_what_has_changed_and_for_what_is_selected_beyond_the_user(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let little = least_cost(&test, async || drop(name_of(&ann).await)).await;
        assert_eq!(little, (1, 0));
        // And the connection, the sessions, and when the last sign-in was.
        let much = least_cost(&test, async || drop(ann.me().await.ok())).await;
        assert_eq!(much, (4, 0));
    }
}
