//! Clients that are sent away, and ask again at once, cost more than what they were refused: a refusal of a mutation that
//! takes a credential is answered a moment later (ADR 27). Nothing is held meanwhile but the connection to the client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::guard::{CREDENTIAL_MUTATIONS, Root};

/// How soon after its question a refusal may be answered.
const SOONEST: Duration = Duration::from_secs(1);
/// How many are held back at once; who comes on top is told at once.
const MOST: usize = 1_000;

/// Clones share the places.
#[derive(Clone)]
pub struct Hold(Arc<Semaphore>);

impl Hold {
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }

    /// Waits until the refusal of these fields, asked for then, may be answered; says how long it has waited.
    pub async fn back(&self, roots: &[Root], asked: Instant) -> Duration {
        let begun = Instant::now();
        let costs = |root: &Root| CREDENTIAL_MUTATIONS.contains(&&*root.field);
        if roots.iter().any(costs)
            && let Ok(_place) = self.0.try_acquire()
        {
            tokio::time::sleep(SOONEST.saturating_sub(asked.elapsed())).await;
        }
        begun.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Name;

    use super::*;

    fn asks(field: &str) -> [Root; 1] {
        let field = Name::new(field);
        [Root {
            key: field.clone(),
            field,
        }]
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_are_held_and_whoever_comes_on_top_is_told_at_once() {
        let hold = Hold::new();
        // However long this takes on the wall.
        let asked = Instant::now() + Duration::from_secs(3_600);
        let left = hold.0.available_permits() - MOST;
        let held: Vec<_> = (0..MOST)
            .map(|_| {
                let hold = hold.clone();
                tokio::spawn(async move { hold.back(&asks("signIn"), asked).await })
            })
            .collect();
        while hold.0.available_permits() > left {
            tokio::task::yield_now().await;
        }
        let now = tokio::time::Instant::now();
        hold.back(&asks("signIn"), asked).await;
        assert_eq!(now.elapsed(), Duration::ZERO);
        assert!(held.iter().all(|one| !one.is_finished()));
        // Who goes meanwhile leaves a place.
        held[0].abort();
        while hold.0.available_permits() == left {
            tokio::task::yield_now().await;
        }
        hold.back(&asks("signIn"), asked).await;
        assert!(now.elapsed() > SOONEST / 2, "{:?}", now.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_asked_for_something_dear_is_held() {
        let now = tokio::time::Instant::now();
        Hold::new().back(&asks("updateUser"), Instant::now()).await;
        assert_eq!(now.elapsed(), Duration::ZERO);
    }
}
