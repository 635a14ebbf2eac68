//! PostgreSQL crashes, stands still, or is cut off, while people use the house.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinHandle;

use super::kill::{FORGOTTEN, pairs};
use super::town::{Crowd, Person, Town};
use super::{is_full, is_what_is_shipped, rounds};
use crate::harness::program::Program;
use crate::harness::{Database, OwnPostgres, PASSWORD, Proxy, TestApp, wire};

/// Well again in time: within five seconds in the full form; on a crowded machine, at all.
fn in_time() -> Duration {
    Duration::from_secs(if is_full() { 5 } else { 60 })
}

/// KiB that the program may grow by while its database stands still; judged closely is what operators run.
fn room() -> u64 {
    let is_judged = is_full() && is_what_is_shipped();
    1024 * if is_judged { 32 } else { 100 }
}

/// The house is well once it was so many times in a row: the first answer may come by the only connection that works.
const ENOUGH: usize = 20;

/// A house with people in it, on a PostgreSQL of its own, at the other end of a wire.
struct Scene {
    postgres: OwnPostgres,
    proxy: Proxy,
    database: Database,
    town: Arc<Town>,
    /// Stays signed in all the time.
    resident: Person,
    crowd: Arc<Crowd>,
    program: Program,
}

impl Scene {
    async fn set() -> Self {
        let postgres = OwnPostgres::start().await;
        let proxy = Proxy::to(postgres.address).await;
        let database = Database::empty_in(&postgres).await;
        let mut through = url::Url::parse(&database.url()).expect("an address");
        let port = Some(proxy.address.port());
        through.set_port(port).expect("a port");
        let town = Town::found().await;
        let mut settings = town.settings(through.as_str());
        if is_full() {
            // So few that the crowd takes all places of the queue while nothing gets on.
            settings.push(("VESTIBULE_PASSWORD_QUEUE".to_owned(), "32".to_owned()));
        }
        let program = Program::serve(&pairs(&settings)).await;
        town.moves_to(program.address);
        let mut resident = Person::new(1_000_000);
        resident.settle(&town).await.expect("an account");
        Self {
            postgres,
            proxy,
            database,
            town,
            resident,
            crowd: Arc::default(),
            program,
        }
    }

    /// Some people live here, and more are at the door than there are connections to the database, and places in a batch.
    async fn fills(&self) -> Vec<JoinHandle<()>> {
        let mut lives = self.crowd.gathers(&self.town, rounds(60, 200)).await;
        lives.extend(self.town.live(4));
        lives
    }

    async fn status(&self, path: &str) -> u16 {
        wire::get(self.program.address, path, &[]).await.status
    }

    /// Whether a sign-in is looked at, and the house says that it is ready. Of somebody else each time: the same one would
    /// have to wait.
    async fn is_well(&self) -> bool {
        static PEOPLE: AtomicUsize = AtomicUsize::new(0);
        let number = PEOPLE.fetch_add(1, Ordering::Relaxed);
        let login = format!("nobody{number}@example.org");
        let input = json!({ "input": { "login": login, "password": PASSWORD } });
        let answer = wire::run(self.program.address, "sign_in", input, &[]).await;
        let code = answer.json()["errors"][0]["extensions"]["code"].clone();
        assert!(
            code == "OVERLOADED" || code == "INVALID_CREDENTIALS",
            "{}",
            answer.body
        );
        code == "INVALID_CREDENTIALS" && self.status("/readyz").await == 200
    }

    /// How long it takes until the house is well, and stays so; then a session goes on, too.
    async fn well_again(&mut self) -> Duration {
        let started = Instant::now();
        let (mut in_a_row, mut took) = (0, Duration::ZERO);
        while in_a_row < ENOUGH {
            if self.is_well().await {
                if in_a_row == 0 {
                    took = started.elapsed();
                }
                in_a_row += 1;
                continue;
            }
            in_a_row = 0;
            assert!(
                started.elapsed() < Duration::from_secs(120),
                "it stays ill: {}",
                self.program.output()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(took < in_time(), "{took:?}");
        let asked = Instant::now();
        let goes_on = self.resident.refresh(&self.town).await;
        goes_on.expect("a session that goes on");
        assert!(asked.elapsed() < in_time(), "{:?}", asked.elapsed());
        took
    }

    async fn check(mut self, lives: Vec<JoinHandle<()>>, what: &str) {
        self.town.close(lives).await;
        println!("{what}: {}", self.town.tally());
        println!("{what}, the crowd: {}", self.crowd.tally());
        self.town.was_answered();
        self.program.kill();
        let settings = self.town.settings(&self.database.url());
        let test = TestApp::later(self.database.clone(), &pairs(&settings), FORGOTTEN).await;
        self.town.check_the_books(&test).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_under_load_is_an_overload_and_loses_nothing() {
    let mut scene = Scene::set().await;
    let lives = scene.fills().await;
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds(2, 5) {
        tokio::time::sleep(Duration::from_secs(2)).await;
        scene.postgres.crash();
        // Its end comes a moment after the word.
        tokio::time::sleep(Duration::from_millis(200)).await;
        scene.postgres.answers().await;
        slowest = slowest.max(scene.well_again().await);
    }
    println!("well again after a crash within {slowest:?}");
    scene.check(lives, "crashes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stands_still_under_load_is_an_overload_and_loses_nothing() {
    let mut scene = Scene::set().await;
    let lives = scene.fills().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = scene.program.memory();
    let told = scene.town.heard("OVERLOADED");
    scene.postgres.freeze();
    let (frozen, lasts) = (Instant::now(), Duration::from_secs(rounds(6, 30) as u64));
    // People are told while it lasts; on a crowded machine it lasts for as long as that takes.
    while frozen.elapsed() < lasts || scene.town.heard("OVERLOADED") == told {
        assert!(frozen.elapsed() < lasts + in_time(), "nobody is told");
        assert_eq!(scene.status("/livez").await, 200);
        assert_eq!(scene.status("/readyz").await, 503);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let grown = scene.program.memory().saturating_sub(before);
    let told = scene.town.heard("OVERLOADED") - told;
    scene.postgres.thaw();
    let took = scene.well_again().await;
    println!("stood still: {told} were told, {grown} KiB more, well again in {took:?}");
    assert!(grown < room(), "{grown} KiB");
    scene.check(lives, "standstill").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_were_cut_off_in_silence_are_replaced() {
    let mut scene = Scene::set().await;
    let lives = scene.fills().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    scene.proxy.swallow();
    tokio::time::sleep(Duration::from_secs(rounds(5, 30) as u64)).await;
    assert_eq!(scene.status("/livez").await, 200);
    assert_eq!(scene.status("/readyz").await, 503);
    scene.proxy.mend();
    let took = scene.well_again().await;
    println!("cut off: well again in {took:?}");
    scene.check(lives, "cut off").await;
}

/// As after a failover: nothing is silent but what was open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_die_in_silence_while_new_ones_work_are_replaced() {
    let mut scene = Scene::set().await;
    let lives = scene.fills().await;
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds(1, 3) {
        tokio::time::sleep(Duration::from_secs(2)).await;
        scene.proxy.swallow();
        scene.proxy.mend();
        slowest = slowest.max(scene.well_again().await);
    }
    println!("well again after a silent end within {slowest:?}");
    scene.check(lives, "silent end").await;
}
