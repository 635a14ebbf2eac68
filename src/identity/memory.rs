//! Those who asked lately, as the database has them. Nobody is let in from memory alone: what has changed is asked for
//! first, unless somebody asked a moment ago.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::Identity;
use super::change::{Change, MOST, News};

/// Sessions; about eight megabytes when it is full.
const ROOM: usize = 4_096;
/// How long nothing is remembered where changes come faster than they can be told.
const PAUSE: Duration = Duration::from_secs(1);

/// Remembers them by session.
#[derive(Debug)]
pub struct Memory<T = Identity> {
    /// How long an answer counts after its question began.
    lease: Duration,
    known: Cache<Uuid, Arc<T>>,
    heard: Mutex<Heard>,
}

/// Somebody who can be remembered.
pub trait Remembered {
    fn session(&self) -> Uuid;
    fn user(&self) -> Uuid;
    /// The end of the session, which comes without any change.
    fn ends_at(&self) -> DateTime<Utc>;
}

impl Remembered for Identity {
    fn session(&self) -> Uuid {
        self.session.id
    }

    fn user(&self) -> Uuid {
        self.user.id
    }

    fn ends_at(&self) -> DateTime<Utc> {
        self.session.ends_at
    }
}

#[derive(Debug, Default)]
struct Heard {
    /// When the latest question began whose answer is here.
    asked_at: Option<Instant>,
    /// When the latest answer came.
    answered_at: Option<Instant>,
    /// From where the next question reads; nothing is remembered before the first.
    horizon: Option<i64>,
    /// Positions at or past the horizon whose changes are known.
    seen: HashSet<i64>,
    /// Counts answers that told of something.
    edition: u64,
    /// Nothing is remembered until then.
    paused_until: Option<Instant>,
    /// This database keeps no log.
    is_silent: bool,
}

/// What memory says of somebody.
#[derive(Debug)]
pub enum Recalled<T = Identity> {
    Known(Arc<T>),
    /// Perhaps: what has changed must be asked for first.
    Stale,
    /// Must be looked up.
    Unknown,
}

impl<T: Remembered> Memory<T> {
    pub fn new(lease: Duration) -> Self {
        Self {
            lease,
            known: Cache::new(ROOM),
            heard: Mutex::default(),
        }
    }

