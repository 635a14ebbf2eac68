//! People come and go for a long time: memory and descriptors stay where they were. `VESTIBULE_SOAK_SECONDS` says for how
//! long, 8 unless told otherwise; what runs out meanwhile is deleted once an hour.

use std::time::{Duration, Instant};

use super::kill::{FORGOTTEN, pairs};
use super::town::Town;
use crate::harness::program::Program;
use crate::harness::{Database, TestApp};

/// KiB that the program may grow by after it has warmed up, however long it runs.
const ROOM: u64 = 48 * 1024;

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
        let mut program = Program::serve(&pairs(&settings)).await;
        town.moves_to(program.address);
        let lives = town.live(3);
        // Pools fill and caches grow in the beginning.
        let warm = (length() / 4).min(Duration::from_secs(120));
        tokio::time::sleep(warm).await;
        let (memory, descriptors) = (program.memory(), program.descriptors());
        let (started, mut most) = (Instant::now(), (memory, descriptors));
        while started.elapsed() < length() - warm {
            tokio::time::sleep(Duration::from_millis(500)).await;
            most = (most.0.max(program.memory()), most.1.max(program.descriptors()));
        }
        town.close(lives).await;
        let end = (program.memory(), program.descriptors());
        println!(
            "{backend:?}, {:?}: {memory} KiB and {descriptors} descriptors when warm, at most {most:?}, {end:?} at the end; {}",
            length(),
            town.tally()
        );
        assert!(end.0 < memory + ROOM, "{} KiB more", end.0 - memory);
        assert!(end.1 <= descriptors + 30, "{} descriptors", end.1);
        assert!(!program.output().contains("panicked"), "{}", program.output());
        program.kill();
        let test = TestApp::later(database, &pairs(&settings), FORGOTTEN).await;
        town.check_the_books(&test).await;
    }
}
