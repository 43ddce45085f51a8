//! Keeping entries of an earlier primary.

use super::convert::named;
use crate::changes::{Change, ChangeError};
use crate::commit::{Commit, CommitError, OpKey, Precondition};
use crate::error::StoreError;
use crate::journal;
use crate::pins::ChunkPin;
use crate::reads::MAX_PAGE;
use crate::replica::JournalEntry;
use crate::rows::{ChunkState, DivergedRow};
use crate::store::Store;
use bytes::Bytes;
use coffer_protocol::BlobId;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Rows of one commit.
const MAX_ROWS: usize = 1_000;
/// Bytes of the rows of one commit, but for a single larger row.
const MAX_BYTES: usize = 2 << 20;
/// Bytes of a mark: entry (8), changes of it that are done (4), hash of the entry
/// before (32).
const MARK_BYTES: usize = 8 + 4 + 32;

/// Chunks that have come with entries of an earlier primary, until they are kept.
#[derive(Debug, Default)]
pub struct Arrived {
    /// Small ones, for SQL.
    pub inline: HashMap<BlobId, Bytes>,
    /// Those with a file.
    pub pins: HashMap<BlobId, ChunkPin>,
    /// Those that are not there any more.
    pub absent: HashSet<BlobId>,
}

impl Arrived {
    fn knows(&self, blob: &BlobId) -> bool {
        self.inline.contains_key(blob) || self.pins.contains_key(blob) || self.absent.contains(blob)
    }
}

/// Entries of an earlier primary were not kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepError {
    /// The entry does not follow from the one before, or from the point where the
    /// histories parted.
    #[error("journal entry {0} of the earlier primary does not follow from what is here")]
    Unrelated(u64),
    /// The entry cannot be read.
    #[error("journal entry {0} of the earlier primary is damaged: {1}")]
    Damaged(u64, ChangeError),
    /// Somebody else keeps entries of the same epoch at the same time.
    #[error("another machine hands over the same epoch at this moment")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for KeepError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Precondition { .. } => Self::Contended,
            other => Self::Store(other.into()),
        }
    }
}

/// How far an epoch has been kept.
#[derive(Clone, Copy)]
struct Mark {
    /// The entry that comes next.
    seq: u64,
    /// How many of its changes are done.
    done: u32,
    /// Hash of the entry before it.
    hash: [u8; 32],
}

impl Mark {
    fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MARK_BYTES);
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.done.to_be_bytes());
        bytes.extend_from_slice(&self.hash);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (seq, rest) = bytes.split_first_chunk()?;
        let (done, hash) = rest.split_first_chunk()?;
        Some(Self {
            seq: u64::from_be_bytes(*seq),
            done: u32::from_be_bytes(*done),
            hash: hash.try_into().ok()?,
        })
    }
}

/// Name of the setting with the mark of an epoch.
fn setting(epoch: u64) -> String {
    format!("diverged-{epoch}")
}

impl Store {
    /// Which chunks that these entries name are neither here nor have come: some of
    /// them, up to a limit.
    pub async fn diverged_wants(
        &self,
        entries: &[JournalEntry],
        arrived: &Arrived,
        limit: usize,
    ) -> Result<Vec<BlobId>, KeepError> {
        let mut wanted = BTreeSet::new();
        for entry in entries {
            let named = named(entry).map_err(|error| KeepError::Damaged(entry.seq, error))?;
            wanted.extend(named.into_iter().filter(|blob| !arrived.knows(blob)));
        }
        let wanted: Vec<BlobId> = wanted.into_iter().collect();
        let mut missing = Vec::new();
        for page in wanted.chunks(MAX_PAGE as usize) {
            let rows = self.chunk_rows(page).await?;
            let here: HashSet<BlobId> = rows
                .iter()
                .filter(|row| row.state != ChunkState::Deleting)
                .map(|row| row.blob)
                .collect();
            missing.extend(page.iter().filter(|blob| !here.contains(blob)));
            if missing.len() >= limit {
                missing.truncate(limit);
                break;
            }
        }
        Ok(missing)
    }

