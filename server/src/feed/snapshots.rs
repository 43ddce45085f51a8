//! Everything in SQL as it is at one moment, given to replicas that have nothing yet
//! or are too far behind.
//!
//! Guarantees: at most [`MOST`] snapshots at a time, and one for each replica; one that
//! is not used for [`IDLE`] ends, and so does one of a replica that was removed; until
//! then a replica whose connection was lost finds its own again. A snapshot is given
//! only when everything in it is durable here. While one is held, the database keeps
//! what is written beside it: where that is a file and becomes larger than
//! [`MAX_LOG_BYTES`], all snapshots end.

use super::{Answer, Inner, over, store_failed};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_PAYLOAD_BYTES, MAX_PULL_KEYS};
use coffer_protocol::message::peer::{
    BeginSnapshot, EndSnapshot, PullKeys, PullRows, PulledRows, SnapshotBegun,
};
use coffer_protocol::{ReplicaId, Response, WireError};
use coffer_store::{Random, RowPage, Snapshot, StoreError, SystemRandom};
use coffer_transport::{Payload, Replier};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Snapshots at a time.
const MOST: usize = 3;
/// How long one waits for its replica.
const IDLE: Duration = Duration::from_mins(5);
/// How long a request waits until a snapshot is ready; the replica asks again.
const PATIENCE: Duration = Duration::from_secs(15);
/// Pause that a replica is asked for.
const PAUSE_MILLIS: u32 = 1_000;
/// A page ends with the row that makes it this large; the largest row still fits.
const PAGE_BYTES: usize = 960 << 10;
/// Most bytes that a write-ahead log may grow to beside snapshots.
const MAX_LOG_BYTES: u64 = 8 << 30;
/// Time between two looks whether everything in a snapshot is durable.
const LOOK: Duration = Duration::from_millis(50);

type Pulled = Answer<(Response, Payload)>;

/// A snapshot that can be read.
struct Ready {
    snapshot: Snapshot,
    begun: SnapshotBegun,
}

/// `None` while it is being made.
type State = Option<Result<Arc<Ready>, WireError>>;

struct Held {
    state: watch::Receiver<State>,
    used: Instant,
    /// Whether its name was given to the replica.
    told: bool,
}

/// The snapshots that are held.
pub(super) struct Snapshots {
    held: Mutex<HashMap<ReplicaId, Held>>,
    places: Arc<Semaphore>,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self { held: Mutex::default(), places: Arc::new(Semaphore::new(MOST)) }
    }
}

impl Snapshots {
    fn held(&self) -> MutexGuard<'_, HashMap<ReplicaId, Held>> {
        // Consistent between any two statements of its users.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The snapshot of a replica by its name, if it is still there.
    fn find(&self, replica: ReplicaId, id: [u8; 16]) -> Answer<Arc<Ready>> {
        let mut held = self.held();
        let one = held.get_mut(&replica).ok_or_else(gone)?;
        let ready = match &*one.state.borrow() {
            Some(Ok(ready)) if ready.begun.snapshot == id => Arc::clone(ready),
            _ => return Err(gone()),
        };
        one.used = Instant::now();
        Ok(ready)
    }

    fn end(&self, replica: ReplicaId) {
        self.held().remove(&replica);
    }

    /// Ends what is not used any more, or of replicas that are none.
    pub(super) fn tidy(&self, replicas: &[ReplicaId], log_bytes: u64) {
        let mut held = self.held();
        let full = log_bytes > MAX_LOG_BYTES && !held.is_empty();
        if full {
            tracing::error!(
                log_bytes,
                "the write-ahead log has grown too large beside the snapshots of replicas: they \
                 end, and the replicas begin again"
            );
        }
        held.retain(|id, one| !full && one.used.elapsed() < IDLE && replicas.contains(id));
        metrics::gauge!("coffer_snapshots").set(held.len() as f64);
    }

