//! Handing over to the new primary what only this machine has.

use super::export::{Batch, Export};
use super::{ask, call_failed, store_failed, strange};
use crate::failure::Outcome;
use crate::output;
use bytes::Bytes;
use coffer_protocol::limits::MAX_PAYLOAD_BYTES;
use coffer_protocol::message::peer::{OfferChunk, PutDiverged};
use coffer_protocol::{BlobId, Request, Response};
use coffer_store::{Change, JournalEntry, StoreError, decode_body};
use coffer_transport::Connection;
use futures_util::stream::{self, StreamExt as _};
use std::fmt;

/// Chunks on their way at a time.
const IN_FLIGHT: usize = 4;

/// What was handed over.
#[derive(Debug, Default)]
pub(super) struct Summary {
    entries: u64,
    files: u64,
    directories: u64,
    deletions: u64,
    shares: u64,
    accounts: u64,
    chunks: u64,
    /// Chunks that this machine does not have any more, or has damaged.
    absent: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries == 0 {
            return f.write_str("nothing was written here that the new primary does not have");
        }
        write!(
            f,
            "{} writes were handed over: {} files, {} directories and changes of them, {} \
             deletions, {} changes of shares and groups, {} of accounts; {} chunks",
            self.entries,
            self.files,
            self.directories,
            self.deletions,
            self.shares,
            self.accounts,
            self.chunks,
        )?;
        if self.absent > 0 {
            write!(f, "\n{} chunks are gone or damaged here and could not be sent", self.absent)?;
        }
        Ok(())
    }
}

impl Summary {
    fn count(&mut self, entry: &JournalEntry) {
        self.entries += 1;
        for change in decode_body(&entry.body).into_iter().flatten() {
            match change {
                Change::PutVersion(_) => self.files += 1,
                Change::PutNode(row) if row.trashed_millis.is_some() => self.deletions += 1,
                Change::PutNode(row) if row.kind == coffer_store::KIND_DIRECTORY => {
                    self.directories += 1;
                }
                Change::DeleteNode(_) | Change::DeleteVersion(..) => self.deletions += 1,
                Change::PutShare(_)
                | Change::DeleteShare(_)
                | Change::PutGroup(_)
                | Change::DeleteGroup(_) => self.shares += 1,
                Change::PutUser(_) | Change::DeleteUser(_) => self.accounts += 1,
                _ => {}
            }
        }
    }
}

/// Hands everything over; it is durable at the new primary afterwards.
pub(super) async fn run(export: &Export<'_>, connection: &Connection) -> Outcome<Summary> {
    let mut summary = Summary::default();
    let (first, last) = (export.fork.0, export.head.seq);
    let mut after = first;
    while let Some(Batch { supplements, entries }) = export.after(after).await? {
        for supplement in supplements {
            send(export, connection, &[supplement], &mut summary).await?;
        }
        send(export, connection, &entries, &mut summary).await?;
        for entry in &entries {
            summary.count(entry);
        }
        after = entries.last().map_or(after, |entry| entry.seq);
        let (done, all) = (after - first, last.saturating_sub(first));
        output::status(&format!("{done} of {all} journal entries handed over "));
    }
    output::status(&"");
    Ok(summary)
}

/// Puts entries with the chunks that are wanted for them, and lets them be kept.
async fn send(
    export: &Export<'_>,
    connection: &Connection,
    entries: &[JournalEntry],
    summary: &mut Summary,
) -> Outcome {
    let mut bytes = Vec::new();
    for entry in entries {
        entry.encode(&mut bytes);
    }
    let mut rest = Bytes::from(bytes);
    let mut wanted = Vec::new();
    while !rest.is_empty() {
        let piece = rest.split_to(rest.len().min(MAX_PAYLOAD_BYTES));
        wanted = put(connection, rest.len() as u32, piece).await?;
    }
    while !wanted.is_empty() {
        let offers: Vec<Outcome<bool>> = stream::iter(wanted)
            .map(|blob| offer(export, connection, blob))
            .buffered(IN_FLIGHT)
            .collect()
            .await;
        for offered in offers {
            match offered? {
                true => summary.chunks += 1,
                false => summary.absent += 1,
            }
        }
        wanted = put(connection, 0, Bytes::new()).await?;
    }
    match ask(connection, Request::KeepDiverged, Bytes::new()).await? {
        Response::Done => Ok(()),
        _ => Err(strange()),
    }
}

async fn put(connection: &Connection, rest: u32, piece: Bytes) -> Outcome<Vec<BlobId>> {
    match ask(connection, Request::PutDiverged(PutDiverged { rest }), piece).await? {
        Response::Wants(wants) => Ok(wants.chunks),
        _ => Err(strange()),
    }
}

/// Offers a chunk; `false` if it is not here.
async fn offer(export: &Export<'_>, connection: &Connection, blob: BlobId) -> Outcome<bool> {
    let bytes = match export.store.read_chunk(&blob).await {
        Ok(bytes) => Some(bytes),
        Err(StoreError::NoSuchChunk { .. } | StoreError::Corrupt { .. }) => None,
        Err(error) => return Err(store_failed(&error)),
    };
    let found = bytes.is_some();
    let request = Request::OfferChunk(OfferChunk { blob, found });
    let answered = connection.call(request, bytes.unwrap_or_default()).await;
    match answered.map_err(|error| call_failed(&error))?.0 {
        Response::Done => Ok(found),
        _ => Err(strange()),
    }
}
