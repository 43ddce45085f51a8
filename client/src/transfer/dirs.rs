//! Makes the remote directories of an upload: as many in one request as are
//! waiting, parents first, adopting what is there already.
//!
//! A directory that cannot be made does not keep others from being made; what
//! is below it is marked lost, so that nothing waits for it.

use super::caller::Caller;
use super::plan::PlannedDir;
use super::upload::Context;
use crate::error::ClientError;
use crate::ids::new_op;
use bytes::Bytes;
use coffer_protocol::limits::{MAX_BATCH_DIRS, MAX_BODY_BYTES};
use coffer_protocol::message::tree::{Made, MakeDirs, NewDir};
use coffer_protocol::{ErrorCode, Place, Request, Response, WireError};
use tokio::sync::mpsc;

/// Bytes of names in one request; deep paths repeat the names above them.
const MAX_NAME_BYTES_IN_BATCH: usize = MAX_BODY_BYTES / 2;

/// Makes every directory that comes, until the sender is gone.
pub(crate) async fn make_all<C: Caller>(
    context: &Context<'_, C>,
    base: &Place,
    mut dirs: mpsc::Receiver<PlannedDir>,
) {
    let mut waiting = Vec::new();
    while dirs.recv_many(&mut waiting, MAX_BATCH_DIRS).await > 0 {
        let mut batches = split(std::mem::take(&mut waiting));
        batches.reverse();
        // A batch that fails is halved until the directory at fault is alone.
        while let Some(batch) = batches.pop() {
            let batch = without_lost(context, batch);
            if batch.is_empty() {
                continue;
            }
            match make_batch(context, base, &batch).await {
                Ok(made) => settle(context, &batch, &made),
                Err(error) => batches.extend(halve(context, batch, error)),
            }
        }
    }
}

/// Keeps each batch within the size of a request.
fn split(dirs: Vec<PlannedDir>) -> Vec<Vec<PlannedDir>> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for dir in dirs {
        let own: usize = dir.dir.names.iter().map(|name| name.len() + 4).sum();
        if bytes + own > MAX_NAME_BYTES_IN_BATCH && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += own;
        batch.push(dir);
    }
    batches.push(batch);
    batches
}

/// Marks what is below a lost directory as lost, and leaves it out.
fn without_lost<C: Caller>(context: &Context<'_, C>, batch: Vec<PlannedDir>) -> Vec<PlannedDir> {
    let is_below_lost =
        |dir: &PlannedDir| dir.dir.parent.as_ref().is_some_and(|parent| parent.is_lost());
    let mut left = Vec::with_capacity(batch.len());
    for dir in batch {
        if is_below_lost(&dir) {
            lose(context, &dir, parent_lost());
        } else {
            left.push(dir);
        }
    }
    left
}

/// The error of what is in a directory that could not be made.
pub(crate) fn parent_lost() -> ClientError {
    let message = "the directory it belongs in could not be created";
    WireError::new(ErrorCode::NOT_FOUND, message, "").into()
}

fn lose<C: Caller>(context: &Context<'_, C>, dir: &PlannedDir, error: ClientError) {
    // Set once by this task alone.
    dir.dir.place.set(None).ok();
    context.job.fail(dir.path.display().to_string(), error, false);
}

async fn make_batch<C: Caller>(
    context: &Context<'_, C>,
    base: &Place,
    batch: &[PlannedDir],
) -> Result<Made, ClientError> {
    let dirs = batch
        .iter()
        .map(|dir| NewDir {
            names: dir.dir.names.clone(),
            modified_millis: Some(dir.modified_millis),
        })
        .collect();
    let request = MakeDirs { op: new_op()?, base: base.clone(), dirs, adopt: true, parents: false };
    let (answer, _) = context.job.caller.call(Request::MakeDirs(request), Bytes::new()).await?;
    match answer {
        Response::Made(made) if made.nodes.len() == batch.len() => Ok(made),
        _ => Err(ClientError::UnexpectedAnswer { asked: "make-dirs" }),
    }
}

fn settle<C: Caller>(context: &Context<'_, C>, batch: &[PlannedDir], made: &Made) {
    for (dir, node) in batch.iter().zip(&made.nodes) {
        // Set once by this task alone.
        dir.dir.place.set(Some(Place::node(*node))).ok();
    }
    context.job.tracker.made_directories(batch.len() as u64);
    context.job.tracker.durable(made.position, Some(made.machines));
}

/// What is left to try after a failure, the first part last.
fn halve<C: Caller>(
    context: &Context<'_, C>,
    mut batch: Vec<PlannedDir>,
    error: ClientError,
) -> Vec<Vec<PlannedDir>> {
    if batch.len() == 1 || super::caller::ends_transfer(&error) {
        for dir in &batch {
            dir.dir.place.set(None).ok();
        }
        if let Some(dir) = batch.first() {
            context.job.fail(dir.path.display().to_string(), error, false);
        }
        return Vec::new();
    }
    let second = batch.split_off(batch.len() / 2);
    vec![second, batch]
}
