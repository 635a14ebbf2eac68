//! Requests that need several hashes, beside a crowd that wants one each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use entity::user;
use sea_orm::EntityTrait;
use serde_json::json;
use tokio::task::JoinHandle;
use vestibule::hasher::Turn;
use vestibule::secret::Secret;

use super::steps::{NEW, application, ask_with, change, policy};
use crate::harness::{Backend, PASSWORD, TestApp};
use crate::support::{PATIENT, accounts};

pub const ONE_AT_A_TIME: (&str, &str) = ("VESTIBULE_PASSWORD_WORKERS", "1");

/// How long one hash takes at least, with one worker and these settings.
async fn one_hash(test: &TestApp, settings: &[(&str, &str)]) -> Duration {
    let measured = test
        .second_instance_with(&[settings, &[ONE_AT_A_TIME]].concat())
        .await;
    let mut least = Duration::MAX;
    for _ in 0..5 {
        let asked = Instant::now();
        let (turn, password) = (Turn::default(), Secret::new(PASSWORD));
        measured
            .app
            .hasher
            .hash(&turn, &password)
            .await
            .expect("a hash");
        least = least.min(asked.elapsed());
    }
    least
}

/// Another instance, with one worker, where a password may wait for so long.
async fn with_patience(test: &TestApp, wait: Duration, settings: &[(&str, &str)]) -> TestApp {
    let wait = wait.as_millis().clamp(1, 60_000).to_string();
    let own = [ONE_AT_A_TIME, ("VESTIBULE_PASSWORD_WAIT", &*wait)];
    test.second_instance_with(&[settings, &own].concat()).await
}

