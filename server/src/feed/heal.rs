//! Damage on either side: what this machine wants from its replicas, and the rows
//! that they want from it.
//!
//! Guarantees: every replica that is connected is asked for everything that is
//! wanted, and asked again after a while; what they bring is proved by the store
//! before it is written.

use super::pull::{LONGEST_WAIT, Pulled, gone};
use super::{Inner, over, store_failed};
use bytes::Bytes;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_PAYLOAD_BYTES, MAX_WANTS};
use coffer_protocol::message::peer::{
    OfferChunk, OfferEntry, OfferRow, PullRow, PullWants, PulledRow, RowName, Wants,
};
use coffer_protocol::{ReplicaId, Response, WireError};
use coffer_store::{
    Healed, Helper, HelperGuard, JournalEntry, RowAsOf, RowKey, Store, StoreError, Want,
};
use coffer_transport::{Payload, Replier};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Things wanted of each kind in one answer. Rows hold up commits and are few.
const AT_ONCE: usize = 32;
const _: () = assert!(AT_ONCE <= MAX_WANTS);
/// A replica is asked again after this time.
const AGAIN: Duration = Duration::from_secs(10);

/// What one replica was asked for on its present connection.
#[derive(Debug)]
struct Asked {
    when: HashMap<Want, Instant>,
    /// The round of asking that it belongs to.
    round: u64,
    /// Readers may wait for this replica.
    _helper: HelperGuard,
}

/// What replicas were asked for.
#[derive(Debug, Default)]
pub(super) struct Asking(Mutex<HashMap<ReplicaId, Asked>>);

impl Asking {
    fn asked(&self) -> MutexGuard<'_, HashMap<ReplicaId, Asked>> {
        // Consistent between any two statements of its users.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection of a replica is over.
    pub(super) fn ended(&self, replica: ReplicaId) {
        self.asked().remove(&replica);
    }

    /// Which replicas there are.
    pub(super) fn registered(&self, ids: &[ReplicaId]) {
        self.asked().retain(|id, _| ids.contains(id));
    }

    /// What to ask a replica for now.
    fn choose(&self, store: &Store, replica: ReplicaId) -> Vec<Want> {
        let (now, round) = (Instant::now(), store.asking_round());
        let mut asked = self.asked();
        let asked = asked.entry(replica).or_insert_with(|| Asked {
            when: HashMap::new(),
            round,
            _helper: store.helper(),
        });
        if asked.round != round {
            asked.round = round;
            asked.when.clear();
        }
        // What is damaged again since it was healed is asked for at once.
        let open: BTreeSet<Want> =
            store.wanted(usize::MAX, |want| asked.when.contains_key(want)).into_iter().collect();
        asked.when.retain(|want, when| {
            now.saturating_duration_since(*when) < AGAIN && open.contains(want)
        });
        let wants = store.wanted(AT_ONCE, |want| !asked.when.contains_key(want));
        asked.when.extend(wants.iter().map(|want| (want.clone(), now)));
        wants
    }
}

impl Inner {
    /// What is wanted, as soon as there is something.
    pub(super) async fn wants(&self, replica: ReplicaId, pull: &PullWants) -> Pulled {
        let wait = Duration::from_millis(pull.wait_millis.into()).min(LONGEST_WAIT);
        let end = Instant::now() + wait;
        let mut changed = self.store.wants_changed();
        loop {
            changed.mark_unchanged();
            let chosen = self.asking.choose(&self.store, replica);
            let left = end.saturating_duration_since(Instant::now());
            if !chosen.is_empty() || left.is_zero() {
                return Ok((Response::Wants(named(chosen)), Payload::Empty));
            }
            // What was asked for a while ago is asked for again.
            if let Ok(Err(_)) = timeout(left.min(AGAIN), changed.changed()).await {
                return Err(over());
            }
        }
    }

    /// One row, as it is now.
    pub(super) async fn row(&self, pull: &PullRow, reply: &mut Replier) -> Pulled {
        reply.reserve(MAX_PAYLOAD_BYTES).await.map_err(|_| over())?;
        let read = match self.store.row_as_of(&key_of(&pull.row)).await {
            Ok(read) => read,
            Err(StoreError::DamagedRow { .. }) => {
                tracing::error!(row = %key_of(&pull.row), "a replica cannot have a row that is damaged here");
                return Err(gone());
            }
            Err(error) => return Err(store_failed(&error)),
        };
        let RowAsOf { position, chain_hash, row } = read;
        let payload: Payload = row.map_or(Payload::Empty, Payload::from);
        Ok((Response::PulledRow(PulledRow { position, chain_hash }), payload))
    }

    /// A chunk that was wanted.
    pub(super) async fn offered_chunk(&self, offer: &OfferChunk, bytes: Bytes) -> Pulled {
        if !offer.found {
            self.store.denied_by(&Want::Chunk(offer.blob), Helper::Replica);
            return Ok(done());
        }
        let taken = self.store.accept_chunk(offer.blob, bytes, Helper::Replica).await;
        settle(taken)
    }

    /// A row that was wanted.
    pub(super) async fn offered_row(&self, offer: OfferRow, bytes: Bytes) -> Pulled {
        let key = key_of(&offer.row);
        if !offer.found {
            self.store.denied_by(&Want::Row(key), Helper::Replica);
            return Ok(done());
        }
        let OfferRow { position, chain_hash, .. } = offer;
        let row = (!bytes.is_empty()).then(|| bytes.to_vec());
        let offered = RowAsOf { position, chain_hash, row };
        let taken = self.store.accept_row(&key, offered, Helper::Replica).await;
        if let Ok(Healed::Refused(_)) = taken {
            self.store.denied_by(&Want::Row(key), Helper::Replica);
        }
        settle(taken)
    }

    /// A journal entry that was wanted.
    pub(super) async fn offered_entry(&self, offer: &OfferEntry, bytes: &[u8]) -> Pulled {
        let want = Want::Entry(offer.seq);
        let entry = match JournalEntry::decode_all(bytes) {
            Ok(mut entries) if offer.found && entries.len() == 1 => entries.pop(),
            _ => None,
        };
        let Some(entry) = entry.filter(|entry| entry.seq == offer.seq) else {
            self.store.denied_by(&want, Helper::Replica);
            return Ok(done());
        };
        let taken = self.store.accept_entry(entry, Helper::Replica).await;
        match taken {
            // It waits for its neighbours.
            Ok(Healed::Elsewhere) => Ok(done()),
            taken => settle(taken),
        }
    }
}

fn done() -> (Response, Payload) {
    (Response::Done, Payload::Empty)
}

/// The answer to an offer: only one that was read at another moment has to come
/// again.
fn settle(taken: Result<Healed, StoreError>) -> Pulled {
    match taken {
        Ok(Healed::Elsewhere) => Err(elsewhere()),
        Ok(_) => Ok(done()),
        Err(error) => Err(store_failed(&error)),
    }
}

fn elsewhere() -> WireError {
    WireError::new(
        ErrorCode::BEHIND,
        "The row was read at another moment of the history.",
        "Follow to where this machine stands, and offer it again.",
    )
}

fn key_of(name: &RowName) -> RowKey {
    RowKey { table: name.table, key: name.key.clone() }
}

fn named(chosen: Vec<Want>) -> Wants {
    let mut wants = Wants::default();
    for want in chosen {
        match want {
            Want::Chunk(blob) => wants.chunks.push(blob),
            Want::Row(RowKey { table, key }) => wants.rows.push(RowName { table, key }),
            Want::Entry(seq) => wants.entries.push(seq),
        }
    }
    wants
}
