//! Deleting for good.
//!
//! Guarantees: only what is in the owner's own trash is purged, and old versions
//! that the owner names; each step is one bounded commit that deletes leaves only (files
//! with their versions, directories with nothing in them), so that an
//! interrupted purge leaves a smaller tree and no orphan; something put back
//! in the meantime stays.

use super::resolve::in_trash;
use crate::answer::Answer;
use crate::cx::Cx;
use crate::fault::{Outcome, because, hinted, plain, too_many};
use crate::op::{Done, Draft, Mutation};
use crate::rows::{commit_failed, read_failed};
use crate::service::Core;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_BATCH_NODES;
use coffer_protocol::message::tree::{PurgeTrash, PurgeVersions, PurgeWhat};
use coffer_protocol::{NodeId, OpId};
use coffer_store::{Change, Commit, CommitError, KIND_FILE, NodeRow, Precondition, VersionRow};

/// Records that one commit deletes.
const MAX_RECORDS: usize = 1000;
/// Records read at a time.
const BATCH: u32 = 250;
/// Versions that go with their file in one commit.
const MAX_VERSIONS: u32 = 500;
/// Commits of one request.
const MAX_COMMITS: u32 = 16;

/// Leaves to delete, collected up to a bound.
#[derive(Default)]
pub(crate) struct Leaves {
    pub(crate) preconditions: Vec<Precondition>,
    pub(crate) changes: Vec<Change>,
    /// Nodes among them.
    pub(crate) nodes: u64,
    /// Something is left above or beside them.
    pub(crate) more: bool,
    records: usize,
}

impl Leaves {
    fn is_full(&self) -> bool {
        self.records >= MAX_RECORDS
    }

    fn add(&mut self, row: &NodeRow) {
        self.preconditions.push(at_row(row));
        if row.kind != KIND_FILE {
            self.preconditions.push(Precondition::Childless(row.node));
        }
        self.changes.push(Change::DeleteNode(row.node));
        self.nodes += 1;
        self.records += 1;
    }

    /// As a commit that is not a client's operation.
    pub(crate) fn into_commit(self) -> Commit {
        let Self { preconditions, changes, .. } = self;
        Commit { preconditions, changes, ..Commit::default() }
    }
}

fn at_row(row: &NodeRow) -> Precondition {
    Precondition::NodeAt { node: row.node, revision: row.revision }
}

impl Core {
    /// Collects leaves of the tree below and with a node, deepest first.
    pub(crate) async fn leaves(&self, root: NodeRow, leaves: &mut Leaves) -> Outcome<()> {
        let mut stack = vec![(root, None)];
        while let Some((row, after)) = stack.pop() {
            if leaves.is_full() {
                leaves.more = true;
                return Ok(());
            }
            if row.kind == KIND_FILE {
                self.leaf_file(&row, leaves).await?;
                continue;
            }
            let found = self.store.descendants(row.node, after, BATCH).await;
            let found = found.map_err(|error| read_failed(&error))?;
            match found.last() {
                // What was collected below a directory is not deleted yet: the
                // directory's turn comes with the next commit.
                None if after.is_some() => leaves.more = true,
                None => leaves.add(&row),
                Some(last) => {
                    let last = last.node;
                    stack.push((row, Some(last)));
                    stack.extend(found.into_iter().map(|child| (child, None)));
                }
            }
        }
        Ok(())
    }

    /// A file, which takes its versions with it; one with very many loses some
    /// of them first.
    async fn leaf_file(&self, row: &NodeRow, leaves: &mut Leaves) -> Outcome<()> {
        let found = self.store.versions(row.node, None, MAX_VERSIONS).await;
        let found = found.map_err(|error| read_failed(&error))?;
        leaves.records += found.len();
        if found.len() < MAX_VERSIONS as usize {
            leaves.add(row);
            return Ok(());
        }
        leaves.preconditions.push(at_row(row));
        let delete = |version: &VersionRow| Change::DeleteVersion(row.node, version.revision);
        leaves.changes.extend(found.iter().map(delete));
        leaves.more = true;
        Ok(())
    }
}

/// The last commit of a purge, kept with its operation.
struct Purge<'a> {
    request: &'a PurgeTrash,
    /// Nodes that earlier commits of the request deleted.
    before: u64,
}

impl Mutation for Purge<'_> {
    fn op(&self) -> OpId {
        self.request.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        let leaves = cx.purgeable_leaves(&self.request.what).await?;
        let mut draft = Draft::new(Answer::Purged(self.before + leaves.nodes, leaves.more));
        draft.preconditions = leaves.preconditions;
        draft.changes = leaves.changes;
        Ok(draft)
    }
}

