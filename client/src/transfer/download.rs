//! Downloads trees and files: the search for files, requests, verification and
//! local writes overlap, and every queue between them is bounded.
//!
//! Every chunk and the content of every file is verified before the file gets
//! its name. A file that fails is named, and the others go on; an error that
//! would hit every file ends the transfer.

use super::caller::Caller;
use super::job::{self, Job};
use super::progress::Tracker;
use super::report::Report;
use super::survey::{RemoteFile, Survey};
use super::target::LocalDir;
use super::{fetch, fetch_batch};
use crate::error::ClientError;
use bytes::Bytes;
use coffer_protocol::limits::{
    BATCH_TARGET_BYTES, MAX_BATCH_FILES, MAX_PAGE_ENTRIES, SMALL_FILE_BYTES,
};
use coffer_protocol::message::tree::{Entry, Kind, Stat, Walk, WalkPage};
use coffer_protocol::{Place, Request, Response};
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Files the search may be ahead.
const SEARCH_AHEAD: usize = 2048;
/// Requests for batches and big files that are being worked on together.
const WORK_IN_FLIGHT: usize = 16;
/// Batches of small files on their way.
const BATCHES_IN_FLIGHT: usize = 6;
/// Memory for chunks on their way, in units of `UNIT` bytes.
const ROOM_UNITS: usize = 384;
/// Room is counted in units of this many bytes.
pub(crate) const UNIT: usize = 64 << 10;

/// A remote file or tree, and the local path it becomes.
#[derive(Debug, Clone)]
pub struct RemoteSource {
    /// Which.
    pub place: Place,
    /// Its remote path, for the report.
    pub shown: String,
    /// The local path it becomes. The directory above is there; a tree that
    /// meets a directory here goes into it.
    pub to: PathBuf,
}

/// What all parts of a download share.
pub(crate) struct Context<'a, C> {
    pub(crate) job: Job<'a, C>,
    /// For chunks on their way.
    pub(crate) room: Arc<Semaphore>,
    /// For batches on their way.
    pub(crate) batches: Semaphore,
    /// Threads that write; the transfer ends after the last of them.
    pub(crate) threads: TaskTracker,
}

impl<C> Context<'_, C> {
    /// Runs what may block on a thread that may.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ClientError> {
        self.threads.spawn_blocking(work).await.map_err(|_| ClientError::Interrupted)
    }
}

/// Runs a download to its end, or until `cancel`.
pub(crate) async fn run<C: Caller>(
    caller: &C,
    sources: Vec<RemoteSource>,
    tracker: &Tracker,
    cancel: &CancellationToken,
) -> Report {
    let context = Context {
        job: Job::new(caller, tracker, cancel),
        room: Arc::new(Semaphore::new(ROOM_UNITS)),
        batches: Semaphore::new(BATCHES_IN_FLIGHT),
        threads: TaskTracker::new(),
    };
    let threads = context.threads.clone();
    let (files_in, files_out) = mpsc::channel(SEARCH_AHEAD);
    let work =
        async { tokio::join!(search(&context, sources, files_in), fetch_all(&context, files_out)) };
    tokio::select! {
        _ = work => {}
        () = context.job.stop.cancelled() => {}
    }
    drop(context);
    // Files that were not finished are gone when this is over.
    threads.close();
    threads.wait().await;
    job::end(tracker, cancel)
}

async fn search<C: Caller>(
    context: &Context<'_, C>,
    sources: Vec<RemoteSource>,
    files: mpsc::Sender<RemoteFile>,
) {
    for source in sources {
        if let Err(error) = search_one(context, &source, &files).await {
            context.job.fail(source.shown, error, false);
        }
    }
    context.job.tracker.found_all();
}

