//! Cuts a stream into content-defined chunks (FastCDC v2020) and hashes them.
//!
//! The cut points are those of the whole content in one piece, wherever the
//! read buffers begin and end. Bytes are read once into a large buffer and
//! handed on as slices of it; only what a buffer ends with uncut is copied to
//! the next.

use super::buffers::{BUFFER_BYTES, Buffers};
use bytes::Bytes;
use coffer_crypto::chunk::{ContentHasher, plain_hash};
use coffer_protocol::limits::{AVG_CHUNK_BYTES, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES};
use coffer_protocol::{Hash32, ServerId};
use fastcdc::v2020::FastCDC;
use std::io::{self, Read};
use std::sync::Arc;

/// A chunk to send.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) bytes: Bytes,
    pub(crate) hash: Hash32,
}

/// What all chunks together are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) size: u64,
    pub(crate) chunks: u64,
    pub(crate) content_hash: Hash32,
}

/// Cuts and hashes what `source` gives.
pub(crate) struct Chunker<R> {
    source: R,
    server: ServerId,
    buffers: Arc<Buffers>,
    /// Bytes that are likely still to come.
    expected: u64,
    rest: Bytes,
    ended: bool,
    size: u64,
    chunks: u64,
    content: ContentHasher,
}

impl<R: Read> Chunker<R> {
    /// `expected`: how much the source is likely to hold. It may hold less or more.
    pub(crate) fn new(source: R, expected: u64, server: ServerId, buffers: Arc<Buffers>) -> Self {
        let content = ContentHasher::new(server.as_bytes());
        let (rest, ended) = (Bytes::new(), false);
        Self { source, server, buffers, expected, rest, ended, size: 0, chunks: 0, content }
    }

    /// The next chunk; `None` at the end. Blocks for input and for room.
    pub(crate) fn next(&mut self) -> io::Result<Option<Cut>> {
        loop {
            if let Some(len) = self.cut_point() {
                return Ok(Some(self.cut(len)));
            }
            if self.ended {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// What all chunks together were, and the source.
    pub(crate) fn finish(self) -> (Total, R) {
        let content_hash = Hash32(self.content.finish());
        (Total { size: self.size, chunks: self.chunks, content_hash }, self.source)
    }

    /// Where the next chunk ends, if what was read decides that already.
    fn cut_point(&self) -> Option<usize> {
        let available = self.rest.len();
        if available == 0 || !self.ended && available <= MIN_CHUNK_BYTES {
            return None;
        }
        let chunker = FastCDC::new(&self.rest, MIN_CHUNK_BYTES, AVG_CHUNK_BYTES, MAX_CHUNK_BYTES);
        let (_, len) = chunker.cut(0, available);
        // Near the end of the input the chunker takes all there is, and it looks
        // at bytes in pairs: a cut there may be due to the end alone.
        let decided = self.ended || available >= MAX_CHUNK_BYTES || len + 2 < available;
        decided.then_some(len)
    }

    fn cut(&mut self, len: usize) -> Cut {
        let bytes = self.rest.split_to(len);
        let hash = plain_hash(self.server.as_bytes(), &bytes);
        self.content.add(&hash, len as u32);
        self.size += len as u64;
        self.chunks += 1;
        Cut { bytes, hash: Hash32(hash) }
    }

    /// Reads the next buffer, with the uncut rest at its beginning. The rest is
    /// copied and its buffer let go before this waits for room: otherwise
    /// readers that each hold a rest could wait for each other.
    fn fill(&mut self) -> io::Result<()> {
        let capacity = match usize::try_from(self.expected) {
            // One byte more than expected, to see the end without another round.
            Ok(left @ 1..) => left.saturating_add(self.rest.len() + 1).min(BUFFER_BYTES),
            // More than expected: there may be much more.
            Ok(0) | Err(_) => BUFFER_BYTES,
        };
        let mut buffer = self.buffers.take(capacity);
        buffer.extend_from_slice(&std::mem::take(&mut self.rest));
        let Some(room) = self.buffers.claim(capacity) else {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "the upload was stopped"));
        };
        let wanted = capacity - buffer.len();
        let read = self.source.by_ref().take(wanted as u64).read_to_end(&mut buffer)?;
        self.ended = read < wanted;
        self.expected = self.expected.saturating_sub(read as u64);
        self.rest = self.buffers.freeze(buffer, room);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SERVER: ServerId = ServerId([9; 32]);

    /// A source that gives its bytes in pieces of uneven size.
    struct Drip<'a> {
        data: &'a [u8],
        step: usize,
    }

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = buffer.len().min(self.step).min(self.data.len());
            buffer[..len].copy_from_slice(&self.data[..len]);
            self.data = &self.data[len..];
            Ok(len)
        }
    }

    fn noise(len: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        let mut data = Vec::with_capacity(len + 8);
        while data.len() < len {
            data.extend_from_slice(&next());
        }
        data.truncate(len);
        data
    }

    fn check(data: &[u8], expected: u64, step: usize) {
        let buffers = Buffers::new(4 * BUFFER_BYTES);
        let mut chunker = Chunker::new(Drip { data, step }, expected, SERVER, buffers);
        let whole = FastCDC::new(data, MIN_CHUNK_BYTES, AVG_CHUNK_BYTES, MAX_CHUNK_BYTES);
        let mut content = ContentHasher::new(SERVER.as_bytes());
        let mut chunks = 0;
        for wanted in whole {
            let cut = chunker.next().expect("readable").expect("as many chunks");
            let bytes = &data[wanted.offset..wanted.offset + wanted.length];
            assert!(cut.bytes == bytes, "chunk {chunks} is another piece of the content");
            assert_eq!(cut.hash.0, plain_hash(SERVER.as_bytes(), bytes));
            content.add(&cut.hash.0, bytes.len() as u32);
            chunks += 1;
        }
        assert!(chunker.next().expect("readable").is_none());
        let total = chunker.finish().0;
        let content_hash = Hash32(content.finish());
        assert_eq!(total, Total { size: data.len() as u64, chunks, content_hash });
    }

    #[test]
    fn cut_points_do_not_depend_on_the_buffers() {
        check(&noise(30 << 20, 7), 30 << 20, usize::MAX);
        check(&noise(20 << 20, 8), 0, 1_000_003);
        check(&vec![0; 17 << 20], 17 << 20, usize::MAX);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn chunks_are_the_content_in_order(
            len in 0_usize..6 << 20,
            seed: u64,
            guess in 0_u64..8 << 20,
            step in 1_usize << 12..3 << 20,
        ) {
            check(&noise(len, seed), guess, step);
        }
    }
}
