//! Small files on their way down: asked for many at a time, verified, and
//! written on a thread that may block.

use super::caller::Caller;
use super::download::Context;
use super::fetch;
use super::part::PartFile;
use super::progress::Tracker;
use super::survey::RemoteFile;
use crate::error::ClientError;
use bytes::Bytes;
use coffer_crypto::chunk::{ContentHasher, plain_hash};
use coffer_protocol::message::transfer::{BatchFile, BatchRead, ReadFiles};
use coffer_protocol::{ErrorCode, Request, Response, ServerId, WireError};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Downloads a batch of small files and takes note of every outcome.
pub(crate) async fn fetch<C: Caller>(context: &Context<'_, C>, files: Vec<RemoteFile>) {
    // The semaphore is never closed.
    let Ok(_slot) = context.batches.acquire().await else { return };
    let (answer, payload) = match ask(context, &files).await {
        Ok(answer) => answer,
        Err(error) => return fail_all(context, files, &error),
    };
    let (server, tracker) = (context.job.server, context.job.tracker.clone());
    let stop = context.job.stop.clone();
    let work = move || write_all(files, answer, &payload, server, &tracker, &stop);
    match context.blocking(work).await {
        Ok(Outcome { too_large, failed }) => {
            for (name, error) in failed {
                context.job.fail(name, error, true);
            }
            for file in too_large {
                fetch::fetch(context, Arc::new(file)).await;
            }
        }
        Err(error) => context.job.fail(String::new(), error, false),
    }
}

async fn ask<C: Caller>(
    context: &Context<'_, C>,
    files: &[RemoteFile],
) -> Result<(BatchRead, Bytes), ClientError> {
    context.job.down.take(files.iter().map(|file| file.size).sum()).await;
    let nodes = files.iter().map(|file| file.node).collect();
    match context.job.caller.call(Request::ReadFiles(ReadFiles { nodes }), Bytes::new()).await? {
        (Response::BatchRead(answer), payload) if answer.files.len() == files.len() => {
            Ok((answer, payload))
        }
        _ => Err(ClientError::UnexpectedAnswer { asked: "read-files" }),
    }
}

fn fail_all<C: Caller>(context: &Context<'_, C>, files: Vec<RemoteFile>, error: &ClientError) {
    let code = error.wire_code().unwrap_or(ErrorCode::INTERNAL);
    for file in files {
        context.job.tracker.moved(file.size);
        let same = WireError::new(code, error.to_string(), error.hint());
        context.job.fail(file.shown, same.into(), true);
    }
}

#[derive(Default)]
struct Outcome {
    /// Did not fit the answer: to be asked for one by one.
    too_large: Vec<RemoteFile>,
    failed: Vec<(String, ClientError)>,
}

fn write_all(
    files: Vec<RemoteFile>,
    answer: BatchRead,
    payload: &Bytes,
    server: ServerId,
    tracker: &Tracker,
    stop: &CancellationToken,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut rest = payload.as_ref();
    for (file, got) in files.into_iter().zip(answer.files) {
        if stop.is_cancelled() {
            break;
        }
        tracker.begin(&file.shown);
        let result = match got {
            Ok(got) => match rest.split_at_checked(got.len as usize) {
                Some((content, behind)) => {
                    rest = behind;
                    write_one(&file, &got, content, server)
                }
                None => Err(altered(&file)),
            },
            Err(error) if error.code == ErrorCode::TOO_LARGE => {
                outcome.too_large.push(file);
                continue;
            }
            Err(error) => Err(error.into()),
        };
        tracker.moved(file.size);
        match result {
            Ok(()) => tracker.finished(file.size),
            Err(error) => outcome.failed.push((file.shown, error)),
        }
    }
    outcome
}

fn altered(file: &RemoteFile) -> ClientError {
    ClientError::Integrity { what: file.shown.clone() }
}

fn write_one(
    file: &RemoteFile,
    got: &BatchFile,
    content: &[u8],
    server: ServerId,
) -> Result<(), ClientError> {
    let hash = plain_hash(server.as_bytes(), content);
    // A file that was written meanwhile is as good, but has another content hash.
    let is_known = got.revision != file.revision || is_content(file, &hash, content.len(), server);
    if hash != got.hash.0 || !is_known {
        return Err(altered(file));
    }
    let mut part = PartFile::create(&file.to, got.modified_millis, got.executable)?;
    part.write(content)?;
    part.finish()
}

/// Whether one chunk is the whole content; nothing may also be no chunk.
fn is_content(file: &RemoteFile, hash: &[u8; 32], len: usize, server: ServerId) -> bool {
    let mut whole = ContentHasher::new(server.as_bytes());
    if len == 0 && ContentHasher::new(server.as_bytes()).finish() == file.content_hash.0 {
        return true;
    }
    whole.add(hash, len as u32);
    whole.finish() == file.content_hash.0
}
