//! The only code that writes the tables.
//!
//! Guarantees: the same changes on the same rows give the same rows, on every
//! engine and every machine. Nothing is read but the rows concerned; no clock,
//! no randomness, no order of a hash map reaches a table. Counts are kept with
//! the rows they count: `chunks.refs` is the number of versions, segments and rows
//! of `diverged` that name the chunk (each counts once), `segments.named` the number of versions
//! that name the segment, `totals` what a user's rows add up to, `known_chunks.refs` the
//! versions and segments of a user that name a chunk whose content is known.
//!
//! The changes of one commit are first reduced to one image per row, the last
//! one given. Then the old rows are read, the counts worked out, and every table
//! is written once: old rows deleted, new rows inserted. So a swap of two names
//! never meets itself half-way.

mod chunks;
mod known;
mod plan;
mod shares;
mod totals;
mod tree;

pub(crate) use chunks::{ChunkBook, Inline};
pub(crate) use known::fingerprint_keys;

use crate::changes::Change;
use crate::commit::CommitError;
use crate::db::{Connection, DbError, Row, Value};
use crate::error::StoreError;
use crate::rows::{Record, encode, insert_records};
use plan::Plan;

/// Versions that go with one node in one commit; a file that has more is
/// deleted after versions of its own were.
const MAX_CASCADE: i64 = 10_000;

/// Changes were not applied.
#[derive(Debug)]
pub(crate) enum ApplyError {
    /// They cannot be; what was written has to be undone.
    Refused(CommitError),
    /// The database failed.
    Store(StoreError),
}

impl From<CommitError> for ApplyError {
    fn from(error: CommitError) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for ApplyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Commit(error) => Self::Refused(error),
            StoreError::DamagedRow { table, key } => {
                Self::Refused(CommitError::DamagedRow { table, key })
            }
            other => Self::Store(other),
        }
    }
}

impl From<DbError> for ApplyError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

/// Applies the changes of one commit. `millis` is the time of the commit, as
/// the journal has it; `inline` the bytes of the inline chunks that arrive.
pub(crate) fn apply(
    conn: &mut dyn Connection,
    changes: &[&Change],
    millis: i64,
    book: &mut ChunkBook,
    inline: &Inline<'_>,
) -> Result<(), ApplyError> {
    let plan = Plan::of(changes);
    let mut effects = Effects::default();
    plan.write_accounts(conn)?;
    let nodes = tree::nodes(conn, &plan, &mut effects)?;
    let versions = tree::versions(conn, &plan, &nodes, &mut effects)?;
    let segments = tree::segments(conn, &plan, &mut effects)?;
    let diverged = tree::diverged(conn, &plan, &mut effects)?;
    book.settle(conn, &plan, &effects, millis)?;
    let known = known::known(conn, &plan, &effects, book)?;
    book.write(conn, inline)?;
    nodes.write(conn)?;
    versions.write(conn)?;
    segments.write(conn)?;
    diverged.write(conn)?;
    known.write(conn)?;
    shares::write(conn, &plan)?;
    totals::write(conn, &effects.totals)
}

/// What the changes of rows do to counts elsewhere.
#[derive(Debug, Default)]
struct Effects {
    /// References to chunks, gained less lost.
    chunks: std::collections::BTreeMap<coffer_protocol::BlobId, i64>,
    /// References of users to chunks, gained less lost.
    held: std::collections::BTreeMap<(coffer_protocol::UserId, coffer_protocol::BlobId), i64>,
    /// Namings of segments, gained less lost.
    segments: std::collections::BTreeMap<crate::rows::SegmentId, i64>,
    /// Nodes and bytes of a user, gained less lost.
    totals: std::collections::BTreeMap<coffer_protocol::UserId, (i64, i64)>,
}

impl Effects {
    /// Notes that a row with these references comes (+1) or goes (-1).
    fn refer(&mut self, refs: &[coffer_protocol::BlobId], sign: i64) {
        let distinct: std::collections::BTreeSet<_> = refs.iter().collect();
        for blob in distinct {
            *self.chunks.entry(*blob).or_default() += sign;
        }
    }

    /// The same for a row of a user.
    fn refer_for(
        &mut self,
        owner: coffer_protocol::UserId,
        refs: &[coffer_protocol::BlobId],
        sign: i64,
    ) {
        self.refer(refs, sign);
        let distinct: std::collections::BTreeSet<_> = refs.iter().collect();
        for blob in distinct {
            *self.held.entry((owner, *blob)).or_default() += sign;
        }
    }

    /// Notes that a version that names these segments comes or goes.
    fn name(&mut self, segments: &[crate::rows::SegmentId], sign: i64) {
        let distinct: std::collections::BTreeSet<_> = segments.iter().collect();
        for segment in distinct {
            *self.segments.entry(*segment).or_default() += sign;
        }
    }
}

/// What is to be done to one table.
struct TableWrites<R> {
    /// Keys of rows that are there and have to go or to change.
    delete: Vec<Vec<Value>>,
    /// Rows as they are afterwards.
    insert: Vec<R>,
}

impl<R: Record> TableWrites<R> {
    fn write(&self, conn: &mut dyn Connection) -> Result<(), ApplyError> {
        if !self.delete.is_empty() {
            conn.delete_keys(R::TABLE.name, &R::TABLE.key_names(), &self.delete)?;
        }
        insert_all(conn, self.insert.iter())
    }
}

/// Inserts records; a unique key that is taken refuses the commit.
fn insert_all<'a, R: Record + 'a>(
    conn: &mut dyn Connection,
    records: impl Iterator<Item = &'a R>,
) -> Result<(), ApplyError> {
    let rows: Result<Vec<Row>, _> = records.map(encode).collect();
    let rows = rows.map_err(CommitError::TooLarge)?;
    insert_records(conn, R::TABLE, &rows).map_err(|error| match error {
        DbError::Duplicate => CommitError::Duplicate(R::TABLE.name).into(),
        other => other.into(),
    })
}

/// Adds a difference to a count that must not become negative.
fn shifted(count: u64, difference: i64, what: &str) -> Result<u64, CommitError> {
    count
        .checked_add_signed(difference)
        .ok_or_else(|| CommitError::Inconsistent(format!("the count of {what} is off")))
}
