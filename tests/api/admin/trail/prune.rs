use chrono::TimeDelta;
use entity::{
    audit_event, job, limit_counter, pending_sign_up, refresh_token, session, verification,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, EntityTrait, PaginatorTrait};
use serde_json::json;

use crate::harness::{Backend, Client, PASSWORD, TestApp};
use crate::support::{assert_alive, events, statements};

async fn prune(test: &TestApp) -> u64 {
    test.app.worker.prune().await.expect("a clean house")
}

async fn rows<E>(test: &TestApp) -> u64
where
    E: EntityTrait,
    E::Model: Send + Sync,
{
    E::find()
        .count(test.app.db.read())
        .await
        .expect("a number of rows")
}

async fn sql(test: &TestApp, statement: &str) {
    let db = test.app.db.write();
    db.execute_unprepared(statement).await.expect("a change");
}

/// Counters of limits that have run out.
async fn run_out(test: &TestApp, many: usize) {
    let numbers = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {many}) \
         INSERT INTO limit_counters (key, count, window_ends_at) \
         SELECT 'long ago ' || n, 1, '2026-01-01 00:00:00+00:00' FROM numbers"
    );
    sql(test, &numbers).await;
}

/// So many rows, no more at once than any database takes.
async fn insert<A: ActiveModelTrait>(test: &TestApp, many: usize, row: impl Fn(usize) -> A) {
    for from in (0..many).step_by(500) {
        let rows = (from..many.min(from + 500)).map(&row);
        let insertion = <A::Entity as EntityTrait>::insert_many(rows);
        let inserted = insertion.exec_without_returning(test.app.db.write()).await;
        inserted.expect("rows");
    }
}

/// A house in which nothing has its time within the next hours but what is put there.
async fn settled(backend: Backend) -> TestApp {
    let test = TestApp::start(backend).await;
    test.user("ann").await;
    test.clock.advance(TimeDelta::hours(2));
    prune(&test).await;
    test
}

async fn own_session(test: &TestApp) -> session::Model {
    let found = session::Entity::find().one(test.app.db.read()).await;
    found.expect("the sessions").expect("a session")
}

/// How many statements the next turn takes.
async fn turn(test: &TestApp) -> usize {
    test.clock.advance(TimeDelta::hours(1));
    let before = statements(test).await;
    prune(test).await;
    statements(test).await - before
}

async fn in_hand(test: &TestApp, name: &str) -> Client {
    let login = format!("{name}@example.org");
    let answer = test.anon().sign_in(&login, PASSWORD).await.ok();
    test.anon().signed_in(&answer.at("/data/signIn"))
}

/// How many events are left after so many days, where they are kept for `kept`.
async fn events_after(backend: Backend, kept: &str, days: i64) -> usize {
    let test = TestApp::with(backend, &[("VESTIBULE_AUDIT_DAYS", kept)]).await;
    test.anon().sign_up("ann@example.org").await.ok();
    test.clock.advance(TimeDelta::days(days));
    prune(&test).await;
    events(&test, "sign_up_requested").await.len()
}

