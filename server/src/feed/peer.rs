//! The connection of a replica, from its proof to its end.

use super::{
    Answer, Feed, Inner, failed, fenced, out_of_order, over, records, refuse, store_failed,
};
use coffer_crypto::scram;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::peer::{Course, PeerHello, PeerWelcome, ReplicaKind};
use coffer_protocol::{ReplicaId, Request, Response, WireError};
use coffer_transport::{Incoming, Payload, Replier, ServerConnection};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A replica without rows follows a journal of no more entries from its beginning;
/// with more it is filled from a snapshot.
const FROM_THE_BEGINNING: u64 = 20_000;
/// How long an answer that is being sent holds up the end of a connection.
const LAST_ANSWER: Duration = Duration::from_secs(1);

impl Feed {
    /// Answers a `PeerHello` and what follows; returns what to say at the end.
    pub(super) async fn peer(
        &self,
        connection: &mut ServerConnection,
        hello: PeerHello,
        reply: Replier,
    ) -> WireError {
        let replica = hello.replica;
        let begun = match self.prove(&connection.exporter, &hello).await {
            Ok(()) => self.welcome(&hello).await,
            Err(error) => Err(error),
        };
        let welcome = match begun {
            Ok(welcome) => welcome,
            Err(error) => {
                tracing::warn!(peer = %connection.peer, %replica, code = %error.code, "a replica was refused");
                return refuse(reply, error).await;
            }
        };
        let Some(ended) = self.0.mirrors.connected(replica) else {
            return refuse(reply, removed()).await;
        };
        self.0.asking.ended(replica);
        connection.raise_limits();
        let course = welcome.course;
        let (peer, position) = (connection.peer, hello.position);
        match course {
            Course::Follow => {
                self.0.mirrors.begins(replica, position.seq);
                tracing::info!(%replica, %peer, from = %position, "a replica follows");
            }
            Course::Snapshot => {
                tracing::info!(%replica, %peer, %position, "a replica is to be filled");
            }
            Course::Fork => {
                tracing::error!(%replica, %peer, %position, "the history of a replica has parted");
            }
        }
        let told = reply.send(Response::PeerWelcome(welcome), Payload::Empty).await;
        let farewell = match told {
            Ok(()) => self.follow(connection, (replica, hello.kind), &ended).await,
            Err(_) => over(),
        };
        self.0.mirrors.disconnected(replica, &ended);
        if !ended.is_cancelled() {
            self.0.asking.ended(replica);
        }
        tracing::info!(%replica, "the connection of a replica is over");
        farewell
    }

    /// Whether the connection is the replica's.
    async fn prove(&self, exporter: &[u8; 32], hello: &PeerHello) -> Answer<()> {
        let Inner { store, installation, .. } = &*self.0;
        let looked = self.0.roll.look(store, &installation.secret).await;
        let looked = looked.map_err(|failure| failed(&failure))?;
        // It may have joined, or been taken off the list, a moment ago.
        self.0.mirrors.registered(&looked.ids);
        let record = looked.record(hello.replica).ok_or_else(removed)?;
        let (id, server) = (hello.replica.as_bytes(), &installation.secret);
        scram::verify_peer(&record.secret, id, exporter, &hello.mac).map_err(|_| removed())?;
        if hello.kind == ReplicaKind::Standby {
            // Clients are sent there, so its word alone is not enough.
            let member = hello.member_mac.ok_or_else(no_standby)?;
            server.verify_member(exporter, &member).map_err(|_| no_standby())?;
        }
        if hello.kind != record.kind && !self.follows() {
            let changed = records::change_kind(store, server, record, hello.kind).await;
            changed.map_err(|failure| failed(&failure))?;
            tracing::info!(replica = %hello.replica, kind = ?hello.kind, "a replica is of another kind now");
            self.look_up_replicas().await;
        }
        Ok(())
    }

    /// How the replica has to go on.
    async fn welcome(&self, hello: &PeerHello) -> Answer<PeerWelcome> {
        let store = &self.0.store;
        let head = store.journal_head().await.map_err(|error| store_failed(&error))?;
        let seq = hello.position.seq;
        if self.follows() && seq > head.position.seq {
            return Err(behind());
        }
        let long = head.pruned_seq > 0 || head.position.seq > FROM_THE_BEGINNING;
        let course = if hello.empty && long || seq < head.pruned_seq {
            Course::Snapshot
        } else {
            let own = store.chain_at(seq).await.map_err(|error| store_failed(&error))?;
            match own {
                Some(hash) if hash == hello.chain_hash => Course::Follow,
                _ => Course::Fork,
            }
        };
        let machines = self.0.look_up().await?;
        let (endpoints, proof) = (machines.endpoints, machines.proof);
        Ok(PeerWelcome { head: head.position, course, endpoints, proof })
    }

