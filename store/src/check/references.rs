//! The references of every chunk: counted from versions, segments and kept writes of
//! an earlier primary, and
//! compared with the row of the chunk.

use super::Checker;
use super::count::RangeCount;
use super::report::{CheckStage, ProblemKind};
use super::scan::Pages;
use crate::error::StoreError;
use crate::rows::{ChunkRow, ChunkState, DivergedRow, SegmentRecord, VersionRow};
use coffer_protocol::BlobId;
use std::collections::HashSet;

impl Checker<'_> {
    /// Recounts the references of all chunks, in ranges of their ids.
    pub(super) fn check_references(&mut self) -> Result<(), StoreError> {
        self.findings.stage(CheckStage::References);
        let mut after = None;
        loop {
            let mut counted = RangeCount::new(after, self.options.chunks_in_memory);
            self.count_references(&mut counted, after.is_none())?;
            let last = counted.continues_after();
            self.compare_references(after, counted)?;
            if last.is_none() {
                return Ok(());
            }
            after = last;
        }
    }

    /// Counts the references in one range; in the first pass, also their number.
    fn count_references(
        &mut self,
        counted: &mut RangeCount<BlobId>,
        first: bool,
    ) -> Result<(), StoreError> {
        let mut add = |check: &mut Self, refs: Vec<BlobId>| {
            // A row counts once for each chunk, however often it names it.
            let distinct: HashSet<_> = refs.into_iter().collect();
            for blob in distinct {
                counted.add(blob);
                if first {
                    check.findings.counts().references += 1;
                    check.findings.tick();
                }
            }
        };
        // Damaged rows were reported when the rows were checked.
        let mut versions = Pages::<VersionRow>::after(None);
        while let Some(page) = versions.next(self.conn)? {
            page.into_iter().flat_map(|(_, row)| row).for_each(|row| add(self, row.refs));
        }
        let mut segments = Pages::<SegmentRecord>::after(None);
        while let Some(page) = segments.next(self.conn)? {
            page.into_iter().flat_map(|(_, row)| row).for_each(|record| add(self, record.row.refs));
        }
        let mut diverged = Pages::<DivergedRow>::after(None);
        while let Some(page) = diverged.next(self.conn)? {
            page.into_iter().flat_map(|(_, row)| row).for_each(|row| add(self, row.refs));
        }
        Ok(())
    }

    fn compare_references(
        &mut self,
        after: Option<BlobId>,
        mut counted: RangeCount<BlobId>,
    ) -> Result<(), StoreError> {
        let mut pages = Pages::<ChunkRow>::after(after.map(|blob| vec![(&blob.0).into()]));
        'scan: while let Some(page) = pages.next(self.conn)? {
            for (key, row) in page {
                let Some(row) = self.trusted(key, row)? else { continue };
                if !counted.contains(&row.blob) {
                    break 'scan;
                }
                self.findings.counts().rows += 1;
                let found = counted.take(&row.blob);
                self.compare_chunk(&row, found);
            }
        }
        for (blob, refs) in counted.rest() {
            let detail = format!("it has no row, and is named {refs} times");
            let object = format!("chunk {blob}");
            self.findings.problem(ProblemKind::ChunkRowMissing, object, None, detail);
            self.suspects.add(blob);
        }
        Ok(())
    }

    fn compare_chunk(&mut self, row: &ChunkRow, found: u64) {
        let object = format!("chunk {}", row.blob);
        if found != row.refs {
            let detail = format!("{found} references were counted, its row says {}", row.refs);
            self.findings.problem(ProblemKind::ReferenceCount, object, None, detail);
        } else if found > 0 && row.state != ChunkState::Live {
            let detail = format!("it is marked for removal, with {found} references");
            self.findings.problem(ProblemKind::ReferenceCount, object, None, detail);
        } else if (found == 0) != row.idle_millis.is_some() {
            let detail = format!("{found} references, but its row disagrees on whether it is idle");
            self.findings.problem(ProblemKind::ReferenceCount, object, None, detail);
        }
    }
}
