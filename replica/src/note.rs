//! The file `status`: what a running replica knows, for the command of that name.
//!
//! Guarantees: it is a hint; a reader finds a whole one, though perhaps of a moment ago,
//! and whether the replica runs is decided by the lock of the directory alone.

use coffer_protocol::Position;
use coffer_server::data_dir::{self, DataDir};
use coffer_store::durable;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Note {
    /// Process id.
    pub(crate) pid: u32,
    /// Address that it listens on.
    pub(crate) listen: String,
    /// Whether the source answers.
    pub(crate) connected: bool,
    /// Last entry that is durable here.
    pub(crate) applied: u64,
    /// Its commit, by the source's clock, milliseconds since 1970; 0: not known.
    pub(crate) applied_millis: i64,
    /// Newest entry of the source, as last heard.
    pub(crate) head: u64,
    /// Its commit.
    pub(crate) head_millis: i64,
    /// When the source was last heard, by the clock of this machine.
    pub(crate) contact_millis: Option<i64>,
    /// How far it is, while it is filled from a snapshot.
    #[serde(default)]
    pub(crate) filling: Option<Filling>,
    /// Why it does not follow, if it does not.
    pub(crate) trouble: Option<String>,
    /// It does not follow until somebody has done something.
    #[serde(default)]
    pub(crate) stuck: bool,
    /// When the process started, by its own clock, milliseconds since 1970.
    #[serde(default)]
    pub(crate) since_millis: i64,
    /// Things that are damaged or missing here.
    #[serde(default)]
    pub(crate) unhealed: u64,
    /// Alarms that stand.
    #[serde(default)]
    pub(crate) alarms: Vec<String>,
}

/// How far a machine is that is filled from a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Filling {
    /// It had rows before, and keeps them until the end.
    pub(crate) by_difference: bool,
    /// Rows that were looked at.
    pub(crate) rows: u64,
    /// About how many there are.
    pub(crate) of: u64,
    /// Chunk files that are missing; known once the rows are here.
    pub(crate) missing: Option<u64>,
}

impl std::fmt::Display for Filling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { by_difference, rows, of, missing } = self;
        let what = if *by_difference { "resynchronising" } else { "loading" };
        write!(f, "{what}, {rows} of about {of} rows")?;
        match missing {
            Some(missing) => write!(f, ", {missing} chunks missing"),
            None => Ok(()),
        }
    }
}

impl Note {
    /// Entries that the source has and this machine has not.
    pub(crate) fn lag_entries(&self) -> u64 {
        self.head.saturating_sub(self.applied)
    }

    /// Age of what is here, compared with the source; where no entry is here that says
    /// when it was, what has come since the start.
    pub(crate) fn lag_seconds(&self) -> f64 {
        let here = match self.applied_millis {
            0 => self.since_millis,
            millis => millis,
        };
        match self.lag_entries() {
            0 => 0.0,
            _ => (self.head_millis.saturating_sub(here)).max(0) as f64 / 1000.0,
        }
    }
}

/// The note of the running replica.
#[derive(Debug, Default)]
pub(crate) struct Notebook(Mutex<Note>);

fn path(data: &DataDir) -> PathBuf {
    data.root().join("status")
}

impl Notebook {
    /// The note, to be read or changed.
    pub(crate) fn note(&self) -> MutexGuard<'_, Note> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The source stands here, as it has just said.
    pub(crate) fn heard(&self, head: Position, head_millis: Option<i64>, now_millis: i64) {
        let mut note = self.note();
        note.head = head.seq;
        note.head_millis = head_millis.unwrap_or(note.head_millis);
        note.contact_millis = Some(now_millis);
    }

    /// Leaves the note. Not flushed: it is worth nothing after a crash.
    pub(crate) fn write(&self, data: &DataDir) {
        let text = serde_json::to_vec(&*self.note()).unwrap_or_default();
        let next = data.root().join("status.next");
        let written = std::fs::write(&next, text).map_err(|error| error.to_string());
        // Whoever reads meanwhile finds the last one, not half of this one.
        let named = |()| durable::rename(&next, &path(data)).map_err(|error| error.to_string());
        if let Err(error) = written.and_then(named) {
            tracing::debug!(error, "cannot write the status");
        }
    }

    /// Reads the note, if there is one that can be read.
    pub(crate) fn read(data: &DataDir) -> Option<Note> {
        let text = data_dir::read_text(&path(data)).ok()?;
        serde_json::from_str(&text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reads_while_it_is_written_finds_a_whole_note() {
        let dir = tempfile::tempdir().expect("a directory");
        let (data, notebook) = (DataDir::new(dir.path()), Notebook::default());
        notebook.note().connected = true;
        notebook.write(&data);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..500).for_each(|_| notebook.write(&data)));
            while !writer.is_finished() {
                assert!(Notebook::read(&data).is_some_and(|note| note.connected));
            }
        });
    }
}
