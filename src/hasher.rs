//! Hashes passwords with Argon2id (RFC 9106) on threads of its own: as many as there are cores at most, each with one
//! block of memory that it reuses, behind a queue with a bound and a deadline. Hashing is what this house spends its
//! machine on; nothing else may wait for it, and it may take no more memory than workers × cost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time;
use tokio::sync::oneshot;
use tracing::Span;
use unicode_normalization::UnicodeNormalization;

use crate::clock::Rng;
use crate::error::{Error, RETRY_AFTER, Result};
use crate::metrics::{Metrics, PasswordRefusal};
use crate::secret::Secret;
use crate::telemetry::TRACED;

/// Stored hashes that would cost more memory than this (in KiB) are not computed: one row must not exhaust a machine.
const MEMORY_LIMIT: u32 = 1_048_576;
/// Of the threads that hash, from 0 to 19; with 10, a request that wants a core has nine tenths of it (sched(7)).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;
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
    /// How many passwords may wait.
    pub queue: usize,
    /// How long one may wait.
    pub wait: Duration,
}

/// What checking a password found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub matches: bool,
    /// The stored hash is cheaper than what is asked for today: hash the password again.
    pub outdated: bool,
}

/// A handle on the workers; they end when the last handle is gone.
#[derive(Clone, Debug)]
pub struct Hasher {
    queue: SyncSender<Job>,
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

/// How many wait and how many are at work, and how long one hash takes (nanoseconds, a running mean).
#[derive(Debug, Default)]
struct Load {
    waiting: AtomicUsize,
    running: AtomicUsize,
    pace: AtomicU64,
}

impl Load {
    /// How long a password would wait that joins now.
    fn wait(&self, workers: usize) -> Duration {
        let before = self.waiting.load(Ordering::Relaxed) as u64 / workers.max(1) as u64;
        Duration::from_nanos(before.saturating_mul(self.pace.load(Ordering::Relaxed)))
    }

    fn note(&self, taken: Duration) {
        let taken = u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX);
        let before = self.pace.load(Ordering::Relaxed);
        let mean = if before == 0 {
            taken
        } else {
            before - before / 8 + taken / 8
        };
        self.pace.store(mean, Ordering::Relaxed);
    }
}

struct Job {
    password: Secret,
    salt: Vec<u8>,
    params: Params,
    asked: Instant,
    deadline: Instant,
    answer: oneshot::Sender<Result<[u8; OUTPUT]>>,
    /// For traces: all of it, and the wait, which ends when this is dropped.
    traced: Span,
    traced_wait: Span,
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
        let (queue, jobs) = sync_channel(options.queue);
        let (jobs, load) = (Arc::new(Mutex::new(jobs)), Arc::<Load>::default());
        for number in 0..workers {
            let (jobs, load) = (Arc::clone(&jobs), Arc::clone(&load));
            let metrics = Arc::clone(&metrics);
            thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || work_through(&jobs, &load, &metrics))
                .map_err(Error::internal)?;
        }
        // No password has this hash: the output is random, not computed.
        let decoy = phc_string(&params, &rng.bytes::<SALT>(), &rng.bytes::<OUTPUT>())?;
        Ok(Self {
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
    pub async fn hash(&self, password: &Secret) -> Result<String> {
        let salt = self.rng.bytes::<SALT>();
        let output = self
            .run(password, salt.to_vec(), self.params.clone())
            .await?;
        phc_string(&self.params, &salt, &output)
    }

    /// Compares the password with a stored hash; with none, as slowly, with a hash that nothing matches.
    ///
    /// # Errors
    /// `OVERLOADED` when the queue is full or the wait too long; masked when the stored hash is malformed or its cost
    /// is out of bounds.
    pub async fn verify(&self, password: &Secret, stored: Option<&str>) -> Result<Checked> {
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
        let output = self.run(password, salt.to_vec(), params).await?;
        let same = constant_time::verify_slices_are_equal(&output, expected.as_bytes()).is_ok();
        Ok(Checked {
            matches: same && stored.is_some(),
            outdated,
        })
    }

    /// Passwords that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.load.waiting.load(Ordering::Relaxed)
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
        if self.waiting() >= self.places {
            self.metrics.password_refused(PasswordRefusal::QueueFull);
            return Err(OVERLOADED);
        }
        self.admit_in_time()
    }

    /// Who cannot be served in time need not wait until it has passed.
    fn admit_in_time(&self) -> Result<()> {
        if self.load.wait(self.workers) > self.wait {
            self.metrics.password_refused(PasswordRefusal::TooSlow);
            return Err(OVERLOADED);
        }
        Ok(())
    }

    async fn run(&self, password: &Secret, salt: Vec<u8>, params: Params) -> Result<[u8; OUTPUT]> {
        self.admit_in_time()?;
        let traced = tracing::trace_span!(target: TRACED, "password");
        let traced_wait =
            tracing::trace_span!(target: TRACED, parent: &traced, "wait for a worker");
        let (answer, answered) = oneshot::channel();
        let asked = Instant::now();
        let deadline = asked + self.wait;
        self.load.waiting.fetch_add(1, Ordering::Relaxed);
        // Dropping `answered`, when the client has gone, is what tells the worker to skip this job.
        match self.queue.try_send(Job {
            password: normalized(password),
            salt,
            params,
            asked,
            deadline,
            answer,
            traced,
            traced_wait,
        }) {
            Ok(()) => answered.await.unwrap_or(Err(OVERLOADED)),
            Err(refused) => {
                self.load.waiting.fetch_sub(1, Ordering::Relaxed);
                match refused {
                    TrySendError::Full(_) => {
                        self.metrics.password_refused(PasswordRefusal::QueueFull);
                        Err(OVERLOADED)
                    }
                    TrySendError::Disconnected(_) => {
                        Err(Error::internal("the password workers have ended"))
                    }
                }
            }
        }
    }
}

