//! The queue before the password hashing: bounded, quick to refuse, and empty of those who have gone.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::harness::{Backend, PASSWORD, Server, TestApp, race, wire};
use crate::support::hashes;

/// A hash takes long enough for a queue to form behind it.
const SLOW: (&str, &str) = ("VESTIBULE_PASSWORD_PASSES", "32");
const ONE_AT_A_TIME: (&str, &str) = ("VESTIBULE_PASSWORD_WORKERS", "1");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_said_after_a_second_and_when_to_come_back() {
    let settings = [
        SLOW,
        ONE_AT_A_TIME,
        ("VESTIBULE_PASSWORD_QUEUE", "1"),
        ("VESTIBULE_PASSWORD_WAIT", "60000"),
    ];
    for (accept, status) in [
        ("application/graphql-response+json", 503),
        ("application/json", 200),
    ] {
        let test = TestApp::with(Backend::Sqlite, &settings).await;
        let client = test.anon().header("accept", accept);
        let answers = race(8, |_| {
            let client = client.clone();
            async move {
                let asked = Instant::now();
                let answer = client.sign_in("ann@example.org", PASSWORD).await;
                (answer, asked.elapsed())
            }
        });
        let answers = answers.await;
        let (refused, heard): (Vec<_>, Vec<_>) = answers
            .iter()
            .partition(|(answer, _)| answer.code() == "OVERLOADED");
        // One is hashed, one waits, and perhaps another one takes the place of the first.
        assert!(refused.len() >= 5, "{}", refused.len());
        assert!(!heard.is_empty());
        for (answer, taken) in refused {
            // Whoever asks again at once does so once a second.
            assert!(*taken >= Duration::from_secs(1), "{taken:?}");
            assert_eq!(answer.status.as_u16(), status);
            assert_eq!(answer.headers["retry-after"], "2");
            assert_eq!(answer.at("/errors/0/extensions/retryAfter"), json!(2));
        }
        for (answer, _) in heard {
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (200, "INVALID_CREDENTIALS")
            );
            assert!(answer.headers.get("retry-after").is_none());
        }
        test.anon()
            .query("{ authConfig { signUpEnabled } }", json!({}))
            .await
            .ok();
    }
}

/// Looking up who it is costs more than sending away: it is not done for who is sent away in any case. Whoever was let in has
/// the place, however long the database takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_asks_nothing_of_the_database() {
    let settings = [
        ("VESTIBULE_PASSWORD_QUEUE", "1"),
        ("VESTIBULE_DATABASE_TIMEOUT", "20000"),
        ("VESTIBULE_DATABASE_CONNECTIONS", "1"),
    ];
    let test = TestApp::with(Backend::Postgres, &settings).await;
    let held = test.app.db.begin().await.expect("the only connection");
    let asked = Instant::now();
    let mut both = JoinSet::new();
    for login in ["ann@example.org", "bob@example.org"] {
        let client = test.anon();
        both.spawn(async move { client.sign_in(login, PASSWORD).await.code() });
    }
    // One waits for the connection, and nobody for a worker.
    let refused = both.join_next().await.expect("two").expect("an answer");
    assert_eq!(refused, "OVERLOADED");
    let sign_up = test.anon().sign_up("carl@example.org").await;
    assert_eq!(sign_up.code(), "OVERLOADED");
    // Neither waited for the connection.
    assert!(asked.elapsed() < Duration::from_secs(20));
    held.rollback().await.expect("free again");
    let heard = both.join_next().await.expect("one").expect("an answer");
    assert_eq!(heard, "INVALID_CREDENTIALS");
    // The place is given back with each answer.
    let again = test.anon().sign_in("ann@example.org", PASSWORD).await;
    assert_eq!(again.code(), "INVALID_CREDENTIALS");
}