    /// Keeps entries of the primary of an earlier epoch, durably. They follow each
    /// other, and the first one either what was kept before or the last entry that
    /// both histories have (`fork`). Those that were kept before are skipped. An
    /// entry with the number 0 holds rows that others need to be opened; it follows
    /// nothing. Chunks that neither came nor are here are an error. Returns how many
    /// entries of these were made here as well, and are not kept for that reason.
    pub async fn keep_diverged(
        &self,
        entries: &[JournalEntry],
        fork: (u64, [u8; 32]),
        arrived: &Arrived,
    ) -> Result<u64, KeepError> {
        let mut repeated = 0;
        for entry in entries {
            if entry.seq == 0 {
                let rows = self.diverged_rows(entry, arrived).await?;
                self.keep_rows(rows, arrived, None).await?;
                continue;
            }
            let name = setting(entry.epoch);
            let old = self.setting(&name).await?;
            let first = Mark { seq: fork.0 + 1, done: 0, hash: fork.1 };
            let mark = old.as_deref().and_then(Mark::decode).unwrap_or(first);
            if entry.seq < mark.seq {
                continue;
            }
            if entry.seq > mark.seq || !entry.follows(&mark.hash) {
                return Err(KeepError::Unrelated(entry.seq));
            }
            let known = match entry.op_key {
                Some(key) => self.op(OpKey(key)).await?.is_some(),
                None => false,
            };
            repeated += u64::from(known);
            let rows = match known {
                true => Vec::new(),
                false => self.diverged_rows(entry, arrived).await?,
            };
            self.keep_rows(rows, arrived, Some((entry, mark, old))).await?;
        }
        Ok(repeated)
    }

    /// Commits the rows of an entry, in as many commits as it takes.
    async fn keep_rows(
        &self,
        rows: Vec<DivergedRow>,
        arrived: &Arrived,
        marked: Option<(&JournalEntry, Mark, Option<Vec<u8>>)>,
    ) -> Result<(), KeepError> {
        let done = marked.as_ref().map_or(0, |(_, mark, _)| mark.done);
        let mut rows: Vec<DivergedRow> =
            rows.into_iter().filter(|row| number_of(row) >= done).collect();
        let mut old = marked.as_ref().and_then(|(_, _, old)| old.clone());
        loop {
            let rest = rows.split_off(fitting(&rows));
            let mut commit = Commit::default();
            if let Some((entry, mark, _)) = &marked {
                let mark = match rest.first() {
                    Some(row) => Mark { done: number_of(row), ..*mark },
                    None => Mark { seq: entry.seq + 1, done: 0, hash: entry.hash },
                };
                let (key, value) = (setting(entry.epoch), mark.encode());
                let is = Precondition::SettingIs { key: key.clone(), value: old };
                commit.preconditions.push(is);
                old = Some(value.clone());
                commit.changes.push(Change::PutSetting { key, value });
            }
            let named: BTreeSet<BlobId> =
                rows.iter().flat_map(|row| row.refs.iter().copied()).collect();
            for blob in named {
                if let Some(bytes) = arrived.inline.get(&blob) {
                    commit.inline.push((blob, bytes.clone()));
                }
                commit.pins.extend(arrived.pins.get(&blob).cloned());
            }
            commit.changes.extend(rows.into_iter().map(Change::PutDiverged));
            if !commit.changes.is_empty() {
                self.commit(commit).await?;
            }
            if rest.is_empty() {
                return Ok(());
            }
            rows = rest;
        }
    }
}

impl JournalEntry {
    /// An entry without a number: rows that entries of an earlier primary need to be
    /// opened.
    pub fn supplement(epoch: u64, committed_millis: i64, body: Vec<u8>) -> Self {
        let hash = *blake3::hash(&body).as_bytes();
        Self { seq: 0, epoch, op_key: None, committed_millis, body, result: Vec::new(), hash }
    }

    /// Whether this is what its hash says, after an entry with this hash.
    fn follows(&self, previous: &[u8; 32]) -> bool {
        journal::entry_hash(previous, &self.clone().into()) == self.hash
    }
}

/// How many of the first rows fit one commit.
fn fitting(rows: &[DivergedRow]) -> usize {
    let mut bytes = 0;
    let fits = |row: &&DivergedRow| {
        bytes += row.change.len() + row.refs.len() * 32 + 256;
        bytes <= MAX_BYTES
    };
    rows.iter().take(MAX_ROWS).take_while(fits).count().max(usize::from(!rows.is_empty()))
}

/// The number of the change that a row holds.
fn number_of(row: &DivergedRow) -> u32 {
    let place = &row.key.place;
    u32::from_be_bytes([place[16], place[17], place[18], place[19]])
}
