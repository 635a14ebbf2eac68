//! `kill -9`, at any moment.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use vestibule::clock::Rng;

use super::rounds;
use super::town::{Town, is_whole};
use crate::harness::program::{Program, free_address};
use crate::harness::{Backend, Database, MASTER_KEY, PASSWORD, TestApp, wire};
use crate::smtp::server::Manner;
use crate::support::verify_ticket;

/// A worker that died is forgotten after five minutes.
pub const FORGOTTEN: TimeDelta = TimeDelta::minutes(6);

pub fn pairs(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Between 20 and about 800 milliseconds.
fn any_moment() -> Duration {
    let [low, high] = Rng::system().bytes::<2>();
    let number = u64::from(low) | u64::from(high) << 8;
    Duration::from_millis(20 + number % 780)
}

async fn kill_at_random(backend: Backend, times: usize) {
    let town = Town::found().await;
    let database = Database::empty(backend).await;
    let settings = town.settings(&database.url());
    let mut program = Program::serve(&pairs(&settings)).await;
    town.moves_to(program.address);
    let lives = town.live(5);
    for _ in 0..times {
        tokio::time::sleep(any_moment()).await;
        program.kill();
        program.start_again().await;
        town.moves_to(program.address);
    }
    // However slow the machine: somebody comes after the last kill, and is heard.
    town.takes_in().await;
    town.close(lives).await;
    println!("{backend:?}: killed {times} times: {}", town.tally());
    program.kill();
    let test = TestApp::later(database, &pairs(&settings), FORGOTTEN).await;
    let books = town.check_the_books(&test).await;
    // A fifth, at most, of what a house that is well comes to from kill to kill; in the short form, that somebody alone.
    assert!(books.accounts >= (times / 5).max(1), "{books:?}");
    assert!(books.ended >= (times / 10).max(1), "{books:?}");
    assert!(books.former >= times / 10, "{books:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_every_kill_on_sqlite() {
    kill_at_random(Backend::Sqlite, rounds(6, 100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_every_kill_on_postgres() {
    kill_at_random(Backend::Postgres, rounds(4, 30)).await;
}

on_both_databases! {
    async fn a_first_start_that_is_killed_hinders_no_other(backend: Backend) {
        for _ in 0..rounds(3, 20) {
            let database = Database::empty(backend).await;
            let url = database.url();
            let settings = [("VESTIBULE_DATABASE_URL", url.as_str()), ("VESTIBULE_MASTER_KEY", MASTER_KEY)];
            let mut program = Program::start(free_address(), &settings);
            tokio::time::sleep(any_moment() / 2).await;
            program.kill();
            program.start_again().await;
            let keys = wire::get(program.address, "/.well-known/jwks.json", &[]).await.json();
            assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
            is_whole(&database.connect().await).await;
        }
    }

    async fn a_mail_that_was_taken_when_the_program_was_killed_comes_again_with_the_same_proof(backend: Backend) {
        let town = Town::found().await;
        let database = Database::empty(backend).await;
        let settings = town.settings(&database.url());
        let mut program = Program::serve(&pairs(&settings)).await;
        town.mail.behave(Manner::TakesInSilence);
        let input = json!({ "input": { "email": "ann@example.org", "password": PASSWORD } });
        let asked = wire::run(program.address, "sign_up", input, &[]).await.json();
        assert_eq!(asked["data"]["signUp"]["__typename"], "PendingVerification", "{asked}");
        for _ in 0..400 {
            if !town.mail.messages_to("ann@example.org").is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        program.kill();
        town.mail.behave(Manner::Takes);
        assert_eq!(town.mail.messages_to("ann@example.org").len(), 1);

        let test = TestApp::later(database, &pairs(&settings), FORGOTTEN).await;
        test.run_jobs().await;
        let messages = town.mail.messages_to("ann@example.org");
        let [first, second] = messages.as_slice() else { panic!("two mails: {messages:?}") };
        assert_eq!(first.proof(), second.proof());
        let (ticket, _) = second.proof().expect("a link and a code");
        verify_ticket(&test.anon(), &ticket).await.ok();
    }
}
