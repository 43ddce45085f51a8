//! The long-lived descriptor that flushes go through, which counts them.

use super::{FlushError, WriteError, flush_dir, flush_error, flush_file};
use std::fs::File;
#[cfg(test)]
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How often the store has flushed, for metrics and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlushCounts {
    /// Single files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Whole file systems.
    pub file_systems: u64,
}

/// The long-lived descriptor through which a file system is flushed.
#[derive(Debug)]
pub struct SyncHandle {
    directory: File,
    path: PathBuf,
    files: AtomicU64,
    directories: AtomicU64,
    file_systems: AtomicU64,
    #[cfg(test)]
    fail: std::sync::atomic::AtomicBool,
}

impl SyncHandle {
    /// Opens the descriptor, before the first write that it shall vouch for.
    pub fn open(directory: &Path) -> Result<Self, WriteError> {
        let file = File::open(directory).map_err(|e| WriteError::new("open", directory, e))?;
        Ok(Self {
            directory: file,
            path: directory.to_owned(),
            files: AtomicU64::new(0),
            directories: AtomicU64::new(0),
            file_systems: AtomicU64::new(0),
            #[cfg(test)]
            fail: std::sync::atomic::AtomicBool::new(false),
        })
    }

    /// Flushes one file through the descriptor that wrote it.
    pub fn flush_file(&self, file: &File, path: &Path) -> Result<(), FlushError> {
        self.injected(path)?;
        self.files.fetch_add(1, Ordering::Relaxed);
        flush_file(file, path)
    }

    /// Flushes the names in one directory.
    pub fn flush_dir(&self, path: &Path) -> Result<(), FlushError> {
        self.injected(path)?;
        self.directories.fetch_add(1, Ordering::Relaxed);
        flush_dir(path)
    }

    /// Makes the named files and their names durable: with one `syncfs` of the
    /// whole file system where there is such a call (Linux), one by one
    /// elsewhere. The names are only looked at in the second case.
    pub fn flush_many(&self, paths: impl Iterator<Item = PathBuf>) -> Result<(), FlushError> {
        self.injected(&self.path)?;
        if cfg!(target_os = "linux") {
            return self.flush_filesystem();
        }
        let mut directories = std::collections::BTreeSet::new();
        for path in paths {
            let file = File::open(&path).map_err(|e| flush_error("file", &path, e))?;
            self.flush_file(&file, &path)?;
            directories.extend(path.parent().map(Path::to_owned));
        }
        directories.iter().try_for_each(|directory| self.flush_dir(directory))
    }

    /// Flushes the whole file system with one call.
    #[cfg(target_os = "linux")]
    pub fn flush_filesystem(&self) -> Result<(), FlushError> {
        self.injected(&self.path)?;
        self.file_systems.fetch_add(1, Ordering::Relaxed);
        rustix::fs::syncfs(&self.directory)
            .map_err(|e| flush_error("the file system of", &self.path, e.into()))
    }

    /// Where there is no call for one file system, the directory itself.
    #[cfg(not(target_os = "linux"))]
    pub fn flush_filesystem(&self) -> Result<(), FlushError> {
        self.flush_file(&self.directory, &self.path)
    }

    /// How often each kind of flush was asked for.
    pub fn counts(&self) -> FlushCounts {
        FlushCounts {
            files: self.files.load(Ordering::Relaxed),
            directories: self.directories.load(Ordering::Relaxed),
            file_systems: self.file_systems.load(Ordering::Relaxed),
        }
    }

    /// Makes every flush from now on fail, as after an error of the device.
    #[cfg(test)]
    pub(crate) fn break_flushes(&self) {
        self.fail.store(true, Ordering::Relaxed);
    }

    #[cfg(test)]
    fn injected(&self, path: &Path) -> Result<(), FlushError> {
        if self.fail.load(Ordering::Relaxed) {
            return Err(flush_error("(injected)", path, io::Error::from_raw_os_error(5)));
        }
        Ok(())
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests inject errors here")]
    fn injected(&self, _path: &Path) -> Result<(), FlushError> {
        Ok(())
    }
}
