//! Uploads trees and files: walk, read, cut, hash, send and commit overlap, and
//! every queue between them is bounded.
//!
//! One thread walks, one reads small files into batches, each big file has a
//! thread that reads, cuts and hashes it while its chunks travel. Content in
//! memory is at most `BIG_BYTES` plus one batch for each of the few places a
//! batch can be. A file that fails is named, and the others go on; an error
//! that would hit every file ends the transfer.

use super::batch::{self, Batch};
use super::big;
use super::buffers::Buffers;
use super::caller::Caller;
use super::dirs;
use super::job::{self, Job};
use super::plan::{self, LocalSource, PlannedDir, PlannedFile, RemoteDir, Step};
use super::progress::Tracker;
use super::report::Report;
use super::room::Room;
use crate::error::ClientError;
use coffer_protocol::Place;
use coffer_protocol::message::transfer::Written;
use coffer_protocol::message::tree::Expect;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Memory for the contents of big files on their way.
const BIG_BYTES: usize = 32 << 20;
/// Files and directories the walk may be ahead.
const WALK_AHEAD: usize = 4096;
/// Batches of small files on their way, beside one that is being read and
/// `BATCHES_READY` that wait.
const BATCHES_IN_FLIGHT: usize = 6;
const BATCHES_READY: usize = 2;
/// Big files that wait or are on their way.
const BIG_FILES_KNOWN: usize = 16;
/// Slots of big files: a file of more than a buffer takes `LARGE_SLOTS`.
pub(crate) const BIG_SLOTS: u32 = 16;
pub(crate) const LARGE_SLOTS: u32 = 4;

/// What to upload, and how.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The remote directory everything goes into; it exists. Or a file, for a
    /// source that becomes its content: see `LocalSource::name`.
    pub base: Place,
    /// What goes into it.
    pub sources: Vec<LocalSource>,
    /// Copy what symbolic links inside trees point to, instead of leaving them out.
    pub follow_links: bool,
    /// What has to be there for a file to be written.
    pub expect: Expect,
}

/// What all parts of an upload share.
pub(crate) struct Context<'a, C> {
    pub(crate) job: Job<'a, C>,
    pub(crate) expect: Expect,
    pub(crate) buffers: Arc<Buffers>,
    pub(crate) slots: Semaphore,
    pub(crate) room: Room,
}

impl<'a, C: Caller> Context<'a, C> {
    pub(crate) fn new(
        caller: &'a C,
        tracker: &'a Tracker,
        cancel: &CancellationToken,
        expect: Expect,
    ) -> Self {
        Self {
            job: Job::new(caller, tracker, cancel),
            expect,
            buffers: Buffers::new(BIG_BYTES),
            slots: Semaphore::new(BIG_SLOTS as usize),
            room: Room::default(),
        }
    }

    /// A file of so many bytes failed.
    pub(crate) fn file_failed(&self, name: String, len: u64, error: ClientError) {
        self.room.learn(len, &error);
        self.job.fail(name, error, true);
    }

    /// A file was written.
    pub(crate) fn written(&self, file: &PlannedFile, written: &Written) {
        self.job.tracker.finished(file.stamp.len);
        self.job.tracker.durable(written.position, Some(written.machines));
        if written.case_collision {
            self.job.tracker.collision(file.path.display().to_string());
        }
    }
}

impl<C> Drop for Context<'_, C> {
    /// Whatever ends the transfer also ends the threads that wait for a buffer.
    fn drop(&mut self) {
        self.job.stop.cancel();
        self.buffers.close();
    }
}

/// Runs an upload to its end, or until `cancel`.
pub(crate) async fn run<C: Caller>(
    caller: &C,
    upload: Upload,
    tracker: &Tracker,
    cancel: &CancellationToken,
) -> Report {
    let context = Context::new(caller, tracker, cancel, upload.expect);
    let (dirs_in, dirs_out) = mpsc::channel(WALK_AHEAD);
    let (files_in, files_out) = mpsc::channel(WALK_AHEAD);
    let (batches_in, batches_out) = mpsc::channel(BATCHES_READY);
    let (big_in, big_out) = mpsc::channel(BIG_FILES_KNOWN);
    let base = upload.base.clone();
    let walker = start_walk(&context, upload, dirs_in, files_in);
    let reader = batch::start_reading(&context, files_out, batches_in, big_in);
    let work = async {
        tokio::join!(
            dirs::make_all(&context, &base, dirs_out),
            send_batches(&context, batches_out),
            send_big(&context, big_out),
        );
    };
    tokio::select! {
        () = work => {}
        () = context.job.stop.cancelled() => {}
    }
    drop(context);
    for thread in [walker, reader] {
        if let Err(error) = thread.await {
            tracing::error!(%error, "a thread of an upload ended early");
            tracker.stop(ClientError::Interrupted);
        }
    }
    job::end(tracker, cancel)
}

fn start_walk<C: Caller>(
    context: &Context<'_, C>,
    upload: Upload,
    dirs: mpsc::Sender<PlannedDir>,
    files: mpsc::Sender<PlannedFile>,
) -> JoinHandle<()> {
    let (tracker, stop) = (context.job.tracker.clone(), context.job.stop.clone());
    tokio::task::spawn_blocking(move || {
        let base = RemoteDir::base(upload.base);
        let mut sink = |step| {
            let went_on = match step {
                Step::Dir(dir) => dirs.blocking_send(dir).is_ok(),
                Step::File(file) => {
                    tracker.found(1, file.stamp.len);
                    files.blocking_send(file).is_ok()
                }
                Step::Skipped(path, why) => {
                    tracker.skipped(path.display().to_string(), why);
                    true
                }
                Step::Failed(path, error) => {
                    tracker.failed(path.display().to_string(), error, false);
                    true
                }
            };
            went_on && !stop.is_cancelled()
        };
        for source in &upload.sources {
            if !plan::walk(source, &base, upload.follow_links, &mut sink) {
                return;
            }
        }
        tracker.found_all();
    })
}

async fn send_batches<C: Caller>(context: &Context<'_, C>, mut batches: mpsc::Receiver<Batch>) {
    let mut flights = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(()) = flights.next() => {}
            batch = batches.recv(), if flights.len() < BATCHES_IN_FLIGHT => match batch {
                Some(batch) => flights.push(batch::send(context, batch)),
                None => break,
            },
        }
    }
    while flights.next().await.is_some() {}
}

async fn send_big<C: Caller>(context: &Context<'_, C>, mut files: mpsc::Receiver<PlannedFile>) {
    let mut flights = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(()) = flights.next() => {}
            file = files.recv(), if flights.len() < BIG_FILES_KNOWN => match file {
                Some(file) => flights.push(big::send_file(context, file)),
                None => break,
            },
        }
    }
    while flights.next().await.is_some() {}
}
