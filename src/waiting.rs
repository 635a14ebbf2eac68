//! Devices that wait until somebody answers a mail elsewhere: how many there may be, and how those are woken whose mail is
//! answered at this instance. A wait costs a seat here and its connection, and nothing of the database while it lasts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use crate::clock::Rng;

/// Waits for one verification: the page that waits, and the same page loaded anew before its connection has ended.
const FOR_ONE: usize = 2;
/// How often a wait looks whether the mail was answered at another instance.
const LOOK: Duration = Duration::from_secs(1);
/// Looks a second of all waits together. Where there are more of them, each looks less often.
const LOOKS: usize = 100;
/// Looks at one time: a thousand who come together leave the database's connections to those who do something.
const AT_ONCE: usize = 2;

/// The seats. Clones share them.
#[derive(Clone, Debug)]
pub struct WaitingRoom {
    most: usize,
    taken: Arc<Mutex<Taken>>,
    turns: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    networks: HashMap<String, usize>,
    /// By the digest of what is waited for: how many, and the bell that wakes them.
    bells: HashMap<Vec<u8>, (usize, Arc<Notify>)>,
}

/// A seat; dropping it, as the end of a connection does, makes it free.
#[derive(Debug)]
pub struct Seat {
    room: WaitingRoom,
    network: String,
    digest: Vec<u8>,
    bell: Arc<Notify>,
}

impl WaitingRoom {
    /// With so many seats in all; one network gets a quarter of them, though never fewer than one verification needs.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            taken: Arc::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Takes a seat, where one is free in all, for this network and for what is waited for. Whether there is such a thing
    /// makes no difference.
    pub fn enter(&self, digest: Vec<u8>, network: String) -> Option<Seat> {
        let mut taken = self.taken();
        let of_network = taken.networks.get(&network).copied().unwrap_or_default();
        let for_this = taken.bells.get(&digest).map_or(0, |(count, _)| *count);
        let share = (self.most / 4).max(FOR_ONE);
        if taken.all >= self.most || of_network >= share || for_this >= FOR_ONE {
            return None;
        }
        taken.all += 1;
        *taken.networks.entry(network.clone()).or_default() += 1;
        let (count, bell) = taken.bells.entry(digest.clone()).or_default();
        *count += 1;
        Some(Seat {
            room: self.clone(),
            network,
            digest,
            bell: Arc::clone(bell),
        })
    }

    /// Wakes who waits for this, at this instance.
    pub fn ring(&self, digest: &[u8]) {
        if let Some((_, bell)) = self.taken().bells.get(digest) {
            bell.notify_waiters();
        }
    }

    /// Waits for a turn to look; it ends when what is answered is dropped.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed, so that there is always one to wait for.
        self.turns.acquire().await.ok()
    }

    /// Seats that are taken.
    pub fn len(&self) -> usize {
        self.taken().all
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How long a wait sleeps between two looks, unless it is woken: a second, or longer among many, and up to a fifth more or
    /// less, so that those who came together do not look together.
    pub fn pause(&self, rng: &Rng) -> Duration {
        let crowd = self.len().div_ceil(LOOKS).max(1);
        let crowd = u32::try_from(crowd).unwrap_or(u32::MAX);
        let spread = f64::from(u32::from_be_bytes(rng.bytes())) / f64::from(u32::MAX);
        LOOK.saturating_mul(crowd).mul_f64(0.8 + 0.4 * spread)
    }

    /// Counts stay true whatever panicked while it held them.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Ends when the bell rings, from the moment on in which this is called: whoever looks after that misses nothing.
    pub fn rung(&self) -> impl Future<Output = ()> + '_ {
        self.bell.notified()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        taken.all -= 1;
        if let Some(count) = taken.networks.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.networks.remove(&self.network);
            }
        }
        if let Some((count, _)) = taken.bells.get_mut(&self.digest) {
            *count -= 1;
            if *count == 0 {
                taken.bells.remove(&self.digest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(room: &WaitingRoom, what: u8, network: &str) -> Option<Seat> {
        room.enter(vec![what], network.to_owned())
    }

    #[test]
    fn seats_are_bounded_in_all_by_network_and_by_what_is_waited_for() {
        let room = WaitingRoom::new(12);
        let seats = [1, 1, 2].map(|what| enter(&room, what, "a").expect("a seat"));
        assert!(enter(&room, 1, "b").is_none(), "two wait for it");
        assert!(enter(&room, 3, "a").is_none(), "a quarter is its network's");
        let others: Vec<_> = (10..19)
            .map(|what| enter(&room, what, &what.to_string()).expect("a seat"))
            .collect();
        assert!(enter(&room, 3, "b").is_none(), "none is left");
        drop((seats, others));
        assert!(room.is_empty());
        assert!(room.taken().networks.is_empty() && room.taken().bells.is_empty());
        assert!(enter(&room, 1, "a").is_some());
    }

    #[tokio::test]
    async fn a_bell_that_rings_between_looking_and_waiting_is_heard_by_its_own_alone() {
        let room = WaitingRoom::new(12);
        let (one, other) = (enter(&room, 1, "a"), enter(&room, 2, "a"));
        let (one, other) = (one.expect("a seat"), other.expect("a seat"));
        let (rung, silent) = (one.rung(), other.rung());
        room.ring(&[1]);
        room.ring(&[3]);
        rung.await;
        let silent = tokio::time::timeout(Duration::from_millis(10), silent).await;
        assert!(silent.is_err());
    }

    #[test]
    fn many_waits_look_less_often_so_that_all_together_look_no_more() {
        let middle = Rng::from_fn(|buffer| buffer.copy_from_slice(&[0x80, 0, 0, 0]));
        let room = WaitingRoom::new(10_000);
        let mut seats = Vec::new();
        let mut fill = |many: u16| {
            seats.extend((seats.len()..many.into()).map(|number| {
                let digest = number.to_be_bytes().to_vec();
                room.enter(digest, number.to_string()).expect("a seat")
            }));
            room.pause(&middle).as_secs_f64().round()
        };
        assert_eq!([1, 100, 101, 1_000].map(&mut fill), [1.0, 1.0, 2.0, 10.0]);
        let least = Rng::from_fn(|buffer| buffer.fill(0));
        let most = Rng::from_fn(|buffer| buffer.fill(0xff));
        assert_eq!(room.pause(&least), Duration::from_secs(8));
        assert_eq!(room.pause(&most), Duration::from_secs(12));
    }
}
