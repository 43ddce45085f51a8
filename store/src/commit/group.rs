//! One transaction over a group of commits.

use super::preconditions::first_broken;
use super::types::{Commit, CommitError, Committed, OpKey, Precondition};
use crate::apply::{ApplyError, ChunkBook, Inline, apply};
use crate::changes::{Change, ChangeError, EncodedChanges};
use crate::db::{self, Connection, DbError};
use crate::error::StoreError;
use crate::journal;
use crate::pins::ChunkPin;
use crate::recent::Noted;
use crate::rows::{
    ChunkPlace, ChunkRow, ChunkState, ClusterRow, JournalRow, MAX_BODY_BYTES, MAX_RESULT_BYTES,
};
use bytes::Bytes;
use coffer_protocol::{BlobId, Position};

/// Machines that hold a commit durably, while nobody follows.
const MACHINES: u8 = 1;
/// Room in a journal entry for the changes that the store adds itself.
const ARRIVALS_BYTES: usize = 1 << 20;
/// Most preconditions of one commit.
const MAX_PRECONDITIONS: usize = 1 << 14;
/// Most chunks that come with one commit, and most bytes of inline ones.
const MAX_ARRIVALS: usize = 1 << 14;
const MAX_INLINE_BYTES: usize = 8 << 20;

/// What became of one commit of a group.
pub(super) type Outcome = Result<Committed, CommitError>;

/// A commit, checked and encoded by the one who asks for it, so that the writer
/// has less to do.
pub(crate) struct Prepared {
    op: Option<OpKey>,
    preconditions: Vec<Precondition>,
    changes: Vec<Change>,
    encoded: EncodedChanges,
    inline: Vec<(BlobId, Bytes)>,
    pub(super) pins: Vec<ChunkPin>,
    result: Vec<u8>,
    pub(super) bytes: usize,
}

impl Prepared {
    pub(crate) fn new(commit: Commit) -> Result<Self, CommitError> {
        let Commit { op, preconditions, changes, inline, pins, result } = commit;
        let inline_bytes = inline.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        for (too_large, what) in [
            (preconditions.len() > MAX_PRECONDITIONS, "preconditions"),
            (inline.len() > MAX_ARRIVALS || pins.len() > MAX_ARRIVALS, "chunks"),
            (inline_bytes > MAX_INLINE_BYTES, "bytes of inline chunks"),
            (result.len() > MAX_RESULT_BYTES, "bytes of the answer"),
        ] {
            if too_large {
                return Err(CommitError::TooLarge(what));
            }
        }
        let encoded = EncodedChanges::new(&changes).map_err(|error| match error {
            ChangeError::Misfit(column) => CommitError::TooLarge(column),
            _ => CommitError::TooLarge("changes"),
        })?;
        if encoded.len() > MAX_BODY_BYTES - ARRIVALS_BYTES {
            return Err(CommitError::TooLarge("bytes of changes"));
        }
        let bytes = encoded.len() + inline_bytes + result.len();
        Ok(Self { op, preconditions, changes, encoded, inline, pins, result, bytes })
    }
}

/// What a finished transaction has done.
pub(super) struct Attempt {
    pub(super) outcomes: Vec<Outcome>,
    /// The last journal entry written, if any was.
    pub(super) last: Option<(u64, [u8; 32])>,
    /// What the entries were.
    pub(super) noted: Vec<Noted>,
}

/// Runs a group in a transaction that has begun and holds the lock. Does not
/// commit.
pub(super) fn run(
    conn: &mut dyn Connection,
    cluster: &mut ClusterRow,
    group: &[&Prepared],
    now_millis: i64,
) -> Result<Attempt, StoreError> {
    let mut outcomes = Vec::with_capacity(group.len());
    let mut noted = Vec::with_capacity(group.len());
    let start = cluster.seq;
    for item in group {
        let alone = group.len() == 1;
        outcomes.push(match one(conn, cluster, item, alone, now_millis, &mut noted) {
            Ok(committed) => Ok(committed),
            Err(ApplyError::Refused(error)) => Err(error),
            Err(ApplyError::Store(error)) => return Err(error),
        });
    }
    let wrote = cluster.seq > start;
    if wrote {
        journal::unlock(conn, cluster)?;
    }
    let last = wrote.then_some((cluster.seq, cluster.chain_hash));
    Ok(Attempt { outcomes, last, noted })
}

