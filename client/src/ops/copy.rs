//! Copies of files and whole trees, on the server: no content travels.
//!
//! A tree is copied while it is walked, page by page; what cannot be copied is
//! named and the rest goes on.

use crate::client::Client;
use crate::error::ClientError;
use crate::place::ToPlace;
use coffer_protocol::message::tree::{CopyItem, Entry, Expect, Kind, NewDir, WalkEntry};
use coffer_protocol::{NodeId, Place};

/// Failures that are kept with their names; more are only counted.
const MAX_FAILURES: usize = 1000;

/// Something that could not be copied.
#[derive(Debug)]
pub struct CopyFailure {
    /// Names below the copied directory; empty: the directory itself.
    pub names: Vec<String>,
    /// Why.
    pub error: ClientError,
}

/// What a copy came to.
#[derive(Debug, Default)]
pub struct CopyReport {
    /// Files copied.
    pub files: u64,
    /// Directories created or adopted.
    pub directories: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// What failed; at most a thousand are named.
    pub failures: Vec<CopyFailure>,
    /// How many failed.
    pub failed: u64,
}

impl CopyReport {
    fn fail(&mut self, names: Vec<String>, error: ClientError) {
        self.failed += 1;
        if self.failures.len() < MAX_FAILURES {
            self.failures.push(CopyFailure { names, error });
        }
    }
}

impl Client {
    /// Copies a file or a whole tree to `to`, which names the copy itself.
    /// `expect` says what may be there: with `Expect::Absent` a tree needs a
    /// free name; otherwise directories are merged and files become new versions.
    pub async fn copy(
        &self,
        from: &(impl ToPlace + ?Sized),
        to: &(impl ToPlace + ?Sized),
        expect: Expect,
    ) -> Result<CopyReport, ClientError> {
        let (from, to) = (from.to_spot()?, to.to_spot()?);
        self.at_all([&from, &to], async |[from, to]| self.copy_places(from, to, expect).await).await
    }

    async fn copy_places(
        &self,
        from: Place,
        to: Place,
        expect: Expect,
    ) -> Result<CopyReport, ClientError> {
        let source = self.stat(&from).await?;
        let mut report = CopyReport::default();
        match source.kind {
            Kind::File => {
                let items = [CopyItem { from, to, expect }];
                let outcomes = self.copy_files(&items).await?;
                outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
                report.files = 1;
                report.bytes = source.size;
            }
            Kind::Directory => self.copy_tree(&source, to, expect, &mut report).await?,
        }
        Ok(report)
    }

    async fn copy_tree(
        &self,
        source: &Entry,
        to: Place,
        expect: Expect,
        report: &mut CopyReport,
    ) -> Result<(), ClientError> {
        self.refuse_inside(source.node, &to).await?;
        let adopt = expect != Expect::Absent;
        let base = Place { base: to.base, names: Vec::new() };
        let root = if to.names.is_empty() {
            self.stat(&base).await?.node
        } else {
            let modified_millis = Some(source.modified_millis);
            let dirs = [NewDir { names: to.names, modified_millis }];
            let nodes = self.make_dirs(&base, &dirs, adopt).await?;
            *nodes.first().ok_or(ClientError::UnexpectedAnswer { asked: "make-dirs" })?
        };
        report.directories += 1;
        let mut pages = self.walk(&source.node, None)?;
        while let Some(page) = pages.next_page().await? {
            for node in page.damaged {
                let what = format!("an entry ({node})");
                report.fail(Vec::new(), ClientError::Integrity { what });
            }
            let (dirs, files): (Vec<_>, Vec<_>) =
                page.entries.into_iter().partition(|found| found.entry.kind == Kind::Directory);
            self.copy_dirs(root, dirs, report).await?;
            self.copy_page_files(root, files, expect, report).await?;
        }
        Ok(())
    }

    /// Creates the directories of a page; when the batch fails, one by one.
    async fn copy_dirs(
        &self,
        root: NodeId,
        found: Vec<WalkEntry>,
        report: &mut CopyReport,
    ) -> Result<(), ClientError> {
        let dirs: Vec<NewDir> = found
            .into_iter()
            .map(|found| NewDir {
                modified_millis: Some(found.entry.modified_millis),
                names: names(found),
            })
            .collect();
        match self.make_dirs(&root, &dirs, true).await {
            Ok(nodes) => report.directories += nodes.len() as u64,
            Err(ClientError::Wire(_)) => {
                for dir in dirs {
                    match self.make_dirs(&root, std::slice::from_ref(&dir), true).await {
                        Ok(_) => report.directories += 1,
                        Err(error @ ClientError::Wire(_)) => report.fail(dir.names, error),
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn copy_page_files(
        &self,
        root: NodeId,
        found: Vec<WalkEntry>,
        expect: Expect,
        report: &mut CopyReport,
    ) -> Result<(), ClientError> {
        // A revision can only be expected of a single file.
        let expect = if expect == Expect::Absent { Expect::Absent } else { Expect::Anything };
        let sizes: Vec<u64> = found.iter().map(|found| found.entry.size).collect();
        let items: Vec<CopyItem> = found
            .into_iter()
            .map(|found| {
                let from = Place::node(found.entry.node);
                let to = Place { base: coffer_protocol::Base::Node(root), names: names(found) };
                CopyItem { from, to, expect }
            })
            .collect();
        let outcomes = self.copy_files(&items).await?;
        for ((outcome, item), size) in outcomes.into_iter().zip(items).zip(sizes) {
            match outcome {
                Ok(_) => {
                    report.files += 1;
                    report.bytes += size;
                }
                Err(error) => report.fail(item.to.names, error.into()),
            }
        }
        Ok(())
    }

    /// A copy inside its own source would be copied into itself for ever.
    async fn refuse_inside(&self, source: NodeId, to: &Place) -> Result<(), ClientError> {
        let mut at = match to.split_last() {
            Some((above, _)) => self.stat(&above).await?,
            None => self.stat(to).await?,
        };
        // The copy itself may be there already (a merge), and be the source.
        if self.find(to).await?.is_some_and(|there| there.node == source) {
            return Err(ClientError::IntoItself);
        }
        for _ in 0..=coffer_protocol::limits::MAX_PATH_DEPTH {
            if at.node == source {
                return Err(ClientError::IntoItself);
            }
            if at.parent == at.node {
                return Ok(());
            }
            // What is above a share is not there for its recipient, and is not
            // the source either.
            match self.find(&at.parent).await? {
                Some(above) => at = above,
                None => return Ok(()),
            }
        }
        Err(ClientError::UnexpectedAnswer { asked: "stat" })
    }
}

fn names(found: WalkEntry) -> Vec<String> {
    let mut names = found.above;
    names.push(found.entry.name);
    names
}
