//! The way of the log's lines to standard error. A thread of its own writes them: whoever reads them may stand still, as what
//! gathers the logs of containers, or a terminal, and no request is to stand still with them.

use std::io::stderr;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use crossbeam_channel::bounded;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines that may wait to be written. What comes on top is lost, and counted.
const WAITING: usize = 4_096;
/// For those that still wait at the end.
const FAREWELL: Duration = Duration::from_millis(1_200);

static LOST: OnceLock<ErrorCounter> = OnceLock::new();

/// The log is written while this is held; dropping it writes what still waits, for 1.2 seconds at most.
#[must_use = "dropping it ends the log"]
#[derive(Debug)]
pub struct Log(Option<WorkerGuard>);

/// What the log writes to.
pub(super) fn start() -> (NonBlocking, Log) {
    let builder = NonBlockingBuilder::default().buffered_lines_limit(WAITING);
    let (writer, guard) = builder.thread_name("log").finish(stderr());
    // One log is started in each process; of a second one, the first counts.
    LOST.get_or_init(|| writer.error_counter());
    (writer, Log(Some(guard)))
}

/// Lines that were lost since the start, because those before them were not read in time.
pub fn lost_lines() -> u64 {
    LOST.get().map_or(0, |lost| lost.dropped_lines() as u64)
}

impl Drop for Log {
    fn drop(&mut self) {
        let guard = self.0.take();
        let (done, ended) = bounded::<()>(0);
        // Where nobody reads, the guard says so on standard output, which may be the same: then the end of the program does not
        // wait for it.
        let end = move || {
            drop(guard);
            drop(done);
        };
        if thread::Builder::new().spawn(end).is_ok() {
            // Nothing is ever sent: an end, or the time is up.
            let _ = ended.recv_timeout(FAREWELL);
        }
    }
}
