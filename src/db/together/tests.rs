use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::super::pools::Pools;
use super::*;
use crate::clock::Rng;

const FAILS: u32 = 1_001;
const PANICS: u32 = 1_003;

struct House {
    together: Together<u32, Option<u32>>,
    statements: AtomicUsize,
    largest: AtomicUsize,
}

/// Its batches may take two seconds.
impl Default for House {
    fn default() -> Self {
        let db = Lone {
            pools: Pools::none(),
            rng: Rng::system(),
            timeout: Duration::from_secs(1),
            metrics: Arc::default(),
        };
        Self {
            together: Together::on(&db),
            statements: AtomicUsize::default(),
            largest: AtomicUsize::default(),
        }
    }
}

impl House {
    async fn ask(self: &Arc<Self>, key: u32, permits: &Arc<Semaphore>) -> Result<Option<u32>> {
        self.together.ask(key, self.work(permits)).await
    }

    /// Even numbers are there, twice as large; each statement takes a permit.
    fn work(
        self: &Arc<Self>,
        permits: &Arc<Semaphore>,
    ) -> impl Fn(Vec<u32>) -> BoxFuture<'static, Result<Vec<Option<u32>>>> + Clone + use<> {
        let (house, permits) = (Arc::clone(self), Arc::clone(permits));
        move |keys: Vec<u32>| {
            let (house, permits) = (Arc::clone(&house), Arc::clone(&permits));
            Box::pin(async move {
                house.statements.fetch_add(1, Ordering::SeqCst);
                house.largest.fetch_max(keys.len(), Ordering::SeqCst);
                permits.acquire().await.unwrap().forget();
                assert!(!keys.contains(&PANICS), "a panic");
                if keys.contains(&FAILS) {
                    return Err(Error::Overloaded { retry_after: 3 });
                }
                let doubled = |key| (key % 2 == 0).then_some(2 * key);
                Ok(keys.into_iter().map(doubled).collect())
            })
        }
    }
}

