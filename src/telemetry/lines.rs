//! The way of the log's lines to standard error. A thread of its own writes them: whoever reads them may stand still, as what
//! gathers the logs of containers, or a terminal, and no request is to stand still with them (ADR 35).

use std::io::{self, Write, stderr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines that may wait to be written. What comes on top is lost, and counted.
const WAITING: usize = 4_096;
/// For what is to be written at the end.
const FAREWELL: Duration = Duration::from_millis(1_200);
/// From one line about lost ones to the next, at least.
const PAUSE: Duration = Duration::from_secs(1);

static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();
static FAILED: AtomicU64 = AtomicU64::new(0);

/// The log is written while this is held; dropping it writes what still waits, for 1.2 seconds at most.
#[must_use = "dropping it ends the log"]
#[derive(Debug)]
pub struct Log(Option<WorkerGuard>);

/// What the log writes to.
pub(super) fn start() -> (NonBlocking, Log) {
    let builder = NonBlockingBuilder::default().buffered_lines_limit(WAITING);
    let (writer, guard) = builder.thread_name("log").finish(Out::default());
    // One log is started in each process; of a second one, the first counts.
    DROPPED.get_or_init(|| writer.error_counter());
    (writer, Log(Some(guard)))
}

/// Lines that were lost since the start: those before them were not read in time, or they could not be written.
pub fn lost_lines() -> u64 {
    let dropped = DROPPED.get().map_or(0, ErrorCounter::dropped_lines);
    FAILED.load(Ordering::Relaxed) + dropped as u64
}

/// Says something at the end, where somebody listens: for 1.2 seconds at most.
pub fn say_at_last(say: impl FnOnce() + Send + 'static) {
    let (done, ended) = bounded::<()>(0);
    let say = move || {
        say();
        drop(done);
    };
    if thread::Builder::new().spawn(say).is_ok() {
        // Nothing is ever sent: an end, or the time is up.
        let _ = ended.recv_timeout(FAREWELL);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let guard = self.0.take();
        // Where nobody reads, the guard says so on standard output, which may be the same.
        say_at_last(move || drop(guard));
    }
}

/// Standard error. It takes every line, so that none is tried twice.
#[derive(Debug, Default)]
struct Out {
    told: Option<(u64, Instant)>,
}

impl Out {
    /// Once somebody reads again, they are told how many lines there were that they will not see.
    fn tell(&mut self) {
        let lost = lost_lines();
        let is_told = |(told, at): &(u64, Instant)| *told == lost || at.elapsed() < PAUSE;
        if lost > 0 && !self.told.as_ref().is_some_and(is_told) {
            self.told = Some((lost, Instant::now()));
            tracing::warn!(
                lost,
                "lines of the log are lost: they were not read in time"
            );
        }
    }
}

impl Write for Out {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if stderr().write_all(line).is_err() {
            FAILED.fetch_add(1, Ordering::Relaxed);
        } else {
            self.tell();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}
