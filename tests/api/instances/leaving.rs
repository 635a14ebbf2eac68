//! Whoever leaves the balancer has left the house behind it, too.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::balancer::Balancer;
use crate::harness::program::Program;
use crate::harness::{PASSWORD, wire};
use crate::http::rush::passwords;

/// One after the other would be hashed for seconds.
const SLOW: [(&str, &str); 5] = [
    ("VESTIBULE_RATE_LIMITS", "off"),
    ("VESTIBULE_PASSWORD_WORKERS", "1"),
    ("VESTIBULE_PASSWORD_PASSES", "8"),
    ("VESTIBULE_PASSWORD_WAIT", "60000"),
    ("VESTIBULE_REQUEST_TIMEOUT", "120000"),
];
const LEAVING: usize = 60;
/// That may be hashed from one look to the next.
const FEW: usize = 10;

#[tokio::test]
async fn nothing_is_hashed_for_whoever_leaves_the_balancer() {
    let program = Program::serve(&SLOW).await;
    let Some(balancer) = Balancer::before(&[program.address]).await else {
        return;
    };
    let end = Instant::now() + Duration::from_secs(60);
    let input = json!({ "input": { "login": "ann@example.org", "password": PASSWORD } });
    let request = wire::post(&wire::document("sign_in", input), &[]);
    let mut leaving = Vec::new();
    for _ in 0..LEAVING {
        let mut stream = wire::connect(balancer.address).await;
        stream.write_all(&request).await.expect("a request");
        leaving.push(stream);
    }
    let begun = loop {
        let [hashed, running, waiting] = passwords(&program).await;
        let begun = hashed + running;
        if begun + waiting >= LEAVING {
            assert!(waiting > 3 * FEW, "{waiting} wait: {}", balancer.log());
            break begun;
        }
        assert!(Instant::now() < end, "{begun} and {waiting} have come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    drop(leaving);
    loop {
        let [hashed, running, waiting] = passwords(&program).await;
        if waiting == 0 {
            let now = hashed + running;
            assert!(now < begun + FEW, "{} were hashed", now - begun);
            break;
        }
        assert!(Instant::now() < end, "{waiting} wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
