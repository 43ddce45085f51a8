//! What the operator's retention lets go: users' trash, old versions, abandoned
//! uploads, old activity; and shares that have ended. All by ordinary commits of bounded size, with preconditions, so that
//! a user who restores something at the same moment wins.

use crate::changes::Change;
use crate::commit::{Commit, CommitError, Precondition};
use crate::db::Value;
use crate::error::StoreError;
use crate::rows::{NodeRow, SegmentRecord, UploadRow, VersionRow, fetch_where};
use crate::store::Store;
use coffer_protocol::NodeId;

/// Rows that are read at a time.
const PAGE: i64 = 256;
/// Versions that are deleted by one commit.
const VERSIONS_AT_ONCE: usize = 64;

/// How long things are kept that nobody asks for any more.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// What has been in a user's trash for longer goes; `None` keeps it.
    pub trash_millis: Option<i64>,
    /// Versions of a file that are kept, the current one included; `None` keeps
    /// all.
    pub versions: Option<u32>,
    /// A version that was replaced longer ago goes; `None` keeps it.
    pub version_millis: Option<i64>,
    /// Parts of an upload that was not finished for longer go.
    pub upload_millis: i64,
    /// Records of activity that are older go; `None` keeps them.
    pub activity_millis: Option<i64>,
}

impl Default for Retention {
    fn default() -> Self {
        let day = 24 * 3_600_000;
        Self {
            trash_millis: Some(30 * day),
            versions: None,
            version_millis: None,
            upload_millis: 7 * day,
            activity_millis: Some(90 * day),
        }
    }
}

/// What has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Files and directories, out of users' trash.
    pub nodes: u64,
    /// Versions of files that are still there.
    pub versions: u64,
    /// Segments of uploads that were not finished.
    pub segments: u64,
    /// Shares that had ended.
    pub shares: u64,
    /// Records of activity.
    pub activity: u64,
    /// Objects that were left because somebody changed them at the moment.
    pub busy: u64,
}

impl Store {
    /// Deletes what is past its retention.
    pub async fn expire(&self, retention: &Retention) -> Result<Expired, StoreError> {
        self.needs_primary()?;
        let now = self.environment().clock.now_millis();
        let mut gone = Expired::default();
        if let Some(keep) = retention.trash_millis {
            self.expire_trash(now.saturating_sub(keep), &mut gone).await?;
        }
        if retention.versions.is_some() || retention.version_millis.is_some() {
            self.expire_versions(retention, now, &mut gone).await?;
        }
        let before = now.saturating_sub(retention.upload_millis);
        self.expire_uploads(before, &mut gone).await?;
        self.expire_upload_rows(before).await?;
        self.expire_shares(now, &mut gone).await?;
        if let Some(keep) = retention.activity_millis {
            self.expire_activity(now.saturating_sub(keep), &mut gone).await?;
        }
        Ok(gone)
    }

    async fn expire_trash(&self, before: i64, gone: &mut Expired) -> Result<(), StoreError> {
        let mut after = NodeId([0; 16]);
        loop {
            let params = [Value::Int(before), (&after.0).into(), Value::Int(PAGE)];
            let condition = "trashed_millis<? AND node>? ORDER BY node LIMIT ?";
            let page: Vec<NodeRow> =
                self.read(move |conn| fetch_where(conn, condition, &params)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.node;
            for root in page {
                match self.delete_subtree(&root).await? {
                    Some(nodes) => gone.nodes += nodes,
                    None => gone.busy += 1,
                }
            }
        }
    }

    async fn expire_versions(
        &self,
        retention: &Retention,
        now: i64,
        gone: &mut Expired,
    ) -> Result<(), StoreError> {
        let mut after = NodeId([0; 16]);
        loop {
            let page = self.files_with_versions(after).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = *last;
            for file in page {
                let Some(node) = self.node(file).await? else { continue };
                self.expire_versions_of(&node, retention, now, gone).await?;
            }
        }
    }

    /// Files with more than one version, in the order of their ids.
    async fn files_with_versions(&self, after: NodeId) -> Result<Vec<NodeId>, StoreError> {
        let sql = "SELECT node FROM versions WHERE node>? GROUP BY node HAVING COUNT(*)>1 \
                   ORDER BY node LIMIT ?";
        let params = [Value::from(&after.0), Value::Int(PAGE)];
        let rows = self.read(move |conn| Ok(conn.query(sql, &params)?)).await?;
        let node = |row: Vec<Value>| match row.as_slice() {
            [Value::Bytes(node)] => NodeId::from_slice(node),
            _ => None,
        };
        Ok(rows.into_iter().filter_map(node).collect())
    }

    /// Walks over the versions of a file, newest first.
    async fn expire_versions_of(
        &self,
        node: &NodeRow,
        retention: &Retention,
        now: i64,
        gone: &mut Expired,
    ) -> Result<(), StoreError> {
        let keep = retention.versions.map_or(u64::MAX, |n| u64::from(n.max(1)));
        let oldest = retention.version_millis.map_or(i64::MIN, |age| now.saturating_sub(age));
        let (mut rank, mut replaced) = (0, i64::MAX);
        let mut before = None;
        let mut doomed = Vec::new();
        loop {
            let page = self.versions(node.node, before, PAGE as u32).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.revision);
            for version in page {
                rank += 1;
                // A version's age counts from when the next one replaced it.
                let past = rank > keep || replaced < oldest;
                replaced = version.written_millis;
                if past && version.revision != node.content_revision {
                    doomed.push(version.revision);
                }
                if doomed.len() == VERSIONS_AT_ONCE
                    && !self.drop_versions(node, &mut doomed, gone).await?
                {
                    return Ok(());
                }
            }
        }
        self.drop_versions(node, &mut doomed, gone).await?;
        Ok(())
    }

