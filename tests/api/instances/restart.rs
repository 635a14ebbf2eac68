//! A rolling restart behind a real load balancer, for those who keep their connections and for those who do not.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::balancer::Balancer;
use super::visitor::{Crowd, Visitor, require_verification};
use super::{database, shared};
use crate::harness::program::{Program, free_address};
use crate::harness::{Backend, wire};

const VISITORS: usize = 8;
/// Answers between two restarts.
const SOME: usize = 60;

/// Long enough for the balancer to notice even on a crowded machine.
const DRAIN: (&str, &str) = ("VESTIBULE_DRAIN_DELAY", "4000");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_each_instance_is_restarted_in_turn() {
    let (_database, url) = database(Backend::Postgres).await;
    let mut settings = shared(&url);
    settings.push(DRAIN);
    let places = [free_address(), free_address()];
    let mut instances = Vec::new();
    for place in places {
        instances.push(Program::serve_previous_at(place, &settings).await);
    }
    let Some(mut balancer) = Balancer::before(&places).await else {
        return;
    };
    let mut visitors = Vec::new();
    require_verification(places[0], false).await;
    for number in 0..VISITORS {
        visitors.push(Visitor::arrive(balancer.address, number).await);
    }
    require_verification(places[1], true).await;
    let crowd = Arc::new(Crowd::default());
    let staying: Vec<_> = visitors
        .into_iter()
        .map(|mut visitor| {
            let (crowd, address) = (Arc::clone(&crowd), balancer.address);
            tokio::spawn(async move { visitor.stay(address, crowd).await })
        })
        .collect();
    crowd.goes_on(SOME).await;
    // The version before gives way, and at the end one instance is rolled back to it.
    for (number, name, goes_back) in [(0, "a", false), (1, "b", false), (0, "a", true)] {
        instances[number].terminate();
        let status = instances[number].ended().await;
        assert_eq!(status.code(), Some(0), "{}", instances[number].output());
        crowd.goes_on(SOME).await;
        instances[number] = if goes_back {
            Program::serve_previous_at(places[number], &settings).await
        } else {
            Program::serve_at(places[number], &settings).await
        };
        balancer.sends_to(name).await;
        crowd.goes_on(SOME).await;
    }
    crowd.over.store(true, Ordering::SeqCst);
    for visitor in staying {
        let stayed = visitor.await.expect("a visitor does not panic");
        assert_eq!(stayed, Ok(()), "{}", balancer.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_to_stop_is_not_ready_but_answers_until_the_delay_is_over() {
    let settings = [("VESTIBULE_DRAIN_DELAY", "300000")];
    let mut program = Program::serve(&settings).await;
    program.terminate();
    let mut answer = wire::get(program.address, "/readyz", &[]).await;
    for _ in 0..600 {
        if answer.status == 503 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        answer = wire::get(program.address, "/readyz", &[]).await;
    }
    assert_eq!((answer.status, answer.body.as_str()), (503, "stopping\n"));
    // It is no use to restart one that is about to end.
    assert_eq!(wire::get(program.address, "/livez", &[]).await.status, 200);
    // A connection that its client would keep is closed after its answer.
    let request = b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    let answer = wire::Wire::of(&wire::exchange(program.address, request).await);
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    // Who is in a hurry asks again.
    program.terminate();
    assert_eq!(
        program.ended().await.code(),
        Some(0),
        "{}",
        program.output()
    );
}
