//! Serving one connection: a task for each request.
//!
//! Guarantees: the number of open requests and their bytes are bounded by the
//! connection; every request is answered exactly once; a cancelled request
//! stops at its next await, unless it has to run to its end; when the
//! connection goes, its hold on the session goes with it.

use crate::dispatch::Answered;
use crate::fault::{Outcome, plain};
use crate::link::Link;
use crate::room::Room;
use crate::service::{Core, Service};
use bytes::Bytes;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{Request, Response, UserId, WireError};
use coffer_transport::{
    CloseReason, ConnectionHandle, Incoming, Payload, Replier, ServerConnection,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the requests of a connection that has gone are waited for, if they may
/// be parts of an upload.
const LAST_REQUESTS: Duration = Duration::from_secs(1);

/// How serving a connection ended.
pub enum Served {
    /// The connection is over, for this reason.
    Ended(Option<CloseReason>),
    /// It is no client's: its first request is one of a replica.
    Peer(Box<(ServerConnection, Incoming)>),
}

impl Service {
    /// Serves a connection until its end, or until it turns out to be a replica's.
    /// `recognised` fires when the device on the other side turns out to be known.
    pub async fn serve(
        &self,
        mut connection: ServerConnection,
        recognised: CancellationToken,
    ) -> Served {
        let handle = connection.handle();
        let link = Link::new(connection.exporter, connection.peer.ip());
        let link = Arc::new(link.with(connection.features));
        let epoch_told = connection.epoch;
        let stopping = self.core.stopping.clone();
        let fenced = self.core.fenced.clone();
        // Whoever comes to a fenced machine is answered why.
        let mut dismissed = fenced.is_cancelled();
        let mut told = false;
        let mut followed = self.core.followed_epoch.subscribe();
        let mut outlived = false;
        let mut first = true;
        let own = TaskTracker::new();
        loop {
            tokio::select! {
                () = stopping.cancelled(), if !told => {
                    told = true;
                    handle.goaway(plain(ErrorCode::SHUTTING_DOWN));
                }
                () = fenced.cancelled(), if !dismissed => {
                    dismissed = true;
                    handle.goaway(self.core.fenced_error());
                }
                // Positions are of the epoch that the client was told at the beginning.
                changed = followed.wait_for(|epoch| *epoch > epoch_told), if !outlived => {
                    outlived = true;
                    if changed.is_ok() {
                        handle.goaway(connect_again());
                    }
                }
                incoming = connection.next() => {
                    let Some(incoming) = incoming else { break };
                    if std::mem::take(&mut first) && of_replica(&incoming.request) {
                        return Served::Peer(Box::new((connection, incoming)));
                    }
                    let (core, link) = (Arc::clone(&self.core), Arc::clone(&link));
                    let signals = (handle.clone(), recognised.clone());
                    let work = own.track_future(answer(core, link, signals, incoming));
                    self.core.tasks.spawn(work);
                }
            }
        }
        if let Some(session) = link.present_session().filter(|session| session.uploads.len() > 0) {
            // What has come whole is kept, also what is being worked on.
            own.close();
            let _ = timeout(LAST_REQUESTS, own.wait()).await;
            self.core.hold_uploads(&session).await;
        }
        link.detach();
        Served::Ended(connection.close_reason())
    }

    /// Carries out one request, without a transport in between.
    pub async fn handle(
        &self,
        link: &Link,
        request: Request,
        payload: Bytes,
    ) -> Outcome<(Response, Payload)> {
        self.core.handle(link, request, payload, Room::Caller).await
    }
}

async fn answer(
    core: Arc<Core>,
    link: Arc<Link>,
    (handle, recognised): (ConnectionHandle, CancellationToken),
    incoming: Incoming,
) {
    let Incoming { request, payload, cancelled, mut reply, .. } = incoming;
    let begun = Instant::now();
    let kind = kind_of(&request);
    let received = payload.len();
    let finishes = must_finish(&request);
    let outcome = {
        let work = core.handle(&link, request, payload, Room::Connection(&mut reply));
        let mut work = std::pin::pin!(work);
        if finishes {
            Some(work.await)
        } else {
            tokio::select! {
                biased;
                outcome = &mut work => Some(outcome),
                () = cancelled.cancelled() => None,
            }
        }
    };
    let code = match &outcome {
        None => ErrorCode::CANCELLED.name(),
        Some(Ok(_)) => "ok",
        Some(Err(error)) => error.code.name(),
    };
    metrics::counter!("coffer_requests_total", "kind" => kind, "code" => code).increment(1);
    metrics::histogram!("coffer_request_seconds", "kind" => kind)
        .record(begun.elapsed().as_secs_f64());
    let sent = outcome.iter().flatten().map(|(_, payload)| payload.len()).sum();
    core.counting.add(received, sent);
    if let Some(outcome) = outcome {
        if let Some(session) = link.present_session() {
            handle.belongs_to(share_of(session.user));
            handle.raise_limits();
        }
        if link.is_recognised() {
            recognised.cancel();
        }
        send(reply, outcome).await;
    }
}

/// What tells users apart when they share memory; ids are random.
fn share_of(user: UserId) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&user.0[..8]);
    u64::from_be_bytes(first)
}

