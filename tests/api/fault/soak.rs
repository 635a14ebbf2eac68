//! People come and go for a long time: memory and descriptors stay where they were. `VESTIBULE_SOAK_SECONDS` says for how
//! long, 8 unless told otherwise. What has had its time is deleted under way, at the start and once an hour: rows that were
//! there before, of each kind, and, in a run of hours, what people end, which is made years old here.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use entity::{session, verification};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait};

use super::kill::{FORGOTTEN, pairs};
use super::town::{Town, numbers};
use crate::harness::program::Program;
use crate::harness::{Database, TestApp};

/// KiB that the program may grow by after it has warmed up, however long it runs.
const ROOM: u64 = 48 * 1024;
/// The same of the median from one stretch of a run to the next, see [`course`]: of a short one, and of a long one. What leaks
/// slowly is not to hide in the room that is there for peaks.
const DRIFT: [u64; 2] = [12 * 1024, 8 * 1024];
/// Descriptors that it may hold more of in the end: in a short run, which warms up while it runs, and in a long one.
const MORE: [usize; 2] = [30, 8];
/// The same of the median from one stretch to the next.
const MORE_BY_AND_BY: usize = 8;
/// In a run that ends before, caches grow until its end.
const JUDGED: Duration = Duration::from_secs(2 * 60);
const LONG: Duration = Duration::from_secs(10 * 60);
const NOTED_EVERY: Duration = Duration::from_millis(500);
/// Of each kind: ten times what one statement deletes.
const LEFT_BEHIND: u64 = 5_000;
/// Rows that one statement writes.
const AT_ONCE: u64 = 500;
/// For what is cleaned up at the start to be gone, on a crowded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// From one clean-up to the next, with the time until somebody looks, and some room.
const TURN: Duration = Duration::from_secs(75 * 60);
/// What is to be gone at the end, and what may be there yet.
const LONG_AGO: &str = "2020-01-01 00:00:00+00:00";
const AGO: &str = "2021-01-01 00:00:00+00:00";

/// What had its time before the program started: counters of limits, sessions that were ended or ran out, one as many as the
/// other, and requests for mails.
async fn leave_behind(test: &TestApp) {
    let db = test.app.db.write();
    let counters = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {LEFT_BEHIND}) \
         INSERT INTO limit_counters (key, count, window_ends_at) SELECT 'soak ' || n, 1, '{LONG_AGO}' FROM numbers"
    );
    db.execute_unprepared(&counters).await.expect("old rows");
    test.user("former").await;
    let own = session::Entity::find().one(db).await.expect("an answer");
    let own = own.expect("a session");
    let asked = verification::Entity::find().one(db).await;
    let asked = asked.expect("an answer").expect("a request");
    let another = |number: u64| {
        session::ActiveModel::from(session::Model {
            id: test.app.id(),
            revoked_at: number.is_multiple_of(2).then(|| test.app.now()),
            ..own.clone()
        })
    };
    let asked_again = |_: u64| {
        let id = test.app.id();
        verification::ActiveModel::from(verification::Model {
            id,
            handle_digest: id.as_bytes().to_vec(),
            ticket_digest: id.as_bytes().to_vec(),
            ..asked.clone()
        })
    };
    for _ in 0..LEFT_BEHIND / AT_ONCE {
        let sessions = session::Entity::insert_many((0..AT_ONCE).map(another));
        let written = sessions.exec_without_returning(db).await;
        written.expect("sessions");
        let requests = verification::Entity::insert_many((0..AT_ONCE).map(asked_again));
        let written = requests.exec_without_returning(db).await;
        written.expect("requests");
    }
    for update in [
        format!("UPDATE sessions SET revoked_at = '{LONG_AGO}' WHERE revoked_at IS NOT NULL"),
        format!(
            "UPDATE sessions SET expires_at = '{LONG_AGO}', due_at = '{LONG_AGO}' WHERE revoked_at IS NULL"
        ),
        format!("UPDATE verifications SET expires_at = '{LONG_AGO}'"),
    ] {
        db.execute_unprepared(&update).await.expect("older rows");
    }
}

/// Makes what has ended since the last time as old as that; answers how many rows those were.
async fn age(db: &DatabaseConnection, since: &str) -> u64 {
    let mut aged = 0;
    for (table, ended, column) in [
        ("sessions", "revoked_at", "revoked_at"),
        ("verifications", "consumed_at", "expires_at"),
    ] {
        let update = format!(
            "UPDATE {table} SET {column} = '{since}' WHERE {ended} IS NOT NULL AND {column} > '2022-01-01 00:00:00+00:00'"
        );
        let done = db.execute_unprepared(&update).await.expect("older rows");
        aged += done.rows_affected();
    }
    aged
}

