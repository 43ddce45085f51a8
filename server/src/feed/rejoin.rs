//! The connection of a machine that was the primary and wants to be a standby.
//!
//! Guarantees: only a machine with the master key is listened to, and what it brings
//! has to follow from the point where its history and that of this machine parted.
//! What is answered with `Done` is durable, with its chunks. What is held meanwhile is
//! bounded. A rejoin that was cut short is begun again and keeps nothing twice: that is
//! the store's, which notes how far it is.

use super::records::{self, Record};
use super::{Answer, Feed, failed, out_of_order, over, refuse, store_failed};
use bytes::Bytes;
use coffer_crypto::Key32;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_WANTS, SMALL_FILE_BYTES};
use coffer_protocol::message::peer::{Fork, OfferChunk, Rejoin, Rejoined, ReplicaKind, Wants};
use coffer_protocol::{ReplicaId, Request, Response, WireError};
use coffer_store::chunks::blob::blob_id;
use coffer_store::{
    Arrived, Clock, JournalEntry, KeepError, Random, Role, Store, SystemClock, SystemRandom,
};
use coffer_transport::{Payload, Replier, ServerConnection};

/// Most bytes of entries that are held before they are kept; more than any one has.
const MAX_ENTRY_BYTES: usize = 12 << 20;
/// Most bytes of small chunks that are held.
const MAX_INLINE_BYTES: usize = 32 << 20;
/// Most chunks that are held.
const MAX_CHUNKS: usize = 65_536;

/// What a machine has brought and what is not kept yet.
#[derive(Default)]
struct Bundle {
    /// The beginning of an entry that does not fit one payload.
    piece: Vec<u8>,
    entries: Vec<JournalEntry>,
    entry_bytes: usize,
    arrived: Arrived,
    inline_bytes: usize,
}

impl Feed {
    /// Answers a `Rejoin` and what follows; returns what to say at the end.
    pub(super) async fn rejoin(
        &self,
        connection: &mut ServerConnection,
        rejoin: Rejoin,
        reply: Replier,
    ) -> WireError {
        let admitted = self.admit_former(&connection.exporter, &rejoin).await;
        let (rejoined, fork) = match admitted {
            Ok(admitted) => admitted,
            Err(error) => {
                tracing::warn!(peer = %connection.peer, code = %error.code, "a rejoin was refused");
                return refuse(reply, error).await;
            }
        };
        let replica = rejoined.replica;
        tracing::warn!(%replica, peer = %connection.peer, head = %rejoin.head, "a former primary comes back");
        connection.raise_limits();
        let told = reply.send(Response::Rejoined(Box::new(rejoined)), Payload::Empty).await;
        if told.is_err() {
            return over();
        }
        let mut bundle = Bundle::default();
        loop {
            let incoming = tokio::select! {
                () = self.0.stopping.cancelled() => return over(),
                incoming = connection.next() => incoming,
            };
            let Some(incoming) = incoming else { return over() };
            let (request, payload) = (incoming.request, incoming.payload);
            let answered = bundle.answer(&self.0.store, fork, request, payload).await;
            // Whoever has gone needs no answer.
            let _ = match answered {
                Ok(response) => incoming.reply.send(response, Payload::Empty).await,
                Err(error) => incoming.reply.fail(error).await,
            };
        }
    }

    /// Checks the machine, and makes or renews its record.
    async fn admit_former(
        &self,
        exporter: &[u8; 32],
        rejoin: &Rejoin,
    ) -> Answer<(Rejoined, Option<(u64, [u8; 32])>)> {
        let (store, server) = (&self.0.store, &self.0.installation.secret);
        server.verify_member(exporter, &rejoin.mac).map_err(|_| stranger())?;
        if store.role() != Role::Primary || store.is_fenced() {
            return Err(not_primary());
        }
        if !records::is_address(&rejoin.listen) {
            let message = "The address of the machine cannot be used.";
            return Err(WireError::new(ErrorCode::MALFORMED, message, "Give --listen HOST:PORT."));
        }
        let timeline = store.timeline().await.map_err(|error| store_failed(&error))?;
        let forks: Vec<Fork> = timeline
            .iter()
            .map(|promotion| Fork {
                epoch: promotion.proof.epoch,
                seq: promotion.proof.fork_seq,
                hash: promotion.proof.fork_hash,
            })
            .collect();
        let parted = forks.iter().find(|fork| fork.epoch > rejoin.head.epoch);
        // One that is of this epoch has nothing to hand over.
        let fork = parted.map(|fork| (fork.seq, fork.hash));
        let record = self.record_of(rejoin).await?;
        self.look_up_replicas().await;
        let secret = *record.secret.expose();
        Ok((Rejoined { replica: record.id, secret, forks }, fork))
    }

