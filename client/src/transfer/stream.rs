//! Uploads one file from a stream of unknown length, such as standard input.

use super::big::{self, Target};
use super::caller::Caller;
use super::chunker::{Chunker, Cut};
use super::progress::Tracker;
use super::upload::Context;
use crate::error::ClientError;
use crate::ids::{new_op, new_upload};
use bytes::Bytes;
use coffer_crypto::chunk::plain_hash;
use coffer_protocol::limits::SMALL_FILE_BYTES;
use coffer_protocol::message::transfer::{PutFile, PutFiles, Written};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{Hash32, Place, Request, Response};
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What a stream becomes.
#[derive(Debug, Clone)]
pub struct StreamTarget {
    /// The directory and the name in it.
    pub to: Place,
    /// Modification time, milliseconds since 1970.
    pub modified_millis: i64,
    /// Whether the file is executable.
    pub executable: bool,
    /// What has to be there.
    pub expect: Expect,
}

/// Uploads all that `source` gives. It is read on a thread that may block;
/// after `cancel` that thread ends with its present read.
pub(crate) async fn run<C, R>(
    caller: &C,
    source: R,
    target: StreamTarget,
    tracker: &Tracker,
    cancel: &CancellationToken,
) -> Result<Written, ClientError>
where
    C: Caller,
    R: Read + Send + 'static,
{
    let context = Context::new(caller, tracker, cancel, target.expect);
    tokio::select! {
        outcome = send(&context, source, &target) => outcome,
        () = cancel.cancelled() => Err(ClientError::Interrupted),
    }
}

async fn send<C, R>(
    context: &Context<'_, C>,
    mut source: R,
    target: &StreamTarget,
) -> Result<Written, ClientError>
where
    C: Caller,
    R: Read + Send + 'static,
{
    let head = tokio::task::spawn_blocking(move || {
        let mut head = Vec::with_capacity(SMALL_FILE_BYTES + 64);
        source.by_ref().take(SMALL_FILE_BYTES as u64).read_to_end(&mut head)?;
        Ok((head, source))
    });
    let (head, source) = head.await.map_err(|_| ClientError::Interrupted)?.map_err(cannot_read)?;
    if head.len() < SMALL_FILE_BYTES {
        return put_small(context, head, target).await;
    }
    let (server, buffers) = (context.job.server, Arc::clone(&context.buffers));
    let read = move |cuts: mpsc::Sender<Cut>| {
        let whole = Cursor::new(head).chain(source);
        let chunker = Chunker::new(whole, u64::MAX, server, buffers);
        big::cut_all(chunker, &cuts).map(|(total, _)| total).map_err(cannot_read)
    };
    let place = Target {
        to: target.to.clone(),
        modified_millis: target.modified_millis,
        executable: target.executable,
    };
    big::send_chunks(context, new_upload()?, read, &place, None, &AtomicU64::new(0)).await
}

fn cannot_read(error: io::Error) -> ClientError {
    ClientError::io("cannot read", Path::new("the input"), error)
}

async fn put_small<C: Caller>(
    context: &Context<'_, C>,
    content: Vec<u8>,
    target: &StreamTarget,
) -> Result<Written, ClientError> {
    let file = PutFile {
        to: target.to.clone(),
        len: content.len() as u32,
        hash: Hash32(plain_hash(context.job.server.as_bytes(), &content)),
        modified_millis: target.modified_millis,
        executable: target.executable,
        expect: target.expect,
    };
    let len = content.len() as u64;
    let request = Request::PutFiles(PutFiles { op: new_op()?, files: vec![file] });
    context.job.up.take(len).await;
    let (answer, _) = context.job.caller.call(request, Bytes::from(content)).await?;
    context.job.tracker.moved(len);
    match answer {
        Response::BatchWritten(mut outcomes) if outcomes.files.len() == 1 => {
            Ok(outcomes.files.remove(0)?)
        }
        _ => Err(ClientError::UnexpectedAnswer { asked: "put-files" }),
    }
}