/// Passwords are compared in Unicode's canonical composition (NIST SP 800-63B-4 section 3.1.1.2), otherwise as typed:
/// nothing is trimmed, folded or cut off.
fn normalized(password: &Secret) -> Secret {
    Secret::new(password.expose().nfc().collect::<String>())
}

/// Where requests and passwords want the same core, requests go first: they take microseconds, a password takes tens of
/// milliseconds. Linux alone counts niceness for each thread; elsewhere it would slow everything down.
#[cfg(target_os = "linux")]
fn step_back() {
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "passwords are hashed at the same priority as everything else");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

fn work_through(jobs: &Mutex<Receiver<Job>>, load: &Load, metrics: &Metrics) {
    step_back();
    let mut memory: Vec<Block> = Vec::new();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(mut job) = next else {
            return;
        };
        load.waiting.fetch_sub(1, Ordering::Relaxed);
        if job.answer.is_closed() {
            continue;
        }
        job.traced_wait = Span::none();
        let begun = Instant::now();
        metrics.password_waited(begun - job.asked);
        let result = if begun > job.deadline {
            metrics.password_refused(PasswordRefusal::TooSlow);
            Err(OVERLOADED)
        } else {
            // A worker that ended would be missed by every password after this one.
            load.running.fetch_add(1, Ordering::Relaxed);
            let work = tracing::trace_span!(target: TRACED, parent: &job.traced, "hash");
            let hashing = AssertUnwindSafe(|| work.in_scope(|| argon2id(&job, &mut memory)));
            let result = catch_unwind(hashing)
                .unwrap_or_else(|_| Err(Error::internal("hashing a password panicked")));
            load.running.fetch_sub(1, Ordering::Relaxed);
            drop(work);
            load.note(begun.elapsed());
            metrics.password_hashed(begun.elapsed());
            result
        };
        // The client may have gone meanwhile; then nobody wants the answer.
        drop(job.answer.send(result));
    }
}

fn argon2id(job: &Job, memory: &mut Vec<Block>) -> Result<[u8; OUTPUT]> {
    let blocks = job.params.block_count();
    if memory.len() != blocks {
        // An outdated, dearer hash must not keep its memory, and growing must not hold both at once.
        *memory = Vec::new();
        memory.resize(blocks, Block::default());
    }
    let mut output = [0; OUTPUT];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, job.params.clone())
        .hash_password_into_with_memory(
            job.password.expose().as_bytes(),
            &job.salt,
            &mut output,
            memory.as_mut_slice(),
        )
        .map_err(to_internal)?;
    Ok(output)
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
