//! Names whose content is affected by chunks that cannot be read.

use super::Checker;
use super::report::ProblemKind;
use super::scan::Pages;
use super::tree::hex;
use crate::error::StoreError;
use crate::rows::{SegmentId, SegmentRecord, VersionRow};
use coffer_protocol::BlobId;
use std::collections::{HashMap, HashSet};

/// Chunks that cannot be read, up to a limit.
#[derive(Debug)]
pub(super) struct Suspects {
    blobs: HashSet<BlobId>,
    limit: usize,
}

impl Suspects {
    pub(super) fn new(limit: usize) -> Self {
        Self { blobs: HashSet::new(), limit }
    }

    pub(super) fn add(&mut self, blob: BlobId) {
        if self.blobs.len() < self.limit {
            self.blobs.insert(blob);
        }
    }

    fn find(&self, refs: &[BlobId]) -> Option<BlobId> {
        refs.iter().copied().find(|blob| self.blobs.contains(blob))
    }
}

impl Checker<'_> {
    /// Reports every version that needs a chunk that cannot be read.
    pub(super) fn name_affected(&mut self) -> Result<(), StoreError> {
        if self.suspects.blobs.is_empty() {
            return Ok(());
        }
        let segments = self.affected_segments()?;
        let mut pages = Pages::<VersionRow>::after(None);
        while let Some(page) = pages.next(self.conn)? {
            for version in page.into_iter().flat_map(|(_, row)| row) {
                let through = || version.segments.iter().find_map(|id| segments.get(id).copied());
                let Some(blob) = self.suspects.find(&version.refs).or_else(through) else {
                    continue;
                };
                let object = format!("version {} of node {}", version.revision, version.node);
                let detail = format!("it needs chunk {blob}");
                let (kind, owner) = (ProblemKind::ContentUnreadable, Some(version.owner));
                self.findings.problem(kind, object, owner, detail);
            }
        }
        Ok(())
    }

    /// The segments that need a suspect, at most as many as are described.
    fn affected_segments(&mut self) -> Result<HashMap<SegmentId, BlobId>, StoreError> {
        let mut affected = HashMap::new();
        let mut pages = Pages::<SegmentRecord>::after(None);
        while let Some(page) = pages.next(self.conn)? {
            for record in page.into_iter().flat_map(|(_, row)| row) {
                let Some(blob) = self.suspects.find(&record.row.refs) else { continue };
                if affected.len() < self.options.described {
                    affected.insert(record.row.segment, blob);
                }
                if record.named == 0 {
                    let object = format!("segment {}", hex(&record.row.segment));
                    let detail = format!("an upload that is going on needs chunk {blob}");
                    let (kind, owner) = (ProblemKind::ContentUnreadable, Some(record.row.owner));
                    self.findings.problem(kind, object, owner, detail);
                }
            }
        }
        Ok(affected)
    }
}