/// So many hash all the time, until they are told to leave.
pub struct Crowd {
    stays: Arc<AtomicBool>,
    hashed: Arc<AtomicUsize>,
    all: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// Comes to the workers' queue without the way through the house, so that none of them is late.
    pub async fn comes(test: &TestApp, many: usize, proved: bool) -> Self {
        let (stays, hashed) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let one = |_| {
            let (hasher, stays) = (test.app.hasher.clone(), Arc::clone(&stays));
            let hashed: Arc<AtomicUsize> = Arc::clone(&hashed);
            tokio::spawn(async move {
                while stays.load(Ordering::Relaxed) {
                    let (turn, password) = (Turn::default(), Secret::new(PASSWORD));
                    if proved {
                        turn.prove();
                    }
                    match hasher.hash(&turn, &password).await {
                        Ok(_) => drop(hashed.fetch_add(1, Ordering::Relaxed)),
                        // Refused at once, where it may wait for a moment only.
                        Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                    }
                }
            })
        };
        let all = (0..many).map(one).collect();
        let end = Instant::now() + Duration::from_secs(120);
        while test.app.hasher.waiting() + 1 < many {
            assert!(Instant::now() < end, "the queue does not fill");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Self { stays, hashed, all }
    }

    fn hashed(&self) -> usize {
        self.hashed.load(Ordering::Relaxed)
    }

    pub async fn leave(self) {
        self.stays.store(false, Ordering::Relaxed);
        for one in self.all {
            one.await.expect("the crowd has left");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_proved_a_password_waits_behind_the_crowd_once() {
    let settings = [
        ONE_AT_A_TIME,
        PATIENT[0],
        PATIENT[1],
        ("VESTIBULE_PASSWORD_PASSES", "8"),
    ];
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    let ann = test.user("ann").await;
    let crowd = Crowd::comes(&test, 20, false).await;
    let before = crowd.hashed();
    change(&ann, PASSWORD, NEW).await.ok();
    let hashed = crowd.hashed() - before;
    crowd.leave().await;
    // All that were before the proof, and a few meanwhile.
    assert!((15..35).contains(&hashed), "{hashed}");
}

/// One after the other, each behind a crowd of four: the waits of one would be over long before those of all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_request_waits_for_all_its_hashes_has_the_deadline_of_one() {
    const MANY: usize = 400;
    let test = TestApp::start(Backend::Sqlite).await;
    // Time for twenty of them, where the machine stays as it is.
    let wait = one_hash(&test, &[]).await * 80;
    let test = with_patience(&test, wait, &[]).await;
    let crowd = Crowd::comes(&test, 4, false).await;
    let (turn, password) = (Turn::default(), Secret::new(PASSWORD));
    let mut hashed = 0;
    while hashed < MANY && test.app.hasher.hash(&turn, &password).await.is_ok() {
        hashed += 1;
    }
    assert!((1..MANY).contains(&hashed), "{hashed}");
    crowd.leave().await;
    // Whoever comes now has a deadline of their own.
    let hash = test.app.hasher.hash(&Turn::default(), &password).await;
    hash.expect("a hash");
}

/// A reset that names the password compares it with 25 former ones: that would take too long behind a crowd, and is told
/// before the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_hashes_in_turn_are_refused_before_the_first() {
    let house = TestApp::start(Backend::Sqlite).await;
    policy(&house, json!({ "history": 24 })).await.ok();
    application(&house, json!({ "passwordInResetRequestAllowed": true }))
        .await
        .ok();
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        // Behind a crowd of twenty, one hash waits for twenty others, and 25 in turn for five hundred.
        let wait = one_hash(&house, &[]).await * 100;
        let test = with_patience(&house, wait, &[]).await;
        let ask = || async { ask_with(&test.anon(), json!({ "newPassword": NEW })).await };
        ask().await.ok();
        let crowd = Crowd::comes(&test, 20, false).await;
        let (hasher, turn) = (&test.app.hasher, Turn::default());
        let (one, all) = (hasher.admit_all(&turn, 1), hasher.admit_all(&turn, 25));
        let asked = ask().await.code_or_ok();
        crowd.leave().await;
        ask().await.ok();
        if one.is_ok() && all.is_err() && asked == "OVERLOADED" {
            break;
        }
        // The machine was much slower, or much quicker, while it was measured.
        assert!(Instant::now() < end, "{one:?}, {all:?}, {asked:?}");
    }
}

/// Accounts are to be had: whoever has proved something, again and again, has a share of the workers and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_has_proved_something_keeps_nobody_out() {
    let settings = [ONE_AT_A_TIME, PATIENT[0], PATIENT[1]];
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    let crowd = Crowd::comes(&test, 4, true).await;
    let before = crowd.hashed();
    let mut signed_in = 0;
    // They go first, where there is something to go before.
    while signed_in < 8 || crowd.hashed() <= before + 4 {
        let client = test.anon();
        let answer = client.sign_in("nobody@example.org", PASSWORD);
        let answer = tokio::time::timeout(Duration::from_secs(20), answer).await;
        assert_eq!(answer.expect("a turn").code(), "INVALID_CREDENTIALS");
        signed_in += 1;
        assert!(signed_in < 500, "the crowd has no turn");
    }
    crowd.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_wait_no_longer_is_told_while_the_workers_are_busy() {
    let settings = [
        ONE_AT_A_TIME,
        ("VESTIBULE_PASSWORD_PASSES", "64"),
        ("VESTIBULE_PASSWORD_MEMORY", "65536"),
        ("VESTIBULE_PASSWORD_WAIT", "500"),
    ];
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    let hasher = test.app.hasher.clone();
    let (turn, password) = (Turn::default(), Secret::new(PASSWORD));
    let busy = tokio::spawn(async move { hasher.hash(&turn, &password).await });
    while test.app.hasher.running() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (turn, password) = (Turn::default(), Secret::new(PASSWORD));
    assert!(test.app.hasher.hash(&turn, &password).await.is_err());
    assert!(!busy.is_finished(), "too quick to tell");
    busy.await.expect("the worker goes on").expect("a hash");
}

/// The password is right all the same, and its hash is raised next time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_whose_raised_hash_finds_no_room_is_let_in() {
    let test = TestApp::start(Backend::Sqlite).await;
    test.user("ann").await;
    let stored = async || {
        accounts(&test, "ann@example.org")
            .await
            .remove(0)
            .password_hash
    };
    let cheap = stored().await;
    // Behind a crowd of two, the comparison waits for one or two others, and so does the raised hash: the time that is enough
    // for the one and not for both is found by trying.
    let dear = [("VESTIBULE_PASSWORD_PASSES", "12")];
    let mut wait = one_hash(&test, &dear).await.mul_f64(1.6);
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let dearer = with_patience(&test, wait, &dear).await;
        let crowd = Crowd::comes(&dearer, 2, false).await;
        let answer = dearer.anon().sign_in("ann@example.org", PASSWORD).await;
        crowd.leave().await;
        if answer.code_or_ok() == "OVERLOADED" {
            // Could not be compared.
            wait = wait.mul_f64(1.2);
        } else {
            answer.ok();
            if stored().await == cheap {
                break;
            }
            wait = wait.mul_f64(0.85);
        }
        assert!(Instant::now() < end, "always room, or none, at {wait:?}");
        user::Entity::update_many()
            .col_expr(user::Column::PasswordHash, cheap.clone().into())
            .exec(test.app.db.write())
            .await
            .expect("as before");
    }
}

/// Whoever keeps a place has looked somebody up meanwhile, in the belief that it is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_is_kept_goes_to_nobody_else() {
    let settings = [("VESTIBULE_PASSWORD_QUEUE", "1"), PATIENT[0], PATIENT[1]];
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    let (hasher, password) = (&test.app.hasher, Secret::new(PASSWORD));
    let turn = Turn::default();
    let kept = hasher.keep_place(&turn).expect("a place");
    assert!(hasher.admit().is_err());
    let strangers = hasher.hash(&Turn::default(), &password).await;
    assert!(strangers.is_err());
    hasher.hash(&turn, &password).await.expect("its own place");
    drop(kept);
    let another = Turn::default();
    drop(hasher.keep_place(&another).expect("a place"));
    // It was given up.
    let next = hasher.hash(&Turn::default(), &password).await;
    next.expect("the place");
}
