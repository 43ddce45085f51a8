//! A restore drill: what this machine holds is restored into an empty store beside it,
//! and the copy is verified. Needs no key.
//!
//! Guarantees:
//!
//! - Nothing of this machine is changed; it may go on working meanwhile. The rows are
//!   those of one moment. A chunk that was collected since then is no problem.
//! - What counts as restored was written to the copy, read back from there, and is what
//!   its hash or digest says. The hash of everything stored ([`Store::state_root`]) is
//!   compared as well.
//! - Memory is bounded: rows and chunks pass through in pages, and problems beyond
//!   a thousand are counted only.

use super::{Arrival, SNAPSHOT_TABLES, Snapshot};
use crate::check::CheckOptions;
use crate::chunks::ChunkError;
use crate::db::Value;
use crate::environment::Random;
use crate::error::StoreError;
use crate::reads::after_key;
use crate::rows::{ChunkPlace, ChunkRow, ChunkState, VersionRow};
use crate::store::Store;
use bytes::Bytes;
use coffer_protocol::{BlobId, NodeId, Position};

/// Problems that are named.
const MAX_NAMED: usize = 1_000;
/// Most versions of a sample.
pub const MAX_SAMPLE: usize = 100_000;
/// Bytes of rows that are taken over at a time.
const PAGE_BYTES: usize = 1 << 20;
/// Keys of versions that are looked at at a time.
const KEYS: i64 = 4_096;

/// What is restored, beside all rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The contents of so many versions of files, chosen by chance; at most
    /// [`MAX_SAMPLE`].
    Sample(usize),
    /// All contents.
    All,
}

/// What a drill does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrillProgress {
    /// Rows that were restored.
    pub rows: u64,
    /// About how many there are.
    pub of: u64,
    /// Versions whose contents were restored; with everything, chunks.
    pub contents: u64,
    /// Bytes of chunks that were restored.
    pub bytes: u64,
}

/// Something that could not be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillProblem {
    /// What it is, in the words of the command `check`.
    pub kind: &'static str,
    /// The object: ids only.
    pub object: String,
    /// Whose it is, where that is known.
    pub owner: Option<String>,
    /// What is wrong.
    pub detail: String,
}

/// What came of a drill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrillReport {
    /// The moment that was restored.
    pub position: Position,
    /// Rows.
    pub rows: u64,
    /// Versions of files whose contents were asked for.
    pub versions: u64,
    /// Chunks that were restored: files, and those in SQL that belong to a sample.
    pub chunks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Problems, named or not.
    pub problem_count: u64,
    /// The first of them.
    pub problems: Vec<DrillProblem>,
}

impl DrillReport {
    fn problem(&mut self, problem: DrillProblem) {
        self.problem_count += 1;
        if self.problems.len() < MAX_NAMED {
            self.problems.push(problem);
        }
    }
}

/// Tells how far it is.
type Tell<'a> = &'a (dyn Fn(DrillProgress) + Send + Sync);

/// A drill that is going on.
struct Drill<'a> {
    from: &'a Store,
    to: &'a Store,
    report: DrillReport,
    /// Contents that were restored, to be shown.
    contents: u64,
    of: u64,
    tell: Tell<'a>,
}

impl Store {
    /// Restores what is here into an empty replica's store, and verifies the copy.
    pub async fn drill(
        &self,
        scratch: &Store,
        extent: Extent,
        tell: &(dyn Fn(DrillProgress) + Send + Sync),
    ) -> Result<DrillReport, StoreError> {
        let (report, contents, of) = (DrillReport::default(), 0, 0);
        let mut drill = Drill { from: self, to: scratch, report, contents, of, tell };
        if !drill.rows().await? {
            return Ok(drill.report);
        }
        match extent {
            Extent::Sample(count) => {
                for version in scratch.sample_versions(count.min(MAX_SAMPLE)).await? {
                    drill.version(version).await?;
                }
            }
            Extent::All => drill.everything().await?,
        }
        // Its errors end the copy, like those of any store.
        scratch.with_chunks(|chunks| Ok(chunks.sync_handle().flush_filesystem()?)).await?;
        drill.check(extent == Extent::All).await?;
        Ok(drill.report)
    }

