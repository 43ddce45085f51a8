//! What tells the server to stop: SIGTERM and SIGINT.

use crate::failure::{Code, Failure, Outcome};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for the signals from the moment it is made.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen.
    pub fn install() -> Outcome<Self> {
        let one = |kind| {
            signal(kind).map_err(|error| {
                Failure::new(Code::Io, format!("cannot listen for signals: {error}"))
            })
        };
        Ok(Self {
            terminate: one(SignalKind::terminate())?,
            interrupt: one(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal and names it.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
