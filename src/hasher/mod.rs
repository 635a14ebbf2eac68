//! Hashes passwords with Argon2id (RFC 9106) on threads of its own: as many as there are cores at most, each with one
//! block of memory that it reuses, behind a queue with a bound and a deadline. Hashing is what this house spends its
//! machine on; nothing else may wait for it, and it may take no more memory than workers × cost.
//!
//! One request may need several hashes. What it waits for all of them together has the deadline of one, so that a refusal
//! is not late; and who has proved whose account it is goes before those who have not ([`Turn`], ADR 28).

mod company;
mod turn;
mod worker;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Params, Version};
use crossbeam_channel::{Sender, TrySendError, bounded};
use tokio::sync::oneshot;
use unicode_normalization::UnicodeNormalization;

pub use self::company::Company;
use self::turn::Place;
pub use self::turn::{Kept, Turn};
pub use self::worker::Begun;
use self::worker::{Answer, Expected, Job, Load, STRANGERS, work_through};
use crate::clock::Rng;
use crate::error::{Error, RETRY_AFTER, Result};
use crate::metrics::{Metrics, PasswordRefusal};
use crate::secret::Secret;
use crate::telemetry::TRACED;

/// Stored hashes that would cost more memory than this (in KiB) are not computed: one row must not exhaust a machine.
const MEMORY_LIMIT: u32 = 1_048_576;
const SALT: usize = 16;
const OUTPUT: usize = 32;
const OVERLOADED: Error = Error::Overloaded {
    retry_after: RETRY_AFTER,
};

/// What a hash costs and how much of it may be asked for at once.
#[derive(Clone, Debug)]
pub struct HasherOptions {
    /// KiB.
    pub memory: u32,
    pub passes: u32,
    pub lanes: u32,
    pub workers: usize,
    /// How many passwords may wait; as many again of those who have proved something.
    pub queue: usize,
    /// How long those of one request may wait, all of them together.
    pub wait: Duration,
}

/// What checking a password found.
#[derive(Debug)]
pub struct Checked {
    pub matches: bool,
    /// The stored hash is cheaper than what is asked for today: hash the password again.
    pub outdated: bool,
    /// Who was told at the same time. They wait for who keeps it.
    pub company: Company,
}

/// A handle on the workers; they end when the last handle is gone.
#[derive(Clone, Debug)]
pub struct Hasher {
    first: Sender<Job>,
    queue: Sender<Job>,
    params: Params,
    wait: Duration,
    rng: Rng,
    load: Arc<Load>,
    metrics: Arc<Metrics>,
    workers: usize,
    /// How many passwords may wait.
    places: usize,
    /// What the password of an unknown login is compared with, so that it costs the same as a known one.
    decoy: Arc<str>,
}

