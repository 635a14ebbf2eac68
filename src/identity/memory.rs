//! Those who asked lately, as the database has them. Nobody is let in from memory alone: what has changed is asked for
//! first, unless somebody asked a moment ago.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::Identity;
use super::change::{Change, MOST, News};

/// Octets of all who are remembered, about.
const ROOM: u64 = 20 * 1024 * 1024;
/// Sessions that are expected to fit.
const SESSIONS: usize = 4_096;
/// Octets of a session with its user, what is made of them, and application, without what the user may make large.
const ROW: u64 = 5 * 1024;
/// How long nothing is remembered where changes come faster than they can be told.
const PAUSE: Duration = Duration::from_secs(1);

/// Remembers them by session.
#[derive(Debug)]
pub struct Memory<T = Identity> {
    /// How long an answer counts after its question began.
    lease: Duration,
    known: Cache<Uuid, Arc<T>, Octets>,
    heard: Mutex<Heard>,
}

#[derive(Clone, Debug)]
struct Octets;

impl<T: Remembered> Weighter<Uuid, Arc<T>> for Octets {
    fn weight(&self, _: &Uuid, identity: &Arc<T>) -> u64 {
        identity.octets()
    }
}

/// Somebody who can be remembered.
pub trait Remembered {
    fn session(&self) -> Uuid;
    fn user(&self) -> Uuid;
    /// The end of the session, which comes without any change.
    fn ends_at(&self) -> DateTime<Utc>;
    /// How much memory they take, about.
    fn octets(&self) -> u64;
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

    fn octets(&self) -> u64 {
        let user = &self.user;
        let names = [&user.given_name, &user.middle_name, &user.family_name];
        let texts = names.into_iter().chain([&user.avatar_url]).flatten();
        let texts = texts.chain([&user.display_name]);
        // What is made of the user has all of it once more.
        let texts = texts.map(|text| 2 * text.len() as u64);
        // A tree of values takes up to sixteen times its text.
        let trees = [&user.metadata, &user.app_metadata];
        let trees = trees.map(|tree| 2 * 16 * tree.to_string().len() as u64);
        ROW + texts.sum::<u64>() + trees.into_iter().sum::<u64>()
    }
}

#[derive(Debug, Default)]
struct Heard {
    /// When the latest question began whose answer is here.
    asked_at: Option<Instant>,
    /// From where the next question reads, and of which server; nothing is remembered before the first answer.
    horizon: Option<(i64, String)>,
    /// Changes at or past the horizon that are known, by id, with their positions.
    seen: HashMap<i64, i64>,
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
            known: Cache::with_weighter(SESSIONS, ROOM, Octets),
            heard: Mutex::default(),
        }
    }

    /// How long it takes until everybody has heard of what was committed before.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    pub fn recall(&self, session: Uuid, now: DateTime<Utc>) -> Recalled<T> {
        let counts = {
            let heard = self.heard();
            if heard.is_shut() {
                return Recalled::Unknown;
            }
            if heard.horizon.is_none() {
                return Recalled::Stale;
            }
            heard.counts(self.lease)
        };
        match self.find(session, now) {
            None => Recalled::Unknown,
            Some(identity) if counts => Recalled::Known(identity),
            Some(_) => Recalled::Stale,
        }
    }

    /// Whether the latest answer still counts.
    pub fn has_heard(&self) -> bool {
        let heard = self.heard();
        !heard.is_shut() && heard.horizon.is_some() && heard.counts(self.lease)
    }

    /// As it was when the latest answer came: for who has asked what has changed.
    pub fn find(&self, session: Uuid, now: DateTime<Utc>) -> Option<Arc<T>> {
        let known = self.known.get(&session);
        known.filter(|identity| identity.ends_at() > now)
    }

    /// From where a question has to read.
    pub fn position(&self) -> i64 {
        let heard = self.heard();
        // The first one only wants to know where the second begins.
        heard
            .horizon
            .as_ref()
            .map_or(i64::MAX, |(position, _)| *position)
    }

    /// Takes in the answer to a question that began then, and forgets whom it tells of. Says whether it counts: one that read
    /// from further on than what is known here may have missed something.
    pub fn hear(&self, asked_at: Instant, news: News) -> bool {
        let mut heard = self.heard();
        let Some((horizon, server)) = news.horizon else {
            heard.is_silent = true;
            return false;
        };
        match &heard.horizon {
            // Another server in the place of the one before may give its positions again.
            Some((_, known)) if *known != server => {
                heard.seen.clear();
                self.forget_all(&mut heard);
            }
            Some((known, _)) if news.from > *known => return false,
            Some((known, _)) => {
                let horizon = horizon.max(*known);
                self.take_in(&mut heard, &news.changes);
                heard.seen.retain(|_, position| *position >= horizon);
                heard.horizon = Some((horizon, server));
                heard.asked_at = heard.asked_at.max(Some(asked_at));
                return true;
            }
            None => {}
        }
        heard.horizon = Some((horizon, server));
        heard.asked_at = Some(asked_at);
        true
    }

    fn take_in(&self, heard: &mut Heard, changes: &[Change]) {
        let all = changes.iter();
        let fresh: Vec<&Change> = all
            .filter(|change| !heard.seen.contains_key(&change.id))
            .collect();
        if changes.len() > MOST {
            tracing::debug!("more has changed than can be told: nobody is remembered for now");
            heard.paused_until = Some(Instant::now() + PAUSE);
            self.forget_all(heard);
        } else if !fresh.is_empty() {
            self.forget(heard, &fresh);
        }
        let changes = changes.iter().map(|change| (change.id, change.position));
        heard.seen.extend(changes);
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
    fn counts(&self, lease: Duration) -> bool {
        self.asked_at.is_some_and(|at| at.elapsed() < lease)
    }

    /// Whether nothing is remembered for now.
    fn is_shut(&self) -> bool {
        self.is_silent
            || self
                .paused_until
                .is_some_and(|until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests;
