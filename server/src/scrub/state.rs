//! The file `scrub`: where the scrub is. Not in SQL, because settings are mirrored
//! and this is about one machine.
//!
//! Guarantees: it is written so that a crash leaves the old or the new one; one that
//! cannot be read is taken for none, and the scrub begins anew.

use crate::data_dir::{self, DataDir};
use crate::output;
use coffer_store::ScrubCursor;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// Format of the file.
const FORMAT: u32 = 1;
/// Number of the last table.
const LAST_TABLE: f64 = 15.0;

/// What the file holds.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Text {
    format: u32,
    table: u8,
    key: String,
    running: bool,
    began_millis: i64,
    finished_millis: Option<i64>,
    damaged: u64,
    tripped: bool,
}

/// Where the scrub is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Where the round is.
    pub cursor: ScrubCursor,
    /// Whether a round is going on.
    pub running: bool,
    /// When the newest round began, milliseconds since 1970.
    pub began_millis: i64,
    /// When the last whole round ended.
    pub finished_millis: Option<i64>,
    /// What the newest round has found.
    pub damaged: u64,
    /// Nothing is healed until the operator has looked.
    pub tripped: bool,
}

impl State {
    pub(super) fn begin(&mut self, now_millis: i64) {
        self.cursor = ScrubCursor::default();
        self.running = true;
        self.began_millis = now_millis;
        self.damaged = 0;
    }

    pub(super) fn finish(&mut self, now_millis: i64) {
        self.cursor = ScrubCursor::default();
        self.running = false;
        self.finished_millis = Some(now_millis);
    }

    /// How much of the round is done, by tables; 1 between two rounds.
    pub(super) fn progress(&self) -> f64 {
        match self.running {
            true => f64::from(self.cursor.table.saturating_sub(1)) / LAST_TABLE,
            false => 1.0,
        }
    }

    /// What a status page says, where so much is damaged or missing now.
    pub fn text(state: Option<&Self>, now_millis: i64, unhealed: Option<u64>) -> String {
        let age = |millis| output::duration(now_millis.saturating_sub(millis) as f64 / 1000.0);
        let finished = state.and_then(|state| state.finished_millis);
        let mut text = match finished {
            Some(millis) => format!("everything was read {} ago", age(millis)),
            None => "not everything was read yet".to_owned(),
        };
        match unhealed {
            Some(0) => text.push_str("; nothing is damaged or missing"),
            Some(count) => text = format!("{text}; damaged or missing: {count}"),
            None => {}
        }
        if state.is_some_and(|state| state.tripped) {
            text.push_str("; nothing is healed until somebody has looked");
        }
        text
    }

    /// Reads the file, if there is one that can be read.
    pub fn read(data: &DataDir) -> Option<Self> {
        let text = data_dir::read_text(&data.scrub_path()).ok()?;
        let text: Text = serde_json::from_str(&text).ok()?;
        let key = HEXLOWER.decode(text.key.as_bytes()).ok()?;
        (text.format == FORMAT).then_some(Self {
            cursor: ScrubCursor { table: text.table, key },
            running: text.running,
            began_millis: text.began_millis,
            finished_millis: text.finished_millis,
            damaged: text.damaged,
            tripped: text.tripped,
        })
    }

    /// Writes the file.
    pub(super) fn write(&self, data: &DataDir) {
        let text = Text {
            format: FORMAT,
            table: self.cursor.table,
            key: HEXLOWER.encode(&self.cursor.key),
            running: self.running,
            began_millis: self.began_millis,
            finished_millis: self.finished_millis,
            damaged: self.damaged,
            tripped: self.tripped,
        };
        let bytes = serde_json::to_vec(&text).unwrap_or_default();
        if let Err(failure) = data_dir::write(&data.scrub_path(), &bytes) {
            tracing::warn!(reason = %failure, "where the scrub is cannot be kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_page_says_when_everything_was_read() {
        assert_eq!(State::text(None, 0, None), "not everything was read yet");
        let state = State { finished_millis: Some(0), tripped: true, ..State::default() };
        let text = State::text(Some(&state), 7_200_000, Some(3));
        let expected = "everything was read 2 h ago; damaged or missing: 3; nothing is healed until \
                        somebody has looked";
        assert_eq!(text, expected);
    }

    #[test]
    fn it_reads_back_and_anything_else_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        assert_eq!(State::read(&data), None);
        let mut state = State::default();
        state.begin(7);
        state.cursor = ScrubCursor { table: 7, key: vec![1, 2, 0xff] };
        (state.damaged, state.tripped) = (3, true);
        state.write(&data);
        assert_eq!(State::read(&data), Some(state.clone()));
        assert!(state.progress() > 0.0 && state.progress() < 1.0);
        state.finish(9);
        assert!(state.progress() >= 1.0 && state.tripped);
        for other in ["", "{}", r#"{"format":2}"#] {
            std::fs::write(data.scrub_path(), other).unwrap();
            assert_eq!(State::read(&data), None, "{other}");
        }
    }
}
