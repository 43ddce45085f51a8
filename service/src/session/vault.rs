//! The keys of one session.
//!
//! Guarantees: the user's root key, the private half of the identity and every
//! node key the session has opened live here, behind one lock, in types that
//! wipe themselves; the number of node keys and of opened grants is bounded;
//! `Session::end` drops all of them at once.

use crate::fault::{Outcome, integrity};
use crate::recent::Recent;
use coffer_crypto::node::unwrap_home;
use coffer_crypto::{Identity, Key32, NodeKeys, NodeKind};
use coffer_protocol::{NodeId, ShareId};
use coffer_store::{NodeRow, ShareRow};
use std::sync::Arc;
use std::time::Duration;

/// Opened grants for each node key that a session keeps: lists of what is
/// shared with a user need all of them.
const GRANTS_PER_KEY: usize = 4;

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

/// What a grant has given, with all that was needed to open it.
#[derive(Clone)]
pub(crate) struct OpenedGrant {
    /// The row of the share: another one does not match.
    pub(crate) row: Arc<ShareRow>,
    /// Kind of the shared node.
    pub(crate) kind: NodeKind,
    /// Key by which the owner is known.
    pub(crate) owner_public: [u8; 32],
    /// Keys of the shared node.
    pub(crate) keys: Arc<NodeKeys>,
    /// Its name.
    pub(crate) name: Arc<str>,
    /// When the owner's key was last looked up.
    pub(crate) checked: Duration,
}

/// Root key, attach key, identity, and a bounded number of node keys and grants.
pub(super) struct Vault {
    root: Key32,
    attach: Key32,
    identity: Arc<Identity>,
    nodes: Recent<NodeId, Opened>,
    grants: Recent<ShareId, OpenedGrant>,
}

impl Vault {
    pub(super) fn new(root: Key32, attach: Key32, identity: Identity, cached: usize) -> Self {
        let cached = cached.max(8);
        let grants = Recent::new(cached.saturating_mul(GRANTS_PER_KEY));
        let (identity, nodes) = (Arc::new(identity), Recent::new(cached));
        Self { root, attach, identity, nodes, grants }
    }

    pub(super) fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// A grant, if it was opened from this very row.
    pub(super) fn grant(&mut self, row: &ShareRow) -> Option<OpenedGrant> {
        self.grants.get(&row.share).filter(|opened| *opened.row == *row).cloned()
    }

    pub(super) fn put_grant(&mut self, opened: OpenedGrant) {
        self.grants.put(opened.row.share, opened);
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
