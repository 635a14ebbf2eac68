//! Keys come and go while people sign in, refresh and ask, on two instances.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use tokio::sync::watch;
use vestibule::locksmith::{self, Start};

use super::{kid_of, kids, rotate, tend};
use crate::harness::{Client, PASSWORD, TestApp};
use crate::support::assert_alive;

const CLIENTS: usize = 6;

/// What all of them share.
#[derive(Default)]
struct Crowd {
    over: AtomicBool,
    /// How often each has gone round.
    rounds: [AtomicUsize; CLIENTS],
}

impl Crowd {
    /// Waits until everybody has gone round once more from here: nobody holds a token that is older than two steps.
    async fn goes_round(&self) {
        let before: Vec<_> = self
            .rounds
            .iter()
            .map(|rounds| rounds.load(Ordering::SeqCst))
            .collect();
        for (number, before) in before.into_iter().enumerate() {
            while self.rounds[number].load(Ordering::SeqCst) < before + 2 {
                assert!(!self.over.load(Ordering::SeqCst), "a client has failed");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

/// Signs in, refreshes and asks, each time at the other instance, until it is over. Answers the ids of the keys met.
async fn client(crowd: Arc<Crowd>, number: usize, doors: [Client; 2]) -> Vec<String> {
    // However it ends, the others hear of it.
    struct Ending(Arc<Crowd>);
    impl Drop for Ending {
        fn drop(&mut self) {
            self.0.over.store(true, Ordering::SeqCst);
        }
    }
    let _ending = Ending(Arc::clone(&crowd));
    let mut met = Vec::new();
    let mut turn = number;
    while !crowd.over.load(Ordering::SeqCst) {
        let session = doors[turn % 2]
            .sign_in("ann@example.org", PASSWORD)
            .await
            .ok();
        let mut session = doors[turn % 2]
            .clone()
            .signed_in(&session.at("/data/signIn"));
        for _ in 0..4 {
            turn += 1;
            let (here, there) = (&doors[turn % 2], &doors[(turn + 1) % 2]);
            let old = session.access_token.clone();
            let fresh = here.refresh(&session.refresh_token).await.ok();
            session = here.clone().signed_in(&fresh.at("/data/refreshSession"));
            // The old one and the fresh one, each at both.
            for token in [&old, &session.access_token] {
                assert_alive(&here.clone().bearer(token).me().await.ok());
                assert_alive(&there.clone().bearer(token).me().await.ok());
            }
            met.push(kid_of(&session.access_token));
            crowd.rounds[number].fetch_add(1, Ordering::SeqCst);
        }
    }
    met
}

on_both_databases! {
    async fn no_request_fails_while_keys_rotate(backend: Backend) {
        let test = TestApp::start(backend).await;
        let other = test.second_instance().await;
        test.user("ann").await;
        let (stop, told) = watch::channel(false);
        let rounds = [&test, &other].map(|house| tokio::spawn(locksmith::run(house.app.clone(), told.clone())));
        let crowd = Arc::new(Crowd::default());
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| tokio::spawn(client(Arc::clone(&crowd), number, [test.anon(), other.anon()])))
            .collect();
        let mut made = Vec::new();
        for _ in 0..4 {
            let new = rotate(&test, Start::Announced).await;
            // Instances hear of it by the clock on the wall, long before it signs by the clock of the test.
            while !kids(&other).await.contains(&new.kid) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            made.push(new.kid);
            for _ in 0..10 {
                test.clock.advance(TimeDelta::seconds(150));
                tend(&other).await;
                crowd.goes_round().await;
            }
        }
        crowd.over.store(true, Ordering::SeqCst);
        let mut met = Vec::new();
        for client in clients {
            met.extend(client.await.expect("no request has failed"));
        }
        for kid in &made {
            assert!(met.contains(kid), "a key never signed");
        }
        // Those before the last two have been retired meanwhile; the instances hear of it by the clock on the wall.
        let end = Instant::now() + Duration::from_secs(20);
        let mut left = kids(&test).await;
        while left.len() > 2 && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
            left = kids(&test).await;
        }
        assert!(left.len() <= 2 && left.contains(&made[3]), "{left:?}");
        stop.send(true).expect("the rounds go on");
        for round in rounds {
            round.await.expect("the round ends in peace");
        }
    }
}
