//! First stage: the entries, in order.

use super::{Follower, Trouble};
use crate::source::SourceError;
use bytes::Bytes;
use coffer_protocol::limits::MAX_PAYLOAD_BYTES;
use coffer_protocol::message::peer::{Progress, PullEntries};
use coffer_protocol::{Request, Response};
use coffer_store::JournalEntry;
use coffer_transport::Connection;
use std::convert::Infallible;
use tokio::sync::{mpsc, watch};

/// Bytes of entries asked for at a time.
const WANTED_BYTES: u32 = 1 << 20;
/// How long the source waits for the next entry before it says that there is none.
const WAIT_MILLIS: u32 = 1_000;
/// A single entry that is longer is none.
const MAX_ENTRY_BYTES: usize = 16 << 20;

impl Follower {
    /// Asks until the connection ends.
    pub(super) async fn pull(
        &self,
        connection: &Connection,
        mut after: u64,
        batches: mpsc::Sender<Vec<JournalEntry>>,
        progress: &watch::Sender<Progress>,
    ) -> Result<Infallible, Trouble> {
        let mut pieces: Vec<u8> = Vec::new();
        loop {
            let max_bytes = match pieces.is_empty() {
                true => WANTED_BYTES,
                false => MAX_PAYLOAD_BYTES as u32,
            };
            let pull = PullEntries {
                after,
                offset: pieces.len() as u32,
                max_bytes,
                wait_millis: WAIT_MILLIS,
            };
            let answered = connection.call(Request::PullEntries(pull), Bytes::new()).await;
            let (response, payload) = answered.map_err(SourceError::from)?;
            let Response::PulledEntries(pulled) = response else {
                return Err(SourceError::Strange.into());
            };
            let head_millis = Some(pulled.head_millis).filter(|millis| *millis > 0);
            self.heard(pulled.head, head_millis);
            if pulled.rest > 0 {
                if payload.is_empty() || pieces.len() + payload.len() > MAX_ENTRY_BYTES {
                    return Err(SourceError::Strange.into());
                }
                pieces.extend_from_slice(&payload);
                continue;
            }
            let entries = if pieces.is_empty() {
                JournalEntry::decode_all(&payload)
            } else {
                let mut whole = std::mem::take(&mut pieces);
                whole.extend_from_slice(&payload);
                JournalEntry::decode_all(&whole)
            };
            let entries = entries.map_err(|error| Trouble::Stuck(error.to_string()))?;
            let Some(last) = entries.last() else { continue };
            after = last.seq;
            progress.send_modify(|progress| progress.received = after);
            if batches.send(entries).await.is_err() {
                // The next stage has ended, and says why.
                std::future::pending::<()>().await;
            }
        }
    }
}
