//! An instance remembers who asked lately. Whatever happens to them, on whichever instance and by whatever means, counts as
//! soon as it is answered. What ends a session is in `revocation.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, TransactionTrait,
};
use serde_json::json;

use crate::harness::{Backend, Client, PASSWORD, TestApp};
use crate::support::{administer, another_session, assert_alive, reason};

/// As in operation; other tests ask the database with every request.
const LEASE: (&str, &str) = ("VESTIBULE_REVOCATION_LEASE", "5");

/// As long as may be set.
const LONGEST: (&str, &str) = ("VESTIBULE_REVOCATION_LEASE", "10");

pub async fn two(backend: Backend) -> (TestApp, TestApp) {
    let here = TestApp::with(backend, &[LEASE]).await;
    let there = here.second_instance_with(&[LEASE]).await;
    (here, there)
}

/// The same person at the door of another instance.
pub fn at(house: &TestApp, person: &Client) -> Client {
    house.anon().signed_in(&json!({
        "accessToken": person.access_token,
        "refreshToken": person.refresh_token,
        "sessionId": person.session_id,
    }))
}

/// Asks all the time, so that the house has always just heard what has changed.
pub struct Regular {
    leaves: Arc<AtomicBool>,
    asks: tokio::task::JoinHandle<()>,
}

impl Regular {
    pub fn comes(person: Client) -> Self {
        let leaves = Arc::<AtomicBool>::default();
        let left = Arc::clone(&leaves);
        let asks = tokio::spawn(async move {
            while !left.load(Ordering::Relaxed) {
                assert_alive(&person.me().await);
                // What is answered from memory waits for nothing, and a test that fails could not end.
                tokio::task::yield_now().await;
            }
        });
        Self { leaves, asks }
    }

    pub async fn leave(self) {
        self.leaves.store(true, Ordering::Relaxed);
        self.asks.await.expect("was let in every time");
    }
}