    /// Deletes versions of a file, unless its row has changed. Says whether it
    /// had not.
    async fn drop_versions(
        &self,
        node: &NodeRow,
        revisions: &mut Vec<u64>,
        gone: &mut Expired,
    ) -> Result<bool, StoreError> {
        if revisions.is_empty() {
            return Ok(true);
        }
        let revisions = std::mem::take(revisions);
        let changes = revisions.iter().map(|r| Change::DeleteVersion(node.node, *r)).collect();
        let unchanged = Precondition::NodeAt { node: node.node, revision: node.revision };
        if self.commit_unless_changed(vec![unchanged], changes).await? {
            gone.versions += revisions.len() as u64;
            return Ok(true);
        }
        gone.busy += 1;
        Ok(false)
    }

    /// Commits, and says whether the preconditions held.
    pub(super) async fn commit_unless_changed(
        &self,
        preconditions: Vec<Precondition>,
        changes: Vec<Change>,
    ) -> Result<bool, StoreError> {
        let commit = Commit { preconditions, changes, ..Commit::default() };
        match self.commit(commit).await {
            Ok(_) => Ok(true),
            Err(CommitError::Precondition { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes all versions of a file but the current one: of a file that has
    /// too many of them to be deleted in one go.
    pub(super) async fn thin_out(&self, node: &NodeRow) -> Result<bool, StoreError> {
        let mut gone = Expired::default();
        loop {
            let page: Vec<VersionRow> = self.versions(node.node, None, PAGE as u32).await?;
            let mut doomed: Vec<u64> = page.iter().map(|version| version.revision).collect();
            doomed.retain(|revision| *revision != node.content_revision);
            doomed.truncate(VERSIONS_AT_ONCE);
            if doomed.is_empty() {
                return Ok(true);
            }
            if !self.drop_versions(node, &mut doomed, &mut gone).await? {
                return Ok(false);
            }
        }
    }

    /// Gives up segments that no version names, one by one, because each may
    /// count the references of thousands of chunks.
    async fn expire_uploads(&self, before: i64, gone: &mut Expired) -> Result<(), StoreError> {
        let mut after = [0; 16];
        loop {
            let params = [Value::Int(before), (&after).into(), Value::Int(8)];
            let condition = "named=0 AND created_millis<? AND segment>? ORDER BY segment LIMIT ?";
            let page: Vec<SegmentRecord> =
                self.read(move |conn| fetch_where(conn, condition, &params)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.row.segment;
            for record in page {
                self.commit_changes(vec![Change::DeleteSegment(record.row.segment)]).await?;
                gone.segments += 1;
            }
        }
    }

    /// Forgets uploads of which nothing has come for long; their segments go by
    /// their own age.
    async fn expire_upload_rows(&self, before: i64) -> Result<(), StoreError> {
        loop {
            let params = [Value::Int(before), Value::Int(PAGE)];
            let condition = "touched_millis<? ORDER BY touched_millis LIMIT ?";
            let page: Vec<UploadRow> =
                self.read(move |conn| fetch_where(conn, condition, &params)).await?;
            if page.is_empty() {
                return Ok(());
            }
            let gone =
                |row: &UploadRow| Change::DeleteUpload { owner: row.owner, upload: row.upload };
            self.commit_changes(page.iter().map(gone).collect()).await?;
        }
    }
}
