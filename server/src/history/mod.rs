//! The file `history`: what was stored and done, in samples from time to time. Not in
//! SQL, because rows are mirrored and this is about one machine.
//!
//! Guarantees: it is written so that a crash leaves the old or the new one; the newest
//! [`FINE`] samples of the last [`FINE_DAYS`] days stay as they are, older ones become
//! one for each day (UTC), which go after [`KEPT_DAYS`] days; what cannot be read is
//! left out.

mod recorder;

pub(crate) use recorder::Recorder;

use crate::data_dir::{self, DataDir};
use crate::failure::Outcome;
use serde::{Deserialize, Serialize};
use std::io::Read as _;

/// Format of the file.
const FORMAT: u32 = 1;
/// Samples that stay as they are.
const FINE: usize = 1024;
/// Days for which they do.
const FINE_DAYS: i64 = 31;
/// Days for which anything stays.
const KEPT_DAYS: i64 = 5 * 366;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// Longest file that is read.
const MAX_BYTES: u64 = 4 << 20;

/// What the first line says.
#[derive(Deserialize, Serialize)]
struct Head {
    format: u32,
}

/// One moment, and what was done since the sample before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Sample {
    /// When, milliseconds since 1970.
    pub(crate) millis: i64,
    /// Number of the newest journal entry.
    pub(crate) seq: u64,
    /// Accounts.
    pub(crate) users: u64,
    /// Files and directories, with the trash.
    pub(crate) nodes: u64,
    /// Bytes as users see them, all versions.
    pub(crate) bytes: u64,
    /// Bytes that they take.
    pub(crate) stored_bytes: u64,
    /// Pieces that are stored.
    pub(crate) stored_chunks: u64,
    /// Free bytes on the disk.
    pub(crate) free_bytes: u64,
    /// Signed-in sessions.
    pub(crate) sessions: u64,
    /// Requests that were answered since.
    pub(crate) requests: u64,
    /// Bytes of contents that came since.
    pub(crate) received_bytes: u64,
    /// Bytes of contents that went out since.
    pub(crate) sent_bytes: u64,
}

impl Sample {
    /// The sample of a span of time that ends with `later`.
    fn joined(self, later: Self) -> Self {
        Self {
            sessions: self.sessions.max(later.sessions),
            requests: self.requests.saturating_add(later.requests),
            received_bytes: self.received_bytes.saturating_add(later.received_bytes),
            sent_bytes: self.sent_bytes.saturating_add(later.sent_bytes),
            ..later
        }
    }

    fn day(&self) -> i64 {
        self.millis.div_euclid(DAY_MILLIS)
    }
}

/// All samples, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct History(Vec<Sample>);

impl History {
    /// Reads the file; what cannot be read is left out.
    pub(crate) fn read(data: &DataDir) -> Self {
        let mut text = String::new();
        let file = std::fs::File::open(data.history_path());
        let read = file.and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
        if read.is_err() {
            return Self::default();
        }
        let mut lines = text.lines();
        let head: Option<Head> = lines.next().and_then(|line| serde_json::from_str(line).ok());
        if head.is_none_or(|head| head.format != FORMAT) {
            return Self::default();
        }
        Self(lines.filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    pub(crate) fn samples(&self) -> &[Sample] {
        &self.0
    }

    /// Adds the newest sample, and thins out what is old by then.
    pub(crate) fn add(&mut self, sample: Sample) {
        self.0.push(sample);
        let fine_since = sample.millis.saturating_sub(FINE_DAYS * DAY_MILLIS);
        let kept_since = sample.millis.saturating_sub(KEPT_DAYS * DAY_MILLIS);
        let most = self.0.len().saturating_sub(FINE);
        let old = self.0.iter().take_while(|sample| sample.millis < fine_since).count().max(most);
        let mut thinned: Vec<Sample> = Vec::new();
        for sample in self.0.drain(..old).filter(|sample| sample.millis >= kept_since) {
            match thinned.last_mut().filter(|last| last.day() == sample.day()) {
                Some(last) => *last = last.joined(sample),
                None => thinned.push(sample),
            }
        }
        self.0.splice(..0, thinned);
    }

    /// Writes the file.
    pub(crate) fn write(&self, data: &DataDir) -> Outcome {
        let mut bytes = serde_json::to_vec(&Head { format: FORMAT }).unwrap_or_default();
        for sample in &self.0 {
            bytes.push(b'\n');
            bytes.extend(serde_json::to_vec(sample).unwrap_or_default());
        }
        bytes.push(b'\n');
        data_dir::write(&data.history_path(), &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MILLIS: i64 = DAY_MILLIS / 24;

    fn hourly(hours: i64) -> History {
        let mut history = History::default();
        for hour in 0..hours {
            let sample = Sample { millis: hour * HOUR_MILLIS, requests: 1, ..Sample::default() };
            let seq = hour.cast_unsigned();
            history.add(Sample { seq, sessions: 3 * (seq % 24), ..sample });
        }
        history
    }

    #[test]
    fn old_samples_become_one_for_each_day_and_go_in_the_end() {
        let history = hourly(100 * 24);
        let samples = history.samples();
        let fine = samples.iter().filter(|sample| sample.requests == 1).count();
        assert_eq!(i64::try_from(fine), Ok(FINE_DAYS * 24 + 1));
        assert_eq!(samples.iter().map(|sample| sample.requests).sum::<u64>(), 100 * 24);
        let first = samples[0];
        assert_eq!((first.requests, first.seq, first.sessions), (24, 23, 69));
        assert!(samples.is_sorted_by_key(|sample| sample.millis));

        let mut history = history;
        history.add(Sample { millis: (KEPT_DAYS + 50) * DAY_MILLIS, ..Sample::default() });
        let kept = history.samples();
        assert!(kept.iter().all(|sample| sample.millis >= 50 * DAY_MILLIS));
        assert_eq!(kept.len(), 51);
    }

    #[test]
    fn the_number_of_samples_is_bounded_however_often_they_are_taken() {
        let mut history = History::default();
        for second in 0..i64::try_from(5 * FINE).unwrap() {
            history.add(Sample { millis: second * 1000, requests: 1, ..Sample::default() });
        }
        assert_eq!(history.samples().len(), FINE + 1);
        let sum: u64 = history.samples().iter().map(|sample| sample.requests).sum();
        assert_eq!(sum, 5 * FINE as u64);
    }

    #[test]
    fn the_file_reads_back_and_anything_else_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        assert_eq!(History::read(&data).samples(), []);
        let mut history = History::default();
        let sample =
            Sample { millis: 1, seq: 2, users: 3, nodes: 4, bytes: 5, ..Sample::default() };
        history.add(sample);
        history.add(Sample { millis: 7, ..sample });
        history.write(&data).unwrap();
        assert_eq!(History::read(&data).samples(), history.samples());
        let text = std::fs::read_to_string(data.history_path()).unwrap();
        let expected = concat!(
            "{\"format\":1}\n",
            r#"{"millis":1,"seq":2,"users":3,"nodes":4,"bytes":5,"stored_bytes":0,"#,
            r#""stored_chunks":0,"free_bytes":0,"sessions":0,"requests":0,"#,
            r#""received_bytes":0,"sent_bytes":0}"#,
        );
        assert!(text.starts_with(expected), "{text}");
        std::fs::write(data.history_path(), format!("{text}{{half a li")).unwrap();
        assert_eq!(History::read(&data).samples().len(), 2);
        std::fs::write(data.history_path(), text.replace("format\":1", "format\":2")).unwrap();
        assert_eq!(History::read(&data).samples(), []);
    }
}
