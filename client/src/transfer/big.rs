//! One big file on its way up: a thread reads, cuts and hashes while earlier
//! chunks travel, and a commit makes the chunks a file.

use super::buffers::{BUFFER_BYTES, Buffers};
use super::caller::Caller;
use super::chunker::{Chunker, Cut, Total};
use super::dirs::parent_lost;
use super::plan::{PlannedFile, Stamp};
use super::sending::Sending;
use super::upload::{Context, LARGE_SLOTS};
use crate::error::ClientError;
use crate::ids::{new_op, upload_of};
use bytes::Bytes;
use coffer_protocol::message::transfer::{AbortUpload, CommitUpload, Written};
use coffer_protocol::{ErrorCode, Place, Request, Response, ServerId, UploadId};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Chunks that are cut and wait to be offered.
const CHUNKS_READY: usize = 8;

/// Where a file goes and what it is like.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) to: Place,
    pub(crate) modified_millis: i64,
    pub(crate) executable: bool,
}

/// Uploads a big file and takes note of the outcome.
pub(crate) async fn send_file<C: Caller>(context: &Context<'_, C>, file: PlannedFile) {
    let weight = if file.stamp.len > BUFFER_BYTES as u64 { LARGE_SLOTS } else { 1 };
    // The semaphore is never closed.
    let Ok(_slot) = context.slots.acquire_many(weight).await else { return };
    let name = file.path.display().to_string();
    let Some(dir) = file.dir.place.wait().await else {
        context.job.tracker.moved(file.stamp.len);
        context.job.fail(name, parent_lost(), true);
        return;
    };
    if let Some(error) = context.room.refuses(file.stamp.len) {
        context.job.tracker.moved(file.stamp.len);
        context.job.fail(name, error, true);
        return;
    }
    context.job.tracker.begin(&name);
    let target = Target {
        to: file.place_in(dir),
        modified_millis: file.modified_millis,
        executable: file.executable,
    };
    let moved = AtomicU64::new(0);
    let mut outcome = send_once(context, &file, &target, &moved).await;
    // The server forgets an upload when the session ends, with all chunks or with
    // those before the new session: once more, from the start. What it holds of it
    // by then is not sent again.
    if outcome.as_ref().is_err_and(is_forgotten) {
        context.job.tracker.took_back(moved.swap(0, Ordering::Relaxed));
        outcome = send_once(context, &file, &target, &moved).await;
    }
    match outcome {
        Ok(written) => context.written(&file, &written),
        Err(error) => {
            let moved = moved.load(Ordering::Relaxed);
            context.job.tracker.moved(file.stamp.len.saturating_sub(moved));
            context.file_failed(name, file.stamp.len, error);
        }
    }
}

async fn send_once<C: Caller>(
    context: &Context<'_, C>,
    file: &PlannedFile,
    target: &Target,
    moved: &AtomicU64,
) -> Result<Written, ClientError> {
    let (path, server) = (file.path.clone(), context.job.server);
    let buffers = Arc::clone(&context.buffers);
    let read = move |cuts: mpsc::Sender<Cut>| read_file(&path, server, buffers, &cuts);
    let id = upload_of(server, &file.path, &file.stamp.bytes(), &target.to);
    send_chunks(context, id, read, target, Some(file.stamp.len), moved).await
}

/// Whether the server does not know the upload, or not all of it.
fn is_forgotten(error: &ClientError) -> bool {
    let code = error.wire_code();
    code == Some(ErrorCode::NO_SUCH_UPLOAD) || code == Some(ErrorCode::UPLOAD_INCOMPLETE)
}

/// Reads, cuts and hashes a file; refuses one that changes meanwhile.
pub(crate) fn read_file(
    path: &Path,
    server: ServerId,
    buffers: Arc<Buffers>,
    cuts: &mpsc::Sender<Cut>,
) -> Result<Total, ClientError> {
    let failed = |error: io::Error| ClientError::io("cannot read", path, error);
    let handle = File::open(path).map_err(failed)?;
    let before = Stamp::of(&handle.metadata().map_err(failed)?);
    let chunker = Chunker::new(handle, before.len, server, buffers);
    let (total, handle) = cut_all(chunker, cuts).map_err(failed)?;
    let after = Stamp::of(&handle.metadata().map_err(failed)?);
    if after != before || total.size != before.len {
        return Err(ClientError::LocalChanged { path: path.to_owned() });
    }
    Ok(total)
}

/// Hands on every chunk of a source. Ends early when nobody wants them.
pub(crate) fn cut_all<R: Read>(
    mut chunker: Chunker<R>,
    cuts: &mpsc::Sender<Cut>,
) -> io::Result<(Total, R)> {
    while let Some(cut) = chunker.next()? {
        if cuts.blocking_send(cut).is_err() {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "the upload was stopped"));
        }
    }
    Ok(chunker.finish())
}

/// Sends what `read` cuts, on a thread of its own, and makes it a file.
pub(crate) async fn send_chunks<C, R>(
    context: &Context<'_, C>,
    upload: UploadId,
    read: R,
    target: &Target,
    size: Option<u64>,
    moved: &AtomicU64,
) -> Result<Written, ClientError>
where
    C: Caller,
    R: FnOnce(mpsc::Sender<Cut>) -> Result<Total, ClientError> + Send + 'static,
{
    let (cuts_in, cuts_out) = mpsc::channel(CHUNKS_READY);
    let reader = tokio::task::spawn_blocking(move || read(cuts_in));
    let sending = Sending::new(context, upload, target, size, moved);
    let sent = sending.all(cuts_out).await;
    // The reader has ended, or ends at once: nobody takes its chunks any more.
    let read = reader.await.map_err(|_| ClientError::Interrupted)?;
    let outcome = match (sent, read) {
        (Err(error), _) | (Ok(()), Err(error)) => Err(error),
        (Ok(()), Ok(total)) => commit(context, upload, target, total).await,
    };
    let given_up =
        |error: &ClientError| !super::caller::ends_transfer(error) && !is_forgotten(error);
    if outcome.as_ref().is_err_and(given_up) {
        // The server forgets it anyway, only later.
        let abort = Request::AbortUpload(AbortUpload { upload });
        context.job.caller.call(abort, Bytes::new()).await.ok();
    }
    outcome
}

async fn commit<C: Caller>(
    context: &Context<'_, C>,
    upload: UploadId,
    target: &Target,
    total: Total,
) -> Result<Written, ClientError> {
    let request = CommitUpload {
        op: new_op()?,
        upload,
        to: target.to.clone(),
        size: total.size,
        chunks: total.chunks,
        content_hash: total.content_hash,
        modified_millis: target.modified_millis,
        executable: target.executable,
        expect: context.expect,
    };
    match context.job.caller.call(Request::CommitUpload(request), Bytes::new()).await? {
        (Response::Written(written), _) => Ok(written),
        _ => Err(ClientError::UnexpectedAnswer { asked: "commit-upload" }),
    }
}