    /// A chunk's file as it is on the disk, if it is what its id says.
    async fn chunk_file(
        &self,
        blob: BlobId,
        generation: u32,
    ) -> Result<Result<Bytes, &'static str>, StoreError> {
        self.with_chunks(move |chunks| match chunks.inspect(&blob, generation) {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(ChunkError::Missing { .. }) => Ok(Err("chunk-missing")),
            Err(ChunkError::Corrupt { .. }) => Ok(Err("chunk-damaged")),
            Err(ChunkError::Flush(error)) => Err(ChunkError::Flush(error)),
            Err(_) => Ok(Err("chunk-unreadable")),
        })
        .await
    }

    /// Versions by chance: each is as likely as every other.
    async fn sample_versions(&self, count: usize) -> Result<Vec<(NodeId, u64)>, StoreError> {
        let rng = self.environment().rng.clone();
        self.on_own_connection(move |conn| {
            let (mut chosen, mut seen) = (Vec::new(), 0_u64);
            let mut after: Option<Vec<Value>> = None;
            loop {
                let (condition, mut params) = after_key(&["node", "revision"], after.as_deref());
                params.push(Value::Int(KEYS));
                let sql = format!(
                    "SELECT node,revision FROM versions WHERE {condition} \
                     ORDER BY node,revision LIMIT ?"
                );
                let page = conn.query(&sql, &params)?;
                for row in &page {
                    let [Value::Bytes(node), Value::Int(revision)] = row.as_slice() else {
                        continue;
                    };
                    let Some(node) = NodeId::from_slice(node) else { continue };
                    let key = (node, revision.cast_unsigned());
                    seen += 1;
                    match place(count, seen, rng.as_ref()) {
                        Some(at) if at == chosen.len() => chosen.push(key),
                        Some(at) => chosen[at] = key,
                        None => {}
                    }
                }
                match page.into_iter().next_back() {
                    Some(last) => after = Some(last),
                    None => return Ok(chosen),
                }
            }
        })
        .await
    }
}

/// Where the `seen`-th of a stream goes in a sample of `count`; `None`: nowhere.
fn place(count: usize, seen: u64, rng: &dyn Random) -> Option<usize> {
    if seen <= count as u64 {
        return usize::try_from(seen - 1).ok();
    }
    let mut bytes = [0; 8];
    // Without random bytes the sample is the first ones.
    rng.fill(&mut bytes).ok()?;
    usize::try_from(u64::from_be_bytes(bytes) % seen).ok().filter(|at| *at < count)
}

