//! `awaitVerification`: how long it waits, for whom, and what ends it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::handoff::{Pending, kind, pick, wait};
use crate::harness::program::Program;
use crate::harness::{Backend, Client, Server, TestApp, wire};
use crate::support::{assert_alive, hits, shape, verify_ticket};

/// Longer than anything here takes that goes well.
const LONG: (&str, &str) = ("VESTIBULE_VERIFICATION_WAIT", "25000");

/// Until so many wait at this instance.
pub async fn until_waiting(test: &TestApp, many: usize) {
    for _ in 0..400 {
        if test.app.waiting.len() == many {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} wait, not {many}", test.app.waiting.len());
}

fn spawn(client: Client, handle: &str) -> tokio::task::JoinHandle<crate::harness::Answer> {
    let handle = handle.to_owned();
    tokio::spawn(async move { wait(&client, &handle).await })
}

on_both_databases! {
    async fn nothing_tells_a_live_handle_from_any_other(backend: Backend) {
        let test = TestApp::start(backend).await;
        let live = Pending::of(&test, "ann@example.org").await;
        let refused = Pending::of(&test, "bob@example.org").await;
        pick(&test.anon(), &refused.ticket, refused.wrong(&test).await).await.ok();
        let ended = Pending::of(&test, "cid@example.org").await;
        verify_ticket(&test.anon(), &ended.ticket).await.ok();
        let taken = test.anon().sign_up("cid@example.org").await.ok().text("/data/signUp/verificationId");
        let known = wait(&test.anon(), &live.handle).await.ok();
        assert_eq!(known.text("/data/awaitVerification/email"), "");
        let turned: String = live.handle.chars().rev().collect();
        for handle in [&refused.handle, &ended.handle, &taken, &turned, "", "\u{0}", "ann@example.org"] {
            let began = Instant::now();
            let other = wait(&test.anon(), handle).await.ok();
            assert!(began.elapsed() >= Duration::from_millis(300), "it waits as well");
            assert_eq!(other.text("/data/awaitVerification/verificationId"), *handle);
            assert_eq!(shape(&other), shape(&known));
        }
    }

    async fn what_is_picked_at_another_instance_is_found(backend: Backend) {
        let test = TestApp::with(backend, &[LONG]).await;
        let other = test.second_instance_with(&[LONG]).await;
        let pending = Pending::of(&test, "ann@example.org").await;
        let waiting = spawn(other.anon(), &pending.handle);
        until_waiting(&other, 1).await;
        assert!(test.app.waiting.is_empty());
        pick(&test.anon(), &pending.ticket, pending.number).await.ok();
        assert_eq!(kind(&waiting.await.expect("an answer").ok()), "Session");
        assert!(other.app.waiting.is_empty());
    }

    async fn nothing_goes_beside_a_wait_so_that_who_is_revoked_meanwhile_does_nothing_after_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        for mutation in [
            r#"mutation { awaitVerification(input: {verificationId: "x"}) { __typename } signOut { revokedSessions } }"#,
            r#"mutation { signOut { revokedSessions } ...Wait } fragment Wait on Mutation { awaitVerification(input: {verificationId: "x"}) { __typename } }"#,
        ] {
            assert_eq!(ann.query(mutation, Value::Null).await.code(), "QUERY_TOO_COMPLEX");
        }
        assert_alive(&ann.me().await.ok());
    }

    async fn waits_are_bounded_in_all_by_network_and_by_handle(backend: Backend) {
        let test = TestApp::with(backend, &[LONG, ("VESTIBULE_VERIFICATION_WAITS", "4")]).await;
        let from = |ip: &str| test.anon().calling_from(ip);
        let mut waiting = vec![spawn(from("192.0.2.1"), "a"), spawn(from("192.0.2.2"), "a")];
        until_waiting(&test, 2).await;
        let crowded = wait(&from("192.0.2.3"), "a").await;
        assert_eq!((crowded.code(), crowded.at("/errors/0/extensions/retryAfter")), ("OVERLOADED".into(), json!(2)));
        waiting.push(spawn(from("192.0.2.1"), "b"));
        until_waiting(&test, 3).await;
        assert_eq!(wait(&from("192.0.2.1"), "c").await.code(), "OVERLOADED");
        waiting.push(spawn(from("192.0.2.4"), "c"));
        until_waiting(&test, 4).await;
        assert_eq!(wait(&from("192.0.2.5"), "d").await.code(), "OVERLOADED");
        assert_eq!(hits(&test, "waits_at_once").await, 3);
        // A house that is about to stop lets all of them go.
        test.app.leave();
        for waiting in waiting {
            assert_eq!(kind(&waiting.await.expect("an answer").ok()), "PendingVerification");
        }
        assert!(test.app.waiting.is_empty());
        assert_eq!(kind(&wait(&test.anon(), "a").await.ok()), "PendingVerification");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wait_comes_on_top_of_a_requests_time_and_is_no_slowness() {
    let settings = [
        ("VESTIBULE_VERIFICATION_WAIT", "4000"),
        ("VESTIBULE_REQUEST_TIMEOUT", "2000"),
        ("VESTIBULE_READ_TIMEOUT", "100"),
    ];
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    let began = Instant::now();
    let waiting = spawn(test.anon(), "x");
    until_waiting(&test, 1).await;
    let text = async || {
        let metrics = test.anon().get("/metrics").await;
        metrics.body.as_str().expect("a text").to_owned()
    };
    assert!(text().await.contains("vestibule_verifications_awaited 1"));
    assert_eq!(
        kind(&waiting.await.expect("an answer").ok()),
        "PendingVerification"
    );
    let taken = began.elapsed().as_secs_f64();
    let metrics = text().await;
    let line = metrics.lines().find(|line| {
        line.starts_with("vestibule_http_request_seconds_sum") && line.contains("/graphql")
    });
    let sum = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    let sum = sum.unwrap_or_else(|| panic!("no sum: {metrics}"));
    assert!(
        sum <= taken - 3.9,
        "{sum} of {taken} seconds: the wait is in it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_away_makes_the_seat_free() {
    let server = Server::with(Backend::Sqlite, &[LONG]).await;
    let input = json!({ "input": { "verificationId": "x" } });
    let mut stream = wire::connect(server.address).await;
    let request = wire::post(&wire::document("await_verification", input), &[]);
    stream.write_all(&request).await.expect("a request");
    until_waiting(&server.test, 1).await;
    drop(stream);
    until_waiting(&server.test, 0).await;
    server.stop().await;
}

/// A wait lasts for longer than a shutdown does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_told_to_stop_answers_who_waits() {
    let settings = [LONG, ("VESTIBULE_SHUTDOWN_TIMEOUT", "10000")];
    let mut program = Program::serve(&settings).await;
    let input = json!({ "input": { "verificationId": "x" } });
    let request = wire::post(&wire::document("await_verification", input), &[]);
    let mut stream = wire::connect(program.address).await;
    stream.write_all(&request).await.expect("a request");
    for _ in 0..200 {
        let metrics = wire::get(program.address, "/metrics", &[]).await.body;
        if metrics.contains("vestibule_verifications_awaited 1") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    program.terminate();
    let answer = wire::Wire::of(&wire::read_to_end(&mut stream).await).json();
    let kind = &answer["data"]["awaitVerification"]["__typename"];
    assert_eq!(kind, "PendingVerification", "{answer}");
    assert_eq!(
        program.ended().await.code(),
        Some(0),
        "{}",
        program.output()
    );
}
