//! Every chunk against its id: the file, or the bytes in its row.
//!
//! Files and rows change while a server works, so nothing is said about a chunk
//! before its row has been read a second time: a chunk that has been removed or
//! uploaded again meanwhile is no problem.

use super::Checker;
use super::report::{CheckStage, Note, ProblemKind};
use super::scan::Pages;
use crate::chunks::{ChunkError, Generation, Listed, blob};
use crate::db::Value;
use crate::error::StoreError;
use crate::rows::{ChunkPlace, ChunkRow, ChunkState};
use coffer_protocol::BlobId;
use std::collections::HashSet;

/// What is wrong with a chunk.
type Fault = (ProblemKind, String);

impl Checker<'_> {
    /// Checks all chunks, one directory after the other. Keeps the names of one
    /// directory, a 256th of all, in memory.
    pub(super) fn check_chunks(&mut self) -> Result<(), StoreError> {
        self.findings.stage(CheckStage::Chunks);
        for first in 0..=u8::MAX {
            let mut files = self.list_shard(first)?;
            self.check_shard(first, &mut files)?;
            for (blob, generation) in files {
                self.findings.note(Note::Orphan { blob, generation });
            }
        }
        for name in self.chunks.quarantined(self.options.described)? {
            self.findings.note(Note::Quarantined(name));
        }
        Ok(())
    }

    /// The files of one directory.
    fn list_shard(&mut self, first: u8) -> Result<HashSet<(BlobId, Generation)>, StoreError> {
        let mut files = HashSet::new();
        for listed in self.chunks.list_shard(first) {
            match listed? {
                Listed::Chunk { blob, generation } => {
                    files.insert((blob, generation));
                }
                Listed::Stray(path) => {
                    self.findings.note(Note::Stray(path.display().to_string()));
                }
            }
        }
        Ok(files)
    }

    /// Checks the chunks of one directory and takes their files off the list.
    fn check_shard(
        &mut self,
        first: u8,
        files: &mut HashSet<(BlobId, Generation)>,
    ) -> Result<(), StoreError> {
        let before = first.checked_sub(1).map(|byte| {
            let mut last = [0xff; 32];
            last[0] = byte;
            vec![Value::from(&last)]
        });
        let mut pages = Pages::<ChunkRow>::after(before);
        while let Some(page) = pages.next(self.conn)? {
            // Damaged rows were reported when the references were counted.
            for row in page.into_iter().flat_map(|(_, row)| row) {
                if row.blob.0[0] != first {
                    return Ok(());
                }
                self.findings.counts().chunks += 1;
                self.findings.tick();
                self.check_chunk(&row)?;
                files.remove(&(row.blob, row.generation));
            }
        }
        Ok(())
    }

    fn check_chunk(&mut self, row: &ChunkRow) -> Result<(), StoreError> {
        // The bytes of a chunk that is being deleted may be gone already.
        if row.state == ChunkState::Deleting {
            return Ok(());
        }
        let Some((kind, detail)) = self.fault(row)? else { return Ok(()) };
        let now = self.one::<ChunkRow>(vec![(&row.blob.0).into()])?;
        let same = |now: &ChunkRow| (now.generation, now.place) == (row.generation, row.place);
        if now.is_some_and(|now| same(&now) && now.state != ChunkState::Deleting) {
            let object = format!("chunk {} (generation {})", row.blob, row.generation);
            self.findings.problem(kind, object, None, detail);
            self.suspects.add(row.blob);
        }
        Ok(())
    }

    fn fault(&mut self, row: &ChunkRow) -> Result<Option<Fault>, StoreError> {
        match row.place {
            ChunkPlace::Inline => self.inline_fault(row),
            ChunkPlace::File => Ok(self.file_fault(row)),
        }
    }

    fn inline_fault(&mut self, row: &ChunkRow) -> Result<Option<Fault>, StoreError> {
        let key = vec![vec![(&row.blob.0).into()]];
        let rows = self.conn.query_keys("SELECT data FROM chunks", &["blob_id"], &key)?;
        let Some(Value::Bytes(data)) = rows.into_iter().flatten().next() else {
            return Ok(Some((ProblemKind::ChunkMissing, "its row has no bytes".to_owned())));
        };
        self.findings.counts().bytes += data.len() as u64;
        if data.len() == row.size as usize && blob::matches(&row.blob, &data) {
            return Ok(None);
        }
        let detail = "the bytes in its row do not match its id".to_owned();
        Ok(Some((ProblemKind::ChunkDamaged, detail)))
    }

    fn file_fault(&mut self, row: &ChunkRow) -> Option<Fault> {
        match self.file_size(row) {
            Ok(size) if size == u64::from(row.size) => None,
            Ok(size) => {
                let detail = format!("its file has {size} bytes, its row says {}", row.size);
                Some((ProblemKind::ChunkDamaged, detail))
            }
            Err(ChunkError::Missing { .. }) => {
                Some((ProblemKind::ChunkMissing, "it has no file".to_owned()))
            }
            Err(ChunkError::Corrupt { .. }) => {
                let detail = "the bytes of its file do not match its id".to_owned();
                Some((ProblemKind::ChunkDamaged, detail))
            }
            Err(error) => Some((ProblemKind::ChunkUnreadable, error.to_string())),
        }
    }

    /// The size of a file: as the directory has it, or after reading the whole.
    fn file_size(&mut self, row: &ChunkRow) -> Result<u64, ChunkError> {
        let (blob, generation) = (row.blob, row.generation);
        if self.options.quick {
            let size = self.chunks.size(&blob, generation)?;
            return size.ok_or(ChunkError::Missing { blob, generation });
        }
        let bytes = self.chunks.inspect(&blob, generation)?.len() as u64;
        self.findings.counts().bytes += bytes;
        Ok(bytes)
    }
}
