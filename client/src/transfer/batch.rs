//! Small files on their way up: read one behind the other into a buffer, and
//! sent many to a request.

use super::caller::Caller;
use super::dirs::parent_lost;
use super::plan::{PlannedFile, Stamp};
use super::progress::Tracker;
use super::upload::Context;
use crate::error::ClientError;
use crate::ids::new_op;
use bytes::Bytes;
use coffer_crypto::chunk::plain_hash;
use coffer_protocol::limits::{BATCH_TARGET_BYTES, MAX_BATCH_FILES, SMALL_FILE_BYTES};
use coffer_protocol::message::transfer::{BatchWritten, PutFile, PutFiles};
use coffer_protocol::{Hash32, Request, Response, ServerId};
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Item {
    file: PlannedFile,
    hash: Hash32,
}

/// Small files that were read, and their contents one behind the other.
#[derive(Debug)]
pub(crate) struct Batch {
    items: Vec<Item>,
    payload: Vec<u8>,
}

impl Batch {
    fn new() -> Self {
        let payload = Vec::with_capacity(BATCH_TARGET_BYTES + SMALL_FILE_BYTES);
        Self { items: Vec::new(), payload }
    }

    fn is_full(&self) -> bool {
        self.payload.len() >= BATCH_TARGET_BYTES || self.items.len() >= MAX_BATCH_FILES
    }
}

/// What became of a planned file.
enum Taken {
    /// It is in the batch.
    Batched,
    /// It is not a small file.
    Big(PlannedFile),
    Failed(PlannedFile, ClientError),
}

/// Reads small files into batches and passes big ones on, on a thread.
pub(crate) fn start_reading<C: Caller>(
    context: &Context<'_, C>,
    mut files: mpsc::Receiver<PlannedFile>,
    batches: mpsc::Sender<Batch>,
    big: mpsc::Sender<PlannedFile>,
) -> JoinHandle<()> {
    let (tracker, stop) = (context.job.tracker.clone(), context.job.stop.clone());
    let server = context.job.server;
    tokio::task::spawn_blocking(move || {
        read_all(&mut files, &batches, &big, &tracker, &stop, server);
    })
}

fn read_all(
    files: &mut mpsc::Receiver<PlannedFile>,
    batches: &mpsc::Sender<Batch>,
    big: &mpsc::Sender<PlannedFile>,
    tracker: &Tracker,
    stop: &CancellationToken,
    server: ServerId,
) {
    let mut batch = Batch::new();
    while let Some(file) = files.blocking_recv() {
        if stop.is_cancelled() {
            return;
        }
        tracker.begin(&file.path.to_string_lossy());
        let delivered = match take(&mut batch, file, server) {
            Taken::Batched if batch.is_full() => {
                batches.blocking_send(std::mem::replace(&mut batch, Batch::new())).is_ok()
            }
            Taken::Batched => true,
            Taken::Big(file) => big.blocking_send(file).is_ok(),
            Taken::Failed(file, error) => {
                tracker.moved(file.stamp.len);
                tracker.failed(file.path.display().to_string(), error, true);
                true
            }
        };
        if !delivered {
            return;
        }
    }
    if !batch.items.is_empty() {
        // A closed channel means that the transfer has ended.
        batches.blocking_send(batch).ok();
    }
}

fn take(batch: &mut Batch, mut file: PlannedFile, server: ServerId) -> Taken {
    let start = batch.payload.len();
    match append(&mut file, &mut batch.payload) {
        Ok(true) => {
            let hash = Hash32(plain_hash(server.as_bytes(), &batch.payload[start..]));
            batch.items.push(Item { file, hash });
            Taken::Batched
        }
        Ok(false) => Taken::Big(file),
        Err(error) => {
            batch.payload.truncate(start);
            Taken::Failed(file, error)
        }
    }
}

