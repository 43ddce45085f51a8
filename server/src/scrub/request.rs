//! How the command `repair` asks a running daemon, and hears from it: two small
//! files in the data directory.
//!
//! Guarantees: a request is taken once; a report is of the request whose number it
//! bears; half a file is none.

use crate::data_dir::{self, DataDir};
use crate::failure::{Code, Failure, Outcome};
use crate::{lock, output};
use coffer_store::{Random, ScrubStep, Store, SystemRandom, durable};
use serde::{Deserialize, Serialize};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Time between two reports, and between two looks at them.
const REPORT: Duration = Duration::from_millis(300);
/// A daemon that has not taken the request up by then does not.
const TAKEN_UP: Duration = Duration::from_mins(1);

/// What the command wants.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Request {
    pub(super) number: u64,
    /// Chunk files are not read.
    pub quick: bool,
    /// However much is damaged.
    pub accept_many: bool,
}

/// What the daemon says.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Progress {
    number: u64,
    /// The table that is being looked at.
    pub table: String,
    /// Rows looked at.
    pub rows: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Things found damaged or missing.
    pub damaged: u64,
    /// Things that are not healed yet.
    pub unhealed: u64,
    /// Those of them that another machine did not have either.
    pub denied: u64,
    /// Nothing is healed, because too much is damaged.
    pub tripped: bool,
    /// It is over.
    pub finished: bool,
    #[serde(skip)]
    shown: Option<Instant>,
}

fn request_path(data: &DataDir) -> PathBuf {
    data.root().join("repair")
}

fn report_path(data: &DataDir) -> PathBuf {
    data.root().join("repair-report")
}

impl Request {
    /// A request with a number of its own.
    fn new(quick: bool, accept_many: bool) -> Outcome<Self> {
        let mut number = [0; 8];
        SystemRandom.fill(&mut number).map_err(|error| {
            Failure::new(Code::Io, format!("the system gives no random numbers: {error}"))
        })?;
        Ok(Self { number: u64::from_le_bytes(number), quick, accept_many })
    }

    /// Takes the request that waits, if there is one.
    pub(super) fn take(data: &DataDir) -> Option<Self> {
        let path = request_path(data);
        if !path.exists() {
            return None;
        }
        let text = data_dir::read_text(&path).ok()?;
        let request = serde_json::from_str(&text).ok()?;
        std::fs::remove_file(&path).ok()?;
        Some(request)
    }
}

impl Progress {
    pub(super) fn new(request: &Request) -> Self {
        Self { number: request.number, ..Self::default() }
    }

    pub(super) fn add(&mut self, step: &ScrubStep) {
        step.table.clone_into(&mut self.table);
        self.rows += step.rows;
        self.bytes += step.bytes;
        self.damaged += step.damaged;
    }

    fn fill(&mut self, store: &Store) {
        self.unhealed = store.unhealed().total() as u64;
        self.denied = store.denied() as u64;
        self.tripped = store.breaker_tripped();
    }

    /// Says how far it is, from time to time.
    pub(super) fn show(&mut self, store: &Store, data: &DataDir) {
        if self.shown.is_none_or(|shown| shown.elapsed() > REPORT) {
            self.shown = Some(Instant::now());
            self.fill(store);
            self.write(data);
        }
    }

    /// Says that it is over.
    pub(super) fn done(&mut self, store: &Store, data: &DataDir) {
        self.fill(store);
        self.finished = true;
        self.write(data);
    }

    /// Not flushed: it is worth nothing after a crash.
    fn write(&self, data: &DataDir) {
        let path = report_path(data);
        let text = serde_json::to_vec(self).unwrap_or_default();
        let temporary = path.with_extension("new");
        let written = std::fs::write(&temporary, text)
            .map_err(|error| error.to_string())
            .and_then(|()| durable::rename(&temporary, &path).map_err(|error| error.to_string()));
        if let Err(error) = written {
            tracing::debug!(error, "cannot write the report of the repair");
        }
    }

    fn read(data: &DataDir, number: u64) -> Option<Self> {
        let text = data_dir::read_text(&report_path(data)).ok()?;
        let progress: Self = serde_json::from_str(&text).ok()?;
        (progress.number == number).then_some(progress)
    }
}

/// Whether a daemon has the data directory.
pub fn is_running(data: &DataDir) -> bool {
    lock::is_held(data)
}

/// Asks the running daemon and waits until it is through; shows how far it is.
pub fn follow(data: &DataDir, quick: bool, accept_many: bool) -> Outcome<Progress> {
    let request = Request::new(quick, accept_many)?;
    let bytes = serde_json::to_vec(&request).unwrap_or_default();
    data_dir::write(&request_path(data), &bytes)?;
    let live = std::io::stderr().is_terminal();
    let begun = Instant::now();
    loop {
        std::thread::sleep(REPORT);
        let progress = Progress::read(data, request.number);
        match progress {
            Some(progress) if progress.finished => {
                if live {
                    output::status(&"");
                }
                return Ok(progress);
            }
            Some(progress) if live => output::status(&progress.line()),
            None if begun.elapsed() > TAKEN_UP => {
                return Err(withdraw(data, "the daemon does not take the repair up")
                    .hint("It may be an older version, or be loading. Look at its log."));
            }
            Some(_) | None => {}
        }
        if !is_running(data) {
            return Err(withdraw(data, "the daemon has ended during the repair")
                .hint("Start it again, and repeat the command."));
        }
    }
}

/// Nobody shall take the request up later.
fn withdraw(data: &DataDir, message: &str) -> Failure {
    // It may have been taken up at this very moment.
    let _ = std::fs::remove_file(request_path(data));
    Failure::new(Code::NotRunning, message)
}

impl Progress {
    fn line(&self) -> String {
        format!(
            "{}: {} rows, {} read, {} damaged, {} not healed",
            self.table,
            self.rows,
            output::bytes(self.bytes),
            self.damaged,
            self.unhealed
        )
    }
}
