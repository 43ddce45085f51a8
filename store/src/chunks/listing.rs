//! Walking over the files of the data directory without holding them all.

use super::ChunkStore;
use super::error::ChunkError;
use super::layout::{Generation, parse_chunk_name, parse_trash_name};
use coffer_protocol::BlobId;
use std::fs::{self, ReadDir};
use std::io;
use std::path::{Path, PathBuf};

/// A file found in the chunk directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// A chunk, in the directory that its id belongs to.
    Chunk {
        /// Its id.
        blob: BlobId,
        /// Which of its files.
        generation: Generation,
    },
    /// Something that the store did not put there.
    Stray(PathBuf),
}

/// The files of one or of all chunk directories; see [`ChunkStore::list`].
#[derive(Debug)]
pub struct Listing<'a> {
    store: &'a ChunkStore,
    next: u16,
    end: u16,
    open: Option<(u8, ReadDir)>,
}

impl Iterator for Listing<'_> {
    type Item = Result<Listed, ChunkError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((first, directory)) = &mut self.open {
                match directory.next() {
                    Some(Ok(entry)) => return Some(Ok(recognise(*first, &entry.path()))),
                    Some(Err(e)) => {
                        let path = self.store.layout.shard(*first);
                        self.open = None;
                        return Some(Err(ChunkError::io("list", &path, e)));
                    }
                    None => self.open = None,
                }
            }
            let first = u8::try_from(self.next).ok().filter(|_| self.next < self.end)?;
            self.next += 1;
            let path = self.store.layout.shard(first);
            match fs::read_dir(&path) {
                Ok(directory) => self.open = Some((first, directory)),
                Err(e) => return Some(Err(ChunkError::io("list", &path, e))),
            }
        }
    }
}

fn recognise(first: u8, path: &Path) -> Listed {
    path.file_name()
        .and_then(|name| parse_chunk_name(name.to_str()?))
        .filter(|(blob, _)| blob.0[0] == first)
        .map_or_else(
            || Listed::Stray(path.to_owned()),
            |(blob, generation)| Listed::Chunk { blob, generation },
        )
}

impl ChunkStore {
    /// Lists every file under `chunks/`, directory by directory, in no order
    /// within one. Files that come or go meanwhile may be listed or not.
    pub fn list(&self) -> Listing<'_> {
        Listing { store: self, next: 0, end: 256, open: None }
    }

    /// Lists the files of the chunks whose id starts with this byte.
    pub fn list_shard(&self, first: u8) -> Listing<'_> {
        Listing { store: self, next: u16::from(first), end: u16::from(first) + 1, open: None }
    }

    /// The names in the quarantine directory, at most `limit` of them.
    pub fn quarantined(&self, limit: usize) -> Result<Vec<String>, ChunkError> {
        let path = self.layout.quarantine();
        names(&path)?.take(limit).map(|n| n.map_err(|e| ChunkError::io("list", &path, e))).collect()
    }

    /// Removes for good what went to the trash before this time; at most `limit`
    /// files. Returns how many were removed.
    pub fn purge_trash(&self, before_millis: i64, limit: usize) -> Result<usize, ChunkError> {
        let path = self.layout.trash();
        let mut removed = 0;
        for name in names(&path)? {
            let name = name.map_err(|e| ChunkError::io("list", &path, e))?;
            if removed == limit {
                break;
            }
            if parse_trash_name(&name).is_some_and(|time| time < before_millis) {
                let file = path.join(name);
                fs::remove_file(&file).map_err(|e| ChunkError::io("remove", &file, e))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn names(path: &Path) -> Result<impl Iterator<Item = io::Result<String>>, ChunkError> {
    let directory = fs::read_dir(path).map_err(|e| ChunkError::io("list", path, e))?;
    Ok(directory.map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned())))
}
