//! How a machine learns that it is not the primary any more, and what it does then.
//!
//! Guarantees: only a proof that was made with the master key fences, and only one of
//! a newer epoch; the fence is durable before it is confirmed; a fenced machine
//! carries nothing out, and tells everybody why. Requests that it had begun come to
//! an end.

use crate::fault::{Outcome, because, hinted, plain};
use crate::link::Link;
use crate::service::{Core, Service};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::cluster::EpochProof;
use coffer_protocol::{Request, WireError};
use coffer_store::{CommitError, Fence, SeatError};
use std::time::Duration;

/// Time between two looks whether requests in progress have come to an end.
const LOOK: Duration = Duration::from_millis(50);

impl Core {
    /// Refuses everything on a machine that was the primary, but to be shown an epoch.
    pub(crate) fn must_not_be_fenced(&self, request: &Request) -> Outcome<()> {
        match request {
            Request::ShowEpoch(_) => Ok(()),
            _ if self.fenced.is_cancelled() || self.store.is_fenced() => Err(self.fenced_error()),
            _ => Ok(()),
        }
    }

    /// What clients of a fenced machine are told.
    pub(crate) fn fenced_error(&self) -> WireError {
        match self.successor.get() {
            Some(place) => {
                let hint = format!("connect to the server that was promoted: {place}");
                hinted(ErrorCode::FENCED, &hint)
            }
            None => plain(ErrorCode::FENCED),
        }
    }

    /// Takes a proof that a newer epoch has begun.
    pub(crate) async fn show_epoch(&self, link: &Link, proof: &EpochProof) -> Outcome<()> {
        self.limiter.sign_up(link.prefix())?;
        let EpochProof { epoch, fork_seq, fork_hash, host, port, fingerprint, mac } = proof;
        let verified = self.secret.verify_epoch(
            *epoch,
            (*fork_seq, fork_hash),
            (host, *port, fingerprint),
            mac,
        );
        verified.map_err(|_| {
            because(ErrorCode::NOT_ALLOWED, "the proof of a promotion does not verify")
        })?;
        let seat = self.store.fence(*epoch).await.map_err(|error| seat_failed(&error))?;
        if seat.fence == Fence::NewerEpoch
            && *epoch > seat.position.epoch
            && self.successor.set(format!("{host}:{port}")).is_ok()
        {
            tracing::error!(
                epoch,
                primary = %format!("{host}:{port}"),
                fork = fork_seq,
                here = %seat.position,
                "another machine was promoted: this one is not the primary any more and serves \
                 nobody; make it a standby with `coffer-server rejoin`"
            );
        }
        Ok(())
    }
}

impl Service {
    /// Serves nobody any more, because this machine is not the primary: clients are
    /// told to go, requests in progress are finished (or given up after a while), then
    /// every session ends and its keys are wiped. Connections that come later are told
    /// why. Nothing brings the service back.
    pub async fn fence(&self) {
        let core = &self.core;
        if core.fenced.is_cancelled() {
            return;
        }
        core.fenced.cancel();
        let finished = async {
            while !core.tasks.is_empty() {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(core.config.drain, finished).await.is_err() {
            tracing::warn!(open = core.tasks.len(), "requests were given up at the fence");
        }
        core.sessions.end_all();
    }

    /// Whether this machine was fenced.
    pub fn is_fenced(&self) -> bool {
        self.core.fenced.is_cancelled()
    }
}

/// The fence could not be written; whoever showed the proof shows it again.
fn seat_failed(error: &SeatError) -> WireError {
    tracing::error!(%error, "this machine cannot be fenced");
    match error {
        SeatError::Store(CommitError::Uncertain(_) | CommitError::Poisoned) => {
            plain(ErrorCode::UNCERTAIN)
        }
        _ => plain(ErrorCode::DATABASE_UNAVAILABLE),
    }
}