/// Rows that had their time before the last clean-up began.
async fn overdue(db: &DatabaseConnection) -> i64 {
    let left = format!(
        "SELECT (SELECT count(*) FROM sessions WHERE revoked_at = '{LONG_AGO}' OR expires_at = '{LONG_AGO}') \
         + (SELECT count(*) FROM verifications WHERE expires_at = '{LONG_AGO}') \
         + (SELECT count(*) FROM limit_counters WHERE window_ends_at = '{LONG_AGO}')"
    );
    numbers(db, &left).await[0]
}

/// Waits until those are gone. The clean-up of the start may still be at it when a few seconds are over.
async fn are_gone(db: &DatabaseConnection) {
    let started = Instant::now();
    loop {
        let left = overdue(db).await;
        if left == 0 {
            return;
        }
        let waited = started.elapsed();
        assert!(waited < PATIENCE, "{left} rows that have had their time");
        tokio::time::sleep(NOTED_EVERY).await;
    }
}

/// What half of them are more than, and half are less.
fn median<T: Copy + Default + Ord>(numbers: &[T]) -> T {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The medians of the last two stretches of a run: both halves of a long one; the second and the last third of a short one,
/// which is still warming up in the first.
fn course<T: Copy + Default + Ord>(numbers: &[T], is_long: bool) -> (T, T) {
    let stretch = numbers.len() / if is_long { 2 } else { 3 };
    let (before, last) = numbers.split_at(numbers.len() - stretch);
    let before = &before[before.len() - stretch..];
    (median(before), median(last))
}

fn length() -> Duration {
    let seconds = std::env::var("VESTIBULE_SOAK_SECONDS").ok();
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(8.0))
}

on_both_databases! {
    async fn memory_and_descriptors_stay_where_they_were(backend: Backend) {
        let town = Town::found().await;
        let database = Database::empty(backend).await;
        let settings = town.settings(&database.url());
        let test = TestApp::later(database.clone(), &[], TimeDelta::zero()).await;
        leave_behind(&test).await;
        drop(test);
        let rows = database.connect().await;
        let due = overdue(&rows).await.cast_unsigned();
        assert!(due >= 3 * LEFT_BEHIND, "{due} rows are left behind");
        let mut program = Program::serve(&pairs(&settings)).await;
        town.moves_to(program.address);
        let lives = town.live(3);
        // Pools fill and caches grow in the beginning.
        let (started, warm) = (Instant::now(), length() / 4);
        let (mut memory, mut descriptors, mut aged) = (Vec::new(), Vec::new(), 0);
        for round in 0_u32.. {
            let now = started.elapsed();
            if now >= length() {
                break;
            }
            // Not before somebody has come and gone.
            if round % 20 == 4 {
                aged += age(&rows, if now + TURN < length() { LONG_AGO } else { AGO }).await;
            }
            if now >= warm {
                memory.push(program.memory());
                descriptors.push(program.descriptors());
            }
            tokio::time::sleep(NOTED_EVERY).await;
        }
        town.close(lives).await;
        town.was_answered();
        assert!(aged > 0);
        are_gone(&rows).await;
        let end = (program.memory(), program.descriptors());
        let begin = (memory[0], descriptors[0]);
        let most = (memory.iter().max().expect("a number"), descriptors.iter().max().expect("a number"));
        let (is_judged, is_long) = (length() >= JUDGED, length() >= LONG);
        let (first, last) = course(&memory, is_long);
        let (held_first, held_last) = course(&descriptors, is_long);
        println!(
            "{backend:?}, {:?}: {begin:?} KiB and descriptors when warm, at most {most:?}, {end:?} at the end; the medians of the last \
             two stretches are {first} KiB and {last}, {held_first} descriptors and {held_last}; {aged} rows made old; {}",
            length(),
            town.tally()
        );
        if is_judged {
            let drift = DRIFT[usize::from(is_long)];
            assert!(last <= first + drift, "from {first} KiB to {last}");
            assert!(held_last <= held_first + MORE_BY_AND_BY, "from {held_first} descriptors to {held_last}");
        }
        assert!(end.0 < begin.0 + ROOM, "{} KiB more", end.0 - begin.0);
        let more = MORE[usize::from(is_long)];
        assert!(end.1 <= begin.1 + more, "{} descriptors", end.1);
        assert!(!program.output().contains("panicked"), "{}", program.output());
        program.kill();
        let test = TestApp::later(database, &pairs(&settings), FORGOTTEN).await;
        town.check_the_books(&test).await;
    }
}