    /// Answers until the connection ends.
    async fn follow(
        &self,
        connection: &mut ServerConnection,
        (replica, kind): (ReplicaId, ReplicaKind),
        ended: &CancellationToken,
    ) -> WireError {
        let tasks = TaskTracker::new();
        let farewell = loop {
            let incoming = tokio::select! {
                () = self.0.stopping.cancelled() => break over(),
                () = self.0.fenced.cancelled() => break fenced(),
                () = ended.cancelled() => break over(),
                incoming = connection.next() => incoming,
            };
            let Some(incoming) = incoming else { break over() };
            self.0.mirrors.heard(replica);
            if let Request::Progress(progress) = incoming.request {
                // At once, and in the order of arrival.
                self.0.mirrors.progress(replica, progress.received, progress.flushed);
                // Whoever has gone needs no answer.
                let _ = incoming.reply.send(Response::Done, Payload::Empty).await;
                continue;
            }
            let (inner, stop) = (Arc::clone(&self.0), ended.clone());
            tasks.spawn(async move { answer(&inner, (replica, kind), incoming, &stop).await });
        };
        tasks.close();
        // Work for an ended connection stops at its next await.
        tasks.wait().await;
        farewell
    }
}

/// Waits for the end of a connection, and says why it ends.
async fn end(inner: &Inner, ended: &CancellationToken) -> WireError {
    tokio::select! {
        () = inner.fenced.cancelled() => fenced(),
        () = inner.stopping.cancelled() => over(),
        () = ended.cancelled() => over(),
    }
}

/// Answers one request. One that is not finished at the end of the connection is told
/// why, so that the replica knows when to come back.
async fn answer(
    inner: &Arc<Inner>,
    (replica, kind): (ReplicaId, ReplicaKind),
    incoming: Incoming,
    ended: &CancellationToken,
) {
    let Incoming { request, payload, cancelled, mut reply, .. } = incoming;
    let work = async {
        match request {
            Request::PullEntries(pull) => inner.entries(&pull, &mut reply).await,
            Request::PullChunk(pull) => inner.chunk(&pull, &mut reply).await,
            Request::PullInline(pull) => inner.inline(&pull, &mut reply).await,
            Request::BeginSnapshot(begin) => inner.begin_snapshot(replica, &begin).await,
            Request::PullRows(pull) => inner.rows(replica, pull, &mut reply).await,
            Request::PullKeys(pull) => inner.keys(replica, pull, &mut reply).await,
            Request::PullRow(pull) => inner.row(&pull, &mut reply).await,
            Request::PullWants(pull) => inner.wants(replica, &pull).await,
            Request::OfferChunk(offer) => inner.offered_chunk(&offer, payload).await,
            Request::OfferRow(offer) => inner.offered_row(offer, payload).await,
            Request::OfferEntry(offer) => inner.offered_entry(&offer, &payload).await,
            Request::EndSnapshot(end) => {
                inner.end_snapshot(replica, &end);
                Ok((Response::Done, Payload::Empty))
            }
            Request::StepDown if kind == ReplicaKind::Standby => inner.step_down(replica).await,
            _ => Err(out_of_order()),
        }
    };
    let answered = tokio::select! {
        answered = work => answered,
        () = cancelled.cancelled() => return,
        why = end(inner, ended) => Err(why),
    };
    let sending = async {
        match answered {
            Ok((response, payload)) => reply.send(response, payload).await,
            Err(error) => reply.fail(error).await,
        }
    };
    let is_over = async {
        end(inner, ended).await;
        tokio::time::sleep(LAST_ANSWER).await;
    };
    tokio::select! {
        // Whoever has gone needs no answer.
        _ = sending => {}
        () = is_over => {}
    }
}

/// One answer for every way not to be a replica.
fn removed() -> WireError {
    WireError::new(
        ErrorCode::SIGN_IN_REFUSED,
        "This machine is no replica of this installation, or not any more.",
        "Let it join again, with a new token and an empty directory.",
    )
}

fn no_standby() -> WireError {
    WireError::new(
        ErrorCode::SIGN_IN_REFUSED,
        "This machine says that it is a standby and does not prove that it has the master key.",
        "Give it the key with `coffer-replica unlock`.",
    )
}

/// The replica has more than this machine, which follows itself.
fn behind() -> WireError {
    let message = "This machine has not got yet what the replica has.";
    WireError::new(ErrorCode::BEHIND, message, "It catches up by itself.").retry_after(1000)
}