on_both_databases! {
    async fn the_trail_is_kept_as_long_as_the_setting_says(backend: Backend) {
        assert_eq!(events_after(backend, "400", 400).await, 1);
        assert_eq!(events_after(backend, "400", 401).await, 0);
        assert_eq!(events_after(backend, "1", 2).await, 0);
        assert_eq!(events_after(backend, "0", 20_000).await, 1);
    }

    async fn a_mail_that_was_given_up_goes_with_the_request_that_it_was_for(backend: Backend) {
        let settings = [("VESTIBULE_SMTP_URL", "smtp://127.0.0.1:1"), ("VESTIBULE_MAIL_ATTEMPTS", "1")];
        let test = TestApp::with(backend, &settings).await;
        test.anon().sign_up("ann@example.org").await.ok();
        test.run_jobs().await;
        let end = verification::Entity::find().one(test.app.db.read()).await.unwrap().expect("a request").expires_at;
        let week = end + TimeDelta::days(7) - test.app.now();
        test.clock.advance(week - TimeDelta::seconds(1));
        prune(&test).await;
        assert_eq!((rows::<verification::Entity>(&test).await, rows::<job::Entity>(&test).await), (1, 1));
        test.clock.advance(TimeDelta::hours(1));
        prune(&test).await;
        assert_eq!((rows::<verification::Entity>(&test).await, rows::<job::Entity>(&test).await), (0, 0));
    }

    async fn sessions_go_thirty_days_after_their_end_with_their_tokens(backend: Backend) {
        let test = TestApp::start(backend).await;
        let first = test.user("ann").await;
        first.run("sign_out", json!({})).await.ok();
        let mut stays = in_hand(&test, "ann").await;
        test.clock.advance(TimeDelta::days(29));
        let answer = stays.refresh(&stays.refresh_token).await.ok();
        stays = stays.signed_in(&answer.at("/data/refreshSession"));
        test.clock.advance(TimeDelta::days(1) - TimeDelta::seconds(1));
        prune(&test).await;
        assert_eq!(rows::<session::Entity>(&test).await, 2);
        test.clock.advance(TimeDelta::hours(1));
        prune(&test).await;
        // The revoked one is gone, and the other one works.
        assert_eq!(rows::<session::Entity>(&test).await, 1);
        let answer = stays.refresh(&stays.refresh_token).await.ok();
        stays = stays.signed_in(&answer.at("/data/refreshSession"));
        assert_alive(&stays.me().await);
        // It runs out thirty days after its last use, and goes thirty days later.
        test.clock.advance(TimeDelta::days(60) - TimeDelta::seconds(1));
        prune(&test).await;
        assert_eq!(rows::<session::Entity>(&test).await, 1);
        test.clock.advance(TimeDelta::hours(1));
        prune(&test).await;
        assert_eq!(rows::<session::Entity>(&test).await, 0);
        in_hand(&test, "ann").await.me().await.ok();
    }

    async fn sessions_that_nobody_knows_when_to_look_at_are_looked_at_in_batches(backend: Backend) {
        let test = settled(backend).await;
        let own = own_session(&test).await;
        let looked_at = async |many: usize| {
            let now = test.app.now();
            insert(&test, many, |number| session::ActiveModel::from(session::Model {
                id: test.app.id(),
                expires_at: now - TimeDelta::days(if number % 2 == 0 { 31 } else { 29 }),
                ..own.clone()
            })).await;
            // As the version before leaves them.
            sql(&test, "UPDATE sessions SET due_at = '1970-01-01 00:00:00+00:00'").await;
            turn(&test).await
        };
        let (one, several) = (looked_at(2).await, looked_at(1_202).await);
        // Two batches more: each is looked for, and noted when to look at again.
        assert!(several >= one + 2 * 2, "{one}, {several}");
        let left = session::Entity::find().all(test.app.db.read()).await.unwrap();
        assert_eq!(left.len(), 1 + 1 + 601);
        assert!(left.iter().all(|session| session.due_at == session.expires_at), "{left:?}");
    }

    async fn sessions_that_were_revoked_go_in_batches(backend: Backend) {
        let test = settled(backend).await;
        let own = own_session(&test).await;
        let revoked_at = Some(test.app.now() - TimeDelta::days(31));
        let sent = async |many: usize| {
            let revoked = |_| session::ActiveModel::from(session::Model { id: test.app.id(), revoked_at, ..own.clone() });
            insert(&test, many, revoked).await;
            let sent = turn(&test).await;
            assert_eq!(rows::<session::Entity>(&test).await, 1);
            sent
        };
        let (one, several) = (sent(1).await, sent(1_201).await);
        assert!(several >= one + 2 * 3, "{one}, {several}");
    }

    async fn refresh_tokens_with_rows_of_their_own_go_in_batches_before_their_session(backend: Backend) {
        let test = settled(backend).await;
        let own = own_session(&test).await;
        let give_tokens = async |session: &session::Model, many: usize| {
            let now = test.app.now();
            insert(&test, many, |_| {
                let id = test.app.id();
                refresh_token::ActiveModel {
                    id: Set(id), session_id: Set(session.id), digest: Set(id.as_bytes().to_vec()), created_at: Set(now), expires_at: Set(now),
                    rotated_at: Set(None), successor_id: Set(None), sealed_successor: Set(None),
                }
            }).await;
        };
        // Looked at, and refreshed meanwhile: it keeps its tokens.
        give_tokens(&own, 3).await;
        sql(&test, "UPDATE sessions SET due_at = '1970-01-01 00:00:00+00:00'").await;
        turn(&test).await;
        let long_ago = test.app.now() - TimeDelta::days(31);
        let revoked = session::Model { revoked_at: Some(long_ago), ..own.clone() };
        let expired = session::Model { expires_at: long_ago, due_at: long_ago, ..own.clone() };
        for over in [revoked, expired] {
            let sent = async |tokens: usize| {
                let session = session::Model { id: test.app.id(), ..over.clone() };
                insert(&test, 1, |_| session::ActiveModel::from(session.clone())).await;
                give_tokens(&session, tokens).await;
                let sent = turn(&test).await;
                assert_eq!((rows::<session::Entity>(&test).await, rows::<refresh_token::Entity>(&test).await), (1, 3));
                sent
            };
            let (one, several) = (sent(1).await, sent(1_201).await);
            assert!(several >= one + 2, "{one}, {several}");
        }
    }

    async fn requests_for_mails_go_in_batches(backend: Backend) {
        let test = settled(backend).await;
        let own = verification::Entity::find().one(test.app.db.read()).await.unwrap().expect("a request");
        let expires_at = test.app.now() - TimeDelta::days(8);
        let sent = async |many: usize| {
            insert(&test, many, |_| {
                let id = test.app.id();
                let digest = id.as_bytes().to_vec();
                verification::ActiveModel::from(verification::Model {
                    id, handle_digest: digest.clone(), ticket_digest: digest, expires_at, ..own.clone()
                })
            }).await;
            let sent = turn(&test).await;
            assert_eq!(rows::<verification::Entity>(&test).await, 1);
            sent
        };
        let (one, several) = (sent(1).await, sent(1_201).await);
        assert!(several >= one + 2 * 3, "{one}, {several}");
    }

    async fn requests_mails_and_counters_go_when_they_have_had_their_time(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        test.anon().sign_up("eve@example.org").await.ok();
        test.run_jobs().await;
        // Of the answered sign-up nothing but the request itself is kept.
        assert_eq!((rows::<verification::Entity>(&test).await, rows::<pending_sign_up::Entity>(&test).await, rows::<job::Entity>(&test).await), (2, 1, 2));
        test.clock.advance(TimeDelta::days(8) - TimeDelta::seconds(1));
        prune(&test).await;
        assert_eq!((rows::<verification::Entity>(&test).await, rows::<job::Entity>(&test).await), (2, 2));
        // Nothing but the turn itself is counted any more.
        assert_eq!(rows::<limit_counter::Entity>(&test).await, 1);
        test.clock.advance(TimeDelta::hours(1));
        prune(&test).await;
        assert_eq!((rows::<verification::Entity>(&test).await, rows::<pending_sign_up::Entity>(&test).await, rows::<job::Entity>(&test).await), (0, 0, 2));
        test.clock.advance(TimeDelta::days(22) - TimeDelta::hours(1));
        prune(&test).await;
        assert_eq!(rows::<job::Entity>(&test).await, 2);
        test.clock.advance(TimeDelta::hours(1));
        prune(&test).await;
        assert_eq!(rows::<job::Entity>(&test).await, 0);
        let buried = job::ActiveModel {
            id: Set(test.app.id()), task: Set(json!({})), attempts: Set(1), run_at: Set(test.app.now()), claimed_until: Set(None),
            created_at: Set(test.app.now()), done_at: Set(None), buried_at: Set(Some(test.app.now())), last_error: Set(None),
        };
        job::Entity::insert(buried).exec_without_returning(test.app.db.write()).await.unwrap();
        test.clock.advance(TimeDelta::days(100));
        prune(&test).await;
        assert_eq!(rows::<job::Entity>(&test).await, 1, "what was given up waits for somebody");
        assert!(rows::<audit_event::Entity>(&test).await > 0);
    }

    async fn instances_take_turns_at_most_once_an_hour(backend: Backend) {
        let test = TestApp::start(backend).await;
        let second = test.second_instance().await;
        let run_out = |number: usize| limit_counter::ActiveModel {
            key: Set(format!("of an hour ago {number}")), count: Set(1), window_ends_at: Set(test.app.now() - TimeDelta::hours(1)),
        };
        let insert = async |many: usize| {
            let rows = (0..many).map(run_out);
            limit_counter::Entity::insert_many(rows).exec_without_returning(test.app.db.write()).await.unwrap();
        };
        // More than one statement takes.
        insert(1_201).await;
        assert_eq!(prune(&test).await, 1_201);
        insert(1).await;
        assert_eq!((prune(&test).await, prune(&second).await), (0, 0));
        test.clock.advance(TimeDelta::hours(1));
        assert_eq!((prune(&second).await, prune(&test).await), (1, 0));
    }

    async fn what_does_not_fit_into_one_batch_goes_in_several(backend: Backend) {
        let test = TestApp::start(backend).await;
        let sent = async |many: usize| {
            run_out(&test, many).await;
            let before = statements(&test).await;
            assert_eq!(prune(&test).await, many as u64);
            // The one by which instances take turns.
            assert_eq!(rows::<limit_counter::Entity>(&test).await, 1);
            test.clock.advance(TimeDelta::hours(1));
            statements(&test).await - before
        };
        let (one, several) = (sent(1).await, sent(1_201).await);
        assert!(several >= one + 2, "{one}, {several}");
    }

    async fn however_much_there_is_of_a_kind_it_goes_in_one_turn(backend: Backend) {
        let test = TestApp::start(backend).await;
        run_out(&test, 100_001).await;
        assert_eq!(prune(&test).await, 100_001);
        assert_eq!(rows::<limit_counter::Entity>(&test).await, 1);
    }

    async fn what_cannot_be_deleted_keeps_nothing_else_and_is_tried_again_in_the_same_turn(backend: Backend) {
        let test = TestApp::start(backend).await;
        // One before the counters, and one after them.
        for table in ["jobs", "audit_events"] {
            run_out(&test, 1).await;
            sql(&test, &format!("ALTER TABLE {table} RENAME TO hidden")).await;
            test.app.worker.prune().await.expect_err("a table is missing");
            assert_eq!(rows::<limit_counter::Entity>(&test).await, 1, "{table}");
            sql(&test, &format!("ALTER TABLE hidden RENAME TO {table}")).await;
            run_out(&test, 1).await;
            assert_eq!(prune(&test).await, 1, "{table}");
            // Done: the next turn comes in an hour.
            run_out(&test, 1).await;
            assert_eq!(prune(&test).await, 0, "{table}");
            test.clock.advance(TimeDelta::hours(1));
            assert_eq!(prune(&test).await, 1, "{table}");
            test.clock.advance(TimeDelta::hours(1));
        }
    }
}
