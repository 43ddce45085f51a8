//! What a user may do with a node.
//!
//! Guarantees: every request asks anew, whatever keys the session holds; a node
//! of another user is there only when a share that has not ended leads to it,
//! the share's grant opens (which proves its mode and its end), and nothing from
//! the node up to the root of its tree is in the trash; of what is above a
//! share nothing is handed on.

use crate::cx::Cx;
use crate::fault::{Outcome, because, plain};
use crate::op::Draft;
use crate::rows::node_failed;
use crate::tree::node::{Dir, Node};
use coffer_crypto::NodeKeys;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{NodeId, UserId};
use coffer_store::{MODE_READ, MODE_WRITE, NodeRow, Precondition, Reach, ShareRow};
use std::cmp::Reverse;
use std::sync::Arc;

/// What the signed-in user may do with a node, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    /// It is shared with the user to read.
    Read,
    /// It is shared with the user to read and write.
    Write,
    /// It is the user's own.
    Owner,
}

impl Access {
    /// What a share allows.
    fn of(share: &ShareRow) -> Option<Self> {
        match share.mode {
            MODE_READ => Some(Self::Read),
            MODE_WRITE => Some(Self::Write),
            _ => None,
        }
    }

    /// Refuses what only a writer may do.
    pub(crate) fn require_write(self) -> Outcome<()> {
        if self >= Self::Write {
            return Ok(());
        }
        Err(because(ErrorCode::NOT_ALLOWED, "it is shared with you to read, not to change"))
    }

    /// Refuses what only the owner may do.
    pub(crate) fn require_owner(self) -> Outcome<()> {
        if self == Self::Owner {
            return Ok(());
        }
        Err(because(ErrorCode::NOT_ALLOWED, "only its owner can do this"))
    }
}

/// A shared node from which the user comes to another one.
struct Root {
    /// Its place in the chain of parents; 0 is the other node itself.
    height: usize,
    access: Access,
    keys: Arc<NodeKeys>,
    name: String,
}

/// Something in the trash that the user may put back.
pub(crate) struct Trashed {
    pub(crate) node: Node,
    /// What still has to be so at the commit.
    pub(crate) guards: Vec<Precondition>,
}

impl Cx {
    /// A node's record; one that the user may not see does not exist.
    pub(crate) async fn row(&self, node: NodeId) -> Outcome<NodeRow> {
        let reach = self.reach(node).await?;
        if reach.chain[0].owner != self.user() {
            self.root(&reach).await?;
        }
        Ok(row_of(reach))
    }

    /// The record of a node of the user's own.
    pub(crate) async fn own_row(&self, node: NodeId) -> Outcome<NodeRow> {
        let row = self.store().node(node).await.map_err(|error| node_failed(node, &error))?;
        row.filter(|row| row.owner == self.user()).ok_or_else(|| plain(ErrorCode::NOT_FOUND))
    }

    /// The record of a child of a directory that the user may see.
    pub(crate) async fn row_below(&self, dir: &Dir, child: NodeId) -> Outcome<NodeRow> {
        let row = self.store().node(child).await.map_err(|error| node_failed(child, &error))?;
        row.filter(|row| row.owner == dir.owner && row.parent == dir.id)
            .ok_or_else(|| plain(ErrorCode::NOT_FOUND))
    }

    /// A node by its id: one of the user's own, live or in the trash, or a live
    /// one that is shared.
    pub(crate) async fn node_by_id(&self, id: NodeId) -> Outcome<Node> {
        let reach = self.reach(id).await?;
        if reach.chain[0].owner == self.user() {
            return self.node_of_row(row_of(reach)).await;
        }
        let root = self.root(&reach).await?;
        if root.height > 0 {
            let parent = self.dir_of(&reach.chain, 1, root)?;
            let row = row_of(reach);
            let (keys, access) = (self.keys_below(&parent.keys, &row)?, parent.access);
            return Ok(Node { row, keys, parent: Some(parent), access, shared_as: None });
        }
        let parent = match self.strongest(&reach, 1).await {
            Ok(Some(outer)) => Some(self.dir_of(&reach.chain, 1, outer)?),
            Ok(None) => None,
            Err(error) if error.code == ErrorCode::INTEGRITY => None,
            Err(error) => return Err(error),
        };
        let Root { access, keys, name, .. } = root;
        let shared_as = parent.is_none().then_some(name);
        Ok(Node { row: row_of(reach), keys, parent, access, shared_as })
    }

