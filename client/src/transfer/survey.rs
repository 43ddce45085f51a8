//! Finds the files of a download: asks the server for a tree page by page,
//! makes the local directories as they come, and names every file with the
//! place it goes to. Memory does not grow with the size of the tree.

use super::target::LocalDir;
use crate::error::ClientError;
use coffer_protocol::message::tree::{Entry, Kind, WalkPage};
use coffer_protocol::{ErrorCode, Hash32, NodeId, WireError};
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

/// Directories that are remembered until their entries come. One that is
/// forgotten is found again by its names, but loses its modification time.
const MAX_DIRS_KNOWN: usize = 4096;

/// A file to download.
#[derive(Debug)]
pub(crate) struct RemoteFile {
    pub(crate) node: NodeId,
    pub(crate) revision: u64,
    pub(crate) size: u64,
    pub(crate) modified_millis: i64,
    pub(crate) executable: bool,
    pub(crate) content_hash: Hash32,
    /// Its final path.
    pub(crate) to: PathBuf,
    /// Its remote path.
    pub(crate) shown: String,
    /// Kept until the file is done: see `LocalDir`.
    pub(crate) dir: Arc<LocalDir>,
}

impl RemoteFile {
    pub(crate) fn new(entry: &Entry, dir: &Arc<LocalDir>, to: PathBuf, shown: String) -> Self {
        Self {
            node: entry.node,
            revision: entry.revision,
            size: entry.size,
            modified_millis: entry.modified_millis,
            executable: entry.executable,
            content_hash: entry.content_hash,
            to,
            shown,
            dir: Arc::clone(dir),
        }
    }
}

/// What one page of a tree comes to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) files: Vec<RemoteFile>,
    pub(crate) directories: u64,
    pub(crate) failed: Vec<(String, ClientError)>,
}

/// The local side of one tree.
pub(crate) struct Survey {
    top: Arc<LocalDir>,
    /// The remote path of the tree.
    shown: String,
    /// `None`: the directory could not be made, and neither can what is in it.
    known: HashMap<NodeId, Option<Arc<LocalDir>>>,
    order: VecDeque<NodeId>,
}

impl Survey {
    pub(crate) fn new(root: NodeId, top: Arc<LocalDir>, shown: &str) -> Self {
        let shown = shown.trim_end_matches('/').to_owned();
        let known = HashMap::from([(root, Some(Arc::clone(&top)))]);
        Self { top, shown, known, order: VecDeque::new() }
    }

    /// Makes the directories of a page and names its files.
    pub(crate) fn page(&mut self, page: WalkPage) -> Found {
        let mut found = Found::default();
        for node in page.damaged {
            let what = format!("the record {node}");
            found.failed.push((format!("{}/?", self.shown), ClientError::Integrity { what }));
        }
        for walked in page.entries {
            let shown = self.shown(&walked.above, &walked.entry.name);
            let outcome = self.directory(walked.entry.parent, &walked.above);
            let placed = outcome.and_then(|dir| self.place(&dir, &walked.entry, shown.clone()));
            match placed {
                Ok(Some(file)) => found.files.push(file),
                Ok(None) => found.directories += 1,
                Err(error) => {
                    if walked.entry.kind == Kind::Directory {
                        self.remember(walked.entry.node, None);
                    }
                    found.failed.push((shown, error));
                }
            }
        }
        found
    }

    fn shown(&self, above: &[String], name: &str) -> String {
        let mut shown = self.shown.clone();
        for part in above.iter().map(String::as_str).chain([name]) {
            shown.push('/');
            shown.push_str(part);
        }
        shown
    }

    /// `None` for a directory, which is made.
    fn place(
        &mut self,
        dir: &Arc<LocalDir>,
        entry: &Entry,
        shown: String,
    ) -> Result<Option<RemoteFile>, ClientError> {
        if entry.kind == Kind::File {
            let to = dir.file(&entry.name)?;
            return Ok(Some(RemoteFile::new(entry, dir, to, shown)));
        }
        let made = dir.child(&entry.name, Some(entry.modified_millis))?;
        self.remember(entry.node, Some(made));
        Ok(None)
    }