/// A place is kept for no longer than somebody waits for the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_before_the_password_is_looked_at_leaves_the_place() {
    let settings = [
        ("VESTIBULE_PASSWORD_QUEUE", "1"),
        ("VESTIBULE_DATABASE_TIMEOUT", "20000"),
        ("VESTIBULE_DATABASE_CONNECTIONS", "1"),
    ];
    let test = TestApp::with(Backend::Postgres, &settings).await;
    let held = test.app.db.begin().await.expect("the only connection");
    let client = test.anon();
    let gone = client.sign_in("ann@example.org", PASSWORD);
    let left = tokio::time::timeout(Duration::from_millis(200), gone).await;
    assert!(left.is_err(), "it waits for the connection");
    held.rollback().await.expect("free again");
    let next = test.anon().sign_in("bob@example.org", PASSWORD).await;
    assert_eq!(next.code(), "INVALID_CREDENTIALS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_too_long_for_a_worker_is_sent_away() {
    let settings = [SLOW, ONE_AT_A_TIME, ("VESTIBULE_PASSWORD_WAIT", "10")];
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    let answers = race(4, |_| {
        let client = test.anon();
        async move { client.sign_in("ann@example.org", PASSWORD).await.code() }
    });
    let sent_away = answers
        .await
        .iter()
        .filter(|code| *code == "OVERLOADED")
        .count();
    assert!(sent_away >= 2, "{sent_away}");
}

/// Sixty clients leave while their passwords wait for the one that is hashed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_of_a_client_that_has_gone_is_not_hashed() {
    const GONE: usize = 60;
    // The house hears of each that it has gone, while a few are hashed.
    const FEW: usize = 6;
    let settings = [
        ("VESTIBULE_PASSWORD_PASSES", "16"),
        ONE_AT_A_TIME,
        ("VESTIBULE_PASSWORD_WAIT", "60000"),
        ("VESTIBULE_REQUEST_TIMEOUT", "120000"),
    ];
    let server = Server::with(Backend::Sqlite, &settings).await;
    let input = json!({ "input": { "login": "ann@example.org", "password": PASSWORD } });
    let hasher = &server.test.app.hasher;
    let end = Instant::now() + Duration::from_secs(120);
    let mut leaving = Vec::new();
    for _ in 0..GONE {
        let mut stream = wire::connect(server.address).await;
        let request = wire::post(&wire::document("sign_in", input.clone()), &[]);
        stream.write_all(&request).await.expect("a request");
        leaving.push(stream);
    }
    let (before, waiting) = loop {
        let (before, waiting) = (hashes(&server.test).await, hasher.waiting());
        if before + waiting >= GONE {
            break (before, waiting);
        }
        assert!(Instant::now() < end, "{before} and {waiting} have come");
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    drop(leaving);
    while hasher.waiting() + hasher.running() > 0 {
        assert!(Instant::now() < end, "they go on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let hashed = hashes(&server.test).await - before;
    assert!(waiting > 2 * FEW, "{waiting} wait");
    assert!(hashed <= FEW, "{hashed} of {waiting}");
    let answer = wire::run(server.address, "sign_in", input, &[]).await;
    assert_eq!(
        answer.json()["errors"][0]["extensions"]["code"],
        "INVALID_CREDENTIALS"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_sign_ups_at_once_wait_for_each_other_on_sqlite() {
    let patience = [
        ("VESTIBULE_PASSWORD_WAIT", "60000"),
        ("VESTIBULE_DATABASE_TIMEOUT", "30000"),
    ];
    let test = TestApp::with(Backend::Sqlite, &patience).await;
    let answers = race(50, |number| {
        let client = test.anon();
        async move { client.sign_up(&format!("a{number}@example.org")).await }
    });
    for answer in answers.await {
        answer.ok();
    }
    assert_eq!(test.mails().await.len(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_takes_too_long_is_ended_with_an_answer() {
    let settings = [
        ("VESTIBULE_PASSWORD_PASSES", "64"),
        ONE_AT_A_TIME,
        ("VESTIBULE_PASSWORD_WAIT", "60000"),
        ("VESTIBULE_REQUEST_TIMEOUT", "100"),
    ];
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    let client = test.anon();
    let sign_in = client.sign_in("a@example.org", PASSWORD);
    let answer = tokio::time::timeout(Duration::from_secs(20), sign_in);
    let answer = answer.await.expect("an answer");
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (503, "OVERLOADED")
    );
}
