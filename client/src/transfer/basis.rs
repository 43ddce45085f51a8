//! What an older local copy of a file holds, so that only the rest is fetched.
//!
//! Guarantees: the local file is cut like an upload of it would be, and its
//! chunks are found by their hashes; a piece is hashed again when it is read, so
//! that a file that changes meanwhile only costs a request; memory is bounded.

use super::buffers::{BUFFER_BYTES, Buffers};
use super::chunker::Chunker;
use bytes::Bytes;
use coffer_crypto::chunk::plain_hash;
use coffer_protocol::limits::MIN_CHUNK_BYTES;
use coffer_protocol::message::transfer::PlanChunk;
use coffer_protocol::{Hash32, ServerId};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Smaller files are fetched whole.
const LEAST_BYTES: u64 = 4 * MIN_CHUNK_BYTES as u64;
/// Chunks that are remembered; those behind them are fetched.
const MOST_CHUNKS: usize = 1 << 18;

/// See the module.
#[derive(Debug)]
pub(crate) struct Basis {
    file: Mutex<File>,
    server: ServerId,
    /// Offset of each chunk.
    chunks: HashMap<(Hash32, u32), u64>,
}

impl Basis {
    /// Looks at the file that is to be replaced by one of `size` bytes; `None` if it
    /// is none that can help. Reads all of it, on a thread that may block.
    pub(crate) fn of(path: &Path, size: u64, server: ServerId) -> Option<Self> {
        let is_plain = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
        if size.min(is_plain.len()) < LEAST_BYTES {
            return None;
        }
        // What cannot be read is no help, and no failure.
        Self::read_all(path, is_plain.len(), server).ok().filter(|basis| !basis.chunks.is_empty())
    }

    fn read_all(path: &Path, len: u64, server: ServerId) -> io::Result<Self> {
        let buffers = Buffers::new(2 * BUFFER_BYTES);
        let mut chunker = Chunker::new(File::open(path)?, len, server, buffers);
        let (mut chunks, mut offset) = (HashMap::new(), 0);
        while let Some(cut) = chunker.next()?
            && chunks.len() < MOST_CHUNKS
        {
            let len = cut.bytes.len() as u32;
            chunks.entry((cut.hash, len)).or_insert(offset);
            offset += u64::from(len);
        }
        let (_, file) = chunker.finish();
        Ok(Self { file: Mutex::new(file), server, chunks })
    }

    /// Whether a chunk was there.
    pub(crate) fn has(&self, chunk: &PlanChunk) -> bool {
        self.chunks.contains_key(&(chunk.hash, chunk.len))
    }

    /// Reads a chunk, if it is still there.
    pub(crate) fn read(&self, chunk: &PlanChunk) -> Option<Bytes> {
        let offset = *self.chunks.get(&(chunk.hash, chunk.len))?;
        let mut bytes = vec![0; chunk.len as usize];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset)).ok()?;
        file.read_exact(&mut bytes).ok()?;
        drop(file);
        let is_it = plain_hash(self.server.as_bytes(), &bytes) == chunk.hash.0;
        is_it.then(|| Bytes::from(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::tests::noise;

    const SERVER: ServerId = ServerId([4; 32]);

    #[tokio::test(flavor = "multi_thread")]
    async fn what_changes_meanwhile_is_not_read() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("file");
        let content = noise(8 << 20, 1);
        fs::write(&path, &content).expect("file");
        let opened = path.clone();
        let basis = tokio::task::spawn_blocking(move || Basis::of(&opened, 8 << 20, SERVER));
        let basis = basis.await.expect("no panic").expect("it helps");
        let chunks: Vec<_> = basis.chunks.iter().map(|(key, at)| (*key, *at)).collect();
        for ((hash, len), at) in &chunks {
            let chunk = PlanChunk { hash: *hash, len: *len };
            let at = *at as usize;
            assert!(basis.has(&chunk));
            assert_eq!(basis.read(&chunk).expect("there"), content[at..at + *len as usize]);
        }
        fs::write(&path, noise(8 << 20, 2)).expect("file");
        let ((hash, len), _) = chunks[0];
        assert_eq!(basis.read(&PlanChunk { hash, len }), None);
        assert!(!basis.has(&PlanChunk { hash, len: len + 1 }));
    }

    #[test]
    fn small_files_and_links_are_no_help() {
        let dir = tempfile::tempdir().expect("directory");
        let (small, absent) = (dir.path().join("small"), dir.path().join("absent"));
        fs::write(&small, [7; 1000]).expect("file");
        assert!(Basis::of(&small, 8 << 20, SERVER).is_none());
        assert!(Basis::of(&absent, 8 << 20, SERVER).is_none());
        assert!(Basis::of(dir.path(), 8 << 20, SERVER).is_none());
    }
}