    fn remember(&mut self, node: NodeId, dir: Option<Arc<LocalDir>>) {
        if self.known.insert(node, dir).is_none() {
            self.order.push_back(node);
        }
        if self.order.len() > MAX_DIRS_KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// The local directory of a remote one.
    fn directory(&mut self, node: NodeId, above: &[String]) -> Result<Arc<LocalDir>, ClientError> {
        let lost = || {
            let message = "the directory it belongs in could not be created";
            WireError::new(ErrorCode::NOT_FOUND, message, "").into()
        };
        match self.known.get(&node) {
            Some(dir) => return dir.clone().ok_or_else(lost),
            None if above.is_empty() => return Ok(Arc::clone(&self.top)),
            None => {}
        }
        let mut dir = Arc::clone(&self.top);
        for name in above {
            dir = dir.child(name, None)?;
        }
        self.remember(node, Some(Arc::clone(&dir)));
        Ok(dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_protocol::message::tree::WalkEntry;

    fn entry(node: u8, parent: u8, name: &str, kind: Kind) -> Entry {
        Entry {
            node: NodeId([node; 16]),
            parent: NodeId([parent; 16]),
            name: name.to_owned(),
            kind,
            size: 0,
            modified_millis: 0,
            created_millis: 0,
            executable: false,
            revision: 1,
            content_hash: Hash32([0; 32]),
            machines: 1,
        }
    }

    fn page(entries: Vec<(&[&str], Entry)>) -> WalkPage {
        let entries = entries.into_iter().map(|(above, entry)| {
            let above = above.iter().map(|name| (*name).to_owned()).collect();
            WalkEntry { above, entry }
        });
        WalkPage { entries: entries.collect(), damaged: Vec::new(), next: Vec::new() }
    }

    fn survey(dir: &tempfile::TempDir) -> Survey {
        Survey::new(NodeId([0; 16]), LocalDir::given(dir.path()), "/tree/")
    }

    #[test]
    fn files_go_where_their_names_say() {
        let dir = tempfile::tempdir().expect("directory");
        let found = survey(&dir).page(page(vec![
            (&[], entry(1, 0, "a", Kind::Directory)),
            (&[], entry(2, 0, "b", Kind::Directory)),
            (&["a"], entry(3, 1, "x", Kind::File)),
            (&["b"], entry(4, 2, "x", Kind::File)),
        ]));
        let placed: Vec<_> =
            found.files.iter().map(|file| (file.shown.as_str(), file.to.clone())).collect();
        assert_eq!(
            placed,
            [("/tree/a/x", dir.path().join("a/x")), ("/tree/b/x", dir.path().join("b/x"))]
        );
        assert_eq!((found.directories, found.failed.len()), (2, 0));
    }

    #[test]
    fn names_that_lead_out_fail_with_all_below_them() {
        let dir = tempfile::tempdir().expect("directory");
        let found = survey(&dir).page(page(vec![
            (&[], entry(1, 0, "..", Kind::Directory)),
            (&[".."], entry(2, 1, "below", Kind::File)),
            (&[], entry(3, 0, "../up", Kind::File)),
            (&["..", ".."], entry(4, 9, "forgotten", Kind::File)),
            (&["/etc"], entry(5, 8, "passwd", Kind::File)),
            (&[], entry(6, 0, "good", Kind::File)),
        ]));
        assert_eq!(found.failed.len(), 5);
        let good: Vec<_> = found.files.iter().map(|file| file.to.clone()).collect();
        assert_eq!(good, [dir.path().join("good")]);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_found_again() {
        let dir = tempfile::tempdir().expect("directory");
        let mut survey = survey(&dir);
        let ids = |number: usize| {
            let mut id = [1; 16];
            id[8..].copy_from_slice(&(number as u64).to_be_bytes());
            NodeId(id)
        };
        for number in 0..MAX_DIRS_KNOWN + 10 {
            survey.remember(ids(number), None);
        }
        assert!(survey.known.len() <= MAX_DIRS_KNOWN + 1, "with the root");
        let found = survey.page(page(vec![(&["gone"], entry(7, 6, "file", Kind::File))]));
        assert_eq!(found.files[0].to, dir.path().join("gone/file"));
        assert!(dir.path().join("gone").is_dir());
    }
}
