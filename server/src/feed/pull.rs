//! What a replica asks for.

use super::{Answer, Inner, over, store_failed};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_PAYLOAD_BYTES, MAX_PULL_INLINE};
use coffer_protocol::message::peer::{
    PullChunk, PullEntries, PullInline, PulledEntries, PulledInline,
};
use coffer_protocol::{Response, WireError};
use coffer_store::{JournalEntry, StoreError};
use coffer_transport::{Payload, Replier};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Longest wait for an entry.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What commands commit beside the server is not announced: look so often.
const LOOK: Duration = Duration::from_millis(500);
/// An entry that can be seen and is not durable yet: look again so soon.
const SETTLE: Duration = Duration::from_millis(100);

pub(super) type Pulled = Answer<(Response, Payload)>;

impl Inner {
    /// Entries, as soon as there is one.
    pub(super) async fn entries(&self, pull: &PullEntries, reply: &mut Replier) -> Pulled {
        let last = self.wait_for_entry(pull).await?;
        let most = (pull.max_bytes as usize).clamp(1, MAX_PAYLOAD_BYTES);
        reply.reserve(most).await.map_err(|_| over())?;
        let head = self.store.journal_head().await.map_err(|error| store_failed(&error))?;
        let entries = match self.store.entries_after(pull.after, most).await {
            Ok(mut entries) => {
                entries.truncate(entries.partition_point(|entry| entry.seq <= last));
                entries
            }
            Err(StoreError::Pruned(_)) => return Err(pruned()),
            Err(error) => return Err(store_failed(&error)),
        };
        let (payload, count, rest) = lay_out(&entries, pull.offset as usize, most);
        let pulled = PulledEntries {
            head: head.position,
            head_millis: head.committed_millis.unwrap_or_default(),
            count,
            rest,
        };
        Ok((Response::PulledEntries(pulled), payload.into()))
    }

    /// Waits until there is an entry that may be given, or not any longer; returns
    /// the last one that may.
    async fn wait_for_entry(&self, pull: &PullEntries) -> Answer<u64> {
        let wait = Duration::from_millis(pull.wait_millis.into()).min(LONGEST_WAIT);
        let end = Instant::now() + wait;
        loop {
            let head = self.store.position().await.map_err(|error| store_failed(&error))?.seq;
            let last = self.granted(head);
            if last > pull.after || Instant::now() >= end {
                return Ok(last);
            }
            // Where there is one that is not known to be durable, it will be soon.
            let step = if head > pull.after { SETTLE } else { LOOK };
            let step = step.min(end.saturating_duration_since(Instant::now()));
            let waited = timeout(step, self.store.wait_committed(pull.after)).await;
            if let Ok(Err(error)) = waited {
                return Err(store_failed(&error));
            }
        }
    }

    /// The last entry that may be given, where `head` is the last that can be seen.
    pub(super) fn granted(&self, head: u64) -> u64 {
        self.visible.look(self.store.newest().seq, head)
    }

    /// One chunk.
    pub(super) async fn chunk(&self, pull: &PullChunk, reply: &mut Replier) -> Pulled {
        let row = self.store.chunk(pull.blob).await.map_err(|error| store_failed(&error))?;
        let row = row.ok_or_else(gone)?;
        reply.reserve(row.size as usize).await.map_err(|_| over())?;
        match self.store.read_chunk_now(&pull.blob).await {
            Ok(bytes) => Ok((Response::Chunk, bytes.into())),
            Err(StoreError::NoSuchChunk { .. }) => Err(gone()),
            Err(StoreError::Corrupt { blob }) => {
                tracing::error!(%blob, "a replica cannot have a chunk that is damaged here");
                self.store.want_chunk(blob);
                Err(gone())
            }
            Err(error) => Err(store_failed(&error)),
        }
    }

    /// Many small ones.
    pub(super) async fn inline(&self, pull: &PullInline, reply: &mut Replier) -> Pulled {
        if pull.blobs.len() > MAX_PULL_INLINE {
            return Err(too_large());
        }
        reply.reserve(MAX_PAYLOAD_BYTES).await.map_err(|_| over())?;
        let read = self.store.read_inline_chunks(&pull.blobs).await;
        let read = read.map_err(|error| store_failed(&error))?;
        // One that is damaged here has been logged where it was read.
        let pieces: Vec<_> = read.into_iter().map(|piece| piece.and_then(Result::ok)).collect();
        let lengths = pieces.iter().map(|piece| piece.as_ref().map(|p| p.len() as u32)).collect();
        let payload = Payload::Many(pieces.into_iter().flatten().collect());
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(too_large());
        }
        Ok((Response::PulledInline(PulledInline { lengths }), payload))
    }
}

/// The bytes to send, how many whole entries they are, and how many bytes of the
/// one entry that they are a piece of are left.
fn lay_out(entries: &[JournalEntry], offset: usize, most: usize) -> (Vec<u8>, u32, u32) {
    let total: usize = entries.iter().map(JournalEntry::encoded_len).sum();
    let mut bytes = Vec::with_capacity(total);
    if offset == 0 && total <= most {
        for entry in entries {
            entry.encode(&mut bytes);
        }
        return (bytes, entries.len() as u32, 0);
    }
    let Some(entry) = entries.first() else { return (bytes, 0, 0) };
    entry.encode(&mut bytes);
    let begin = offset.min(bytes.len());
    let end = bytes.len().min(begin + most);
    let rest = bytes.len() - end;
    bytes.truncate(end);
    bytes.drain(..begin);
    let whole = begin == 0 && rest == 0;
    (bytes, u32::from(whole), rest as u32)
}

pub(super) fn gone() -> WireError {
    WireError::new(ErrorCode::NOT_FOUND, "The chunk is not here (any more).", "")
}

fn pruned() -> WireError {
    WireError::new(
        ErrorCode::OUT_OF_ORDER,
        "The entries that follow are not kept any more.",
        "Connect again; the answer says how to go on.",
    )
}

fn too_large() -> WireError {
    WireError::new(ErrorCode::TOO_LARGE, "More chunks than one answer takes.", "Ask for fewer.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u64, len: usize) -> JournalEntry {
        JournalEntry {
            seq,
            epoch: 1,
            op_key: None,
            committed_millis: 0,
            body: vec![seq as u8; len],
            result: Vec::new(),
            hash: [0; 32],
        }
    }

    #[test]
    fn whole_entries_where_they_fit() {
        let entries = [entry(1, 10), entry(2, 20)];
        let (bytes, count, rest) = lay_out(&entries, 0, 1000);
        assert_eq!((count, rest), (2, 0));
        assert_eq!(JournalEntry::decode_all(&bytes).unwrap(), entries);
        assert_eq!(lay_out(&[], 0, 1000), (Vec::new(), 0, 0));
    }

    #[test]
    fn pieces_of_one_that_does_not_fit() {
        let large = entry(7, 1000);
        let mut arrived = Vec::new();
        loop {
            let (piece, count, rest) = lay_out(std::slice::from_ref(&large), arrived.len(), 300);
            assert!(piece.len() <= 300 && count == 0);
            arrived.extend(piece);
            if rest == 0 {
                break;
            }
        }
        assert_eq!(JournalEntry::decode_all(&arrived).unwrap(), [large]);
    }
}