    /// Something in the trash: of the user's own, or deleted from a directory
    /// that is live and shared with the user to write.
    pub(crate) async fn trashed(&self, id: NodeId) -> Outcome<Trashed> {
        let not_found = || plain(ErrorCode::NOT_FOUND);
        let reach = self.reach(id).await?;
        let (own, trashed) = (reach.chain[0].owner == self.user(), &reach.chain[0].trashed_millis);
        if trashed.is_none() {
            let text = "it is not in the trash";
            return Err(if own { because(ErrorCode::NOT_FOUND, text) } else { not_found() });
        }
        if own {
            let node = self.node_of_row(row_of(reach)).await?;
            return Ok(Trashed { node, guards: Vec::new() });
        }
        // Only a share of what is live counts: the first live node or one above.
        let live = live_from(&reach.chain);
        let root = self.strongest(&reach, live).await?.ok_or_else(not_found)?;
        root.access.require_write()?;
        let access =
            Precondition::Access { user: self.user(), node: reach.chain[live].node, write: true };
        let between = reach.chain[1..live].iter().filter(|row| row.trashed_millis.is_some());
        let stays = |row: &NodeRow| Precondition::NodeAt { node: row.node, revision: row.revision };
        let guards = between.map(stays).chain([access]).collect();
        let parent = self.dir_of(&reach.chain, 1, root)?;
        let row = row_of(reach);
        let (keys, access) = (self.keys_below(&parent.keys, &row)?, parent.access);
        let node = Node { row, keys, parent: Some(parent), access, shared_as: None };
        Ok(Trashed { node, guards })
    }

    /// The directory, if the user may write there. Names may have led from a
    /// weak share down to where a stronger one begins.
    pub(crate) async fn writable(&self, dir: &Dir) -> Outcome<Dir> {
        if dir.access >= Access::Write {
            return Ok(dir.clone());
        }
        let again = self.node_by_id(dir.id).await?.into_dir()?;
        again.access.require_write()?;
        Ok(again)
    }

    /// Refuses a node that the user may not change. What guards the change is
    /// added to the draft.
    pub(crate) async fn require_writable(&self, draft: &mut Draft, node: &Node) -> Outcome<()> {
        if node.access >= Access::Write {
            draft.require_access(self.user(), node, true);
            return Ok(());
        }
        let again = self.node_by_id(node.row.node).await?;
        again.access.require_write()?;
        draft.require_access(self.user(), &again, true);
        Ok(())
    }

    async fn reach(&self, node: NodeId) -> Outcome<Reach> {
        let reach = self.store().reach(self.user(), node).await;
        let reach = reach.map_err(|error| node_failed(node, &error))?;
        reach.filter(|reach| !reach.chain.is_empty()).ok_or_else(|| plain(ErrorCode::NOT_FOUND))
    }

    /// The share that gives most, of a node of another user.
    async fn root(&self, reach: &Reach) -> Outcome<Root> {
        let not_found = || plain(ErrorCode::NOT_FOUND);
        if live_from(&reach.chain) > 0 {
            return Err(not_found());
        }
        self.strongest(reach, 0).await?.ok_or_else(not_found)
    }

    /// The strongest share from some height of the chain upwards, and of equally
    /// strong ones the nearest. What a row says counts only if the grant opens.
    async fn strongest(&self, reach: &Reach, from: usize) -> Outcome<Option<Root>> {
        let now = self.millis();
        let mut shares: Vec<_> = reach
            .shares
            .iter()
            .filter(|share| share.is_live(now))
            .filter_map(|share| {
                let height = reach.chain.iter().position(|row| row.node == share.node)?;
                let owned = reach.chain[..=height].iter().all(|row| row.owner == share.owner);
                (owned && height >= from).then_some((Access::of(share)?, height, share))
            })
            .collect();
        shares.sort_by_key(|(access, height, _)| (Reverse(*access), *height));
        let mut damaged = None;
        for (access, height, share) in shares {
            match self.shared_keys(&reach.chain[height], share).await {
                Ok((keys, name)) => return Ok(Some(Root { height, access, keys, name })),
                Err(error) if error.code == ErrorCode::INTEGRITY => damaged = Some(error),
                Err(error) => return Err(error),
            }
        }
        damaged.map_or(Ok(None), Err)
    }

    /// Opens a directory of a chain, from a shared one at or above it.
    fn dir_of(&self, chain: &[NodeRow], height: usize, root: Root) -> Outcome<Dir> {
        let mut keys = root.keys;
        for row in chain[height..root.height].iter().rev() {
            keys = self.keys_below(&keys, row)?;
        }
        let row = &chain[height];
        Ok(Dir { id: row.node, keys, owner: row.owner, access: root.access })
    }
}

/// Place of the lowest node of a chain that is live, with all above it.
fn live_from(chain: &[NodeRow]) -> usize {
    chain.iter().rposition(|row| row.trashed_millis.is_some()).map_or(0, |last| last + 1)
}

/// The record of the node itself.
fn row_of(mut reach: Reach) -> NodeRow {
    reach.chain.swap_remove(0)
}

impl Draft {
    /// Something is put into a directory: of another user, the share must still
    /// be there at the commit.
    pub(crate) fn require_writable(&mut self, user: UserId, dir: &Dir) {
        if dir.access != Access::Owner {
            self.require_once(Precondition::Access { user, node: dir.id, write: true });
        }
    }

    /// A node is read or changed: the same. Many nodes of one directory are
    /// asked about by their directory, while their records say they are in it.
    pub(crate) fn require_access(&mut self, user: UserId, node: &Node, write: bool) {
        if node.access == Access::Owner {
            return;
        }
        let (id, revision) = (node.row.node, node.row.revision);
        match &node.parent {
            Some(parent) if !write || parent.access >= Access::Write => {
                self.require_once(Precondition::NodeAt { node: id, revision });
                self.require_once(Precondition::Access { user, node: parent.id, write });
            }
            _ => self.require_once(Precondition::Access { user, node: id, write }),
        }
    }
}