    /// How long it takes until everybody has heard of what was committed before.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    pub fn recall(&self, session: Uuid, now: DateTime<Utc>) -> Recalled<T> {
        let asked_at = {
            let heard = self.heard();
            if heard.is_shut() {
                return Recalled::Unknown;
            }
            if heard.horizon.is_none() {
                return Recalled::Stale;
            }
            heard.asked_at
        };
        match self.find(session, now) {
            None => Recalled::Unknown,
            Some(identity) if asked_at.is_some_and(|at| at.elapsed() < self.lease) => {
                Recalled::Known(identity)
            }
            Some(_) => Recalled::Stale,
        }
    }

    /// As it was when the latest answer came: for who has asked what has changed.
    pub fn find(&self, session: Uuid, now: DateTime<Utc>) -> Option<Arc<T>> {
        let known = self.known.get(&session);
        known.filter(|identity| identity.ends_at() > now)
    }

    /// From where a question has to read.
    pub fn position(&self) -> i64 {
        // The first one only wants to know where the second begins.
        self.heard().horizon.unwrap_or(i64::MAX)
    }

    /// Takes in the answer to a question that began then, and forgets whom it tells of.
    pub fn hear(&self, asked_at: Instant, news: &News) {
        let mut heard = self.heard();
        let Some(horizon) = news.horizon else {
            heard.is_silent = true;
            return;
        };
        // The log goes back where another database has taken the place of this one.
        let is_later = heard.answered_at.is_some_and(|at| at <= asked_at);
        if is_later && heard.horizon.is_some_and(|known| horizon < known) {
            heard.horizon = None;
            heard.seen.clear();
            self.forget_all(&mut heard);
        }
        let all = news.changes.iter();
        let fresh: Vec<&Change> = all
            .filter(|change| !heard.seen.contains(&change.position))
            .collect();
        if news.changes.len() > MOST {
            heard.paused_until = Some(Instant::now() + PAUSE);
            self.forget_all(&mut heard);
        } else if !fresh.is_empty() {
            self.forget(&mut heard, &fresh);
        }
        let horizon = heard.horizon.map_or(horizon, |known| known.max(horizon));
        let positions = news.changes.iter().map(|change| change.position);
        heard.seen.extend(positions);
        heard.seen.retain(|position| *position >= horizon);
        heard.horizon = Some(horizon);
        heard.asked_at = heard.asked_at.max(Some(asked_at));
        heard.answered_at = Some(Instant::now());
    }

    /// Names what is known now, for [`Memory::keep`].
    pub fn edition(&self) -> u64 {
        self.heard().edition
    }

    /// Remembers who was looked up since this edition; not, where something has changed meanwhile: it may have happened to
    /// them, after they were read.
    pub fn keep(&self, edition: u64, found: &[Option<Arc<T>>]) {
        let heard = self.heard();
        if heard.edition != edition || heard.horizon.is_none() || heard.is_shut() {
            return;
        }
        for identity in found.iter().flatten() {
            self.known.insert(identity.session(), Arc::clone(identity));
        }
    }

    fn forget(&self, heard: &mut Heard, changes: &[&Change]) {
        heard.edition += 1;
        let mut users = HashSet::new();
        for change in changes {
            match (change.session, change.user) {
                (Some(session), _) => drop(self.known.remove(&session)),
                (None, Some(user)) => drop(users.insert(user)),
                (None, None) => self.known.clear(),
            }
        }
        if !users.is_empty() {
            self.known
                .retain(|_, identity| !users.contains(&identity.user()));
        }
    }

    fn forget_all(&self, heard: &mut Heard) {
        heard.edition += 1;
        self.known.clear();
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    /// Whether nothing is remembered for now.
    fn is_shut(&self) -> bool {
        self.is_silent
            || self
                .paused_until
                .is_some_and(|until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Somebody(Uuid, Uuid);

    impl Remembered for Somebody {
        fn session(&self) -> Uuid {
            self.0
        }

        fn user(&self) -> Uuid {
            self.1
        }

        fn ends_at(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }
    }

    const NOW: DateTime<Utc> = DateTime::<Utc>::MIN_UTC;
    const LONG: Duration = Duration::from_secs(3_600);

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn change(position: i64, session: Option<u128>, user: Option<u128>) -> Change {
        Change {
            position,
            session: session.map(id),
            user: user.map(id),
        }
    }

    fn news(horizon: i64, changes: &[Change]) -> News {
        News {
            horizon: Some(horizon),
            changes: changes.to_vec(),
        }
    }

    /// Sessions 1 and 2 are user 10's, session 3 is user 30's.
    fn keep_three(memory: &Memory<Somebody>, edition: u64) {
        let three = [(1, 10), (2, 10), (3, 30)];
        let three = three.map(|(session, user)| Some(Arc::new(Somebody(id(session), id(user)))));
        memory.keep(edition, &three);
    }

    fn with_three(lease: Duration) -> Memory<Somebody> {
        let memory = Memory::new(lease);
        memory.hear(Instant::now(), &news(100, &[]));
        keep_three(&memory, memory.edition());
        memory
    }

    fn known(memory: &Memory<Somebody>) -> Vec<u128> {
        let is_known = |session: &u128| memory.find(id(*session), NOW).is_some();
        [1, 2, 3].into_iter().filter(is_known).collect()
    }

    #[test]
    fn nothing_is_remembered_before_it_is_known_from_where_changes_are_read() {
        let memory = Memory::new(LONG);
        keep_three(&memory, memory.edition());
        assert!(known(&memory).is_empty());
        assert!(matches!(memory.recall(id(1), NOW), Recalled::Stale));
        assert_eq!(memory.position(), i64::MAX);
        memory.hear(Instant::now(), &news(100, &[]));
        assert_eq!(memory.position(), 100);
        assert!(matches!(memory.recall(id(1), NOW), Recalled::Unknown));
        keep_three(&memory, memory.edition());
        assert!(matches!(memory.recall(id(1), NOW), Recalled::Known(_)));
    }

    #[test]
    fn an_answer_counts_for_the_lease_from_the_beginning_of_its_question() {
        let memory = with_three(LONG);
        assert!(matches!(memory.recall(id(3), NOW), Recalled::Known(_)));
        let strict = with_three(Duration::ZERO);
        assert!(matches!(strict.recall(id(3), NOW), Recalled::Stale));
        // A slow answer to an old question does not make the memory older, nor younger.
        let memory = with_three(Duration::from_millis(50));
        let long_ago = Instant::now();
        std::thread::sleep(Duration::from_millis(60));
        memory.hear(long_ago, &news(101, &[]));
        assert!(matches!(memory.recall(id(3), NOW), Recalled::Stale));
    }

    #[test]
    fn whom_a_change_is_about_is_forgotten() {
        let memory = with_three(LONG);
        memory.hear(Instant::now(), &news(102, &[change(101, Some(3), None)]));
        assert_eq!(known(&memory), [1, 2]);
        memory.hear(Instant::now(), &news(103, &[change(102, None, Some(10))]));
        assert!(known(&memory).is_empty());
        let memory = with_three(LONG);
        memory.hear(Instant::now(), &news(102, &[change(101, None, None)]));
        assert!(known(&memory).is_empty());
    }

    #[test]
    fn who_was_read_before_a_change_was_heard_of_is_not_remembered() {
        let memory = with_three(LONG);
        let edition = memory.edition();
        memory.hear(Instant::now(), &news(102, &[change(101, Some(3), None)]));
        keep_three(&memory, edition);
        assert_eq!(known(&memory), [1, 2]);
        keep_three(&memory, memory.edition());
        assert_eq!(known(&memory), [1, 2, 3]);
    }

    #[test]
    fn a_change_past_the_horizon_is_heard_again_and_counts_once() {
        let memory = with_three(LONG);
        // 105 is there, and 104 is still under way.
        memory.hear(Instant::now(), &news(104, &[change(105, Some(1), None)]));
        assert_eq!(known(&memory), [2, 3]);
        keep_three(&memory, memory.edition());
        let both = [change(105, Some(1), None), change(104, Some(2), None)];
        memory.hear(Instant::now(), &news(106, &both));
        assert_eq!(known(&memory), [1, 3]);
        assert_eq!(memory.position(), 106);
    }

    #[test]
    fn answers_that_overtake_each_other_lose_nothing() {
        let memory = with_three(LONG);
        let (first, second) = (Instant::now(), Instant::now());
        memory.hear(second, &news(110, &[change(105, Some(1), None)]));
        memory.hear(first, &news(104, &[change(103, Some(2), None)]));
        assert_eq!(known(&memory), [3]);
        assert_eq!(memory.position(), 110);
    }

    #[test]
    fn another_database_in_the_place_of_this_one_is_known_by_its_log() {
        let memory = with_three(LONG);
        memory.hear(Instant::now(), &news(40, &[]));
        assert!(known(&memory).is_empty());
        assert_eq!(memory.position(), 40);
    }

    #[test]
    fn too_many_changes_are_a_change_of_everybody_and_a_pause() {
        let memory = with_three(LONG);
        let many: Vec<_> = (0..=MOST as u128)
            .map(|n| change(101, Some(1_000 + n), None))
            .collect();
        memory.hear(Instant::now(), &news(102, &many));
        keep_three(&memory, memory.edition());
        assert!(known(&memory).is_empty());
        assert!(matches!(memory.recall(id(1), NOW), Recalled::Unknown));
        memory.heard().paused_until = Some(Instant::now());
        keep_three(&memory, memory.edition());
        assert_eq!(known(&memory), [1, 2, 3]);
    }

    #[test]
    fn a_session_that_has_run_out_is_not_known_and_a_database_without_a_log_makes_nobody_known() {
        let memory = with_three(LONG);
        let end = DateTime::UNIX_EPOCH;
        assert!(memory.find(id(1), end).is_none());
        assert!(matches!(memory.recall(id(1), end), Recalled::Unknown));
        let memory = Memory::new(LONG);
        memory.hear(Instant::now(), &News::default());
        keep_three(&memory, memory.edition());
        assert!(known(&memory).is_empty());
        assert!(matches!(memory.recall(id(1), NOW), Recalled::Unknown));
    }
}