async fn search_one<C: Caller>(
    context: &Context<'_, C>,
    source: &RemoteSource,
    files: &mpsc::Sender<RemoteFile>,
) -> Result<(), ClientError> {
    let entry = stat(context.job.caller, source.place.clone()).await?;
    if entry.kind == Kind::File {
        let above = source.to.parent().unwrap_or(Path::new("."));
        let dir = LocalDir::given(above);
        let file = RemoteFile::new(&entry, &dir, source.to.clone(), source.shown.clone());
        context.job.tracker.found(1, file.size);
        // A closed channel means that the transfer has ended.
        files.send(file).await.ok();
        return Ok(());
    }
    let (to, modified) = (source.to.clone(), entry.modified_millis);
    let top = context.blocking(move || LocalDir::top(&to, modified)).await??;
    context.job.tracker.made_directories(1);
    let mut survey = Survey::new(entry.node, top, &source.shown);
    let mut cursor = Vec::new();
    loop {
        let mut page = walk(context.job.caller, entry.node, cursor.clone()).await?;
        let next = std::mem::take(&mut page.next);
        let work = move || {
            let found = survey.page(page);
            (survey, found)
        };
        let (back, found) = context.blocking(work).await?;
        survey = back;
        context.job.tracker.made_directories(found.directories);
        for (name, error) in found.failed {
            context.job.fail(name, error, false);
        }
        let bytes = found.files.iter().map(|file| file.size).sum();
        context.job.tracker.found(found.files.len() as u64, bytes);
        for file in found.files {
            // A closed channel means that the transfer has ended.
            files.send(file).await.ok();
        }
        if next.is_empty() {
            return Ok(());
        }
        if next == cursor {
            return Err(ClientError::UnexpectedAnswer { asked: "walk" });
        }
        cursor = next;
    }
}

async fn stat<C: Caller>(caller: &C, place: Place) -> Result<Entry, ClientError> {
    match caller.call(Request::Stat(Stat { place }), Bytes::new()).await? {
        (Response::Entry(entry), _) => Ok(entry),
        _ => Err(ClientError::UnexpectedAnswer { asked: "stat" }),
    }
}

async fn walk<C: Caller>(
    caller: &C,
    root: coffer_protocol::NodeId,
    cursor: Vec<u8>,
) -> Result<WalkPage, ClientError> {
    let place = Place::node(root);
    let request = Walk { place, pattern: None, cursor, limit: MAX_PAGE_ENTRIES };
    match caller.call(Request::Walk(request), Bytes::new()).await? {
        (Response::Walk(page), _) => Ok(page),
        _ => Err(ClientError::UnexpectedAnswer { asked: "walk" }),
    }
}

/// Small files that are asked for together.
#[derive(Default)]
struct Gathering {
    files: Vec<RemoteFile>,
    bytes: u64,
}

impl Gathering {
    /// Adds a file; gives a batch back when it is full without it.
    fn add(&mut self, file: RemoteFile) -> Option<Vec<RemoteFile>> {
        let over = self.bytes + file.size > BATCH_TARGET_BYTES as u64;
        let full = over || self.files.len() >= MAX_BATCH_FILES;
        let batch = if full { self.take() } else { None };
        self.bytes += file.size;
        self.files.push(file);
        batch
    }

    fn take(&mut self) -> Option<Vec<RemoteFile>> {
        self.bytes = 0;
        let files = std::mem::take(&mut self.files);
        (!files.is_empty()).then_some(files)
    }
}

async fn fetch_all<C: Caller>(context: &Context<'_, C>, mut files: mpsc::Receiver<RemoteFile>) {
    let mut flights: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
    let mut gathering = Gathering::default();
    loop {
        tokio::select! {
            Some(()) = flights.next() => {}
            file = files.recv(), if flights.len() < WORK_IN_FLIGHT => match file {
                Some(file) if file.size < SMALL_FILE_BYTES as u64 => {
                    if let Some(batch) = gathering.add(file) {
                        flights.push(fetch_batch::fetch(context, batch).boxed());
                    }
                }
                Some(file) => flights.push(fetch::fetch(context, Arc::new(file)).boxed()),
                None => break,
            },
        }
    }
    if let Some(batch) = gathering.take() {
        flights.push(fetch_batch::fetch(context, batch).boxed());
    }
    while flights.next().await.is_some() {}
}