/// A client that has gone in the meantime is nobody's error.
async fn send(reply: Replier, outcome: Outcome<Answered>) {
    let sent = match outcome {
        Ok((response, payload)) => reply.send(response, payload).await,
        Err(error) => reply.fail(error).await,
    };
    if sent.is_err() {
        tracing::trace!("the client had gone before its answer");
    }
}

/// Requests of several steps that do not stop half-way.
fn must_finish(request: &Request) -> bool {
    matches!(
        request,
        Request::SignupFinish(_)
            | Request::Logout
            | Request::ReplaceCredentials(_)
            | Request::DeleteAccount(_)
            | Request::PutChunk(_)
            | Request::OfferContent(_)
            | Request::ProveContent(_)
            | Request::CommitUpload(_)
            | Request::AbortUpload(_)
            | Request::ShowEpoch(_)
    )
}

fn connect_again() -> WireError {
    let text = "a new epoch has begun, and this connection belongs to the one before";
    WireError::new(ErrorCode::SHUTTING_DOWN, text, "connect again").retry_after(0)
}

/// What only a replica begins with.
fn of_replica(request: &Request) -> bool {
    matches!(request, Request::Join(_) | Request::PeerHello(_) | Request::Rejoin(_))
}

fn kind_of(request: &Request) -> &'static str {
    match request {
        Request::LoginStart(_) => "login_start",
        Request::LoginFinish(_) => "login_finish",
        Request::Attach(_) => "attach",
        Request::SignupStart(_) => "signup_start",
        Request::SignupFinish(_) => "signup_finish",
        Request::Logout => "logout",
        Request::WhoAmI => "who_am_i",
        Request::ProveAgain(_) => "prove_again",
        Request::ReplaceCredentials(_) => "replace_credentials",
        Request::DeleteAccount(_) => "delete_account",
        Request::Stat(_) => "stat",
        Request::List(_) => "list",
        Request::Walk(_) => "walk",
        Request::MakeDirs(_) => "make_dirs",
        Request::Move(_) => "move",
        Request::Copy(_) => "copy",
        Request::Delete(_) => "delete",
        Request::TrashList(_) => "trash_list",
        Request::RestoreTrash(_) => "restore_trash",
        Request::PurgeTrash(_) => "purge_trash",
        Request::Versions(_) => "versions",
        Request::RestoreVersion(_) => "restore_version",
        Request::PurgeVersions(_) => "purge_versions",
        Request::PutFiles(_) => "put_files",
        Request::PutChunk(_) => "put_chunk",
        Request::OfferContent(_) => "offer_content",
        Request::ListUploads(_) => "list_uploads",
        Request::CommitUpload(_) => "commit_upload",
        Request::AbortUpload(_) => "abort_upload",
        Request::OpenFile(_) => "open_file",
        Request::ReadPlan(_) => "read_plan",
        Request::ReadChunk(_) => "read_chunk",
        Request::ReadFiles(_) => "read_files",
        Request::Share(_) => "share",
        Request::Unshare(_) => "unshare",
        Request::LeaveShare(_) => "leave_share",
        Request::ListShares(_) => "list_shares",
        Request::FindShared(_) => "find_shared",
        Request::EditGroup(_) => "edit_group",
        Request::ListGroups(_) => "list_groups",
        Request::FindContact(_) => "find_contact",
        Request::ConfirmContact(_) => "confirm_contact",
        Request::TrashIn(_) => "trash_in",
        Request::Watch(_) => "watch",
        Request::ListActivity(_) => "list_activity",
        Request::ShowEpoch(_) => "show_epoch",
        Request::Cluster => "cluster",
        Request::Await(_) => "await",
        Request::ListDiverged(_) => "list_diverged",
        Request::DismissDiverged(_) => "dismiss_diverged",
        Request::AskWork(_) => "ask_work",
        Request::ProveWork(_) => "prove_work",
        Request::KnowDevice(_) => "know_device",
        Request::AskDevice => "ask_device",
        Request::ProveContent(_) => "prove_content",
        of_a_replica => kind_of_peer(of_a_replica),
    }
}

/// What replicas ask, on connections that are not served here but for the first request.
fn kind_of_peer(request: &Request) -> &'static str {
    match request {
        Request::Join(_) => "join",
        Request::PeerHello(_) => "peer_hello",
        Request::PullEntries(_) => "pull_entries",
        Request::PullChunk(_) => "pull_chunk",
        Request::PullInline(_) => "pull_inline",
        Request::Progress(_) => "progress",
        Request::BeginSnapshot(_) => "begin_snapshot",
        Request::PullRows(_) => "pull_rows",
        Request::PullKeys(_) => "pull_keys",
        Request::EndSnapshot(_) => "end_snapshot",
        Request::PullRow(_) => "pull_row",
        Request::PullWants(_) => "pull_wants",
        Request::OfferChunk(_) => "offer_chunk",
        Request::OfferRow(_) => "offer_row",
        Request::OfferEntry(_) => "offer_entry",
        Request::StepDown => "step_down",
        Request::Rejoin(_) => "rejoin",
        Request::PutDiverged(_) => "put_diverged",
        Request::KeepDiverged => "keep_diverged",
        _ => "other",
    }
}
