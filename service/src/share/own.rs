//! The user's own nodes, as they are shared.
//!
//! Guarantees: only the owner comes by what seals a grant; whatever changes the
//! shares of a node raises its row revision.

use super::grant::Unsealed;
use crate::cx::Cx;
use crate::deed;
use crate::fault::{Outcome, because, plain};
use crate::op::Draft;
use crate::rows::node_failed;
use crate::tree::create::raw_key;
use crate::tree::node::{Node, kind_of, open_name};
use crate::tree::resolve::in_trash;
use coffer_crypto::{NodeKey, NodeKind};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::event::Deed;
use coffer_protocol::{NodeId, Place, UserId};
use coffer_store::{Change, NodeRow, Precondition, ShareRow};
use std::sync::Arc;

/// One of the user's own nodes, with what grants of it need.
pub(super) struct OwnNode {
    pub(super) node: Node,
    pub(super) kind: NodeKind,
    pub(super) key: Arc<NodeKey>,
    pub(super) name: Arc<str>,
}

impl OwnNode {
    pub(super) fn new(node: Node) -> Outcome<Self> {
        let whole = "the home directory cannot be shared: share what is in it";
        let parent = node.parent.as_ref();
        let parent = parent.ok_or_else(|| because(ErrorCode::NOT_ALLOWED, whole))?;
        let name = Arc::from(open_name(&parent.keys, &node.row)?);
        let key = Arc::new(raw_key(parent, &node.row)?);
        Ok(Self { kind: kind_of(&node.row)?, key, name, node })
    }

    pub(super) fn id(&self) -> NodeId {
        self.node.row.node
    }

    /// Raises the row revision of the node: a commit about it that was drafted
    /// without a look at what this one changes fails.
    pub(super) fn raise(&self, draft: &mut Draft) {
        raise(&self.node.row, draft);
    }

    /// What is done, for the record.
    pub(super) fn deed(&self, deed: Deed, other: Option<UserId>) -> deed::Done {
        deed::Done { other, ..self.node.done(deed) }
    }

    pub(super) fn unsealed(&self, row: ShareRow, public: [u8; 32]) -> Unsealed {
        let (key, name) = (Arc::clone(&self.key), Arc::clone(&self.name));
        Unsealed { row, kind: self.kind, public, key, name }
    }
}

/// Raises the row revision of a node whose shares change.
pub(super) fn raise(row: &NodeRow, draft: &mut Draft) {
    let (node, revision) = (row.node, row.revision);
    draft.require(Precondition::NodeAt { node, revision });
    draft.changes.push(Change::PutNode(NodeRow { revision: revision + 1, ..row.clone() }));
}

impl Cx {
    /// One of the user's own nodes.
    pub(super) async fn owned(&self, place: &Place) -> Outcome<OwnNode> {
        let node = self.node(place).await?;
        node.access.require_owner()?;
        OwnNode::new(node)
    }

    /// One of the user's own nodes, not in the trash.
    pub(super) async fn own_live_node(&self, place: &Place) -> Outcome<OwnNode> {
        let shared = self.owned(place).await?;
        let id = shared.id();
        let chain = self.store().chain(id).await.map_err(|error| node_failed(id, &error))?;
        let chain = chain.ok_or_else(|| plain(ErrorCode::NOT_FOUND))?;
        if chain.iter().any(|row| row.trashed_millis.is_some()) {
            return Err(in_trash());
        }
        Ok(shared)
    }
}