impl Drill<'_> {
    fn tell(&self) {
        let DrillReport { rows, bytes, .. } = self.report;
        (self.tell)(DrillProgress { rows, of: self.of, contents: self.contents, bytes });
    }

    /// Restores all rows; `false` if they cannot be, which is then a problem.
    async fn rows(&mut self) -> Result<bool, StoreError> {
        let snapshot = self.from.snapshot().await?;
        let (root, rows) = snapshot.measure().await?;
        self.of = rows;
        self.report.position = snapshot.position();
        self.to.begin_load().await?;
        match self.copy_rows(&snapshot).await {
            Ok(()) => {}
            Err(StoreError::DamagedRow { table, key }) => {
                self.report.problem(DrillProblem {
                    kind: "row-damaged",
                    object: format!("{table} {key}"),
                    owner: None,
                    detail: "it does not match its digest, so the rows cannot be restored".into(),
                });
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        let moment = (snapshot.position(), snapshot.chain_hash());
        match self.to.finish_rows(moment, root).await {
            Ok(()) => Ok(true),
            Err(StoreError::BadSnapshot(detail)) => {
                let (kind, object) = ("state-root", "all rows".to_owned());
                self.report.problem(DrillProblem { kind, object, owner: None, detail });
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn copy_rows(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        for table in SNAPSHOT_TABLES {
            let mut after = None;
            loop {
                let page = snapshot.rows(*table, after, PAGE_BYTES).await?;
                self.report.rows += self.to.load_rows(*table, &page.rows).await?;
                self.tell();
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        Ok(())
    }

    /// Restores the contents of one version.
    async fn version(&mut self, (node, revision): (NodeId, u64)) -> Result<(), StoreError> {
        let Some(version) = self.to.version(node, revision).await? else { return Ok(()) };
        self.report.versions += 1;
        self.refs(&version, &version.refs).await?;
        for id in &version.segments {
            match self.to.segment(*id).await? {
                Some(segment) => self.refs(&version, &segment.refs).await?,
                None => self.trouble(&version, "segment-missing", "a part of its manifest"),
            }
        }
        self.contents += 1;
        self.tell();
        Ok(())
    }

    async fn refs(&mut self, version: &VersionRow, refs: &[BlobId]) -> Result<(), StoreError> {
        for blob in refs {
            let fault = match self.to.chunk(*blob).await? {
                None => Some("chunk-row-missing"),
                Some(row) => self.chunk(&row).await?,
            };
            if let Some(kind) = fault {
                self.trouble(version, kind, &format!("chunk {blob}"));
            }
        }
        Ok(())
    }

    fn trouble(&mut self, version: &VersionRow, kind: &'static str, what: &str) {
        self.report.problem(DrillProblem {
            kind,
            object: format!("version {} of node {}", version.revision, version.node),
            owner: Some(version.owner.to_string()),
            detail: format!("{what} cannot be restored"),
        });
    }

    /// Restores a chunk and reads it back; what is wrong with it.
    async fn chunk(&mut self, row: &ChunkRow) -> Result<Option<&'static str>, StoreError> {
        let ChunkRow { blob, generation, size, .. } = *row;
        if row.place == ChunkPlace::Inline {
            let read = self.to.read_inline_chunks(&[blob]).await?.pop().flatten();
            return Ok(match read {
                Some(Ok(bytes)) if bytes.len() == size as usize => {
                    self.count(bytes.len());
                    None
                }
                Some(_) => Some("chunk-damaged"),
                None => Some("chunk-missing"),
            });
        }
        if self.to.chunk_file(blob, generation).await?.is_ok() {
            // Another version has brought it.
            return Ok(None);
        }
        let bytes = match self.from.chunk_file(blob, generation).await? {
            Ok(bytes) if bytes.len() == size as usize => bytes,
            Ok(_) => return Ok(Some("chunk-damaged")),
            Err(_) if self.was_collected(row).await? => return Ok(None),
            Err(kind) => return Ok(Some(kind)),
        };
        drop(self.to.put_replicated(blob, generation, bytes).await?);
        match self.to.chunk_file(blob, generation).await? {
            Ok(bytes) => self.count(bytes.len()),
            Err(kind) => return Ok(Some(kind)),
        }
        Ok(None)
    }

    fn count(&mut self, bytes: usize) {
        self.report.chunks += 1;
        self.report.bytes += bytes as u64;
    }

    /// Whether the chunk went after the moment that is restored.
    async fn was_collected(&self, row: &ChunkRow) -> Result<bool, StoreError> {
        let now = self.from.chunk(row.blob).await?;
        Ok(now.is_none_or(|now| {
            now.generation != row.generation || now.state == ChunkState::Deleting
        }))
    }

    /// Restores the files of all chunks. What cannot be restored is named by the check
    /// of the copy, with the versions that need it.
    async fn everything(&mut self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let (missing, next) = self.to.missing_chunks(after).await?;
            for Arrival { blob, .. } in missing {
                if let Some(row) = self.to.chunk(blob).await? {
                    self.chunk(&row).await?;
                }
                self.contents += 1;
                self.tell();
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Checks the copy: all rows, and with everything all chunks.
    async fn check(&mut self, chunks: bool) -> Result<(), StoreError> {
        let options = CheckOptions { chunks, described: MAX_NAMED, ..CheckOptions::default() };
        let checked = self.to.check(options, |_| {}).await?;
        if chunks {
            self.report.versions = self.to.count_versions().await?;
        }
        let named = checked.problems.len() as u64;
        for problem in checked.problems {
            self.report.problem(DrillProblem {
                kind: problem.kind.name(),
                object: problem.object,
                owner: problem.owner.map(|owner| owner.to_string()),
                detail: problem.detail,
            });
        }
        self.report.problem_count += checked.counts.problems.saturating_sub(named);
        Ok(())
    }
}

impl Store {
    async fn count_versions(&self) -> Result<u64, StoreError> {
        self.on_own_connection(|conn| {
            let rows = conn.query("SELECT COUNT(*) FROM versions", &[])?;
            match rows.first().map(Vec::as_slice) {
                Some([Value::Int(count)]) => Ok(count.cast_unsigned()),
                _ => Ok(0),
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::SystemRandom;

    #[test]
    fn every_version_is_as_likely_as_every_other() {
        let mut hits = [0_u32; 20];
        for _ in 0..4_000 {
            let mut chosen = Vec::new();
            for seen in 1..=20 {
                match place(5, seen, &SystemRandom) {
                    Some(at) if at == chosen.len() => chosen.push(seen),
                    Some(at) => chosen[at] = seen,
                    None => {}
                }
            }
            assert_eq!(chosen.len(), 5);
            for seen in chosen {
                hits[seen as usize - 1] += 1;
            }
        }
        // A thousand each is expected; the bounds are ten standard deviations away.
        assert!(hits.iter().all(|hits| (700..1_300).contains(hits)), "{hits:?}");
    }
}
