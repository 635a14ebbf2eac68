//! Room for so many connections. Where none is left, the one that has kept the house waiting for longest makes room: whoever
//! opens thousands and says nothing, or as little as it takes to stay, shuts nobody else out. A request that was read whole
//! is answered, however many come.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How often to look for one that waits, while all of them are at work.
const LOOK: Duration = Duration::from_millis(10);
/// So many of those that have waited for longest are noted at one look: thousands are not to be looked through for each that
/// comes.
const NOTED: usize = 128;

/// Not waiting for its client.
const AT_WORK: u64 = 0;
/// Told to make room.
const LEAVING: u64 = u64::MAX;

#[derive(Debug)]
pub struct Room {
    free: Arc<Semaphore>,
    opened: Instant,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    seats: HashMap<u64, Arc<Seat>>,
    /// With the moment that each waited from; whoever waited for longest is the last.
    noted: Vec<(u64, Arc<Seat>)>,
}

/// A connection's own; what it does there is told by its requests.
#[derive(Debug)]
pub struct Seat {
    opened: Instant,
    /// Since when the client has to say or take something, in nanoseconds of the room; or one of the two above.
    since: AtomicU64,
    leave: Notify,
}

/// Holds a seat until it is dropped.
#[derive(Debug)]
pub struct Guest {
    pub seat: Arc<Seat>,
    number: u64,
    room: Arc<Room>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub fn new(seats: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(seats)),
            opened: Instant::now(),
            taken: Mutex::default(),
        })
    }

    /// Takes a seat, somebody else's if need be. Waits while everybody is at work.
    pub async fn enter(self: &Arc<Self>) -> Guest {
        loop {
            let free = || Arc::clone(&self.free);
            let permit = match free().try_acquire_owned() {
                Ok(permit) => Ok(Ok(permit)),
                Err(_) => {
                    self.make();
                    timeout(LOOK, free().acquire_owned()).await
                }
            };
            if let Ok(permit) = permit {
                // Never closed, so that there is always one.
                return self.seat(permit.ok());
            }
        }
    }

    /// Tells the connection that has waited for its client for longest to make room, if one waits.
    pub fn make(&self) {
        let mut taken = self.taken();
        if taken.noted.is_empty() {
            taken.note();
        }
        while let Some((since, seat)) = taken.noted.pop() {
            if seat.turn(since, LEAVING) {
                return seat.leave.notify_one();
            }
        }
    }

    fn seat(self: &Arc<Self>, permit: Option<OwnedSemaphorePermit>) -> Guest {
        let seat = Arc::new(Seat {
            opened: self.opened,
            since: AtomicU64::new(moment(self.opened)),
            leave: Notify::new(),
        });
        let mut taken = self.taken();
        let number = taken.next;
        taken.next += 1;
        taken.seats.insert(number, Arc::clone(&seat));
        Guest {
            seat,
            number,
            room: Arc::clone(self),
            _permit: permit,
        }
    }

    /// Nothing panics while it is held.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn note(&mut self) {
        let waiting = self.seats.values().filter_map(|seat| {
            let since = seat.since.load(Ordering::Relaxed);
            (since != AT_WORK && since != LEAVING).then(|| (since, Arc::clone(seat)))
        });
        let mut waiting = Vec::from_iter(waiting);
        waiting.sort_unstable_by_key(|(since, _)| *since);
        waiting.truncate(NOTED);
        waiting.reverse();
        self.noted = waiting;
    }
}

impl Seat {
    /// A request was read whole. Not where the connection has to leave: nobody will be told what came of it.
    pub fn works(&self) -> bool {
        self.change(AT_WORK)
    }

    /// The client has the word, or an answer to take.
    pub fn waits(&self) {
        self.change(moment(self.opened));
    }

    /// Ends when somebody else needs the room.
    pub async fn left(&self) {
        self.leave.notified().await;
    }

    fn change(&self, to: u64) -> bool {
        loop {
            let from = self.since.load(Ordering::Acquire);
            if from == LEAVING {
                return false;
            }
            if self.turn(from, to) {
                return true;
            }
        }
    }

    fn turn(&self, from: u64, to: u64) -> bool {
        let turned = self
            .since
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        turned.is_ok()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        taken.seats.remove(&self.number);
    }
}

/// One at least, and centuries from the other mark.
fn moment(opened: Instant) -> u64 {
    u64::try_from(opened.elapsed().as_nanos())
        .unwrap_or(LEAVING - 1)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn soon<T>(what: impl Future<Output = T>) -> Option<T> {
        timeout(Duration::from_millis(100), what).await.ok()
    }

    /// Leaves when it is told to, as a connection does.
    fn sits(guest: Guest) -> tokio::task::JoinHandle<()> {
        tokio::spawn(async move { guest.seat.left().await })
    }

    #[tokio::test]
    async fn who_has_waited_for_longest_makes_room_and_who_is_at_work_stays() {
        let room = Room::new(3);
        let working = room.enter().await;
        assert!(working.seat.works());
        let served = room.enter().await;
        let idle = room.enter().await;
        // Later than the third one came.
        assert!(served.seat.works());
        served.seat.waits();
        let (served, idle) = (sits(served), sits(idle));
        let first = soon(room.enter()).await.expect("room");
        assert!(idle.is_finished() && !served.is_finished());
        let second = soon(room.enter()).await.expect("room");
        assert!(served.is_finished());
        assert!(first.seat.works() && second.seat.works());
        assert!(soon(room.enter()).await.is_none(), "everybody is at work");
        working.seat.waits();
        let working = sits(working);
        let third = soon(room.enter()).await.expect("room");
        assert!(working.is_finished());
        drop((first, second, third));
        assert!(room.taken().seats.is_empty());
    }

    #[tokio::test]
    async fn who_was_told_to_leave_begins_nothing_and_who_was_noted_and_works_again_stays() {
        let room = Room::new(2);
        let (one, other) = (room.enter().await, room.enter().await);
        room.taken().note();
        assert!(one.seat.works());
        one.seat.waits();
        room.make();
        assert!(!other.seat.works(), "it was noted, and waits since then");
        assert!(one.seat.works(), "it has done something since");
        room.make();
        room.make();
        assert!(soon(one.seat.left()).await.is_none());
        assert!(soon(other.seat.left()).await.is_some());
    }
}
