//! People come and go for a long time: memory and descriptors stay where they were. `VESTIBULE_SOAK_SECONDS` says for how
//! long, 8 unless told otherwise. What has had its time is deleted under way, at the start and once an hour: rows that were
//! there before, and what people end, which is made years old here.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::kill::{FORGOTTEN, pairs};
use super::town::{Town, numbers};
use crate::harness::program::Program;
use crate::harness::{Database, TestApp};

/// KiB that the program may grow by after it has warmed up, however long it runs.
const ROOM: u64 = 48 * 1024;
/// The same of the median from one half of a long run to the other: what leaks slowly is not to hide in the room that is there
/// for peaks.
const DRIFT: u64 = 8 * 1024;
/// Descriptors that it may hold more of in the end: in a short run, which warms up while it runs, and in a long one.
const MORE: [usize; 2] = [30, 8];
const LONG: Duration = Duration::from_secs(10 * 60);
const NOTED_EVERY: Duration = Duration::from_millis(500);
/// Ten times what one statement deletes.
const LEFT_BEHIND: u64 = 5_000;
/// From one clean-up to the next, with the time until somebody looks, and some room.
const TURN: Duration = Duration::from_secs(75 * 60);
/// What is to be gone at the end, and what may be there yet.
const LONG_AGO: &str = "2020-01-01 00:00:00+00:00";
const AGO: &str = "2021-01-01 00:00:00+00:00";

/// Counters of limits that ran out before the program started.
async fn leave_behind(db: &DatabaseConnection) {
    let rows = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {LEFT_BEHIND}) \
         INSERT INTO limit_counters (key, count, window_ends_at) SELECT 'soak ' || n, 1, '{LONG_AGO}' FROM numbers"
    );
    db.execute_unprepared(&rows).await.expect("old rows");
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
        "SELECT (SELECT count(*) FROM sessions WHERE revoked_at = '{LONG_AGO}') \
         + (SELECT count(*) FROM verifications WHERE expires_at = '{LONG_AGO}') \
         + (SELECT count(*) FROM limit_counters WHERE window_ends_at = '{LONG_AGO}')"
    );
    numbers(db, &left).await[0]
}

/// What half of them are more than, and half are less.
fn median(numbers: &[u64]) -> u64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
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
        let test = TestApp::on(database.clone(), &[]).await;
        leave_behind(test.app.db.write()).await;
        drop(test);
        let rows = database.connect().await;
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
        assert_eq!(overdue(&rows).await, 0, "rows that have had their time");
        let end = (program.memory(), program.descriptors());
        let begin = (memory[0], descriptors[0]);
        let most = (memory.iter().max().expect("a number"), descriptors.iter().max().expect("a number"));
        let (first, last) = memory.split_at(memory.len() / 2);
        let (first, last) = (median(first), median(last));
        println!(
            "{backend:?}, {:?}: {begin:?} KiB and descriptors when warm, at most {most:?}, {end:?} at the end; the medians of the two \
             halves are {first} KiB and {last}; {aged} rows made old; {}",
            length(),
            town.tally()
        );
        let is_long = length() >= LONG;
        assert!(!is_long || last <= first + DRIFT, "from {first} KiB to {last}");
        assert!(end.0 < begin.0 + ROOM, "{} KiB more", end.0 - begin.0);
        let more = MORE[usize::from(is_long)];
        assert!(end.1 <= begin.1 + more, "{} descriptors", end.1);
        assert!(!program.output().contains("panicked"), "{}", program.output());
        program.kill();
        let test = TestApp::later(database, &pairs(&settings), FORGOTTEN).await;
        town.check_the_books(&test).await;
    }
}
