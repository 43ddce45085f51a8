//! Progress of a transfer as a latest-value watch: a reader sees the newest
//! state and never delays the transfer. The same place collects the report.

use super::estimate::Estimator;
use super::report::{Report, Skip};
use crate::error::ClientError;
use coffer_protocol::Position;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Time between two measurements of the speed.
const MEASURE_EVERY: Duration = Duration::from_millis(250);

/// A moment of a transfer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Files found so far.
    pub files_known: u64,
    /// Bytes in them.
    pub bytes_known: u64,
    /// Whether the search for files is over, so that the two counts are final.
    pub known_is_all: bool,
    /// Files finished, with those that failed.
    pub files_done: u64,
    /// Bytes transferred and acknowledged.
    pub bytes_done: u64,
    /// Bytes a second of late.
    pub bytes_per_second: f64,
    /// Time that is left for what is known so far.
    pub remaining: Option<Duration>,
    /// The file that was last begun.
    pub current: String,
    /// Files that failed.
    pub failed: u64,
    /// The last failure, with its file.
    pub last_failure: Option<String>,
}

#[derive(Debug)]
struct Measure {
    estimator: Estimator,
    since: Instant,
    bytes: u64,
    files: u64,
}

#[derive(Debug)]
struct Shared {
    watch: watch::Sender<Progress>,
    measure: Mutex<Measure>,
    report: Mutex<Report>,
}

/// Where a transfer tells what it does. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tracker {
    shared: Arc<Shared>,
}

impl Default for Tracker {
    fn default() -> Self {
        Self::new()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tracker {
    /// A transfer that has not begun.
    pub fn new() -> Self {
        let estimator = Estimator::new();
        let measure = Measure { estimator, since: Instant::now(), bytes: 0, files: 0 };
        let shared = Shared {
            watch: watch::Sender::new(Progress::default()),
            measure: Mutex::new(measure),
            report: Mutex::new(Report::default()),
        };
        Self { shared: Arc::new(shared) }
    }

    /// A reader of the newest state.
    pub fn subscribe(&self) -> watch::Receiver<Progress> {
        self.shared.watch.subscribe()
    }

    /// Takes the report out, at the end.
    pub(crate) fn take_report(&self) -> Report {
        std::mem::take(&mut *lock(&self.shared.report))
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        lock(&self.shared.report)
    }

    /// Changes the state, and measures the speed when it is time to.
    fn update(&self, change: impl FnOnce(&mut Progress)) {
        self.shared.watch.send_modify(|progress| {
            change(progress);
            let mut measure = lock(&self.shared.measure);
            let passed = measure.since.elapsed();
            if passed >= MEASURE_EVERY {
                let bytes = progress.bytes_done.saturating_sub(measure.bytes);
                let files = progress.files_done.saturating_sub(measure.files);
                measure.estimator.observe(passed.as_secs_f64(), bytes, files);
                measure.bytes = progress.bytes_done;
                measure.files = progress.files_done;
                measure.since += passed;
                progress.bytes_per_second = measure.estimator.bytes_per_second();
                progress.remaining = measure.estimator.remaining(
                    progress.bytes_known.saturating_sub(progress.bytes_done),
                    progress.files_known.saturating_sub(progress.files_done),
                );
            }
        });
    }

    /// A file was found.
    pub(crate) fn found(&self, files: u64, bytes: u64) {
        self.update(|progress| {
            progress.files_known += files;
            progress.bytes_known += bytes;
        });
    }

    /// All files were found.
    pub(crate) fn found_all(&self) {
        self.update(|progress| progress.known_is_all = true);
    }

    /// A file was begun.
    pub(crate) fn begin(&self, name: &str) {
        self.update(|progress| name.clone_into(&mut progress.current));
    }

    /// Bytes were acknowledged (or given up: then the total is right at the end).
    pub(crate) fn moved(&self, bytes: u64) {
        self.update(|progress| progress.bytes_done += bytes);
    }

    /// Bytes that were counted have to be sent again.
    pub(crate) fn took_back(&self, bytes: u64) {
        self.update(|progress| progress.bytes_done = progress.bytes_done.saturating_sub(bytes));
    }

    /// A file was finished.
    pub(crate) fn finished(&self, bytes: u64) {
        {
            let mut report = self.report();
            report.files += 1;
            report.bytes += bytes;
        }
        self.update(|progress| progress.files_done += 1);
    }

    /// Directories were made or adopted.
    pub(crate) fn made_directories(&self, count: u64) {
        self.report().directories += count;
    }

    /// A write is durable at this position, on so many machines.
    pub(crate) fn durable(&self, position: Position, machines: Option<u8>) {
        let mut report = self.report();
        report.position = report.position.max(Some(position));
        if let Some(machines) = machines {
            report.machines = Some(report.machines.map_or(machines, |fewest| fewest.min(machines)));
        }
    }

    /// Something was left out on purpose.
    pub(crate) fn skipped(&self, name: String, why: Skip) {
        self.report().skipped.push((name, why));
    }

    /// A name was written that some systems cannot tell from another.
    pub(crate) fn collision(&self, name: String) {
        self.report().collisions.push(name);
    }

    /// A file failed. `was_found` says whether it was counted among the known.
    pub(crate) fn failed(&self, name: String, error: ClientError, was_found: bool) {
        let line = format!("{name}: {error}");
        self.report().failed.push((name, error));
        self.update(|progress| {
            progress.failed += 1;
            progress.files_done += u64::from(was_found);
            progress.last_failure = Some(line);
        });
    }

    /// The transfer cannot go on. The first reason counts.
    pub(crate) fn stop(&self, error: ClientError) {
        self.report().stopped.get_or_insert(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_the_newest_state() {
        let tracker = Tracker::new();
        let reader = tracker.subscribe();
        tracker.found(3, 300);
        tracker.begin("a");
        tracker.begin("b");
        tracker.moved(100);
        tracker.finished(100);
        let seen = reader.borrow().clone();
        assert_eq!((seen.files_known, seen.bytes_known, seen.known_is_all), (3, 300, false));
        assert_eq!((seen.files_done, seen.bytes_done, seen.current.as_str()), (1, 100, "b"));
        tracker.found_all();
        assert!(reader.borrow().known_is_all);
    }

    #[test]
    fn the_weakest_write_decides_on_how_many_machines_it_is_safe() {
        let tracker = Tracker::new();
        let at = |seq| Position { epoch: 1, seq };
        tracker.durable(at(5), Some(2));
        tracker.durable(at(4), Some(1));
        tracker.durable(at(3), None);
        let report = tracker.take_report();
        assert_eq!((report.position, report.machines), (Some(at(5)), Some(1)));
    }
}
