//! What asks a command to stop: SIGTERM, and SIGINT of a terminal.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failure;

/// From now on a signal no longer ends the process: whoever listens has to.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Does this, unless a signal comes first: it is dropped then, and cleans up what it has begun.
pub async fn unless_stopped<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = work => Ok(done),
        () = signals.received() => Err("told to stop: nothing was made".into()),
    }
}
