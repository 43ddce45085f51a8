//! Walks local sources and names what is to be uploaded, one item at a time:
//! memory does not grow with the number of files.
//!
//! Symbolic links: one given as a source is followed. One inside a tree is
//! left out and named, or followed where the caller wants it; a link that leads
//! back to a directory it is in is left out either way. Sockets, pipes and
//! devices are left out and named.

use super::local;
use super::report::Skip;
use crate::error::ClientError;
use coffer_protocol::Place;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::SetOnce;
use walkdir::{DirEntry, WalkDir};

/// Start of the name of a file that a download has not finished.
pub(crate) const PART_PREFIX: &str = ".coffer-part-";

/// A local file or directory to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSource {
    /// Where it is.
    pub path: PathBuf,
    /// Its name in the remote directory; `None`: the contents of this
    /// directory go into the remote directory itself. Empty: the base is a file
    /// that is there, and this file becomes its new content.
    pub name: Option<String>,
}

/// A remote directory that files go into.
#[derive(Debug)]
pub(crate) struct RemoteDir {
    /// The directory it is in; `None` for the base.
    pub(crate) parent: Option<Arc<RemoteDir>>,
    /// Names from the base of the upload down to here.
    pub(crate) names: Vec<String>,
    /// Where it is on the server, once that is known; `None`: it could not be made.
    pub(crate) place: SetOnce<Option<Place>>,
}

impl RemoteDir {
    /// The directory everything goes into; it is there already.
    pub(crate) fn base(place: Place) -> Arc<Self> {
        let known = SetOnce::new_with(Some(Some(place)));
        Arc::new(Self { parent: None, names: Vec::new(), place: known })
    }

    fn child(self: &Arc<Self>, name: &str) -> Arc<Self> {
        let mut names = self.names.clone();
        names.push(name.to_owned());
        Arc::new(Self { parent: Some(Arc::clone(self)), names, place: SetOnce::new() })
    }

    /// Whether it is certain that the directory cannot be made.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.place.get(), Some(None))
    }
}

/// What tells whether a file was changed while it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) len: u64,
    pub(crate) modified: Option<SystemTime>,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { len: metadata.len(), modified: metadata.modified().ok() }
    }

    /// Bytes that are others when the state is another.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let since = self.modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let nanos = since.map_or(0, |since| since.as_nanos());
        [&self.len.to_be_bytes()[..], &nanos.to_be_bytes()].concat()
    }
}

/// A file to upload.
#[derive(Debug)]
pub(crate) struct PlannedFile {
    pub(crate) path: PathBuf,
    pub(crate) dir: Arc<RemoteDir>,
    pub(crate) name: String,
    pub(crate) stamp: Stamp,
    pub(crate) modified_millis: i64,
    pub(crate) executable: bool,
}

impl PlannedFile {
    /// Where it goes, in the remote directory or, without a name, as that.
    pub(crate) fn place_in(&self, dir: &Place) -> Place {
        if self.name.is_empty() { dir.clone() } else { dir.join(self.name.as_str()) }
    }
}

/// A directory to make.
#[derive(Debug)]
pub(crate) struct PlannedDir {
    pub(crate) path: PathBuf,
    pub(crate) dir: Arc<RemoteDir>,
    pub(crate) modified_millis: i64,
}

/// One step of the walk.
#[derive(Debug)]
pub(crate) enum Step {
    Dir(PlannedDir),
    File(PlannedFile),
    Skipped(PathBuf, Skip),
    Failed(PathBuf, ClientError),
}

