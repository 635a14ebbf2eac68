//! Closed loops: so many connections, each asking again as soon as it has its answer, for a bounded time.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::client::Connection;
use super::visitor::{Errand, Reply, Visitor};

/// What counts is what is answered between two moments, or asked.
#[derive(Clone, Copy)]
pub struct Window {
    pub from: Instant,
    pub until: Instant,
    asked: bool,
}

impl Window {
    pub fn after(warm_up: Duration, length: Duration) -> Self {
        let from = Instant::now() + warm_up;
        Self {
            from,
            until: from + length,
            asked: false,
        }
    }

    /// Whatever is asked from now on, however late its answer comes: where the longest wait is looked for.
    pub fn of_all(length: Duration) -> Self {
        Self {
            asked: true,
            ..Self::after(Duration::ZERO, length)
        }
    }

    fn counts(&self, asked: Instant, answered: Instant) -> bool {
        let moment = if self.asked { asked } else { answered };
        self.from <= moment && moment <= self.until
    }

    pub fn seconds(&self) -> f64 {
        (self.until - self.from).as_secs_f64()
    }
}

/// What the connections saw.
#[derive(Default)]
pub struct Tally {
    pub served: Times,
    /// Those of them that were answered before the window closed: what a rate is made of.
    pub in_time: usize,
    pub refused: Times,
    pub failures: usize,
    /// One of them, to tell what is wrong.
    pub failure: Option<String>,
}

#[derive(Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time within which this share was answered; the longest for 1. The times must have been sorted.
    pub fn within(&self, share: f64) -> Option<Duration> {
        let last = self.0.len().checked_sub(1)?;
        let at = (self.0.len() as f64 * share) as usize;
        self.0.get(at.min(last)).copied()
    }
}

/// Runs an errand on so many connections, each with a visitor of its own as far as there are enough, pausing after each
/// answer. A connection that is refused waits as long as `Retry-After` asks for.
pub async fn run(
    address: SocketAddr,
    errand: Errand,
    visitors: &[Visitor],
    connections: usize,
    pause: Duration,
    window: Window,
) -> Tally {
    let mut loops = JoinSet::new();
    for visitor in visitors.iter().cycle().take(connections) {
        loops.spawn(one(address, errand, visitor.clone(), pause, window));
    }
    let mut tally = Tally::default();
    while let Some(part) = loops.join_next().await {
        let part = part.expect("a connection's loop does not panic");
        tally.served.0.extend(part.served.0);
        tally.refused.0.extend(part.refused.0);
        tally.in_time += part.in_time;
        tally.failures += part.failures;
        tally.failure = tally.failure.or(part.failure);
    }
    tally.served.0.sort_unstable();
    tally.refused.0.sort_unstable();
    tally
}

async fn one(
    address: SocketAddr,
    errand: Errand,
    mut visitor: Visitor,
    pause: Duration,
    window: Window,
) -> Tally {
    let mut tally = Tally::default();
    let mut connection = None;
    while Instant::now() < window.until {
        let start = Instant::now();
        let reply = match &mut connection {
            Some(connection) => visitor.run(errand, connection).await,
            None => match Connection::open(address).await {
                Ok(opened) => {
                    connection = Some(opened);
                    continue;
                }
                Err(error) => Err(error),
            },
        };
        let end = Instant::now();
        let counts = window.counts(start, end);
        let mut fail = |failure: String| {
            tally.failures += 1;
            tally.failure.get_or_insert(failure);
        };
        match reply {
            Ok(Reply::Served) if counts => {
                tally.served.0.push(end - start);
                tally.in_time += usize::from(end <= window.until);
            }
            Ok(Reply::Served) => {}
            Ok(Reply::Refused { retry_after }) => {
                if counts {
                    tally.refused.0.push(end - start);
                }
                sleep_until((end + retry_after).min(window.until)).await;
            }
            Ok(Reply::Failed(body)) => {
                fail(body);
                sleep(Duration::from_millis(100)).await;
            }
            Err(error) => {
                fail(error.to_string());
                connection = None;
                sleep(Duration::from_millis(100)).await;
            }
        }
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
    tally
}