impl Hasher {
    /// Starts the workers.
    ///
    /// # Errors
    /// When the cost is outside of what Argon2id allows, or a thread cannot be started.
    pub fn start(options: &HasherOptions, rng: Rng, metrics: Arc<Metrics>) -> Result<Self> {
        let params = Params::new(options.memory, options.passes, options.lanes, Some(OUTPUT))
            .map_err(to_internal)?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers = options.workers.clamp(1, cores);
        let (first, first_jobs) = bounded(options.queue);
        let (queue, jobs) = bounded(options.queue);
        let load = Arc::new(Load::new());
        for number in 0..workers {
            let lines = [first_jobs.clone(), jobs.clone()];
            let (load, metrics) = (Arc::clone(&load), Arc::clone(&metrics));
            thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || work_through(&lines, &load, &metrics))
                .map_err(Error::internal)?;
        }
        // No password has this hash: the output is random, not computed.
        let decoy = phc_string(&params, &rng.bytes::<SALT>(), &rng.bytes::<OUTPUT>())?;
        Ok(Self {
            first,
            queue,
            params,
            wait: options.wait,
            rng,
            load,
            metrics,
            workers,
            places: options.queue,
            decoy: decoy.into(),
        })
    }

    /// The password as a PHC string with a fresh salt.
    ///
    /// # Errors
    /// `OVERLOADED` when the queue is full or the wait too long.
    pub async fn hash(&self, turn: &Turn, password: &Secret) -> Result<String> {
        let salt = self.rng.bytes::<SALT>();
        let (output, _) = self
            .run(
                turn,
                password,
                salt.to_vec(),
                self.params.clone(),
                None,
                &Begun::default(),
            )
            .await?;
        phc_string(&self.params, &salt, &output)
    }

    /// Compares the password with a stored hash; with none, as slowly, with a hash that nothing matches.
    ///
    /// # Errors
    /// `OVERLOADED` when the queue is full or the wait too long; masked when the stored hash is malformed or its cost
    /// is out of bounds.
    pub async fn verify(
        &self,
        turn: &Turn,
        password: &Secret,
        stored: Option<&str>,
    ) -> Result<Checked> {
        self.verify_once_begun(turn, password, stored, &Begun::default())
            .await
    }

    /// As [`Hasher::verify`], for who has to know whether a worker took it in hand, should this be given up.
    ///
    /// # Errors
    /// As [`Hasher::verify`].
    pub async fn verify_once_begun(
        &self,
        turn: &Turn,
        password: &Secret,
        stored: Option<&str>,
        begun: &Begun,
    ) -> Result<Checked> {
        let hash = PasswordHash::new(stored.unwrap_or(&self.decoy)).map_err(to_internal)?;
        let params = Params::try_from(&hash).map_err(to_internal)?;
        let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
            return Err(Error::internal(
                "a stored password hash has no salt or no output",
            ));
        };
        let computable = hash.algorithm == Algorithm::Argon2id.ident()
            && params.m_cost() <= MEMORY_LIMIT
            && expected.len() == OUTPUT;
        if !computable {
            return Err(Error::internal(
                "a stored password hash is of a kind that is not computed here",
            ));
        }
        let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        let outdated =
            cost(&params) != cost(&self.params) && params.m_cost() <= self.params.m_cost();
        let expected = Expected {
            output: expected.as_bytes().to_vec(),
            rest: rest_of(&params, &self.params),
        };
        let (output, company) = self
            .run(
                turn,
                password,
                salt.to_vec(),
                params,
                Some(expected.clone()),
                begun,
            )
            .await?;
        Ok(Checked {
            matches: expected.is(&output) && stored.is_some(),
            outdated,
            company,
        })
    }

    /// Passwords that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.first.len() + self.queue.len()
    }

    /// Passwords that are being hashed.
    pub fn running(&self) -> usize {
        self.load.running.load(Ordering::Relaxed)
    }

    /// Whether a password that came now would be hashed: for who would do other work first, in vain. It takes no place.
    ///
    /// # Errors
    /// `OVERLOADED` when the queue is full or the wait too long.
    pub fn admit(&self) -> Result<()> {
        self.has_room(self.load.coming())
    }

    /// As [`Hasher::admit`], and keeps the place until the password comes, or this is dropped: who was let in is not refused
    /// after the work that comes before the hash. It must not take long: the place is nobody else's meanwhile, and answers to others
    /// are kept for this one, for 10 ms where no worker has anything to do.
    ///
    /// # Errors
    /// As [`Hasher::admit`].
    pub fn keep_place<'a>(&self, turn: &'a Turn) -> Result<Kept<'a>> {
        let (place, before) = Place::keep(&self.load.coming);
        self.has_room(before)?;
        Ok(turn.hold(place))
    }

    fn has_room(&self, coming: usize) -> Result<()> {
        if self.queue.len() + coming >= self.places {
            return Err(self.refused(PasswordRefusal::QueueFull));
        }
        self.is_in_time(&Turn::default(), coming, 1)
    }

    /// As [`Hasher::admit`], for who has to hash several times in turn: better told now than after the last but one.
    ///
    /// # Errors
    /// `OVERLOADED` when the wait for all of them is too long.
    pub fn admit_all(&self, turn: &Turn, hashes: usize) -> Result<()> {
        self.is_in_time(turn, self.load.coming(), hashes)
    }

    fn is_in_time(&self, turn: &Turn, coming: usize, hashes: usize) -> Result<()> {
        let (first, queue) = (self.first.len(), self.queue.len() + coming);
        let before = if turn.has_proved() {
            // Strangers have their share after each of these, and after each of the own but the last.
            let share = queue.min(STRANGERS * first);
            let own = queue.min(STRANGERS) * (hashes - 1);
            (first + share) * hashes + own
        } else {
            (first + queue) * hashes
        };
        let rounds = (before / self.workers.max(1)) as u64;
        let pace = self.load.pace.load(Ordering::Relaxed);
        if Duration::from_nanos(rounds.saturating_mul(pace)) > self.left(turn) {
            return Err(self.refused(PasswordRefusal::TooSlow));
        }
        Ok(())
    }

    /// How long the request may yet wait. A little more than others for who has proved something, so that it is not in vain.
    fn left(&self, turn: &Turn) -> Duration {
        let all = if turn.has_proved() {
            self.wait + self.wait / 4
        } else {
            self.wait
        };
        all.saturating_sub(turn.waited())
    }

    fn refused(&self, why: PasswordRefusal) -> Error {
        self.metrics.password_refused(why);
        OVERLOADED
    }

    async fn run(
        &self,
        turn: &Turn,
        password: &Secret,
        salt: Vec<u8>,
        params: Params,
        expected: Option<Expected>,
        begun: &Begun,
    ) -> Result<([u8; OUTPUT], Company)> {
        let place = turn.take_place();
        if place.is_none() {
            // The places of those who are still to come are theirs.
            if !turn.has_proved() && self.load.coming() + self.queue.len() >= self.places {
                return Err(self.refused(PasswordRefusal::QueueFull));
            }
            self.admit_all(turn, 1)?;
        }
        let line = if turn.has_proved() {
            &self.first
        } else {
            &self.queue
        };
        let traced = tracing::trace_span!(target: TRACED, "password");
        let traced_wait =
            tracing::trace_span!(target: TRACED, parent: &traced, "wait for a worker");
        let (answer, mut answered) = oneshot::channel();
        let left = self.left(turn);
        // Dropping `answered`, when the client has gone or time is up, is what tells the worker to skip this job.
        let sent = line.try_send(Job {
            password: normalized(password),
            salt,
            params,
            expected,
            asked: Instant::now(),
            begun: begun.clone(),
            answer,
            traced,
            traced_wait,
        });
        // Only now, so that nobody is let in between.
        drop(place);
        match sent {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(self.refused(PasswordRefusal::QueueFull)),
            Err(TrySendError::Disconnected(_)) => {
                return Err(Error::internal("the password workers have ended"));
            }
        }
        let answer = match tokio::time::timeout(left, &mut answered).await {
            Ok(answer) => answer,
            // The worker has it in hand, or will not take it any more.
            Err(_) if !begun.take() => answered.await,
            Err(_) => {
                turn.note(left);
                self.metrics.password_waited(left);
                return Err(self.refused(PasswordRefusal::TooSlow));
            }
        };
        let Answer {
            result,
            waited,
            company,
        } = answer.map_err(|_| OVERLOADED)?;
        turn.note(waited);
        Ok((result?, company))
    }
}

/// What to compute after a wrong password was compared with a cheaper hash, so that it takes as long as for a login that is
/// nobody's: after the cost was raised, a quick refusal would tell whoever has not signed in since. As many passes as today,
/// over the memory that is missing.
fn rest_of(stored: &Params, today: &Params) -> Option<Params> {
    let cost = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
    let missing = cost(today).checked_sub(cost(stored))?;
    let memory = u32::try_from(missing / u64::from(today.t_cost())).ok()?;
    Params::new(memory, today.t_cost(), today.p_cost(), Some(OUTPUT)).ok()
}

/// Passwords are compared in Unicode's canonical composition (NIST SP 800-63B-4 section 3.1.1.2), otherwise as typed:
/// nothing is trimmed, folded or cut off.
fn normalized(password: &Secret) -> Secret {
    Secret::new(password.expose().nfc().collect::<String>())
}

fn phc_string(params: &Params, salt: &[u8], output: &[u8]) -> Result<String> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(to_internal)?,
        salt: Some(Salt::new(salt).map_err(to_internal)?),
        hash: Some(Output::new(output).map_err(to_internal)?),
    };
    Ok(hash.to_string())
}

fn to_internal(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}
