//! The file `replicas`: what a running server knows of its replicas, for the
//! commands beside it.
//!
//! Guarantees: it is a hint, written once a second while there are replicas; a
//! reader that meets half of it takes it for none.

use super::figures::{Figure, Figures};
use crate::data_dir::{self, DataDir};
use coffer_protocol::ReplicaId;
use serde::{Deserialize, Serialize};

/// Everything that is known.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Report {
    /// When it was written, milliseconds since 1970.
    pub(crate) millis: i64,
    /// Newest entry.
    pub(crate) head: u64,
    /// What the answer to a write waits for.
    pub(crate) mode: String,
    /// Commits are answered without waiting.
    pub(crate) degraded: bool,
    /// Time that this was so since the server started.
    pub(crate) degraded_seconds: f64,
    /// Age of the oldest write that no other machine has.
    pub(crate) unmirrored_seconds: f64,
    /// Things that are damaged or missing.
    pub(crate) unhealed: u64,
    /// Alarms that stand.
    pub(crate) alarms: Vec<String>,
    pub(crate) replicas: Vec<One>,
}

/// What is known of one replica.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct One {
    pub(crate) id: String,
    pub(crate) connected: bool,
    pub(crate) received: u64,
    pub(crate) flushed: Option<u64>,
    pub(crate) lag_entries: Option<u64>,
    pub(crate) lag_journal_bytes: u64,
    pub(crate) lag_chunk_bytes: u64,
    pub(crate) lag_seconds: f64,
    pub(crate) oldest_missing_seconds: f64,
    pub(crate) silent_seconds: Option<f64>,
    /// It will be resynchronised.
    pub(crate) dropped: bool,
}

impl From<&Figure> for One {
    fn from(figure: &Figure) -> Self {
        let Figure { seen, lag_entries, backlog, oldest } = figure;
        Self {
            id: seen.id.to_string(),
            connected: seen.connected,
            received: seen.received,
            flushed: seen.flushed,
            lag_entries: seen.flushed.map(|_| *lag_entries),
            lag_journal_bytes: backlog.journal_bytes,
            lag_chunk_bytes: backlog.chunk_bytes,
            lag_seconds: seen.behind.as_secs_f64(),
            oldest_missing_seconds: oldest.as_secs_f64(),
            silent_seconds: seen.silent.map(|silent| silent.as_secs_f64()),
            dropped: seen.dropped,
        }
    }
}

impl Report {
    pub(super) fn new(figures: &Figures, alarms: Vec<String>) -> Self {
        Self {
            millis: figures.millis,
            head: figures.head.seq,
            mode: figures.mode.to_owned(),
            degraded: figures.degraded,
            degraded_seconds: figures.degraded_for.as_secs_f64(),
            unmirrored_seconds: figures.unmirrored.as_secs_f64(),
            unhealed: figures.unhealed,
            alarms,
            replicas: figures.replicas.iter().map(One::from).collect(),
        }
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