    async fn record_of(&self, rejoin: &Rejoin) -> Answer<Record> {
        let (mut id, mut secret) = ([0; 16], [0; 32]);
        let drawn = SystemRandom.fill(&mut id).and_then(|()| SystemRandom.fill(&mut secret));
        drawn.map_err(|error| {
            tracing::error!(%error, "no random bytes");
            WireError::new(ErrorCode::INTERNAL, "The primary has no random bytes.", "")
        })?;
        let record = Record {
            id: ReplicaId(id),
            kind: ReplicaKind::Standby,
            listen: rejoin.listen.clone(),
            fingerprint: rejoin.fingerprint,
            secret: Key32::from_bytes(secret),
            joined_millis: SystemClock.now_millis(),
        };
        let server = &self.0.installation.secret;
        let admitted = records::readmit(&self.0.store, server, record).await;
        admitted.map_err(|failure| failed(&failure))
    }
}

impl Bundle {
    async fn answer(
        &mut self,
        store: &Store,
        fork: Option<(u64, [u8; 32])>,
        request: Request,
        payload: Bytes,
    ) -> Answer<Response> {
        let Some(fork) = fork else { return Err(out_of_order()) };
        match request {
            Request::PutDiverged(put) => {
                self.put(&payload, put.rest > 0)?;
                let wants = match put.rest {
                    0 => self.wants(store).await?,
                    _ => Wants::default(),
                };
                Ok(Response::Wants(wants))
            }
            Request::OfferChunk(offer) => self.offer(store, &offer, payload).await,
            Request::KeepDiverged => self.keep(store, fork).await,
            _ => Err(out_of_order()),
        }
    }

    /// Takes entries, or a piece of one.
    fn put(&mut self, payload: &[u8], more: bool) -> Answer<()> {
        if self.entry_bytes + self.piece.len() + payload.len() > MAX_ENTRY_BYTES {
            return Err(too_large());
        }
        self.piece.extend_from_slice(payload);
        if more {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.piece);
        let entries = JournalEntry::decode_all(&bytes).map_err(|_| damaged())?;
        self.entry_bytes += bytes.len();
        self.entries.extend(entries);
        Ok(())
    }

    async fn wants(&self, store: &Store) -> Answer<Wants> {
        let chunks = store.diverged_wants(&self.entries, &self.arrived, MAX_WANTS).await;
        let chunks = chunks.map_err(|error| keep_failed(&error))?;
        Ok(Wants { chunks, ..Wants::default() })
    }

    /// Takes a chunk.
    async fn offer(
        &mut self,
        store: &Store,
        offer: &OfferChunk,
        payload: Bytes,
    ) -> Answer<Response> {
        let blob = offer.blob;
        let Arrived { inline, pins, absent } = &mut self.arrived;
        if inline.len() + pins.len() + absent.len() >= MAX_CHUNKS {
            return Err(too_large());
        }
        if !offer.found {
            absent.insert(blob);
            return Ok(Response::Done);
        }
        if blob_id(&payload) != Some(blob) {
            return Err(damaged());
        }
        if payload.len() < SMALL_FILE_BYTES {
            self.inline_bytes += payload.len();
            if self.inline_bytes > MAX_INLINE_BYTES {
                return Err(too_large());
            }
            inline.insert(blob, payload);
        } else {
            let pin = store.put_chunk(blob, payload).await.map_err(|error| store_failed(&error))?;
            pins.insert(blob, pin);
        }
        Ok(Response::Done)
    }

    /// Makes what was brought durable.
    async fn keep(&mut self, store: &Store, fork: (u64, [u8; 32])) -> Answer<Response> {
        let kept = store.keep_diverged(&self.entries, fork, &self.arrived).await;
        let repeated = kept.map_err(|error| keep_failed(&error))?;
        tracing::info!(
            entries = self.entries.len(),
            repeated,
            "writes of a former primary are kept"
        );
        *self = Self::default();
        Ok(Response::Done)
    }
}

fn keep_failed(error: &KeepError) -> WireError {
    match error {
        KeepError::Store(error) => store_failed(error),
        other => {
            tracing::warn!(error = %other, "writes of a former primary are not kept");
            WireError::new(
                ErrorCode::MALFORMED,
                "The entries do not follow from what this server has.",
                "Keep the data directory of the old primary as it is, and ask for help.",
            )
        }
    }
}

fn stranger() -> WireError {
    WireError::new(
        ErrorCode::SIGN_IN_REFUSED,
        "This machine does not have the master key of this installation.",
        "Check that the link is that of the new primary.",
    )
}

fn not_primary() -> WireError {
    WireError::new(
        ErrorCode::READ_ONLY,
        "This machine is not the primary.",
        "Give the link of the primary.",
    )
}

fn too_large() -> WireError {
    WireError::new(
        ErrorCode::TOO_LARGE,
        "More than is taken at a time.",
        "Keep what was put first.",
    )
}

fn damaged() -> WireError {
    WireError::new(ErrorCode::MALFORMED, "What was brought is damaged.", "")
}
