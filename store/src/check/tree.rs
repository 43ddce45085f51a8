//! Every row against its digest, and every row that another one names.

use super::Checker;
use super::count::RangeCount;
use super::report::{CheckStage, ProblemKind};
use super::scan::Pages;
use crate::db::Value;
use crate::error::StoreError;
use crate::rows::{
    DivergedRow, InviteRow, KIND_DIRECTORY, KIND_FILE, KnownRow, NodeRow, Record, SegmentId,
    SegmentRecord, SettingRow, Table, TotalsRow, UploadRow, UserRow, VersionRow, fetch_one,
};
use coffer_protocol::{NodeId, UserId};
use std::collections::{HashMap, HashSet};

/// What the rows of a user come to: nodes, and bytes of versions.
type Totals = HashMap<UserId, (u64, u64)>;

impl Checker<'_> {
    /// All tables but the chunks and the journal.
    pub(super) fn check_rows(&mut self) -> Result<(), StoreError> {
        self.findings.stage(CheckStage::Rows);
        let mut totals = Totals::new();
        self.check_users()?;
        self.check_nodes(&mut totals)?;
        self.check_versions(&mut totals)?;
        self.check_segments()?;
        self.check_totals(totals)?;
        self.scan::<InviteRow>(|_, _| Ok(()))?;
        self.scan::<SettingRow>(|_, _| Ok(()))?;
        self.scan::<DivergedRow>(|_, _| Ok(()))?;
        self.scan::<KnownRow>(|_, _| Ok(()))?;
        self.scan::<UploadRow>(|_, _| Ok(()))?;
        self.check_sharing()
    }

    /// Reads a table and reports the rows that are damaged.
    pub(super) fn scan<R: Record>(
        &mut self,
        mut visit: impl FnMut(&mut Self, Vec<R>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut pages = Pages::<R>::after(None);
        while let Some(page) = pages.next(self.conn)? {
            let mut good = Vec::with_capacity(page.len());
            for (key, row) in page {
                self.findings.counts().rows += 1;
                self.findings.tick();
                good.extend(self.trusted(key, row)?);
            }
            visit(self, good)?;
        }
        Ok(())
    }

    /// The row, or nothing when it is damaged, which is then reported.
    pub(super) fn trusted<R: Record>(
        &mut self,
        key: Vec<Value>,
        row: Result<R, StoreError>,
    ) -> Result<Option<R>, StoreError> {
        match row {
            Ok(row) => Ok(Some(row)),
            Err(StoreError::DamagedRow { table, key: text }) => {
                let owner = self.claimed_owner(R::TABLE, key)?;
                let detail = "the row does not match its digest";
                let object = format!("row {text} of table {table}");
                self.findings.problem(ProblemKind::RowDamaged, object, owner, detail);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Whose a damaged row says it is, true or not.
    fn claimed_owner(
        &mut self,
        table: &Table,
        key: Vec<Value>,
    ) -> Result<Option<UserId>, StoreError> {
        if !table.columns.iter().any(|(name, _)| *name == "owner") {
            return Ok(None);
        }
        let head = format!("SELECT owner FROM {}", table.name);
        let rows = self.conn.query_keys(&head, &table.key_names(), &[key])?;
        Ok(rows.into_iter().flatten().next().and_then(|value| match value {
            Value::Bytes(bytes) => UserId::from_slice(&bytes),
            _ => None,
        }))
    }

    fn check_users(&mut self) -> Result<(), StoreError> {
        self.scan::<UserRow>(|check, users| {
            let homes = check.kinds_of(users.iter().map(|user| user.home))?;
            for user in users {
                if homes.get(&user.home) != Some(&KIND_DIRECTORY) {
                    let object = format!("user {}", user.user);
                    let detail = format!("the home directory {} does not exist", user.home);
                    let kind = ProblemKind::HomeMissing;
                    check.findings.problem(kind, object, Some(user.user), detail);
                }
            }
            Ok(())
        })
    }

    fn check_nodes(&mut self, totals: &mut Totals) -> Result<(), StoreError> {
        self.scan::<NodeRow>(|check, nodes| {
            let parents = check.kinds_of(nodes.iter().map(|node| node.parent))?;
            let users = check.existing_users(nodes.iter().map(|node| node.owner))?;
            let files = nodes.iter().filter(|node| node.kind == KIND_FILE);
            let versions = check.existing_versions(files.map(version_of))?;
            for node in nodes {
                totals.entry(node.owner).or_default().0 += 1;
                let object = format!("node {}", node.node);
                let owner = Some(node.owner);
                if parents.get(&node.parent) != Some(&KIND_DIRECTORY) {
                    let detail = format!("the directory {} does not exist", node.parent);
                    let kind = ProblemKind::ParentMissing;
                    check.findings.problem(kind, object.clone(), owner, detail);
                }
                if !users.contains(&node.owner) {
                    let (kind, detail) = (ProblemKind::OwnerMissing, "the owner does not exist");
                    check.findings.problem(kind, object.clone(), owner, detail);
                }
                if node.kind == KIND_FILE && !versions.contains(&version_of(&node)) {
                    let detail = format!("its content {} does not exist", node.content_revision);
                    check.findings.problem(ProblemKind::VersionMissing, object, owner, detail);
                }
            }
            Ok(())
        })
    }

    fn check_versions(&mut self, totals: &mut Totals) -> Result<(), StoreError> {
        self.scan::<VersionRow>(|check, versions| {
            let nodes = check.kinds_of(versions.iter().map(|version| version.node))?;
            for version in versions {
                let bytes = &mut totals.entry(version.owner).or_default().1;
                *bytes = bytes.saturating_add(version.size);
                if nodes.get(&version.node) != Some(&KIND_FILE) {
                    let object = format!("version {} of node {}", version.revision, version.node);
                    let (kind, owner) = (ProblemKind::VersionWithoutFile, Some(version.owner));
                    check.findings.problem(kind, object, owner, "there is no such file");
                }
            }
            Ok(())
        })
    }

    /// Counts how many versions name each segment.
    fn check_segments(&mut self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let mut counted = RangeCount::new(after, self.options.chunks_in_memory);
            let mut pages = Pages::<VersionRow>::after(None);
            while let Some(page) = pages.next(self.conn)? {
                for version in page.into_iter().flat_map(|(_, row)| row) {
                    let named: HashSet<_> = version.segments.into_iter().collect();
                    for segment in named {
                        counted.add(segment);
                    }
                }
            }
            let last = counted.continues_after();
            self.compare_segments(after, counted)?;
            if last.is_none() {
                return Ok(());
            }
            after = last;
        }
    }

    fn compare_segments(
        &mut self,
        after: Option<SegmentId>,
        mut counted: RangeCount<SegmentId>,
    ) -> Result<(), StoreError> {
        let mut pages = Pages::<SegmentRecord>::after(after.map(|id| vec![(&id).into()]));
        'scan: while let Some(page) = pages.next(self.conn)? {
            for (key, row) in page {
                let Some(record) = self.trusted(key, row)? else { continue };
                if !counted.contains(&record.row.segment) {
                    break 'scan;
                }
                self.findings.counts().rows += 1;
                self.findings.tick();
                let found = counted.take(&record.row.segment);
                if found != record.named {
                    let object = format!("segment {}", hex(&record.row.segment));
                    let detail = format!("{found} versions name it, its row says {}", record.named);
                    let (kind, owner) = (ProblemKind::ReferenceCount, Some(record.row.owner));
                    self.findings.problem(kind, object, owner, detail);
                }
            }
        }
        for (segment, versions) in counted.rest() {
            let detail = format!("it does not exist, and {versions} versions name it");
            let object = format!("segment {}", hex(&segment));
            self.findings.problem(ProblemKind::SegmentMissing, object, None, detail);
        }
        Ok(())
    }

    /// Compares the totals of the users. Keeps a few words for each user.
    fn check_totals(&mut self, mut counted: Totals) -> Result<(), StoreError> {
        self.scan::<TotalsRow>(|check, rows| {
            for row in rows {
                let (nodes, bytes) = counted.remove(&row.owner).unwrap_or_default();
                if (nodes, bytes) != (row.nodes, row.bytes) {
                    let detail = format!(
                        "{nodes} nodes and {bytes} bytes, its row says {} and {}",
                        row.nodes, row.bytes
                    );
                    let object = format!("totals of user {}", row.owner);
                    check.findings.problem(ProblemKind::Totals, object, Some(row.owner), detail);
                }
            }
            Ok(())
        })?;
        for (owner, (nodes, bytes)) in counted.into_iter().filter(|(_, sums)| *sums != (0, 0)) {
            let object = format!("totals of user {owner}");
            let detail = format!("there is no row for {nodes} nodes and {bytes} bytes");
            self.findings.problem(ProblemKind::Totals, object, Some(owner), detail);
        }
        Ok(())
    }

    /// The kinds of those nodes that exist.
    fn kinds_of(
        &mut self,
        nodes: impl Iterator<Item = NodeId>,
    ) -> Result<HashMap<NodeId, u8>, StoreError> {
        let keys = distinct(nodes.map(|node| vec![(&node.0).into()]));
        let rows = self.conn.query_keys("SELECT node,kind FROM nodes", &["node"], &keys)?;
        let read = |row: Vec<Value>| match row.as_slice() {
            [Value::Bytes(node), Value::Int(kind)] => {
                Some((NodeId::from_slice(node)?, u8::try_from(*kind).ok()?))
            }
            _ => None,
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    pub(super) fn existing_users(
        &mut self,
        users: impl Iterator<Item = UserId>,
    ) -> Result<HashSet<UserId>, StoreError> {
        let keys = distinct(users.map(|user| vec![(&user.0).into()]));
        let rows = self.conn.query_keys("SELECT user_id FROM users", &["user_id"], &keys)?;
        let read = |row: Vec<Value>| match row.as_slice() {
            [Value::Bytes(user)] => UserId::from_slice(user),
            _ => None,
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    fn existing_versions(
        &mut self,
        versions: impl Iterator<Item = (NodeId, u64)>,
    ) -> Result<HashSet<(NodeId, u64)>, StoreError> {
        let keys = distinct(versions.map(|(node, rev)| vec![(&node.0).into(), rev.into()]));
        let head = "SELECT node,revision FROM versions";
        let rows = self.conn.query_keys(head, &["node", "revision"], &keys)?;
        let read = |row: Vec<Value>| match row.as_slice() {
            [Value::Bytes(node), Value::Int(revision)] => {
                Some((NodeId::from_slice(node)?, u64::try_from(*revision).ok()?))
            }
            _ => None,
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// One row, or nothing when it is damaged, which is then reported.
    pub(super) fn one<R: Record>(&mut self, key: Vec<Value>) -> Result<Option<R>, StoreError> {
        match fetch_one(self.conn, key.clone()) {
            Ok(row) => Ok(row),
            Err(error) => self.trusted::<R>(key, Err(error)),
        }
    }
}

/// The content of a file.
fn version_of(node: &NodeRow) -> (NodeId, u64) {
    (node.node, node.content_revision)
}

/// Each key once.
pub(super) fn distinct(keys: impl Iterator<Item = Vec<Value>>) -> Vec<Vec<Value>> {
    keys.collect::<HashSet<_>>().into_iter().collect()
}

/// Bytes as an operator reads them.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
