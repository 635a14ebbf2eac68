//! The threads that hash, and what they are handed.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time;
use crossbeam_channel::{Receiver, select_biased};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::Span;

use super::company::Company;
use super::{OUTPUT, to_internal};
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::secret::Secret;
use crate::telemetry::TRACED;

/// Of the threads that hash, from 0 to 19; with 10, a request that wants a core has nine tenths of it (sched(7)).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// For each moment that the workers spend on who has proved something, so many are for strangers who wait: accounts are to be
/// had, and whoever has some must not keep everybody else out.
pub(super) const STRANGERS: usize = 3;

/// So many answers are told together, where at least a quarter as many passwords wait or are on their way: what follows an answer finds the
/// processor's caches emptied by the hashes, and as many as come at once share that, their statements and their commit (ADR 30).
const COMPANY: usize = 12;
/// How long the first of them is kept for that; where the next hash does not begin at once, or takes longer than those before it, for
/// as much longer.
const LONGEST: Duration = Duration::from_millis(100);

/// Who is on the way to the line is waited for no longer, by a worker that has nothing else to do, where answers are kept.
const PATIENCE: Duration = Duration::from_millis(10);
/// And so long where none is.
const SLEEP: Duration = Duration::from_secs(3600);

/// How many are at work, how many are on their way to the line, how long one hash takes (nanoseconds, a running mean), and what
/// is still to be told.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) running: AtomicUsize,
    /// Passwords for which a place in the line is kept.
    pub(super) coming: Arc<AtomicUsize>,
    pub(super) pace: AtomicU64,
    untold: Mutex<Vec<Told>>,
    /// Of those who wait.
    runtime: Option<Handle>,
}

/// An answer for whoever waits for it.
#[derive(Debug)]
struct Told {
    since: Instant,
    to: oneshot::Sender<Answer>,
    result: Result<[u8; OUTPUT]>,
    waited: Duration,
}

/// What a worker tells whoever asked.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) result: Result<[u8; OUTPUT]>,
    /// How long the password waited for a worker.
    pub(super) waited: Duration,
    pub(super) company: Company,
}