    /// The snapshot that a replica reads; `begin` makes one where there is none, or
    /// not the one that it wants to go on with.
    fn take_up(
        &self,
        replica: ReplicaId,
        resume: Option<[u8; 16]>,
        begin: impl FnOnce(watch::Sender<State>, OwnedSemaphorePermit),
    ) -> Answer<watch::Receiver<State>> {
        let mut held = self.held();
        if let Some(one) = held.get_mut(&replica) {
            let usable = match &*one.state.borrow() {
                None => true,
                // Made for a request that was given up, or to go on with.
                Some(Ok(ready)) => !one.told || resume == Some(ready.begun.snapshot),
                Some(Err(_)) => false,
            };
            if usable {
                one.used = Instant::now();
                return Ok(one.state.clone());
            }
            held.remove(&replica);
        }
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let (sender, state) = watch::channel(None);
        begin(sender, place);
        held.insert(replica, Held { state: state.clone(), used: Instant::now(), told: false });
        Ok(state)
    }
}

impl Inner {
    /// Begins a snapshot, or finds the one of an earlier connection.
    pub(super) async fn begin_snapshot(
        self: &Arc<Self>,
        replica: ReplicaId,
        begin: &BeginSnapshot,
    ) -> Pulled {
        let mut state = self.snapshots.take_up(replica, begin.resume, |made, place| {
            let inner = Arc::clone(self);
            tokio::spawn(async move {
                tokio::select! {
                    outcome = inner.make_snapshot(replica) => drop(made.send(Some(outcome))),
                    () = inner.stopping.cancelled() => {}
                    () = made.closed() => {}
                }
                // Free again as soon as nobody reads from it any more.
                tokio::select! {
                    () = made.closed() => {}
                    () = inner.stopping.cancelled() => {}
                }
                drop(place);
            });
        })?;
        let ready = tokio::time::timeout(PATIENCE, state.wait_for(Option::is_some)).await;
        let ready = match ready {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_)) => Some(Err(gone())),
            Err(_) => Some(Err(busy())),
        };
        match ready {
            Some(Ok(ready)) => {
                if let Some(one) = self.snapshots.held().get_mut(&replica) {
                    one.told = true;
                }
                // From here on the entries that follow are kept for it.
                self.mirrors.loads(replica, ready.begun.position.seq);
                Ok((Response::SnapshotBegun(ready.begun), Payload::Empty))
            }
            Some(Err(error)) => Err(error),
            None => Err(busy()),
        }
    }

    async fn make_snapshot(&self, replica: ReplicaId) -> Answer<Arc<Ready>> {
        let failed = |error: StoreError| store_failed(&error);
        let mut id = [0; 16];
        SystemRandom.fill(&mut id).map_err(|error| {
            tracing::error!(%error, "no random bytes");
            over()
        })?;
        let snapshot = self.store.snapshot().await.map_err(failed)?;
        let position = snapshot.position();
        self.mirrors.loads(replica, position.seq);
        while self.granted(self.store.position().await.map_err(failed)?.seq) < position.seq {
            tokio::time::sleep(LOOK).await;
        }
        let (root, rows) = snapshot.measure().await.map_err(failed)?;
        let chain_hash = snapshot.chain_hash();
        tracing::info!(%replica, %position, rows, "a replica reads a snapshot");
        let begun = SnapshotBegun { snapshot: id, position, chain_hash, root, rows };
        Ok(Arc::new(Ready { snapshot, begun }))
    }

    /// Rows, or their digests.
    pub(super) async fn rows(
        &self,
        replica: ReplicaId,
        pull: PullRows,
        reply: &mut Replier,
    ) -> Pulled {
        let ready = self.snapshots.find(replica, pull.snapshot)?;
        reply.reserve(MAX_PAYLOAD_BYTES).await.map_err(|_| over())?;
        let most = (pull.max_bytes as usize).clamp(1, PAGE_BYTES);
        let page = match pull.digests {
            true => ready.snapshot.digests(pull.table, pull.after, most).await,
            false => ready.snapshot.rows(pull.table, pull.after, most).await,
        };
        self.page(replica, page)
    }

    /// Some rows.
    pub(super) async fn keys(
        &self,
        replica: ReplicaId,
        pull: PullKeys,
        reply: &mut Replier,
    ) -> Pulled {
        if pull.keys.len() > MAX_PULL_KEYS {
            return Err(too_large());
        }
        let ready = self.snapshots.find(replica, pull.snapshot)?;
        reply.reserve(MAX_PAYLOAD_BYTES).await.map_err(|_| over())?;
        let page = ready.snapshot.keys(pull.table, pull.keys, PAGE_BYTES).await;
        self.page(replica, page)
    }

    fn page(&self, replica: ReplicaId, page: Result<RowPage, StoreError>) -> Pulled {
        match page {
            Ok(RowPage { rows, count, next }) if rows.len() <= MAX_PAYLOAD_BYTES => {
                Ok((Response::PulledRows(PulledRows { count, next }), rows.into()))
            }
            Ok(_) => Err(too_large()),
            Err(error @ (StoreError::DamagedRow { .. } | StoreError::BadSnapshot(_))) => {
                tracing::error!(%replica, %error, "a replica cannot have rows of a snapshot");
                let message = format!("The source cannot give its rows: {error}.");
                Err(WireError::new(ErrorCode::INTEGRITY, message, "Run check on the source."))
            }
            Err(StoreError::Stopped) => {
                self.snapshots.end(replica);
                Err(gone())
            }
            Err(error) => {
                // Its transaction may be gone with its connection.
                self.snapshots.end(replica);
                Err(store_failed(&error))
            }
        }
    }

    /// Gives a snapshot up.
    pub(super) fn end_snapshot(&self, replica: ReplicaId, end: &EndSnapshot) {
        if self.snapshots.find(replica, end.snapshot).is_ok() {
            self.snapshots.end(replica);
        }
    }
}

