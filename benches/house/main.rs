//! `cargo bench --bench house` measures the built server from outside and prints one table: how close sign-in comes to
//! the raw rate of Argon2id, what a request costs, how quickly the house opens, and what it does under a rush. Speed is
//! told, never asserted; a figure means something only beside the others of the same run.
//!
//! - `VESTIBULE_BENCH_SECONDS`: how long each scenario runs, 5 unless told otherwise; a rush runs twice as long.
//! - `VESTIBULE_BENCH_ONLY`: a list of `sqlite`, `postgres`, `sign-in`, `sign-up`, `typename`, `me`, `refresh`, `rush`,
//!   `start` and `likeness`; what is not named is left out (all databases, where none is named). `growth`, which fills
//!   databases with up to a million accounts, runs only where it is named.
//! - `VESTIBULE_BENCH_LIMITS`: `on` has the limits of attempts and of mails count, those of one network raised so far that nobody
//!   reaches them: everybody here is of one. `off` unless told otherwise, and in `likeness` and `growth` in any case.
//! - `VESTIBULE_TEST_POSTGRES_URL`: measure on that server instead of one of our own.
//! - `VESTIBULE_BENCH_PROGRAM`: the binary to measure; without it, the one that is built along. What is shipped is measured by
//!   `cargo ship && VESTIBULE_BENCH_PROGRAM=$PWD/target/ship/vestibule cargo bench --bench house`. The benchmark itself is
//!   not built with that profile: what a profile does to Argon2 would be done to the raw rate, too, and not be seen.

#![allow(
    clippy::disallowed_methods,
    reason = "the benchmark reads real clocks and its own variables"
)]

mod argon;
mod client;
mod growth;
mod house;
mod likeness;
mod load;
mod measure;
mod plan;
mod postgres;
mod process;
mod report;
mod signature;
mod visitor;

use std::path::{Path, PathBuf};

use plan::Plan;
use postgres::Postgres;
use tokio::signal::unix::{SignalKind, signal};

fn main() {
    // `cargo test --all-targets` runs benchmarks, too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: cargo bench --bench house");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let completed = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).expect("a signal handler");
        let mut interrupt = signal(SignalKind::interrupt()).expect("a signal handler");
        // Dropping the run ends every process that it started.
        tokio::select! {
            () = run() => true,
            _ = terminate.recv() => false,
            _ = interrupt.recv() => false,
        }
    });
    if !completed {
        std::process::exit(130);
    }
}

async fn run() {
    let plan = Plan::read();
    let folder = Folder::make();
    report::introduce(&plan).await;
    if plan.covers_database("sqlite") {
        measure::on(&plan, &folder.0, None).await;
    }
    if plan.covers_database("postgres") {
        match Postgres::find(&folder.0.join("postgres")).await {
            Some(server) => measure::on(&plan, &folder.0, Some(&server)).await,
            None => {
                println!("\nNo PostgreSQL here: neither `initdb` nor VESTIBULE_TEST_POSTGRES_URL.")
            }
        }
    }
}

/// Goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Self {
        let name = format!("vestibule-bench-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let path: &Path = &self.0;
        if let Err(error) = std::fs::remove_dir_all(path) {
            eprintln!("{} is left behind: {error}", path.display());
        }
    }
}