async fn sql(test: &TestApp, statement: &str) {
    let db = test.database.connect().await;
    let result = db.execute_unprepared(statement).await;
    result.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

on_both_databases! {
    async fn what_somebody_is_has_changed_at_the_other_instance_by_the_time_it_is_answered(backend: Backend) {
        let (here, there) = two(backend).await;
        let regular = Regular::comes(here.user("regular").await);
        let ann = here.user("ann").await;
        for round in 0..10 {
            let name = format!("Ann the {round}th");
            assert_alive(&ann.me().await);
            let input = json!({ "displayName": name });
            at(&there, &ann).run("update_user", json!({ "input": input })).await.ok();
            assert_eq!(ann.me().await.ok().text("/data/me/displayName"), name);
        }
        regular.leave().await;
    }

    async fn what_is_changed_past_the_house_counts_with_the_next_request(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let ways = [
            ("UPDATE sessions SET revoked_at = created_at", "UPDATE sessions SET revoked_at = NULL"),
            ("UPDATE users SET disabled_at = created_at", "UPDATE users SET disabled_at = NULL"),
            ("UPDATE applications SET disabled_at = created_at", "UPDATE applications SET disabled_at = NULL"),
            ("UPDATE connections SET disabled_at = created_at", "UPDATE connections SET disabled_at = NULL"),
            (
                "CREATE TABLE kept AS SELECT * FROM application_connections; DELETE FROM application_connections",
                "INSERT INTO application_connections SELECT * FROM kept",
            ),
        ];
        for (change, back) in ways {
            assert_alive(&ann.me().await);
            sql(&test, change).await;
            assert_eq!(reason(&ann.me().await), "SESSION_REVOKED", "{change}");
            sql(&test, back).await;
        }
        assert_alive(&ann.me().await);
        // Whether somebody belongs to a tenant is remembered, too.
        let tenant = json!({ "input": { "name": "Acme" } });
        let tenant = test.admin().run("admin_create_tenant", tenant).await.ok();
        let tenant = tenant.text("/data/adminCreateTenant/id");
        let tenants = |answer: &crate::harness::Answer| {
            let token = answer.text("/data/refreshSession/accessToken");
            crate::support::jwt_part(&token, 1).get("tenants").cloned()
        };
        let before = ann.refresh(&ann.refresh_token).await.ok();
        let roles = json!({ "input": { "tenantId": tenant, "userId": ann.me().await.text("/data/me/id"), "roles": [] } });
        test.admin().run("admin_set_tenant_member", roles).await.ok();
        let next = before.text("/data/refreshSession/refreshToken");
        let after = ann.refresh(&next).await.ok();
        assert_ne!(tenants(&before), tenants(&after));
        sql(&test, "DELETE FROM tenant_members").await;
        let next = after.text("/data/refreshSession/refreshToken");
        assert_eq!(tenants(&before), tenants(&ann.refresh(&next).await.ok()));
        sql(&test, "DELETE FROM users").await;
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
    }

    async fn a_refresh_after_a_change_in_the_same_operation_tells_of_the_change(backend: Backend) {
        let test = TestApp::with(backend, &[LONGEST]).await;
        let mut ann = test.user("ann").await;
        test.user("ben").await;
        // Beside others who have just heard what has changed, and share the exchange.
        let done = Arc::<AtomicBool>::default();
        let mut others = Vec::new();
        for _ in 0..8 {
            let (mut ben, done) = (another_session(&test, "ben").await, Arc::clone(&done));
            others.push(tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    let answer = ben.refresh(&ben.refresh_token).await.ok();
                    ben = ben.signed_in(&answer.at("/data/refreshSession"));
                }
            }));
        }
        let fields = "updateUser(input: {locale: $l}) { id } \
                      refreshSession(input: {refreshToken: $t}) { ... on Session { accessToken refreshToken sessionId user { locale } } }";
        let texts = [
            format!("mutation($t: String!, $l: String!) {{ {fields} }}"),
            format!("mutation($t: String!, $l: String!) {{ ...F }} fragment F on Mutation {{ {fields} }}"),
        ];
        for round in 0..40 {
            let locale = ["de", "fr", "es", "en"][round % 4];
            let variables = json!({ "t": ann.refresh_token, "l": locale });
            let answer = ann.query(&texts[round % 2], variables).await.ok();
            assert_eq!(answer.text("/data/refreshSession/user/locale"), locale, "round {round}");
            ann = test.anon().signed_in(&answer.at("/data/refreshSession"));
        }
        done.store(true, Ordering::Relaxed);
        for other in others {
            other.await.expect("was refreshed every time");
        }
    }

    async fn a_log_that_is_shortened_hides_nothing_from_who_has_not_read_it(backend: Backend) {
        let (here, there) = two(backend).await;
        let (ann, ben) = (here.user("ann").await, here.user("ben").await);
        assert_alive(&ann.me().await);
        assert_alive(&ben.me().await);
        let id = ann.session_id.parse::<uuid::Uuid>().expect("an id");
        entity::session::Entity::update_many()
            .col_expr(entity::session::Column::RevokedAt, here.app.now().into())
            .filter(entity::session::Column::Id.eq(id))
            .exec(there.app.db.write())
            .await
            .expect("a revoked session");
        let db = there.database.connect().await;
        for _ in 0..300 {
            let many = "UPDATE applications SET name = name; UPDATE connections SET name = name; \
                        UPDATE users SET locale = locale";
            db.execute_unprepared(many).await.expect("changes");
        }
        let log = || async { entity::identity_change::Entity::find().count(here.app.db.read()).await.expect("the log") };
        assert!(log().await > 1_000);
        // What is younger than somebody's transaction stays, and other tests have theirs in the same server.
        let (mut removed, end) = (0, Instant::now() + Duration::from_secs(60));
        while log().await >= 10 {
            assert!(Instant::now() < end, "{} are left of the log", log().await);
            removed += there.app.worker.prune().await.expect("a clean-up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(removed > 1_000, "{removed}");
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
        assert_alive(&ben.me().await);
    }

    async fn what_is_shown_of_who_is_remembered_is_shown_anew_after_every_change(backend: Backend) {
        let (here, there) = two(backend).await;
        let ann = here.user("ann").await;
        let doors = [ann.clone(), at(&there, &ann)];
        let shown = |person: &Client| {
            let person = person.clone();
            async move { person.query("{ me { displayName roles } }", json!({})).await.ok().text("/data/me/displayName") }
        };
        for round in 0..12 {
            let name = format!("Ann {round}");
            match round % 3 {
                0 => {
                    let input = json!({ "n": name });
                    let change = "mutation($n: String!) { updateUser(input: {displayName: $n}) { id } }";
                    doors[round % 2].query(change, input).await.ok();
                }
                1 => drop(administer(&there, &ann.user_id, json!({ "displayName": name })).await.ok()),
                _ => {
                    sql(&here, &format!("UPDATE users SET display_name = '{name}'")).await;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            for door in &doors {
                assert_eq!(shown(door).await, name);
                assert_eq!(shown(door).await, name);
            }
        }
    }
}

on_both_databases! {
    async fn what_is_written_while_the_log_is_looked_through_stays_in_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let rows = || async {
            let rows = entity::identity_change::Entity::find();
            rows.count(test.app.db.read()).await.expect("the log")
        };
        let (before, many) = (rows().await, 400);
        let db = test.database.connect().await;
        let writes = tokio::spawn(async move {
            for _ in 0..many {
                let change = "UPDATE users SET locale = locale";
                db.execute_unprepared(change).await.expect("a change");
            }
        });
        // Not for so many hours that sessions run out.
        for _ in 0..400 {
            test.clock.advance(chrono::TimeDelta::hours(1));
            test.app.worker.prune().await.expect("a clean-up");
            if writes.is_finished() {
                break;
            }
        }
        writes.await.expect("all changes");
        assert_eq!(rows().await, before + many);
    }
}

on_both_databases! {
    async fn a_sign_in_makes_nobody_forget_and_shows_everywhere(backend: Backend) {
        let (here, there) = two(backend).await;
        let ann = here.user("ann").await;
        let rows = || async {
            let rows = entity::identity_change::Entity::find();
            rows.count(here.app.db.read()).await.expect("the log")
        };
        assert_eq!(ann.me().await.ok().text("/data/me/lastSignInAt"), "2026-11-20T12:00:00.123Z");
        let before = rows().await;
        there.clock.advance(chrono::TimeDelta::minutes(5));
        there.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_eq!(rows().await, before);
        let shown = there.app.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        assert_ne!(shown, "2026-11-20T12:00:00.123Z");
        assert_eq!(ann.me().await.ok().text("/data/me/lastSignInAt"), shown);
    }
}

/// A database that was restored from another server holds a log with that server's positions: they are given here, too, later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_servers_log_holds_hides_nothing() {
    let test = TestApp::start(Backend::Postgres).await;
    let (ann, ben) = (test.user("ann").await, test.user("ben").await);
    let db = test.database.connect().await;
    let insert = "INSERT INTO identity_changes (position, user_id) \
                  SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint + n, NULL FROM generate_series(0, 40) n";
    db.execute_unprepared(insert).await.expect("an old log");
    for person in [&ann, &ben] {
        assert_alive(&person.me().await);
        assert_alive(&person.me().await);
    }
    // Each statement takes a position that is in the log already.
    for _ in 0..3 {
        let revoke = format!(
            "UPDATE sessions SET revoked_at = created_at WHERE id = '{}'",
            ann.session_id
        );
        sql(&test, &revoke).await;
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
        sql(&test, "UPDATE sessions SET revoked_at = NULL").await;
        assert_alive(&ann.me().await);
    }
    let rows = || async {
        let rows = entity::identity_change::Entity::find();
        rows.count(test.app.db.read()).await.expect("the log")
    };
    let before = rows().await;
    test.app.worker.prune().await.expect("a clean-up");
    assert!(rows().await < before - 20, "{before}");
    assert_alive(&ben.me().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_emptied_lets_nobody_in() {
    let test = TestApp::start(Backend::Postgres).await;
    let ann = test.user("ann").await;
    assert_alive(&ann.me().await);
    sql(&test, "TRUNCATE sessions CASCADE").await;
    assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
}

/// A transaction may commit after one that began later: it stands further up in the log, where others have read already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_committed_late_is_not_missed() {
    let test = TestApp::start(Backend::Postgres).await;
    let (ann, ben) = (test.user("ann").await, test.user("ben").await);
    let db = test.database.connect().await;
    let revoke = |person: &Client| {
        format!(
            "UPDATE sessions SET revoked_at = created_at WHERE id = '{}'",
            person.session_id
        )
    };
    let early = db.begin().await.expect("a transaction");
    early
        .execute_unprepared(&revoke(&ann))
        .await
        .expect("a change");
    // One that began later ends first, and is heard of.
    sql(&test, "UPDATE users SET locale = locale").await;
    for person in [&ann, &ben] {
        assert_alive(&person.me().await);
    }
    sql(&test, &revoke(&ben)).await;
    assert_eq!(reason(&ben.me().await), "SESSION_REVOKED");
    for _ in 0..3 {
        assert_alive(&ann.me().await);
    }
    early.commit().await.expect("a commit");
    assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
}