impl Cx {
    /// Purges from the trash, as far as one request goes.
    pub(crate) async fn purge_trash(&self, request: &PurgeTrash) -> Outcome<Done> {
        if let Some(done) = self.first_answer(request.op).await? {
            return Ok(done);
        }
        let mut before = 0;
        for _ in 1..MAX_COMMITS {
            let leaves = self.purgeable_leaves(&request.what).await?;
            if !leaves.more || leaves.changes.is_empty() {
                break;
            }
            let nodes = leaves.nodes;
            match self.store().commit(leaves.into_commit()).await {
                Ok(_) => before += nodes,
                // Something came or went in the meantime: look again.
                Err(CommitError::Precondition { .. }) => {}
                Err(error) => return Err(commit_failed(&error)),
            }
        }
        self.carry_out(&Purge { request, before }).await
    }

    async fn purgeable_leaves(&self, what: &PurgeWhat) -> Outcome<Leaves> {
        let mut leaves = Leaves::default();
        match what {
            PurgeWhat::Nodes(nodes) if nodes.len() > MAX_BATCH_NODES => {
                return Err(too_many("items", MAX_BATCH_NODES));
            }
            PurgeWhat::Nodes(nodes) => {
                for node in nodes {
                    self.purge_node(*node, &mut leaves).await?;
                }
            }
            PurgeWhat::Everything => {
                let page = self.trash_page(None, BATCH).await?;
                leaves.more = page.next.is_some();
                for row in page.rows {
                    self.purge_row(row, &mut leaves).await?;
                }
            }
        }
        Ok(leaves)
    }

    async fn purge_node(&self, node: NodeId, leaves: &mut Leaves) -> Outcome<()> {
        let row = match self.own_row(node).await {
            Ok(row) => row,
            Err(error) if error.code == ErrorCode::NOT_FOUND => {
                return self.refuse_others(node).await;
            }
            Err(error) => return Err(error),
        };
        if row.trashed_millis.is_none() {
            return Err(because(ErrorCode::NOT_ALLOWED, "it is not in the trash"));
        }
        self.purge_row(row, leaves).await
    }

    /// Refuses what the user can see, but does not own. What is not there at all
    /// may be what a purge that goes on has deleted already.
    async fn refuse_others(&self, node: NodeId) -> Outcome<()> {
        let seen = match self.trashed(node).await {
            Ok(trashed) => trashed.node.access,
            Err(error) if error.code == ErrorCode::NOT_FOUND => return Ok(()),
            Err(error) => return Err(error),
        };
        seen.require_owner()
    }

    async fn purge_row(&self, row: NodeRow, leaves: &mut Leaves) -> Outcome<()> {
        if leaves.is_full() {
            leaves.more = true;
            return Ok(());
        }
        // Putting the root of a trashed tree back bumps its record, and thereby
        // stops a purge that has read it before.
        leaves.preconditions.push(at_row(&row));
        self.core.leaves(row, leaves).await
    }
}

impl Mutation for PurgeVersions {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        let node = cx.node(&self.place).await?;
        node.require_file()?;
        node.access.require_owner()?;
        if node.row.trashed_millis.is_some() {
            return Err(in_trash());
        }
        let current = node.row.content_revision;
        if self.revisions.contains(&current) {
            let hint = "the current version stays; delete the file instead";
            return Err(hinted(ErrorCode::NOT_ALLOWED, hint));
        }
        let (revisions, more) = cx.purgeable(&node.row, &self.revisions).await?;
        let count = revisions.len() as u64;
        let mut draft = Draft::new(Answer::Purged(count, more));
        draft.require(at_row(&node.row));
        let delete = |revision| Change::DeleteVersion(node.row.node, revision);
        draft.changes = revisions.into_iter().map(delete).collect();
        Ok(draft)
    }
}

impl Cx {
    /// Which versions to delete now, and whether there are more.
    async fn purgeable(&self, row: &NodeRow, wanted: &[u64]) -> Outcome<(Vec<u64>, bool)> {
        if wanted.is_empty() {
            let limit = MAX_RECORDS as u32;
            let page = self.versions_page(row.node, Some(row.content_revision), limit).await?;
            let revisions = page.rows.iter().map(|row| row.revision).collect();
            return Ok((revisions, page.next.is_some()));
        }
        if wanted.len() > MAX_RECORDS {
            return Err(too_many("versions", MAX_RECORDS));
        }
        let mut revisions = wanted.to_vec();
        revisions.sort_unstable();
        revisions.dedup();
        for revision in &revisions {
            if *revision > row.content_revision {
                return Err(plain(ErrorCode::NO_SUCH_VERSION));
            }
            self.version(row, *revision).await?;
        }
        Ok((revisions, false))
    }
}
