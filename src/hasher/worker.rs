//! The threads that hash, and what they are handed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use crossbeam_channel::{Receiver, select_biased};
use tokio::sync::oneshot;
use tracing::Span;

use super::{OUTPUT, OVERLOADED, to_internal};
use crate::error::{Error, Result};
use crate::metrics::{Metrics, PasswordRefusal};
use crate::secret::Secret;
use crate::telemetry::TRACED;

/// Of the threads that hash, from 0 to 19; with 10, a request that wants a core has nine tenths of it (sched(7)).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

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

pub(super) struct Job {
    pub(super) password: Secret,
    pub(super) salt: Vec<u8>,
    pub(super) params: Params,
    pub(super) asked: Instant,
    pub(super) deadline: Instant,
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
    loop {
        let next = select_biased! {
            recv(first) -> job => job,
            recv(queue) -> job => job,
        };
        let Ok(mut job) = next else {
            return;
        };
        if job.answer.is_closed() {
            continue;
        }
        job.traced_wait = Span::none();
        let begun = Instant::now();
        let waited = begun - job.asked;
        metrics.password_waited(waited);
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
        drop(job.answer.send((result, waited)));
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
