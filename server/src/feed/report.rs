//! The file `replicas`: what a running server knows of its replicas, for the
//! commands beside it.
//!
//! Guarantees: it is a hint, written once a second while there are replicas; a
//! reader that meets half of it takes it for none.

use super::mirror::Seen;
use crate::data_dir::{self, DataDir};
use coffer_protocol::{Position, ReplicaId};
use serde::{Deserialize, Serialize};

/// Everything that is known.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Report {
    /// When it was written, milliseconds since 1970.
    pub(crate) millis: i64,
    /// Newest entry.
    pub(crate) head: u64,
    /// Commits are answered without waiting.
    pub(crate) degraded: bool,
    replicas: Vec<One>,
}

/// What is known of one replica.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct One {
    id: String,
    pub(crate) connected: bool,
    pub(crate) received: u64,
    pub(crate) flushed: Option<u64>,
    pub(crate) lag_entries: Option<u64>,
    pub(crate) lag_seconds: f64,
    pub(crate) silent_seconds: Option<f64>,
}

impl Report {
    pub(crate) fn new(millis: i64, head: Position, degraded: bool, seen: &[Seen]) -> Self {
        let one = |seen: &Seen| One {
            id: seen.id.to_string(),
            connected: seen.connected,
            received: seen.received,
            flushed: seen.flushed,
            lag_entries: seen.flushed.map(|flushed| head.seq.saturating_sub(flushed)),
            lag_seconds: seen.behind.as_secs_f64(),
            silent_seconds: seen.silent.map(|silent| silent.as_secs_f64()),
        };
        Self { millis, head: head.seq, degraded, replicas: seen.iter().map(one).collect() }
    }

    /// Leaves the note. Not flushed: it is worth nothing after a crash.
    pub(crate) fn write(&self, data: &DataDir) {
        let text = serde_json::to_vec(self).unwrap_or_default();
        if let Err(error) = std::fs::write(data.replicas_path(), text) {
            tracing::debug!(%error, "cannot write the note about replicas");
        }
    }

    /// Reads the note, if there is one that can be read.
    pub(crate) fn read(data: &DataDir) -> Option<Self> {
        let text = data_dir::read_text(&data.replicas_path()).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// What is known of one.
    pub(crate) fn of(&self, id: ReplicaId) -> Option<&One> {
        self.replicas.iter().find(|one| one.id == id.to_string())
    }
}