/// Appends the file to `payload`; `false` if it is not a small file. A file
/// that has changed since it was found is read as it is now; one that changes
/// while it is read is read once more.
fn append(file: &mut PlannedFile, payload: &mut Vec<u8>) -> Result<bool, ClientError> {
    if file.stamp.len >= SMALL_FILE_BYTES as u64 {
        return Ok(false);
    }
    let start = payload.len();
    let failed = |error: io::Error| ClientError::io("cannot read", &file.path, error);
    let mut handle = File::open(&file.path).map_err(failed)?;
    for _ in 0..2 {
        let read = handle.by_ref().take(file.stamp.len).read_to_end(payload).map_err(failed)?;
        let metadata = handle.metadata().map_err(failed)?;
        let now = Stamp::of(&metadata);
        if now == file.stamp && read as u64 == now.len {
            return Ok(true);
        }
        payload.truncate(start);
        handle.rewind().map_err(failed)?;
        file.stamp = now;
        file.modified_millis = super::local::modified_millis(&metadata);
        if now.len >= SMALL_FILE_BYTES as u64 {
            return Ok(false);
        }
    }
    Err(ClientError::LocalChanged { path: file.path.clone() })
}

/// Sends a batch and takes note of every outcome.
pub(crate) async fn send<C: Caller>(context: &Context<'_, C>, batch: Batch) {
    let Some((items, request, payload)) = prepare(context, batch).await else { return };
    match put(context, request, payload, items.len()).await {
        Ok(outcomes) => {
            for (item, outcome) in items.into_iter().zip(outcomes.files) {
                context.job.tracker.moved(item.file.stamp.len);
                match outcome {
                    Ok(written) => context.written(&item.file, &written),
                    Err(error) => {
                        let name = item.file.path.display().to_string();
                        context.file_failed(name, item.file.stamp.len, error.into());
                    }
                }
            }
        }
        Err(error) if super::caller::ends_transfer(&error) => {
            context.job.fail(String::new(), error, false);
        }
        Err(error) => {
            let (message, hint) = (error.to_string(), error.hint().to_owned());
            let code = error.wire_code().unwrap_or(coffer_protocol::ErrorCode::INTERNAL);
            for item in items {
                context.job.tracker.moved(item.file.stamp.len);
                let same = coffer_protocol::WireError::new(code, message.clone(), hint.clone());
                context.job.fail(item.file.path.display().to_string(), same.into(), true);
            }
        }
    }
}

/// Waits for the directories of a batch; leaves out what is in a lost one.
async fn prepare<C: Caller>(
    context: &Context<'_, C>,
    batch: Batch,
) -> Option<(Vec<Item>, Request, Bytes)> {
    let Batch { items, mut payload } = batch;
    let mut kept = Vec::with_capacity(items.len());
    let mut files = Vec::with_capacity(items.len());
    let mut offset = 0;
    for item in items {
        let len = item.file.stamp.len as usize;
        let dir = match item.file.dir.place.wait().await {
            Some(dir) => context.room.refuses(item.file.stamp.len).map_or(Ok(dir), Err),
            None => Err(parent_lost()),
        };
        let dir = match dir {
            Ok(dir) => dir,
            Err(error) => {
                payload.drain(offset..offset + len);
                context.job.tracker.moved(item.file.stamp.len);
                context.job.fail(item.file.path.display().to_string(), error, true);
                continue;
            }
        };
        offset += len;
        files.push(PutFile {
            to: item.file.place_in(dir),
            len: len as u32,
            hash: item.hash,
            modified_millis: item.file.modified_millis,
            executable: item.file.executable,
            expect: context.expect,
        });
        kept.push(item);
    }
    if kept.is_empty() {
        return None;
    }
    match new_op() {
        Ok(op) => Some((kept, Request::PutFiles(PutFiles { op, files }), Bytes::from(payload))),
        Err(error) => {
            context.job.fail(String::new(), error, false);
            None
        }
    }
}

async fn put<C: Caller>(
    context: &Context<'_, C>,
    request: Request,
    payload: Bytes,
    count: usize,
) -> Result<BatchWritten, ClientError> {
    context.job.up.take(payload.len() as u64).await;
    match context.job.caller.call(request, payload).await? {
        (Response::BatchWritten(outcomes), _) if outcomes.files.len() == count => Ok(outcomes),
        _ => Err(ClientError::UnexpectedAnswer { asked: "put-files" }),
    }
}
