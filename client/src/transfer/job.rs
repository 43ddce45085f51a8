//! What all parts of one transfer share, up or down: whom to ask, where to
//! report, and when to stop.

use super::caller::{Caller, ends_transfer};
use super::progress::Tracker;
use super::report::Report;
use crate::error::ClientError;
use crate::rate::Lane;
use coffer_protocol::ServerId;
use tokio_util::sync::CancellationToken;

/// See the module. Dropped, it ends whatever is still at work for it.
pub(crate) struct Job<'a, C> {
    pub(crate) caller: &'a C,
    pub(crate) server: ServerId,
    pub(crate) tracker: &'a Tracker,
    /// Cancelled when the transfer has to end.
    pub(crate) stop: CancellationToken,
    /// What contents wait in before they are sent.
    pub(crate) up: Lane,
    /// What they wait in before they are asked for.
    pub(crate) down: Lane,
}

impl<'a, C: Caller> Job<'a, C> {
    pub(crate) fn new(caller: &'a C, tracker: &'a Tracker, cancel: &CancellationToken) -> Self {
        let limits = caller.limits();
        let (up, down) = (Lane::new(&limits.up), Lane::new(&limits.down));
        let (server, stop) = (caller.server_id(), cancel.child_token());
        Self { caller, server, tracker, stop, up, down }
    }
}

impl<C> Job<'_, C> {
    /// A file (or directory) failed; some failures end the transfer.
    pub(crate) fn fail(&self, name: String, error: ClientError, was_found: bool) {
        if ends_transfer(&error) {
            self.tracker.stop(error);
            self.stop.cancel();
        } else {
            self.tracker.failed(name, error, was_found);
        }
    }
}

impl<C> Drop for Job<'_, C> {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The report of a transfer that has ended, by itself or at the user's wish.
pub(crate) fn end(tracker: &Tracker, cancel: &CancellationToken) -> Report {
    if cancel.is_cancelled() {
        tracker.stop(ClientError::Interrupted);
    }
    tracker.take_report()
}
