//! What a check says: named problems, each with what it is about and what to do.

use coffer_protocol::{BlobId, UserId};
use std::fmt;

/// How thorough a check is, and how much it may keep in memory.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// Looks whether each chunk file is there and of the right size, and does
    /// not read it.
    pub quick: bool,
    /// Looks at the chunks at all.
    pub chunks: bool,
    /// Distinct chunks whose references are counted in one pass; about 100
    /// bytes of memory each.
    pub chunks_in_memory: usize,
    /// Problems and notes that are described; further ones are counted only.
    pub described: usize,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { quick: false, chunks: true, chunks_in_memory: 1_000_000, described: 1_000 }
    }
}

/// What a check does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckStage {
    /// The database looks after its own structure.
    Database,
    /// Every row against its digest, and the rows it names.
    Rows,
    /// The journal's chain.
    Journal,
    /// The references of every chunk.
    References,
    /// The chunk files.
    Chunks,
}

impl fmt::Display for CheckStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "database structure",
            Self::Rows => "rows",
            Self::Journal => "journal",
            Self::References => "references",
            Self::Chunks => "chunks",
        })
    }
}

/// A sign of life of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckProgress {
    /// What it does.
    pub stage: CheckStage,
    /// Objects of this stage that are done.
    pub done: u64,
}

/// Kinds of problems. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The database engine finds its own files damaged.
    DatabaseDamaged,
    /// A row does not match its digest.
    RowDamaged,
    /// An entry of the journal does not continue the one before it.
    JournalBroken,
    /// The journal does not end where the state says.
    JournalHead,
    /// A node's directory does not exist, or is not a directory.
    ParentMissing,
    /// A row belongs to a user who does not exist.
    OwnerMissing,
    /// A user's home directory does not exist.
    HomeMissing,
    /// The content that a file names does not exist.
    VersionMissing,
    /// A version of a file that does not exist.
    VersionWithoutFile,
    /// A version names a manifest segment that does not exist.
    SegmentMissing,
    /// A share of a node that does not exist or belongs to somebody else.
    ShareWithoutNode,
    /// A share with, or through, a user or group that does not exist.
    RecipientMissing,
    /// A record of activity of a node that does not exist or belongs to somebody
    /// else.
    ActivityWithoutNode,
    /// The sums kept for a user are not those of the rows.
    Totals,
    /// A version or a segment names a chunk that has no row.
    ChunkRowMissing,
    /// The counted references of a chunk are not those in its row.
    ReferenceCount,
    /// A chunk in use has no file, or its row has no bytes.
    ChunkMissing,
    /// A chunk's bytes do not match its id.
    ChunkDamaged,
    /// A chunk could not be read. Says nothing about its content.
    ChunkUnreadable,
    /// A version of a file, or an upload, needs a chunk that is not to be had.
    ContentUnreadable,
}

impl ProblemKind {
    /// The stable name, for scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::DatabaseDamaged => "database-damaged",
            Self::RowDamaged => "row-damaged",
            Self::JournalBroken => "journal-broken",
            Self::JournalHead => "journal-head",
            Self::ParentMissing => "parent-missing",
            Self::OwnerMissing => "owner-missing",
            Self::HomeMissing => "home-missing",
            Self::VersionMissing => "version-missing",
            Self::VersionWithoutFile => "version-without-file",
            Self::SegmentMissing => "segment-missing",
            Self::ShareWithoutNode => "share-without-node",
            Self::RecipientMissing => "recipient-missing",
            Self::ActivityWithoutNode => "activity-without-node",
            Self::Totals => "totals",
            Self::ChunkRowMissing => "chunk-row-missing",
            Self::ReferenceCount => "reference-count",
            Self::ChunkMissing => "chunk-missing",
            Self::ChunkDamaged => "chunk-damaged",
            Self::ChunkUnreadable => "chunk-unreadable",
            Self::ContentUnreadable => "content-unreadable",
        }
    }

    /// What the operator should do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::DatabaseDamaged | Self::RowDamaged => {
                "stop the server, keep a copy of the database, and restore it from a backup or a replica"
            }
            Self::JournalBroken | Self::JournalHead => {
                "the history was damaged or altered: keep a copy and compare with a replica or a backup"
            }
            Self::ParentMissing | Self::OwnerMissing | Self::HomeMissing => {
                "the tree was damaged or altered: restore the database from a backup or a replica"
            }
            Self::VersionMissing
            | Self::SegmentMissing
            | Self::ChunkRowMissing
            | Self::ContentUnreadable => {
                "this content cannot be read: restore it from a backup, or ask the owner to upload it again"
            }
            Self::VersionWithoutFile
            | Self::ShareWithoutNode
            | Self::RecipientMissing
            | Self::ActivityWithoutNode
            | Self::Totals => {
                "harmless, but should not happen: keep a copy of the database and report it"
            }
            Self::ReferenceCount => {
                "do not collect garbage before this is understood: chunks in use could be removed"
            }
            Self::ChunkMissing | Self::ChunkDamaged => {
                "put the file back from a backup or a replica, or ask the owners to upload the files again"
            }
            Self::ChunkUnreadable => {
                "look at the disk and at the system log; the content may be intact"
            }
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of thing.
    pub kind: ProblemKind,
    /// Which object: its kind and its id.
    pub object: String,
    /// Whose it is, where that is known.
    pub owner: Option<UserId>,
    /// What exactly was found.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.kind.name(), self.object, self.detail)?;
        self.owner.iter().try_for_each(|owner| write!(f, " (owner {owner})"))?;
        write!(f, "; {}", self.kind.advice())
    }
}

/// Something worth knowing that is not wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// A chunk file without a row: of an upload that is going on or was never
    /// finished. The server removes those of earlier runs at its start.
    Orphan {
        /// The chunk.
        blob: BlobId,
        /// Which of its files.
        generation: u32,
    },
    /// A file in the chunk directories that Coffer did not put there.
    Stray(String),
    /// A copy of a damaged chunk, kept as evidence.
    Quarantined(String),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Orphan { blob, generation } => {
                write!(f, "orphan: chunk {blob}, generation {generation}: no row names it")
            }
            Self::Stray(path) => write!(f, "stray: {path}: not a file of Coffer"),
            Self::Quarantined(name) => write!(f, "quarantined: {name}: evidence of damage"),
        }
    }
}

/// How much a check has looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// Rows of all tables but the journal.
    pub rows: u64,
    /// Entries of the journal.
    pub journal_entries: u64,
    /// References of versions and segments to chunks.
    pub references: u64,
    /// Chunks.
    pub chunks: u64,
    /// Bytes of chunks that were read.
    pub bytes: u64,
    /// Problems, described or not.
    pub problems: u64,
    /// Notes, described or not.
    pub notes: u64,
}

/// What a check has found.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// The problems, up to [`CheckOptions::described`].
    pub problems: Vec<Problem>,
    /// The notes, up to [`CheckOptions::described`].
    pub notes: Vec<Note>,
    /// How much was looked at and found.
    pub counts: CheckCounts,
}

impl CheckReport {
    /// Says whether there is no problem. Notes do not count.
    pub fn is_clean(&self) -> bool {
        self.counts.problems == 0
    }
}
