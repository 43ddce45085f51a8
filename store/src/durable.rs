//! The only place that makes anything durable: every fsync, syncfs, rename and
//! directory flush of the crate is here, and nowhere else.
//!
//! What the functions guarantee, and why they are as they are:
//!
//! - A name is durable only when its directory has been flushed; a file only
//!   when it has been flushed itself. Neither follows from the other, and the
//!   order in which a file system persists the two differs between file
//!   systems. [`write_atomic`] and [`create_dirs_durable`] therefore do both.
//! - An error of a flush is final. The kernel marks the pages that it could not
//!   write as clean, so a second fsync of the same file succeeds and proves
//!   nothing. Such an error is a [`FlushError`]: it is never retried, the store
//!   stops, and what was waiting has an unknown outcome. A [`WriteError`] is the
//!   opposite: it happened before anything was promised, and the caller may
//!   report it and go on.
//! - A failed rename that is not a lack of space counts as a [`FlushError`]: the
//!   directory is in a state that nobody has described.
//! - Errors of write-back are remembered per open descriptor, so one that is
//!   opened for each flush can miss them. [`SyncHandle`] is opened once, kept,
//!   and sees every error that happens on its file system meanwhile.
//! - `sync_file_range` is not a barrier (it flushes neither metadata nor the
//!   device's cache) and is not used.

mod sync;

pub use sync::{FlushCounts, SyncHandle};

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Mode of every directory that the store makes.
const DIRECTORY_MODE: u32 = 0o700;

/// A flush or a rename failed. What was written since the last good flush may
/// or may not be on the disk, and no later call can tell: fatal for the process.
#[derive(Debug, thiserror::Error)]
#[error("cannot flush {what} {path}: {source}; what was written last may be lost")]
pub struct FlushError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// A write failed before anything was promised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// No space, or no quota, is left on the file system.
    #[error("the disk of the data directory is full")]
    DiskFull,
    /// Anything else.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the operating system answered.
        source: io::Error,
    },
}

impl WriteError {
    pub(crate) fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        if is_full(&source) {
            return Self::DiskFull;
        }
        Self::Io { action, path: path.to_owned(), source }
    }
}

/// Either kind of failure of a durable write.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DurableError {
    /// Nothing was promised; the caller may go on.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Fatal for the process.
    #[error(transparent)]
    Flush(#[from] FlushError),
}

/// Says whether an error means that no space, or no quota, is left.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn flush_error(what: &'static str, path: &Path, source: io::Error) -> FlushError {
    FlushError { what, path: path.to_owned(), source }
}

/// Makes the contents of a file durable (not its name).
pub fn flush_file(file: &File, path: &Path) -> Result<(), FlushError> {
    file.sync_all().map_err(|e| flush_error("file", path, e))
}

/// Makes the names in a directory durable (not what the files contain).
pub fn flush_dir(path: &Path) -> Result<(), FlushError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|e| flush_error("directory", path, e))
}

/// Gives a file another name, without a flush: the caller owes a barrier before
/// it promises anything. Replaces a file that is already there.
pub fn rename(from: &Path, to: &Path) -> Result<(), DurableError> {
    match fs::rename(from, to) {
        Ok(()) => Ok(()),
        Err(e) if is_full(&e) => Err(WriteError::DiskFull.into()),
        Err(e) => Err(flush_error("the rename to", to, e).into()),
    }
}

/// Makes a new file with the given content, without a flush. It is gone again
/// when the write fails half-way.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<File, WriteError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(|e| WriteError::new("create", path, e))?;
    if let Err(e) = file.write_all(bytes) {
        remove_quietly(path);
        return Err(WriteError::new("write", path, e));
    }
    Ok(file)
}

/// Asks the system to begin writing a file to the disk, without waiting, so that
/// the next barrier finds little left to do. A hint, not a barrier: it promises
/// nothing, and errors of the write show in the flush that follows. (768 files of
/// 1 MiB, written at the pace of an upload: the `syncfs` after them took 5 ms
/// instead of 300 to 400, and the whole 15 to 30 % less.)
pub(crate) fn start_write_back(file: &File) {
    // The name of the call misleads: dirty pages are queued for writing and stay
    // in the cache; only pages that are clean already would be dropped.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed) {
        tracing::debug!(%error, "write-back was not begun early");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Removes a file that nothing depends on; what is left is removed at the next
/// start, so an error here changes nothing.
pub(crate) fn remove_quietly(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot remove a temporary file");
    }
}

/// Writes a file so that after a crash at any moment either the old or the new
/// content is there, whole, and after success the new one is.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DurableError> {
    let (Some(parent), Some(name)) = (parent_of(path), path.file_name()) else {
        let source = io::Error::from(io::ErrorKind::InvalidInput);
        return Err(WriteError::new("write", path, source).into());
    };
    let mut temporary = name.to_owned();
    temporary.push(".tmp");
    let temporary = parent.join(temporary);
    remove_quietly(&temporary);
    let file = write_new(&temporary, bytes, mode)?;
    let written = flush_file(&file, &temporary).map_err(DurableError::from);
    if let Err(e) = written.and_then(|()| rename(&temporary, path)) {
        remove_quietly(&temporary);
        return Err(e);
    }
    Ok(flush_dir(parent)?)
}

/// Makes a directory and every missing one above it, each flushed into its
/// parent. One that exists is left as it is.
pub fn create_dirs_durable(path: &Path) -> Result<(), DurableError> {
    let mut missing = Vec::new();
    let mut next = Some(path);
    while let Some(directory) = next.filter(|d| !d.is_dir()) {
        missing.push(directory);
        next = parent_of(directory);
    }
    for directory in missing.into_iter().rev() {
        create_dir(directory)?;
        flush_dir(directory)?;
        flush_dir(parent_of(directory).unwrap_or(Path::new("/")))?;
    }
    Ok(())
}

/// Makes one directory without a flush; one that exists is left as it is.
pub fn create_dir(path: &Path) -> Result<(), WriteError> {
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other.map_err(|e| WriteError::new("create", path, e)),
    }
}

/// The directory that holds a path; `.` for a bare name.
fn parent_of(path: &Path) -> Option<&Path> {
    path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

#[cfg(test)]
mod tests;