#[tokio::test]
async fn what_comes_while_a_statement_is_under_way_goes_in_one_after_it() {
    let (house, permits) = (Arc::<House>::default(), Arc::new(Semaphore::new(0)));
    let asks = (0..130).map(|key| {
        let (house, permits) = (Arc::clone(&house), Arc::clone(&permits));
        tokio::spawn(async move { house.ask(key % 100, &permits).await.unwrap() })
    });
    let asks: Vec<_> = asks.collect();
    while house.statements.load(Ordering::SeqCst) < LANES {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    permits.add_permits(100);
    for (number, ask) in asks.into_iter().enumerate() {
        let key = u32::try_from(number).unwrap() % 100;
        assert_eq!(ask.await.unwrap(), (key % 2 == 0).then_some(2 * key));
    }
    assert_eq!(house.largest.load(Ordering::SeqCst), MOST);
    let statements = house.statements.load(Ordering::SeqCst);
    assert!((3..=5).contains(&statements), "{statements}");
    // Nothing is kept: who comes later asks again.
    assert_eq!(house.ask(4, &permits).await.unwrap(), Some(8));
    assert_eq!(house.statements.load(Ordering::SeqCst), statements + 1);
}

#[tokio::test]
async fn a_statement_that_fails_or_panics_fails_those_who_shared_it_and_nobody_after() {
    let (house, permits) = (Arc::<House>::default(), Arc::new(Semaphore::new(100)));
    for bad in [FAILS, PANICS] {
        let (bad, shared) = tokio::join!(house.ask(bad, &permits), house.ask(2, &permits));
        assert!(bad.is_err() && shared.is_err());
        assert_eq!(house.ask(6, &permits).await.unwrap(), Some(12));
    }
}

#[tokio::test]
async fn who_waits_behind_a_stuck_statement_goes_in_another_until_the_first_goes_on() {
    let (house, permits) = (Arc::<House>::default(), Arc::new(Semaphore::new(0)));
    let mut asks = Vec::new();
    let ask = |key| {
        let (house, permits) = (Arc::clone(&house), Arc::clone(&permits));
        tokio::spawn(async move { house.ask(key, &permits).await.unwrap() })
    };
    for lane in 1..=LANES {
        asks.push(ask(2));
        while house.statements.load(Ordering::SeqCst) < lane {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    asks.extend([ask(2), ask(2), ask(2)]);
    tokio::time::sleep(3 * PATIENCE).await;
    assert_eq!(house.statements.load(Ordering::SeqCst), LANES);
    permits.add_permits(100);
    for ask in asks {
        assert_eq!(ask.await.unwrap(), Some(4));
    }
    // All three in one, on the lane that is left.
    assert_eq!(house.statements.load(Ordering::SeqCst), LANES + 1);
    assert_eq!(house.largest.load(Ordering::SeqCst), 3);
    // Both close behind the last one.
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(lock(&house.together.line).lanes, 0);
}

#[tokio::test(start_paused = true)]
async fn lanes_that_are_all_stuck_are_free_again_after_the_deadline() {
    let (house, never) = (Arc::<House>::default(), Arc::new(Semaphore::new(0)));
    let (bad, late) = tokio::join!(house.ask(2, &never), async {
        tokio::time::sleep(PATIENCE / 2).await;
        house.ask(2, &never).await
    });
    assert!(matches!(bad, Err(Error::Overloaded { .. })) && late.is_err());
    // They close behind those who were sent away.
    tokio::time::sleep(PATIENCE).await;
    let permits = Arc::new(Semaphore::new(1));
    assert_eq!(house.ask(6, &permits).await.unwrap(), Some(12));
}

#[tokio::test(start_paused = true)]
async fn lanes_on_connections_that_are_left_alone_are_soon_free() {
    let (house, never) = (Arc::<House>::default(), Arc::new(Semaphore::new(0)));
    let began = tokio::time::Instant::now();
    let (bad, late, ()) = tokio::join!(house.ask(2, &never), house.ask(2, &never), async {
        tokio::time::sleep(5 * PATIENCE).await;
        house.together.db.pools.leave_for(1);
    });
    assert!(matches!(bad, Err(Error::Overloaded { .. })) && late.is_err());
    assert!(began.elapsed() < 20 * PATIENCE);
    // It closes behind those who were sent away.
    tokio::time::sleep(PATIENCE).await;
    let permits = Arc::new(Semaphore::new(1));
    assert_eq!(house.ask(6, &permits).await.unwrap(), Some(12));
}

#[tokio::test]
async fn who_gives_up_takes_nobody_along() {
    let (house, permits) = (Arc::<House>::default(), Arc::new(Semaphore::new(0)));
    let asks: Vec<_> = (0..20)
        .map(|key| {
            let (house, permits) = (Arc::clone(&house), Arc::clone(&permits));
            tokio::spawn(async move { house.ask(key, &permits).await.unwrap() })
        })
        .collect();
    while house.statements.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for ask in &asks[..19] {
        ask.abort();
    }
    permits.add_permits(100);
    assert!(asks.into_iter().last().unwrap().await.unwrap().is_none());
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_left_undone() {
    let (house, permits) = (Arc::<House>::default(), Arc::new(Semaphore::new(0)));
    let ask = |key| {
        let (house, permits) = (Arc::clone(&house), Arc::clone(&permits));
        tokio::spawn(async move { house.ask(key, &permits).await })
    };
    let mut busy = Vec::new();
    for lane in 1..=LANES {
        busy.push(ask(2));
        while house.statements.load(Ordering::SeqCst) < lane {
            tokio::task::yield_now().await;
        }
    }
    // Both lanes are stuck: these wait in line, and give up.
    let late: Vec<_> = (0..200).map(ask).collect();
    tokio::task::yield_now().await;
    late.iter().for_each(tokio::task::JoinHandle::abort);
    for ask in late {
        assert!(ask.await.is_err());
    }
    permits.add_permits(100);
    for ask in busy {
        assert_eq!(ask.await.unwrap().unwrap(), Some(4));
    }
    assert_eq!(house.ask(6, &permits).await.unwrap(), Some(12));
    assert_eq!(house.statements.load(Ordering::SeqCst), LANES + 1);
    assert_eq!(house.largest.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn who_comes_with_others_goes_with_them() {
    let (house, permits) = (Arc::<House>::default(), Arc::new(Semaphore::new(100)));
    let step = Duration::from_millis(1);
    let first = house.together.ask_with_company(
        2,
        || Some(tokio::time::sleep(2 * step)),
        house.work(&permits),
    );
    let others = [1, 3].map(|steps| {
        let (house, permits) = (&house, &permits);
        async move {
            tokio::time::sleep(steps * step).await;
            house.ask(4, permits).await
        }
    });
    let [second, third] = others;
    let (first, second, third) = tokio::join!(first, second, third);
    assert_eq!(first.unwrap(), Some(4));
    assert_eq!((second.unwrap(), third.unwrap()), (Some(8), Some(8)));
    // Whoever comes after those who are waited for goes alone.
    assert_eq!(house.statements.load(Ordering::SeqCst), 2);
    assert_eq!(house.largest.load(Ordering::SeqCst), 2);
}
