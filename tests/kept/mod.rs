//! Databases that an earlier program made and filled: they are kept as they were, and migrated here. Sealed with the
//! master key of the tests; `first` is of the first release that had sessions, before policies, tenants and cookies.

mod killed;
mod statements;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use serde_json::json;

use crate::harness::{Backend, Database, PASSWORD, TestApp};
use crate::support::verify_ticket;

const NEW: &str = "another horse battery staple";

/// What its users hold.
struct Kept {
    dump: &'static str,
    /// Ann's newest refresh token.
    refresh_token: &'static str,
    /// Of Carl's sign-up, whose mail has not been answered.
    ticket: &'static str,
}

fn first(backend: Backend) -> Kept {
    match backend {
        Backend::Sqlite => Kept {
            dump: include_str!("first.sqlite.sql"),
            refresh_token: "e7IBTyJtpYl6UX9BGyH_wg5ywMJd9YYtRdayoxoIHsQ",
            ticket: "pA8C91O-DvsvJQXOdZrnTX82B-1TUD1SdFr00ypwro8",
        },
        Backend::Postgres => Kept {
            dump: include_str!("first.postgres.sql"),
            refresh_token: "vuv-72V7I6UfPadfpGbC20ik_TJUtQAPkumEw_4n6yg",
            ticket: "UaT-FZaigaBgSzjmyBIU01G-kJpTZffOvF2rxTR4XSY",
        },
    }
}

/// How many rows each table has.
async fn rows(db: &DatabaseConnection) -> BTreeMap<String, i64> {
    let backend = db.get_database_backend();
    let tables = match backend {
        DbBackend::Postgres => {
            "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public'"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table'",
    };
    let mut rows = BTreeMap::new();
    for table in db
        .query_all_raw(Statement::from_string(backend, tables))
        .await
        .unwrap()
    {
        let name: String = table.try_get("", "name").unwrap();
        let count = format!("SELECT count(*) AS rows FROM {name}");
        let count = db
            .query_one_raw(Statement::from_string(backend, count))
            .await
            .unwrap()
            .unwrap();
        rows.insert(name, count.try_get("", "rows").unwrap());
    }
    rows
}

/// The kept database, brought up to date by opening a house on it, some hours after it was left.
async fn opened(backend: Backend) -> (TestApp, Kept, BTreeMap<String, i64>) {
    let (kept, database) = (first(backend), Database::empty(backend).await);
    let db = database.connect().await;
    db.execute_unprepared(kept.dump).await.unwrap();
    let before = rows(&db).await;
    db.close().await.unwrap();
    let test = TestApp::on(database, &[]).await;
    test.clock.advance(TimeDelta::hours(20));
    (test, kept, before)
}

on_both_databases! {
    async fn no_row_of_the_first_release_is_lost(backend: Backend) {
        let (test, _, mut before) = opened(backend).await;
        before.remove("seaql_migrations");
        let after = rows(&test.database.connect().await).await;
        assert!(before["users"] == 2 && before["sessions"] == 3 && before["audit_events"] == 9, "{before:?}");
        for (table, count) in before {
            assert_eq!(after[&table], count, "{table}");
        }
    }

    async fn accounts_and_sessions_of_the_first_release_go_on(backend: Backend) {
        let (test, kept, _) = opened(backend).await;
        let session = test.anon().refresh(kept.refresh_token).await.ok();
        let ann = test.anon().signed_in(&session.at("/data/refreshSession"));
        let me = ann.me().await.ok();
        let expected = json!(["Ann@Example.org", true, "Ann", "de", { "plan": "pro" }, ["user", "me"], "ACTIVE"]);
        let shown = ["email", "emailVerified", "displayName", "locale", "metadata", "roles", "status"];
        assert_eq!(json!(shown.map(|name| me.at(&format!("/data/me/{name}")))), expected);
        assert_eq!(me.at("/data/me/sessions").as_array().map(Vec::len), Some(1));
        test.anon().sign_in("ann@example.org", NEW).await.ok();
        assert_eq!(test.anon().sign_in("ann@example.org", PASSWORD).await.code(), "INVALID_CREDENTIALS");
        let change = json!({ "currentPassword": NEW, "newPassword": "yet another horse battery" });
        ann.run("change_password", json!({ "input": change })).await.ok();
    }

    async fn what_waited_for_a_mail_still_does(backend: Backend) {
        let (test, kept, _) = opened(backend).await;
        let session = verify_ticket(&test.anon(), kept.ticket).await.ok();
        assert_eq!(session.text("/data/verifyEmail/user/displayName"), "Carl");
        test.anon().sign_in("carl@example.org", PASSWORD).await.ok();
        let pending = test.anon().sign_in("bob@example.org", PASSWORD).await.ok();
        assert_eq!(pending.text("/data/signIn/__typename"), "PendingVerification");
        assert_eq!(test.mail_to("bob@example.org").await.purpose(), "EMAIL_VERIFICATION");
    }
}
