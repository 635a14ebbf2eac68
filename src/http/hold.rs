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
