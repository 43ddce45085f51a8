//! Deleting a directory with all that is in it, from the leaves up, in commits
//! of bounded size. Each commit has the root's row as its precondition, so that
//! a directory that is restored meanwhile loses no more, and each directory only
//! goes when it is empty, so that nothing is ever left without a parent.

use crate::changes::Change;
use crate::commit::{CommitError, Precondition};
use crate::error::StoreError;
use crate::rows::{KIND_DIRECTORY, NodeRow};
use crate::store::Store;

/// Nodes that are deleted by one commit.
const LEAVES: usize = 256;
/// Directories that are looked into for one commit.
const VISITS: usize = 1_024;
/// Entries of a directory that are read at a time.
const PAGE: u32 = 256;

impl Store {
    /// Deletes a node and everything below it. Returns how many nodes have gone,
    /// or `None` if somebody changed it at the moment.
    pub(super) async fn delete_subtree(&self, root: &NodeRow) -> Result<Option<u64>, StoreError> {
        let mut gone = 0;
        let mut at_once = LEAVES;
        let mut thinned = None;
        loop {
            let mut leaves = self.leaves(root).await?;
            leaves.truncate(at_once);
            let Some(first) = leaves.first() else {
                let text = format!("directory {} is inside itself", root.node);
                return Err(CommitError::Inconsistent(text).into());
            };
            match self.delete_leaves(root, &leaves).await {
                Ok(true) => {
                    gone += leaves.len() as u64;
                    if leaves.iter().any(|leaf| leaf.node == root.node) {
                        return Ok(Some(gone));
                    }
                }
                Ok(false) => return Ok(None),
                Err(StoreError::Commit(CommitError::TooLarge(_))) if at_once > 1 => at_once /= 2,
                // A single file with very many versions: those go first.
                Err(StoreError::Commit(CommitError::TooLarge(_)))
                    if first.kind != KIND_DIRECTORY && thinned != Some(first.node) =>
                {
                    thinned = Some(first.node);
                    if !self.thin_out(first).await? {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn delete_leaves(&self, root: &NodeRow, leaves: &[NodeRow]) -> Result<bool, StoreError> {
        let at = |row: &NodeRow| Precondition::NodeAt { node: row.node, revision: row.revision };
        let mut preconditions = vec![at(root)];
        preconditions.extend(leaves.iter().map(at));
        let directories = leaves.iter().filter(|leaf| leaf.kind == KIND_DIRECTORY);
        preconditions.extend(directories.map(|leaf| Precondition::Childless(leaf.node)));
        let changes = leaves.iter().map(|leaf| Change::DeleteNode(leaf.node)).collect();
        self.commit_unless_changed(preconditions, changes).await
    }

    /// Some of the nodes of a subtree that have nothing below them. None only if
    /// damage has made a directory its own ancestor.
    async fn leaves(&self, root: &NodeRow) -> Result<Vec<NodeRow>, StoreError> {
        if root.kind != KIND_DIRECTORY {
            return Ok(vec![root.clone()]);
        }
        let mut leaves = Vec::new();
        let mut directories = vec![root.clone()];
        for _ in 0..VISITS {
            let Some(directory) = directories.pop() else { break };
            let entries = self.descendants(directory.node, None, PAGE).await?;
            if entries.is_empty() {
                leaves.push(directory);
            }
            for entry in entries {
                if entry.kind == KIND_DIRECTORY {
                    directories.push(entry);
                } else {
                    leaves.push(entry);
                }
            }
            if leaves.len() >= LEAVES {
                break;
            }
        }
        leaves.truncate(LEAVES);
        Ok(leaves)
    }
}