impl Load {
    pub(super) fn new() -> Self {
        Self {
            running: AtomicUsize::default(),
            coming: Arc::default(),
            pace: AtomicU64::default(),
            untold: Mutex::default(),
            runtime: Handle::try_current().ok(),
        }
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

    fn keep(&self, to: oneshot::Sender<Answer>, result: Result<[u8; OUTPUT]>, waited: Duration) {
        let since = Instant::now();
        self.untold().push(Told {
            since,
            to,
            result,
            waited,
        });
    }

    /// Tells what was kept, unless others will be told soon, too. Asked after each password that was taken from the line, and where
    /// none has come for a while, so that nothing is kept once nobody waits.
    fn tell(&self, waiting: usize) {
        let mut untold = self.untold();
        let next = Duration::from_nanos(self.pace.load(Ordering::Relaxed));
        let is_soon = |first: &Told| first.since.elapsed() + next <= LONGEST;
        let has_company = waiting >= COMPANY / 4 && untold.len() < COMPANY;
        if has_company && untold.first().is_none_or(is_soon) {
            return;
        }
        let told = mem::take(&mut *untold);
        drop(untold);
        let is_crowd = told.len() > 1;
        let company = if is_crowd {
            Company::new()
        } else {
            Company::default()
        };
        let tell = move || {
            for one in told {
                let answer = Answer {
                    result: one.result,
                    waited: one.waited,
                    company: company.clone(),
                };
                // The client may have gone meanwhile; then nobody wants the answer.
                drop(one.to.send(answer));
            }
        };
        match &self.runtime {
            // By one of its threads: the first one who is told would take this one's place before it has told the others.
            Some(runtime) if is_crowd => drop(runtime.spawn(async move { tell() })),
            _ => tell(),
        }
    }

    /// Strangers who are on their way to the line.
    pub(super) fn coming(&self) -> usize {
        self.coming.load(Ordering::Acquire)
    }

    /// Those, and who stands there. In this order nobody is missed who gets there meanwhile.
    fn waiting(&self, queue: &Receiver<Job>) -> usize {
        self.coming() + queue.len()
    }

    /// How long a worker waits for somebody before it tells what is kept.
    fn patience(&self) -> Duration {
        if self.untold().is_empty() {
            SLEEP
        } else {
            PATIENCE
        }
    }

    /// Nothing panics while it is held.
    fn untold(&self) -> MutexGuard<'_, Vec<Told>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a password is compared with.
#[derive(Clone)]
pub(super) struct Expected {
    pub(super) output: Vec<u8>,
    /// To be computed, too, where it is not the password.
    pub(super) rest: Option<Params>,
}

impl Expected {
    pub(super) fn is(&self, output: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(output, &self.output).is_ok()
    }
}

/// Who takes a password in hand: the worker that hashes it, or whoever asked and waits no more.
#[derive(Clone, Debug, Default)]
pub struct Begun(Arc<AtomicBool>);

impl Begun {
    /// Whether nobody has taken it before.
    pub fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

pub(super) struct Job {
    pub(super) password: Secret,
    pub(super) salt: Vec<u8>,
    pub(super) params: Params,
    /// Nothing, where the hash itself is wanted.
    pub(super) expected: Option<Expected>,
    pub(super) asked: Instant,
    /// Set by the worker that has it in hand, or by the request whose time is up: whoever is first.
    pub(super) begun: Begun,
    pub(super) answer: oneshot::Sender<Answer>,
    /// For traces: all of it, and the wait, which ends when this is dropped.
    pub(super) traced: Span,
    pub(super) traced_wait: Span,
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

pub(super) fn work_through([first, queue]: &[Receiver<Job>; 2], load: &Load, metrics: &Metrics) {
    step_back();
    let mut memory: Vec<Block> = Vec::new();
    // What strangers have been kept waiting for.
    let mut owed = Duration::ZERO;
    loop {
        if !owed.is_zero()
            && let Ok(job) = queue.try_recv()
        {
            let taken = work(job, &mut memory, load, metrics);
            load.tell(load.waiting(queue));
            owed = owed.saturating_sub(taken);
            continue;
        }
        let job = select_biased! {
            recv(first) -> job => job.map(|job| (job, STRANGERS as u32)),
            recv(queue) -> job => job.map(|job| (job, 0)),
            default(load.patience()) => {
                load.tell(0);
                continue;
            }
        };
        let Ok((job, strangers)) = job else {
            return;
        };
        // Where nobody waited, nothing is owed.
        owed = work(job, &mut memory, load, metrics) * strangers;
        // Who has proved something is told at once, and everybody else with them.
        let waiting = if strangers == 0 {
            load.waiting(queue)
        } else {
            0
        };
        load.tell(waiting);
    }
}

/// Hashes, where somebody still waits for it; answers how long that took.
fn work(mut job: Job, memory: &mut Vec<Block>, load: &Load, metrics: &Metrics) -> Duration {
    if job.answer.is_closed() || !job.begun.take() {
        return Duration::ZERO;
    }
    job.traced_wait = Span::none();
    let begun = Instant::now();
    let waited = begun - job.asked;
    metrics.password_waited(waited);
    load.running.fetch_add(1, Ordering::Relaxed);
    let traced = tracing::trace_span!(target: TRACED, parent: &job.traced, "hash");
    // A worker that ended would be missed by every password after this one.
    let hashing = AssertUnwindSafe(|| traced.in_scope(|| argon2id(&job, memory)));
    let result = catch_unwind(hashing)
        .unwrap_or_else(|_| Err(Error::internal("hashing a password panicked")));
    load.running.fetch_sub(1, Ordering::Relaxed);
    drop(traced);
    let taken = begun.elapsed();
    load.note(taken);
    metrics.password_hashed(taken);
    load.keep(job.answer, result, waited);
    taken
}

fn argon2id(job: &Job, memory: &mut Vec<Block>) -> Result<[u8; OUTPUT]> {
    let output = hash(job, &job.params, memory)?;
    let wrong = job.expected.as_ref().filter(|wanted| !wanted.is(&output));
    if let Some(rest) = wrong.and_then(|wanted| wanted.rest.as_ref()) {
        hash(job, rest, memory)?;
    }
    Ok(output)
}

fn hash(job: &Job, params: &Params, memory: &mut Vec<Block>) -> Result<[u8; OUTPUT]> {
    let blocks = params.block_count();
    if memory.len() != blocks {
        // An outdated, dearer hash must not keep its memory, and growing must not hold both at once.
        *memory = Vec::new();
        memory.resize(blocks, Block::default());
    }
    let mut output = [0; OUTPUT];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let password = job.password.expose().as_bytes();
    argon::hash(&argon, password, &job.salt, &mut output, memory).map_err(to_internal)?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many who wait for an answer.
    fn asked(load: &Load, many: usize) -> Vec<oneshot::Receiver<Answer>> {
        let ask = |_| {
            let (to, answer) = oneshot::channel();
            load.keep(to, Ok([0; OUTPUT]), Duration::ZERO);
            answer
        };
        (0..many).map(ask).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_are_told_together_are_each_others_company() {
        let load = Load::new();
        let asked = asked(&load, COMPANY);
        load.tell(COMPANY);
        let mut told = Vec::new();
        for answer in asked {
            told.push(answer.await.expect("an answer").company);
        }
        let last = told.pop().expect("a crowd");
        let arrived = told.into_iter().map(|one| one.arrive().expect("company"));
        let all = futures_util::future::join_all(arrived);
        let step = Duration::from_millis(1);
        let began = tokio::time::Instant::now();
        let (waited, ()) = tokio::join!(async { (all.await, began.elapsed()).1 }, async {
            tokio::time::sleep(step).await;
            drop(last);
        });
        assert_eq!(waited.as_millis(), step.as_millis());
    }

    #[tokio::test]
    async fn who_is_told_alone_has_no_company() {
        let load = Load::new();
        let asked = asked(&load, 1);
        load.tell(0);
        for answer in asked {
            assert!(answer.await.expect("an answer").company.arrive().is_none());
        }
    }
}
