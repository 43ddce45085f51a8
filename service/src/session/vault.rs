//! The keys of one session.
//!
//! Guarantees: the user's root key and every node key the session has opened
//! live here, behind one lock, in types that wipe themselves; the number of
//! node keys is bounded; `Session::end` drops all of them at once.

use crate::fault::{Outcome, integrity};
use crate::recent::Recent;
use coffer_crypto::node::unwrap_home;
use coffer_crypto::{Key32, NodeKeys};
use coffer_protocol::NodeId;
use coffer_store::NodeRow;
use std::sync::Arc;

/// A node's keys with the record they were taken from: a record that was
/// moved, re-wrapped or altered since does not match it.
struct Opened {
    keys: Arc<NodeKeys>,
    parent: NodeId,
    epoch: u32,
    wrapped: Vec<u8>,
}

impl Opened {
    fn is_of(&self, row: &NodeRow) -> bool {
        self.parent == row.parent && self.epoch == row.key_epoch && self.wrapped == row.key_ct
    }
}

/// Root key, attach key and a bounded number of node keys.
pub(super) struct Vault {
    root: Key32,
    attach: Key32,
    nodes: Recent<NodeId, Opened>,
}

impl Vault {
    pub(super) fn new(root: Key32, attach: Key32, cached_keys: usize) -> Self {
        Self { root, attach, nodes: Recent::new(cached_keys.max(8)) }
    }

    pub(super) fn root(&self) -> &Key32 {
        &self.root
    }

    pub(super) fn attach(&self) -> &Key32 {
        &self.attach
    }

    /// Keys of a node, if they were opened from this very record.
    pub(super) fn get(&mut self, row: &NodeRow) -> Option<Arc<NodeKeys>> {
        let opened = self.nodes.get(&row.node)?;
        opened.is_of(row).then(|| Arc::clone(&opened.keys))
    }

    /// Keys of a node that cannot be re-wrapped: the home directory.
    pub(super) fn by_id(&mut self, node: NodeId) -> Option<Arc<NodeKeys>> {
        self.nodes.get(&node).map(|opened| Arc::clone(&opened.keys))
    }

    pub(super) fn put(&mut self, row: &NodeRow, keys: &Arc<NodeKeys>) {
        let opened = Opened {
            keys: Arc::clone(keys),
            parent: row.parent,
            epoch: row.key_epoch,
            wrapped: row.key_ct.clone(),
        };
        self.nodes.put(row.node, opened);
    }

    /// Opens the home directory with the root key.
    pub(super) fn open_home(&mut self, row: &NodeRow) -> Outcome<Arc<NodeKeys>> {
        if let Some(keys) = self.get(row) {
            return Ok(keys);
        }
        let key = unwrap_home(&self.root, &row.key_ct, &row.node.0, row.key_epoch)
            .map_err(|_| integrity(row.node))?;
        let keys = Arc::new(NodeKeys::derive(&key, &row.node.0, row.key_epoch));
        self.put(row, &keys);
        Ok(keys)
    }
}
