//! Applying entries of a source, many in one transaction or none.

use super::put::arrival;
use super::{Arrival, JournalEntry, Role};
use crate::apply::{ApplyError, ChunkBook, Inline, apply};
use crate::changes::{Change, decode_body};
use crate::chunks::blob;
use crate::commit::CommitError;
use crate::db::Connection;
use crate::error::StoreError;
use crate::journal;
use crate::pins::ChunkPin;
use crate::recent::Noted;
use crate::rows::{ChunkPlace, ClusterRow, JournalRow};
use crate::store::Store;
use bytes::Bytes;
use coffer_protocol::{BlobId, Position};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Most entries of one batch.
pub const MAX_FOLLOW_ENTRIES: usize = 4_096;
/// Most bytes of the entries and the inline chunks of one batch.
pub const MAX_FOLLOW_BYTES: usize = 64 << 20;

/// A batch was not applied: nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// This machine is no replica (any more), or a server has its data directory.
    #[error("this machine does not follow another")]
    NotReplica,
    /// It has to be filled first.
    #[error("this replica is being loaded and does not follow yet")]
    Loading,
    /// More entries or bytes than one batch takes.
    #[error("the batch of journal entries is too large")]
    TooLarge,
    /// Entries are missing before this one.
    #[error("journal entry {found} came where {expected} had to follow")]
    Gap {
        /// The number that had to come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// Written by a primary that was one earlier.
    #[error("journal entry {seq} is of epoch {epoch}, which is over")]
    StaleEpoch {
        /// The entry.
        seq: u64,
        /// Its epoch.
        epoch: u64,
    },
    /// The entry cannot be read, contradicts itself, or does not follow from the
    /// one before. Where the one before is of this machine, it can also be of
    /// another history: a comparison of positions and hashes tells.
    #[error("journal entry {seq} is damaged: {reason}")]
    Damaged {
        /// The entry.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// This machine has another entry of that number: two histories.
    #[error("journal entry {seq} is another one here: the histories have parted")]
    Fork {
        /// The entry.
        seq: u64,
    },
    /// Chunks that the entries bring were not put, or are not pinned any more.
    #[error("{} chunks are needed before the entries can be applied", .0.len())]
    NeedChunk(Vec<Arrival>),
    /// Bytes that came with the batch are not those of the chunk.
    #[error("the bytes that came for chunk {0} are not its own")]
    WrongChunk(BlobId),
    /// The entry cannot be applied to what is here: a bug, or damage.
    #[error("journal entry {seq} cannot be applied: {error}")]
    Apply {
        /// The entry.
        seq: u64,
        /// Why.
        error: CommitError,
    },
    /// The store or its database failed, as it can with any commit.
    #[error(transparent)]
    Store(#[from] CommitError),
}

/// Why a batch was not applied, for the writer.
pub(crate) enum Unfollowed {
    /// It cannot be.
    Refused(FollowError),
    /// The database failed.
    Store(StoreError),
}

impl From<FollowError> for Unfollowed {
    fn from(error: FollowError) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for Unfollowed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// An entry, decoded.
struct Item {
    row: JournalRow,
    changes: Vec<Change>,
}

impl Item {
    fn noted(&self) -> Noted {
        Noted::new(self.row.seq, self.row.body.len() + self.row.result.len(), &self.changes)
    }
}

/// Entries with what they bring, checked and decoded by the one who hands them
/// over, so that the writer has less to do.
pub(crate) struct Batch {
    items: Vec<Item>,
    inline: HashMap<BlobId, Bytes>,
    absent: Vec<BlobId>,
    noted: Vec<Noted>,
    /// Chunk files that the entries bring.
    pub(crate) pins: Vec<ChunkPin>,
}

impl Batch {
    pub(crate) fn new(
        entries: Vec<JournalEntry>,
        inline: Vec<(BlobId, Bytes)>,
        pins: Vec<ChunkPin>,
        absent: Vec<BlobId>,
    ) -> Result<Self, FollowError> {
        let bytes = entries.iter().map(JournalEntry::encoded_len).sum::<usize>()
            + inline.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        if entries.len() > MAX_FOLLOW_ENTRIES || bytes > MAX_FOLLOW_BYTES {
            return Err(FollowError::TooLarge);
        }
        for pair in entries.windows(2) {
            let (expected, found) = (pair[0].seq.saturating_add(1), pair[1].seq);
            if expected != found {
                return Err(FollowError::Gap { expected, found });
            }
        }
        if let Some((blob, _)) = inline.iter().find(|(blob, bytes)| !blob::matches(blob, bytes)) {
            return Err(FollowError::WrongChunk(*blob));
        }
        let decode = |entry: JournalEntry| match decode_body(&entry.body) {
            Ok(changes) => Ok(Item { row: entry.into(), changes }),
            Err(error) => Err(FollowError::Damaged { seq: entry.seq, reason: error.to_string() }),
        };
        let items = entries.into_iter().map(decode).collect::<Result<Vec<Item>, _>>()?;
        let noted = items.iter().map(Item::noted).collect();
        Ok(Self { items, inline: inline.into_iter().collect(), absent, noted, pins })
    }

    /// What the entries were.
    pub(crate) fn noted(&self) -> &[Noted] {
        &self.noted
    }

    /// The bytes that came along, and what has to do without.
    fn inline(&self) -> Inline<'_> {
        let absent = self.absent.iter().map(|blob| (*blob, None));
        absent.chain(self.inline.iter().map(|(blob, bytes)| (*blob, Some(bytes)))).collect()
    }
}

impl Store {
    /// Applies entries of the source, in order and without gaps: all or none.
    /// Those that are here already are compared and skipped, so a batch may come
    /// twice, and overlap. `inline` are the bytes of the inline chunks, `pins` the
    /// chunk files ([`Store::put_replicated`]) that the entries bring
    /// ([`super::arrivals`]). Returns where the journal ends now, durably.
    pub async fn follow(
        &self,
        entries: Vec<JournalEntry>,
        inline: Vec<(BlobId, Bytes)>,
        pins: Vec<ChunkPin>,
    ) -> Result<Position, FollowError> {
        self.follow_without(entries, inline, pins, Vec::new()).await
    }

    /// The same for entries whose chunks are not all there any more: the source
    /// has said that it does not have these, because it collected them after the
    /// entry was written, as a later entry will tell. Until then their rows stand
    /// without bytes.
    pub async fn follow_without(
        &self,
        entries: Vec<JournalEntry>,
        inline: Vec<(BlobId, Bytes)>,
        pins: Vec<ChunkPin>,
        absent: Vec<BlobId>,
    ) -> Result<Position, FollowError> {
        if self.is_poisoned() {
            return Err(CommitError::Poisoned.into());
        }
        match self.role() {
            Role::Replica if self.needs_lock().is_ok() => {}
            Role::Loading => return Err(FollowError::Loading),
            _ => return Err(FollowError::NotReplica),
        }
        let batch = Arc::new(Batch::new(entries, inline, pins, absent)?);
        match self.write_batch(Arc::clone(&batch)).await {
            // Not the end of it, where it can be put right or healed at once.
            Err(FollowError::Apply { seq, error }) => match self.commit_noticed(&error).await {
                true => self.write_batch(batch).await,
                false => Err(FollowError::Apply { seq, error }),
            },
            outcome => outcome,
        }
    }
}

/// Applies a batch in a transaction that has begun and holds the lock. Does not
/// commit. Returns whether anything was written.
pub(crate) fn run(
    conn: &mut dyn Connection,
    cluster: &mut ClusterRow,
    batch: &Batch,
) -> Result<bool, Unfollowed> {
    let known = batch.items.partition_point(|item| item.row.seq <= cluster.seq);
    let (known, fresh) = batch.items.split_at(known);
    compare(conn, cluster, known)?;
    let Some(first) = fresh.first() else { return Ok(false) };
    let (expected, found) = (cluster.seq + 1, first.row.seq);
    if expected != found {
        return Err(FollowError::Gap { expected, found }.into());
    }
    check_chain(cluster, fresh)?;
    check_chunks(batch, fresh)?;
    let inline = batch.inline();
    for item in fresh {
        let seq = item.row.seq;
        let changes: Vec<&Change> = item.changes.iter().collect();
        let millis = item.row.committed_millis;
        let applied = apply(conn, &changes, millis, &mut ChunkBook::default(), &inline);
        applied.map_err(|error| match error {
            ApplyError::Refused(error) => FollowError::Apply { seq, error }.into(),
            ApplyError::Store(error) => Unfollowed::Store(error),
        })?;
    }
    // In few statements: this is a good part of what small entries cost.
    journal::keep(conn, cluster, fresh.iter().map(|item| &item.row))?;
    journal::unlock(conn, cluster)?;
    Ok(true)
}

/// Compares entries that are here already, as far as they are kept.
fn compare(
    conn: &mut dyn Connection,
    cluster: &ClusterRow,
    known: &[Item],
) -> Result<(), Unfollowed> {
    let (Some(first), Some(last)) = (known.first(), known.last()) else { return Ok(()) };
    let own = journal::hashes(conn, first.row.seq, last.row.seq)?;
    let mut own: BTreeMap<u64, [u8; 32]> = own.into_iter().collect();
    own.insert(cluster.pruned_seq, cluster.pruned_hash);
    for item in known {
        let seq = item.row.seq;
        match own.get(&seq) {
            Some(hash) if *hash != item.row.hash => return Err(FollowError::Fork { seq }.into()),
            None if seq > cluster.pruned_seq => {
                let reason = "the entry is missing";
                return Err(StoreError::DamagedJournal { seq, reason }.into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Follows the chain from this machine's head to the last new entry.
fn check_chain(cluster: &ClusterRow, fresh: &[Item]) -> Result<(), FollowError> {
    let (mut epoch, mut hash) = (cluster.epoch, cluster.chain_hash);
    for Item { row, .. } in fresh {
        let seq = row.seq;
        if row.epoch < epoch {
            return Err(FollowError::StaleEpoch { seq, epoch: row.epoch });
        }
        if journal::entry_hash(&hash, row) != row.hash {
            // A newer epoch left the history before the end of what is here.
            if seq == cluster.seq + 1 && row.epoch > cluster.epoch {
                return Err(FollowError::Fork { seq });
            }
            let reason = "it does not follow from the one before".to_owned();
            return Err(FollowError::Damaged { seq, reason });
        }
        (epoch, hash) = (row.epoch, row.hash);
    }
    Ok(())
}

/// Sees to it that every chunk that new entries bring is there.
fn check_chunks(batch: &Batch, fresh: &[Item]) -> Result<(), FollowError> {
    let pinned: HashMap<_, _> =
        batch.pins.iter().map(|pin| ((pin.blob(), pin.generation()), pin.size())).collect();
    let mut needed = BTreeMap::new();
    for item in fresh {
        for one in item.changes.iter().filter_map(arrival) {
            let size = match one.place {
                ChunkPlace::Inline => batch.inline.get(&one.blob).map(|bytes| bytes.len() as u32),
                ChunkPlace::File => pinned.get(&(one.blob, one.generation)).copied(),
            };
            match size {
                Some(size) if size == one.size => {}
                Some(_) => {
                    let reason = format!("chunk {} has another size", one.blob);
                    return Err(FollowError::Damaged { seq: item.row.seq, reason });
                }
                None if batch.absent.contains(&one.blob) => {}
                None => drop(needed.insert((one.blob, one.generation), one)),
            }
        }
    }
    match needed.is_empty() {
        true => Ok(()),
        false => Err(FollowError::NeedChunk(needed.into_values().collect())),
    }
}