/// Walks one source and hands every step to `sink`, until the sink refuses one.
/// Returns whether the walk came to its end.
pub(crate) fn walk(
    source: &LocalSource,
    base: &Arc<RemoteDir>,
    follow: bool,
    sink: &mut dyn FnMut(Step) -> bool,
) -> bool {
    let mut walk = Walk { source, stack: vec![Arc::clone(base)] };
    let mut entries = WalkDir::new(&source.path).follow_links(follow).into_iter();
    while let Some(entry) = entries.next() {
        let (step, descend) = match entry {
            Ok(entry) => {
                // A root that is a link is a directory all the same.
                let is_dir = entry.file_type().is_dir() || entry.depth() == 0;
                let step = walk.step(entry);
                let is_refused = is_dir && matches!(step, Some(Step::Failed(..)));
                (step, !is_refused)
            }
            Err(error) => (Some(refused(&source.path, error)), true),
        };
        if !descend {
            entries.skip_current_dir();
        }
        if let Some(step) = step
            && !sink(step)
        {
            return false;
        }
    }
    true
}

fn refused(root: &Path, error: walkdir::Error) -> Step {
    let path = error.path().unwrap_or(root).to_path_buf();
    if error.loop_ancestor().is_some() {
        return Step::Skipped(path, Skip::LinkLoop);
    }
    let cause = error.into_io_error().unwrap_or_else(|| std::io::ErrorKind::Other.into());
    let error = ClientError::io("cannot read", &path, cause);
    Step::Failed(path, error)
}

struct Walk<'a> {
    source: &'a LocalSource,
    /// The remote directories of the local ones that the walk is in; the base first.
    stack: Vec<Arc<RemoteDir>>,
}

impl Walk<'_> {
    /// `None`: nothing to do, as for a directory whose contents go into the base.
    fn step(&mut self, entry: DirEntry) -> Option<Step> {
        let is_root = entry.depth() == 0;
        let metadata = if is_root {
            // What the user names is followed if it is a link.
            std::fs::metadata(entry.path()).map_err(|error| {
                Step::Failed(entry.path().to_path_buf(), cannot_read(&entry, error))
            })
        } else {
            entry.metadata().map_err(|error| refused(&self.source.path, error))
        };
        let metadata = match metadata {
            Ok(metadata) => metadata,
            Err(step) => return Some(step),
        };
        if is_root && self.source.name.is_none() && metadata.is_dir() {
            return None;
        }
        let levels = entry.depth() + usize::from(self.source.name.is_some());
        let name = match &self.source.name {
            Some(name) if is_root => Some(name.clone()),
            _ => entry.file_name().to_str().map(str::to_owned),
        };
        let Some(name) = name else {
            let error = local::not_unicode(entry.path());
            return Some(Step::Failed(entry.into_path(), error));
        };
        Some(self.step_named(entry.into_path(), &metadata, &name, levels))
    }

    /// `levels`: how many directories the entry is in, with the base.
    fn step_named(
        &mut self,
        path: PathBuf,
        metadata: &Metadata,
        name: &str,
        levels: usize,
    ) -> Step {
        let kind = metadata.file_type();
        if kind.is_symlink() {
            return Step::Skipped(path, Skip::SymbolicLink);
        }
        if !kind.is_dir() && !kind.is_file() {
            return Step::Skipped(path, Skip::SpecialFile);
        }
        if kind.is_file() && name.starts_with(PART_PREFIX) {
            return Step::Skipped(path, Skip::PartialDownload);
        }
        let is_base = name.is_empty() && kind.is_file();
        if !is_base && let Err(error) = local::check_remote_name(name) {
            return Step::Failed(path, error);
        }
        self.stack.truncate(levels.max(1));
        let parent = Arc::clone(&self.stack[self.stack.len() - 1]);
        let modified_millis = local::modified_millis(metadata);
        if kind.is_dir() {
            let dir = parent.child(name);
            self.stack.push(Arc::clone(&dir));
            return Step::Dir(PlannedDir { path, dir, modified_millis });
        }
        Step::File(PlannedFile {
            path,
            dir: parent,
            name: name.to_owned(),
            stamp: Stamp::of(metadata),
            modified_millis,
            executable: local::is_executable(metadata),
        })
    }
}

fn cannot_read(entry: &DirEntry, error: std::io::Error) -> ClientError {
    ClientError::io("cannot read", entry.path(), error)
}

#[cfg(test)]
mod tests;
