//! Time and randomness, handed in: nothing else in the house asks the system for them, so that tests can hold both.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

/// Tells the time in whole milliseconds, which is what both databases and the API keep.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the system clock is read"
    )]
    pub fn system() -> Self {
        Self::from_fn(Utc::now)
    }

    /// A clock that someone else moves.
    pub fn from_fn(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub fn now(&self) -> DateTime<Utc> {
        (self.0)().trunc_subsecs(3)
    }
}

/// Fills buffers with random bytes fit for keys and tokens.
#[derive(Clone)]
pub struct Rng {
    secrets: Arc<Fill>,
    ids: Arc<Fill>,
}

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// Random octets for ids: fetched ahead, so that not every id is a call of the system. Each is handed out once.
struct Ahead {
    octets: [u8; AHEAD],
    used: usize,
}

/// Octets: fifty ids.
const AHEAD: usize = 512;

thread_local! {
    static IDS: RefCell<Ahead> = const {
        RefCell::new(Ahead {
            octets: [0; AHEAD],
            used: AHEAD,
        })
    };
}

impl Ahead {
    fn fill(&mut self, buffer: &mut [u8]) {
        if self.used + buffer.len() > AHEAD {
            fill(&mut self.octets);
            self.used = 0;
        }
        let end = self.used + buffer.len();
        buffer.copy_from_slice(&self.octets[self.used..end]);
        self.used = end;
    }
}

fn fill(buffer: &mut [u8]) {
    // A process without randomness must not hand out anything that looks like a secret.
    getrandom::fill(buffer).expect("the system's random generator works");
}

impl Rng {
    /// The operating system's generator. What the cryptographic library makes by itself, in keys, signatures and TLS, comes from
    /// its own, which the system's seeds (docs/adr/0034-one-random-source.md).
    pub fn system() -> Self {
        Self {
            secrets: Arc::new(fill),
            ids: Arc::new(|buffer| IDS.with_borrow_mut(|ahead| ahead.fill(buffer))),
        }
    }

    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        let fill = Arc::new(fill);
        Self {
            secrets: Arc::clone(&fill) as Arc<Fill>,
            ids: fill,
        }
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut buffer = [0; N];
        (self.secrets)(&mut buffer);
        buffer
    }

    /// A UUIDv7 (RFC 9562 section 5.7): sorts by the time given, with 74 random bits.
    pub fn id(&self, now: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        let mut random = [0; 10];
        (self.ids)(&mut random);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rng")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_sorted_by_time_and_differ_on_every_thread() {
        let rng = Rng::system();
        let now = DateTime::from_timestamp_millis(1_800_000_000_000).unwrap();
        let many = || (0..500).map(|_| rng.id(now)).collect::<Vec<_>>();
        let ids: HashSet<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(many)).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(ids.len(), 2_000);
        let later = rng.id(now + chrono::TimeDelta::milliseconds(1));
        assert!(
            ids.iter()
                .all(|id| *id < later && id.get_version_num() == 7)
        );
    }
}