fn gone() -> WireError {
    let message = "The snapshot is over.";
    WireError::new(ErrorCode::OUT_OF_ORDER, message, "Begin another one.").retry_after(PAUSE_MILLIS)
}

fn busy() -> WireError {
    let message = "The snapshot is not ready yet, or others are being read.";
    WireError::new(ErrorCode::BUSY, message, "Ask again.").retry_after(PAUSE_MILLIS)
}

fn too_large() -> WireError {
    WireError::new(ErrorCode::TOO_LARGE, "More rows than one answer takes.", "Ask for fewer.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(number: u8) -> ReplicaId {
        ReplicaId([number; 16])
    }

    /// Begins one that is never ready; whoever keeps the places has them.
    fn begin(snapshots: &Snapshots, number: u8, kept: &mut Vec<OwnedSemaphorePermit>) -> bool {
        snapshots.take_up(replica(number), None, |_, place| kept.push(place)).is_ok()
    }

    #[test]
    fn there_are_few_and_one_for_each_replica() {
        let snapshots = Snapshots::default();
        let mut kept = Vec::new();
        for number in 0..MOST as u8 {
            assert!(begin(&snapshots, number, &mut kept));
        }
        assert!(!begin(&snapshots, 9, &mut kept), "no place is left");
        assert!(begin(&snapshots, 0, &mut kept), "one that is being made is waited for");
        assert_eq!(kept.len(), MOST);
        kept.pop();
        assert!(begin(&snapshots, 9, &mut kept));
    }

    #[test]
    fn what_nobody_uses_ends() {
        let snapshots = Snapshots::default();
        let mut kept = Vec::new();
        for number in 1..=2 {
            assert!(begin(&snapshots, number, &mut kept));
        }
        snapshots.tidy(&[replica(1)], 0);
        assert_eq!(snapshots.held().len(), 1, "2 is no replica any more");
        snapshots.tidy(&[replica(1)], MAX_LOG_BYTES + 1);
        assert!(snapshots.held().is_empty());
        assert!(snapshots.find(replica(1), [0; 16]).is_err());
    }
}
