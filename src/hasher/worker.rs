//! The threads that hash, and what they are handed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time;
use crossbeam_channel::{Receiver, select_biased};
use tokio::sync::oneshot;
use tracing::Span;

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

/// How many are at work, and how long one hash takes (nanoseconds, a running mean).
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) running: AtomicUsize,
    pub(super) pace: AtomicU64,
}

impl Load {
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
    pub(super) answer: oneshot::Sender<(Result<[u8; OUTPUT]>, Duration)>,
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
            owed = owed.saturating_sub(taken);
            continue;
        }
        let job = select_biased! {
            recv(first) -> job => job.map(|job| (job, STRANGERS as u32)),
            recv(queue) -> job => job.map(|job| (job, 0)),
        };
        let Ok((job, strangers)) = job else {
            return;
        };
        // Where nobody waited, nothing is owed.
        owed = work(job, &mut memory, load, metrics) * strangers;
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
    // The client may have gone meanwhile; then nobody wants the answer.
    drop(job.answer.send((result, waited)));
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
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(
            job.password.expose().as_bytes(),
            &job.salt,
            &mut output,
            memory.as_mut_slice(),
        )
        .map_err(to_internal)?;
    Ok(output)
}
