//! What a start, a command or the clock does alone is run again from its beginning where the database ends it.

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use vestibule::archive;
use vestibule::key::Resealed;
use vestibule::locksmith::{self, Start};

use super::reseal::{NEW, OLD, reseal};
use super::{rotate, rows};
use crate::harness::{Backend, Database, TestApp};

/// Whoever changes a key loses a race, and then a deadlock. A sequence goes on though its transaction has not happened.
const LOSE: &str = "
    CREATE SEQUENCE races;
    CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        CASE nextval('races')
            WHEN 1 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001';
            WHEN 2 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40P01';
            ELSE RETURN NEW;
        END CASE;
    END $$;
    CREATE TRIGGER lose BEFORE INSERT OR UPDATE ON signing_keys FOR EACH ROW EXECUTE FUNCTION lose()";

/// Does what loses twice.
async fn lost_twice<T>(db: &DatabaseConnection, work: impl Future<Output = T>) -> T {
    let anew = "ALTER SEQUENCE races RESTART";
    db.execute_unprepared(anew).await.expect("a sequence");
    let done = work.await;
    let races = Statement::from_string(DbBackend::Postgres, "SELECT last_value FROM races");
    let row = db.query_one_raw(races).await.expect("an answer");
    let races: i64 = row.expect("a row").try_get_by_index(0).expect("a number");
    assert!(races > 2, "{races}");
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_alone_is_run_again_where_it_lost() {
    let database = Database::fresh(Backend::Postgres).await;
    let db = database.connect().await;
    db.execute_unprepared(LOSE).await.expect("a trigger");
    let test = lost_twice(&db, TestApp::on(database.clone(), &[])).await;
    let first = rows(&test).await.remove(0);
    let second = lost_twice(&db, rotate(&test, Start::Now)).await;
    let retired = lost_twice(&db, locksmith::retire(&test.app, &first.kid)).await;
    assert_eq!(retired.expect("an answer"), Ok(()));
    test.clock.advance(TimeDelta::days(90));
    let third = lost_twice(&db, locksmith::rotate_if_due(&test.app)).await;
    let third = third.expect("an answer").expect("a key");
    let ended = lost_twice(&db, archive::begin_epoch(&test.app)).await;
    assert_eq!(ended.expect("an epoch").keys, 2);
    // Each key is there once.
    let rows = rows(&test).await;
    let open = |kid: &str| {
        let same: Vec<_> = rows.iter().filter(|row| row.kid == kid).collect();
        assert_eq!(same.len(), 1, "{kid}");
        same[0].retired_at.is_none()
    };
    assert!(
        ![&first.kid, &second.kid, &third.kid]
            .into_iter()
            .any(|kid| open(kid))
    );
    assert_eq!(rows.len(), 4);
    let resealed = lost_twice(&db, reseal(&test, OLD, NEW)).await;
    let expected = Resealed {
        done: 2,
        already: 0,
    };
    assert_eq!(resealed, Ok(expected));
}
