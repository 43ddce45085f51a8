//! What Coffer has on disk: rows in SQL, chunks in files, a journal of both.
//!
//! Guarantees:
//!
//! - Ciphertext only. This crate knows no key and sees no plaintext and no name.
//! - There is one way to change stored state: a [`Commit`] of [`Change`]s, which
//!   the one writer applies inside one SQL transaction that also appends them to
//!   the journal. What a [`Committed`] answers for is durable: first the chunks
//!   were flushed, then SQL was committed, then the answer was given.
//! - Every row carries a digest, every chunk is named by its hash, every journal
//!   entry follows from the one before: whatever is read was written by Coffer, or
//!   the reader is told which object is damaged.
//! - A flush that fails ends the store (see [`durable`]).
//! - Nothing is unbounded: queues, groups, pages, bodies and batches have limits
//!   with names.
//!
#![doc = include_str!("concurrency.md")]

mod apply;
mod chain;
mod changes;
pub mod check;
mod chunk_io;
pub mod chunks;
pub mod collect;
mod commit;
mod config;
mod copy;
mod counters;
mod db;
mod diverged;
pub mod durable;
mod environment;
mod error;
mod format;
mod head;
mod heal;
mod journal;
mod known;
mod pages;
mod pins;
mod reads;
mod recent;
mod replica;
mod rows;
mod seat;
mod sharing;
mod store;
mod timeline;
mod uploads;

pub use changes::{Change, ChangeError, decode_body, encode_body, kind_of};
pub use check::{
    CheckCounts, CheckOptions, CheckProgress, CheckReport, CheckStage, Note, Problem, ProblemKind,
};
pub use collect::{Applied, CollectLimits, Collected, Expired, Held, Retention, Swept};
pub use commit::{Commit, CommitError, Committed, OpKey, Precondition};
pub use config::{Password, StoreConfig};
pub use copy::CopiedTable;
pub use counters::Work;
pub use db::{DatabaseUrl, DbError, Engine, UrlError};
pub use diverged::{Arrived, DivergedCounts, KeepError, MAX_DIVERGED_PAGE};
pub use environment::{Clock, Environment, Random, RandomError, SystemClock, SystemRandom};
pub use error::StoreError;
pub use heal::{
    Healed, Helper, HelperGuard, MOST_DAMAGED, RowAsOf, RowKey, ScrubCursor, ScrubOptions,
    ScrubStep, Unhealed, Want,
};
pub use pages::Page;
pub use pins::ChunkPin;
pub use reads::MAX_PAGE;
pub use recent::Backlog;
pub use replica::{
    Arrival, Comparison, DrillProblem, DrillProgress, DrillReport, EntryError, Extent, FileWalk,
    FollowError, JournalEntry, JournalHead, MAX_ABSENT, MAX_ENTRIES_BYTES, MAX_FOLLOW_BYTES,
    MAX_FOLLOW_ENTRIES, MAX_SAMPLE, Moment, NextPage, Refill, Role, RowPage, SNAPSHOT_TABLES,
    Snapshot, Way, arrivals,
};
pub use rows::{
    ActivityRow, ChunkPlace, ChunkRow, ChunkState, ContactRow, DivergedKey, DivergedRow,
    DivergedState, GroupRow, InviteRow, KIND_DIRECTORY, KIND_FILE, MODE_READ, MODE_WRITE,
    Malformed, NodeRow, RECIPIENT_GROUP, RECIPIENT_USER, SegmentId, SegmentRow, ShareRow, Stored,
    USER_ACTIVE, USER_DISABLED, UploadRow, Usage, UserRow, VersionRow,
};
pub use seat::{Fence, Seat, SeatError};
pub use sharing::{MAX_ACTIVITY_OWNERS, Reach};
pub use store::{ClusterInit, Health, Store};
pub use timeline::{
    Address, MAX_HOST_BYTES, MAX_PROMOTIONS, Promotion, TIMELINE_KEY, TimelineError,
};
