//! What of a big file is here: the part that grows, and the hash of what is in it.
//!
//! Guarantees: nothing counts that was not verified against the hash that the
//! server's record has for it, wherever it came from.

use super::part::{Origin, PartFile};
use super::progress::Tracker;
use super::survey::RemoteFile;
use crate::error::ClientError;
use coffer_crypto::chunk::{ContentHasher, plain_hash};
use coffer_protocol::ServerId;
use coffer_protocol::message::transfer::PlanChunk;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// See the module.
pub(crate) struct Arriving {
    file: Arc<RemoteFile>,
    server: ServerId,
    part: PartFile,
    content: ContentHasher,
    size: u64,
    tracker: Tracker,
    /// Bytes that were told to the tracker.
    moved: Arc<AtomicU64>,
}

impl Arriving {
    /// Begins a file, or goes on with what is left of it. On a thread that may block.
    pub(crate) fn begin(
        file: Arc<RemoteFile>,
        server: ServerId,
        tracker: Tracker,
        moved: Arc<AtomicU64>,
    ) -> Result<Self, ClientError> {
        let RemoteFile { node, size, executable, .. } = *file;
        let origin = Origin { server, node, size, to: &file.to, executable };
        let part = PartFile::resume(origin, file.modified_millis)?;
        let content = ContentHasher::new(server.as_bytes());
        Ok(Self { file, server, part, content, size: 0, tracker, moved })
    }

    /// Whether an earlier download has left something that comes next.
    pub(crate) fn has_more(&self) -> bool {
        self.part.has_more()
    }

    /// Takes those of the next chunks that an earlier download has left, up to the
    /// first that is missing or another; says how many. On a thread that may block.
    pub(crate) fn recognise(
        &mut self,
        chunks: &mut VecDeque<PlanChunk>,
    ) -> Result<u64, ClientError> {
        let mut count = 0;
        while let Some(chunk) = chunks.front() {
            let found = self.part.read(chunk.len);
            if found.is_none_or(|bytes| plain_hash(self.server.as_bytes(), &bytes) != chunk.hash.0)
            {
                self.part.cut(self.size)?;
                break;
            }
            self.count(chunk);
            chunks.pop_front();
            count += 1;
        }
        Ok(count)
    }

    /// Goes on behind what was recognised.
    pub(crate) fn recognised_all(&mut self) -> Result<(), ClientError> {
        self.part.cut(self.size)
    }

    /// Adds the next chunk.
    pub(crate) fn add(&mut self, chunk: &PlanChunk, bytes: &[u8]) -> Result<(), ClientError> {
        let hash = plain_hash(self.server.as_bytes(), bytes);
        if hash != chunk.hash.0 || bytes.len() != chunk.len as usize {
            return Err(self.altered());
        }
        self.part.write(bytes)?;
        self.count(chunk);
        Ok(())
    }

    fn count(&mut self, chunk: &PlanChunk) {
        self.content.add(&chunk.hash.0, chunk.len);
        self.size += u64::from(chunk.len);
        self.part.is_worth_keeping();
        self.moved.fetch_add(u64::from(chunk.len), Ordering::Relaxed);
        self.tracker.moved(u64::from(chunk.len));
    }

    fn altered(&self) -> ClientError {
        ClientError::Integrity { what: self.file.shown.clone() }
    }

    /// Gives the file its name, if all of it is what the server's record promises.
    pub(crate) fn finish(self) -> Result<(), ClientError> {
        let is_whole = self.size == self.file.size
            && self.content.clone().finish() == self.file.content_hash.0;
        if is_whole {
            return self.part.finish();
        }
        let altered = self.altered();
        self.discard();
        Err(altered)
    }

    /// What is here will never be needed.
    pub(crate) fn discard(self) {
        self.part.discard();
    }
}
