//! Who was told at the same time (ADR 30), so that what comes next can be done for all of them at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Nobody is waited for any longer. From the answer to here it takes microseconds: who has not come by then has another way.
const LONGEST: Duration = Duration::from_millis(2);

/// Each of those who were told together has this, until it has come to where the others wait for it, or goes its own way and
/// drops it.
#[derive(Clone, Debug, Default)]
pub struct Company(Option<(watch::Receiver<()>, Arc<watch::Sender<()>>)>);

impl Company {
    /// To be cloned for each of a crowd, and dropped thereafter.
    pub(super) fn new() -> Self {
        let (all, one) = watch::channel(());
        Self(Some((one, Arc::new(all))))
    }

    /// This one is there. What it gives ends when all of its company are, or have gone their way, some 2 ms from now at the latest.
    /// Nothing, where it is alone.
    pub fn arrive(self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let (_, all) = self.0?;
        let until = Instant::now() + LONGEST;
        Some(async move { drop(tokio::time::timeout_at(until, all.closed()).await) })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const STEP: Duration = Duration::from_micros(500);

    /// How long the first of two waits for the other, which does this.
    async fn waited(other: impl AsyncFnOnce(Company)) -> Duration {
        let began = Instant::now();
        let first = Company::new();
        let second = first.clone();
        let wait = async {
            first.arrive().expect("company").await;
            began.elapsed()
        };
        tokio::join!(wait, other(second)).0
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_one_is_waited_for_until_it_comes_or_goes_its_own_way() {
        let comes = waited(async |second| {
            sleep(STEP).await;
            second.arrive().expect("company").await;
        });
        let goes = waited(async |second| {
            sleep(STEP).await;
            drop(second);
        });
        for waited in [comes.await, goes.await] {
            assert!(waited >= STEP && waited < LONGEST, "{waited:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_in_vain_for_long() {
        let waited = waited(async |second| {
            sleep(5 * LONGEST).await;
            drop(second);
        });
        assert_eq!(waited.await.as_millis(), LONGEST.as_millis());
        assert!(Company::default().arrive().is_none());
    }
}
