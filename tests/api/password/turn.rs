//! Requests that need several hashes, beside a crowd that wants one each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinHandle;

use super::steps::{NEW, application, ask_with, change, policy};
use crate::harness::{Answer, Backend, PASSWORD, TestApp};

const ONE_AT_A_TIME: (&str, &str) = ("VESTIBULE_PASSWORD_WORKERS", "1");

/// So many ask for a session.
fn crowd(test: &TestApp, many: usize) -> Vec<JoinHandle<Answer>> {
    let sign_in = |_| {
        let client = test.anon();
        tokio::spawn(async move { client.sign_in("nobody@example.org", PASSWORD).await })
    };
    (0..many).map(sign_in).collect()
}

async fn until_waiting(test: &TestApp, many: usize) {
    let end = Instant::now() + Duration::from_secs(10);
    while test.app.hasher.waiting() < many {
        assert!(Instant::now() < end, "the hashes were too quick");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_proved_a_password_waits_behind_the_crowd_once() {
    let settings = [
        ONE_AT_A_TIME,
        ("VESTIBULE_PASSWORD_PASSES", "16"),
        ("VESTIBULE_PASSWORD_WAIT", "60000"),
        ("VESTIBULE_REQUEST_TIMEOUT", "120000"),
    ];
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    let ann = test.user("ann").await;
    let before = crowd(&test, 6);
    until_waiting(&test, 5).await;
    let changed = tokio::spawn(async move { change(&ann, PASSWORD, NEW).await });
    until_waiting(&test, 6).await;
    let behind = crowd(&test, 20);
    until_waiting(&test, 24).await;
    changed.await.expect("an answer").ok();
    assert!(before.iter().all(JoinHandle::is_finished));
    let served = behind.iter().filter(|one| one.is_finished()).count();
    assert!(served < 10, "{served} of those behind were served before");
    for one in before.into_iter().chain(behind) {
        assert_eq!(one.await.expect("an answer").code(), "INVALID_CREDENTIALS");
    }
}

/// A reset that names the password compares it with 25 former ones; between two of them, the crowd has its turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_request_waits_for_all_its_hashes_has_the_deadline_of_one() {
    let test = TestApp::with(Backend::Sqlite, &[ONE_AT_A_TIME]).await;
    policy(&test, json!({ "history": 24 })).await.ok();
    application(&test, json!({ "passwordInResetRequestAllowed": true }))
        .await
        .ok();
    let asked = Instant::now();
    ask_with(&test.anon(), json!({ "newPassword": NEW }))
        .await
        .ok();
    // Time for ten hashes: more than it waits behind a crowd of four, and a tenth of what it waits behind it 25 times.
    let patience = (asked.elapsed() * 10 / 26).as_millis().to_string();
    let settings = [ONE_AT_A_TIME, ("VESTIBULE_PASSWORD_WAIT", &*patience)];
    let test = TestApp::with_clock(test.database.clone(), &settings, test.clock.clone()).await;
    let ask = || async { ask_with(&test.anon(), json!({ "newPassword": NEW })).await };

    let stays = Arc::new(AtomicBool::new(true));
    let crowd = [(); 4].map(|()| {
        let (client, stays) = (test.anon(), Arc::clone(&stays));
        tokio::spawn(async move {
            while stays.load(Ordering::Relaxed) {
                client.sign_in("nobody@example.org", PASSWORD).await;
            }
        })
    });
    until_waiting(&test, 1).await;
    assert_eq!(ask().await.code(), "OVERLOADED");
    stays.store(false, Ordering::Relaxed);
    for one in crowd {
        one.await.expect("the crowd has left");
    }
    ask().await.ok();
}
