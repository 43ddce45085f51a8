//! What a source gives to those who follow it. A replica can be one as well: its
//! journal is a verbatim copy.

use super::JournalEntry;
use crate::changes::{Change, decode_body};
use crate::db::{Connection, Value};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{ClusterRow, JournalRow, fetch_where};
use crate::store::Store;
use coffer_protocol::{Position, UserId};

/// Most bytes of entries that are read at a time, but for a single larger one.
pub const MAX_ENTRIES_BYTES: usize = 16 << 20;
/// Most bytes of entries that are looked through for something.
const LOOKED_THROUGH_BYTES: usize = 1 << 20;
/// Most entries that are read at a time.
const MAX_ENTRIES: i64 = 4_096;

/// Where a history stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalHead {
    /// The last commit.
    pub position: Position,
    /// The chain's hash of everything up to it.
    pub chain_hash: [u8; 32],
    /// When it was committed, milliseconds since 1970; `None` if its entry is not
    /// kept, which is so before the first commit and after a snapshot was loaded.
    pub committed_millis: Option<i64>,
    /// The last entry that is not kept any more; 0 if all are.
    pub pruned_seq: u64,
    /// The chain's hash of everything up to that one.
    pub pruned_hash: [u8; 32],
}

impl Store {
    /// Where the history stands, and where what is kept of it begins. Also
    /// answered while the store is loaded. The hash of any entry between the two
    /// is given by [`Store::chain_at`].
    pub async fn journal_head(&self) -> Result<JournalHead, StoreError> {
        self.read_anyway(|conn| {
            let ClusterRow { epoch, seq, chain_hash, pruned_seq, pruned_hash, .. } =
                journal::cluster(conn)?;
            let sql = "SELECT committed_millis FROM journal WHERE seq=?";
            let committed_millis = match conn.query(sql, &[seq.into()])?.pop().as_deref() {
                Some([Value::Int(millis)]) => Some(*millis),
                _ => None,
            };
            let position = Position { epoch, seq };
            Ok(JournalHead { position, chain_hash, committed_millis, pruned_seq, pruned_hash })
        })
        .await
    }

    /// The entries that follow one, in order, up to this many bytes (and up to
    /// [`MAX_ENTRIES_BYTES`]); at least one if there is one. Fails with
    /// [`StoreError::Pruned`] if they are not kept any more.
    pub async fn entries_after(
        &self,
        seq: u64,
        max_bytes: usize,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        let bytes = max_bytes.min(MAX_ENTRIES_BYTES);
        self.read(move |conn| entries(conn, seq, bytes)).await
    }

    /// Waits until there is an entry after this one, and says where the history
    /// ends then. What this process commits is seen at once; what a command of
    /// the operator commits beside it, when the waiting begins.
    pub async fn wait_for_entries(&self, after: u64) -> Result<Position, StoreError> {
        let position = self.position().await?;
        if position.seq > after {
            return Ok(position);
        }
        self.wait_committed(after).await
    }

    /// Waits until this process has made an entry after this one durable, and says
    /// where its history ends then. Does not look what others commit beside it.
    pub async fn wait_committed(&self, after: u64) -> Result<Position, StoreError> {
        let mut committed = self.committed();
        let position = committed.wait_for(|position| position.seq > after).await;
        position.map(|position| *position).map_err(|_| StoreError::Stopped)
    }

    /// The users whose records entries after this one have changed; `None`: there
    /// are too many entries to look through, or they are not kept any more.
    pub async fn users_changed_after(&self, seq: u64) -> Result<Option<Vec<UserId>>, StoreError> {
        let entries = match self.entries_after(seq, LOOKED_THROUGH_BYTES).await {
            Err(StoreError::Pruned(_)) => return Ok(None),
            entries => entries?,
        };
        let last = entries.last().map_or(seq, |entry| entry.seq);
        if last < self.newest().seq {
            return Ok(None);
        }
        let mut users = Vec::new();
        for entry in &entries {
            // What does not decode is for `check`; here everybody may be concerned.
            let Ok(changes) = decode_body(&entry.body) else { return Ok(None) };
            users.extend(changes.iter().filter_map(|change| match change {
                Change::PutUser(row) => Some(row.user),
                Change::DeleteUser(user) => Some(*user),
                _ => None,
            }));
        }
        Ok(Some(users))
    }
}

fn entries(
    conn: &mut dyn Connection,
    seq: u64,
    max_bytes: usize,
) -> Result<Vec<JournalEntry>, StoreError> {
    // Lengths first: entries can be anything from small to large.
    let sql = "SELECT seq,LENGTH(body)+LENGTH(result) FROM journal WHERE seq>? \
               ORDER BY seq LIMIT ?";
    let (mut last, mut bytes) = (None, 0);
    for row in conn.query(sql, &[seq.into(), Value::Int(MAX_ENTRIES)])? {
        let [Value::Int(number), Value::Int(length)] = row.as_slice() else { break };
        bytes += usize::try_from(*length).unwrap_or(usize::MAX).saturating_add(128);
        if last.is_some() && bytes > max_bytes {
            break;
        }
        last = Some(*number);
    }
    let rows: Vec<JournalRow> = match last {
        Some(last) => {
            let condition = "seq>? AND seq<=? ORDER BY seq";
            fetch_where(conn, condition, &[seq.into(), Value::Int(last)])?
        }
        None => Vec::new(),
    };
    // Asked last, so that entries which went meanwhile are missed.
    let pruned = journal::cluster(conn)?.pruned_seq;
    if seq < pruned {
        return Err(StoreError::Pruned(pruned));
    }
    Ok(rows.into_iter().map(JournalEntry::from).collect())
}
