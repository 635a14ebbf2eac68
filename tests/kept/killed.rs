//! The program is killed while it migrates: the next start finds the old schema or the new one, and goes on.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement, TransactionTrait};

use super::{first, rows};
use crate::harness::program::{Program, free_address};
use crate::harness::{Backend, Database, wire};
use crate::instances::shared;

on_both_databases! {
    async fn killed_at_any_moment_of_a_migration_it_is_done_by_the_next_start(backend: Backend) {
        let (kept, database) = (first(backend), Database::empty(backend).await);
        let db = database.connect().await;
        db.execute_unprepared(kept.dump).await.unwrap();
        let before = rows(&db).await;
        db.close().await.unwrap();
        let url = database.url();
        let settings = shared(&url);
        let (address, mut delay) = (free_address(), Duration::from_millis(4));
        let mut kills = 0;
        loop {
            let mut program = Program::start(address, &settings);
            tokio::time::sleep(delay).await;
            let is_open = tokio::net::TcpStream::connect(address).await.is_ok();
            program.kill();
            let db = database.connect().await;
            let after = rows(&db).await;
            db.close().await.unwrap();
            // Whole or not at all.
            if after["seaql_migrations"] == before["seaql_migrations"] {
                assert_eq!(after, before);
            } else {
                assert!(migrated(&database).await, "{after:?}");
            }
            if is_open {
                break;
            }
            kills += 1;
            assert!(delay < Duration::from_secs(120), "it does not start: {}", program.output());
            delay = delay * 3 / 2;
        }
        assert!(kills > 0);
        let again = Program::serve_at(address, &settings).await;
        assert_eq!(wire::get(again.address, "/readyz", &[]).await.status, 200);
        let after = rows(&database.connect().await).await;
        for table in ["users", "sessions", "refresh_tokens"] {
            assert_eq!(after[table], before[table], "{table}");
        }
    }
}

async fn migrated(database: &Database) -> bool {
    let db = database.connect().await;
    let current = migration::is_current(&db).await.unwrap();
    db.close().await.unwrap();
    current
}

/// Held up in the middle, by somebody who reads a table that is to be changed, and killed there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_a_migration_on_postgres_nothing_of_it_stays() {
    let (kept, database) = (
        first(Backend::Postgres),
        Database::empty(Backend::Postgres).await,
    );
    let db = database.connect().await;
    db.execute_unprepared(kept.dump).await.unwrap();
    let before = rows(&db).await;
    let reading = db.begin().await.unwrap();
    reading
        .execute_unprepared("LOCK TABLE signing_keys IN ACCESS SHARE MODE")
        .await
        .unwrap();
    let url = database.url();
    let settings = shared(&url);
    let mut program = Program::start(free_address(), &settings);
    let waiting = "SELECT count(*) AS many FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
                   WHERE c.relname = 'signing_keys' AND NOT l.granted \
                   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let mut waits = false;
    for _ in 0..1_200 {
        let waiting = Statement::from_string(db.get_database_backend(), waiting);
        let row = db.query_one_raw(waiting).await.unwrap().unwrap();
        waits = row.try_get::<i64>("", "many").unwrap() > 0;
        if waits {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(waits, "it never came to that table: {}", program.output());
    program.kill();
    reading.rollback().await.unwrap();
    let again = Program::serve_at(free_address(), &settings).await;
    assert_eq!(wire::get(again.address, "/readyz", &[]).await.status, 200);
    assert!(migrated(&database).await);
    let after = rows(&db).await;
    for table in ["users", "sessions", "refresh_tokens"] {
        assert_eq!(after[table], before[table], "{table}");
    }
}