fn one(
    conn: &mut dyn Connection,
    cluster: &mut ClusterRow,
    item: &Prepared,
    alone: bool,
    now_millis: i64,
    noted: &mut Vec<Noted>,
) -> Result<Committed, ApplyError> {
    if let Some(op) = item.op
        && let Some(entry) = journal::find_op(conn, op)?
    {
        let position = Position { epoch: entry.epoch, seq: entry.seq };
        return Ok(Committed { position, machines: MACHINES, repeated: Some(entry.result) });
    }
    if let Some(index) = first_broken(conn, &item.preconditions, now_millis)? {
        let precondition = item.preconditions[index].clone();
        return Err(CommitError::Precondition { index, precondition }.into());
    }
    if alone {
        // If it is refused the whole transaction is rolled back.
        noted.push(write(conn, cluster, item, now_millis)?);
    } else {
        db::savepoint(conn)?;
        match write(conn, cluster, item, now_millis) {
            Ok(entry) => {
                db::release_savepoint(conn)?;
                noted.push(entry);
            }
            Err(ApplyError::Refused(error)) => {
                db::rollback_to_savepoint(conn)?;
                return Err(error.into());
            }
            Err(error) => return Err(error),
        }
    }
    let position = Position { epoch: cluster.epoch, seq: cluster.seq };
    Ok(Committed { position, machines: MACHINES, repeated: None })
}

fn write(
    conn: &mut dyn Connection,
    cluster: &mut ClusterRow,
    item: &Prepared,
    now_millis: i64,
) -> Result<Noted, ApplyError> {
    let inline: Inline<'_> = item.inline.iter().map(|(blob, bytes)| (*blob, Some(bytes))).collect();
    let mut book = ChunkBook::default();
    let pinned = item.pins.iter().map(ChunkPin::blob);
    book.load(conn, inline.keys().copied().chain(pinned))?;
    let arrivals = arrivals(item, &book)?;
    let changes: Vec<&Change> = arrivals.iter().chain(&item.changes).collect();
    apply(conn, &changes, now_millis, &mut book, &inline)?;
    let added = EncodedChanges::new(&arrivals).map_err(|_| CommitError::TooLarge("chunks"))?;
    let entry = JournalRow {
        seq: 0,
        epoch: 0,
        op_key: item.op.map(|op| op.0),
        committed_millis: now_millis,
        body: added.body_with(&item.encoded),
        result: item.result.clone(),
        hash: [0; 32],
    };
    let bytes = entry.body.len() + entry.result.len();
    journal::append(conn, cluster, entry)?;
    Ok(Noted::new(cluster.seq, bytes, changes))
}

/// The chunks of a commit that have no row yet, or one that is on its way out.
fn arrivals(item: &Prepared, book: &ChunkBook) -> Result<Vec<Change>, CommitError> {
    let mut arrivals = Vec::new();
    let mut lost = Vec::new();
    for (blob, bytes) in &item.inline {
        match book.row(blob) {
            Some(row) if row.state != ChunkState::Deleting => {}
            row => arrivals.push(Change::PutChunk {
                blob: *blob,
                generation: row.map_or(1, |row| row.generation.saturating_add(1)),
                place: ChunkPlace::Inline,
                size: bytes.len() as u32,
            }),
        }
    }
    for pin in &item.pins {
        match book.row(&pin.blob()) {
            Some(row) if is_there(row, pin) => {}
            Some(row) if row.generation >= pin.generation() => lost.push(pin.blob()),
            _ => arrivals.push(Change::PutChunk {
                blob: pin.blob(),
                generation: pin.generation(),
                place: ChunkPlace::File,
                size: pin.size(),
            }),
        }
    }
    if lost.is_empty() { Ok(arrivals) } else { Err(CommitError::NeedUpload(lost)) }
}

fn is_there(row: &ChunkRow, pin: &ChunkPin) -> bool {
    row.state != ChunkState::Deleting
        && (row.generation == pin.generation() || row.place == ChunkPlace::Inline)
}

/// Sorts a failure of a whole transaction for those who wait for it.
pub(super) fn refusal(error: &StoreError) -> CommitError {
    match error {
        StoreError::Database(DbError::Lost(text) | DbError::Busy(text)) => {
            CommitError::DatabaseUnavailable(text.clone())
        }
        StoreError::Database(DbError::DiskFull) => CommitError::DiskFull,
        StoreError::Commit(error) => error.clone(),
        StoreError::DamagedRow { table, key } => {
            CommitError::DamagedRow { table, key: key.clone() }
        }
        other => CommitError::Database(other.to_string()),
    }
}
