//! Sealing a node into its place: its name and key under the directory it is
//! in.

use super::node::{Dir, kind_of};
use crate::cx::Cx;
use crate::fault::{Outcome, integrity, plain};
use coffer_crypto::{Meta, NodeKey, NodeKeys, NodeKind};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{NodeId, WireError};
use coffer_store::NodeRow;
use std::sync::Arc;

/// Key epoch of everything that was never re-keyed.
pub(crate) const FIRST_EPOCH: u32 = 1;
/// Content revision of a new node.
pub(crate) const FIRST_REVISION: u64 = 1;

/// A node that does not exist yet.
pub(crate) struct NewNode {
    /// Its record, complete but for the metadata.
    pub(crate) row: NodeRow,
    pub(crate) keys: Arc<NodeKeys>,
}

/// A random key could not be drawn.
pub(crate) fn no_random(error: coffer_crypto::CryptoError) -> WireError {
    tracing::error!(%error, "cryptography failed");
    plain(ErrorCode::INTERNAL)
}

/// Metadata of a directory.
pub(crate) fn directory_meta(author: [u8; 16], modified_millis: i64, now_millis: i64) -> Meta {
    Meta {
        size: 0,
        modified_millis,
        created_millis: now_millis,
        written_millis: now_millis,
        executable: false,
        author,
        content_hash: [0; 32],
        chunks: 0,
    }
}

/// Seals a node's metadata into its record.
pub(crate) fn seal_meta(keys: &NodeKeys, row: &mut NodeRow, meta: &Meta) -> Outcome<()> {
    let kind = kind_of(row)?;
    row.meta_ct = keys.seal_meta(meta, &row.node.0, kind, row.key_epoch, row.content_revision);
    Ok(())
}

/// Opens the raw key of a node, to wrap it anew elsewhere.
pub(crate) fn raw_key(parent: &Dir, row: &NodeRow) -> Outcome<NodeKey> {
    let kind = kind_of(row)?;
    parent
        .keys
        .unwrap_child(&parent.id.0, &row.key_ct, &row.node.0, kind, row.key_epoch)
        .map_err(|_| integrity(row.node))
}

/// Puts a node into a directory under a name: everything that depends on the
/// place is sealed anew.
pub(crate) fn place(row: &mut NodeRow, key: &NodeKey, dir: &Dir, name: &str) -> Outcome<()> {
    let kind = kind_of(row)?;
    row.parent = dir.id;
    row.lookup_tag = Some(dir.keys.lookup_tag(name));
    row.fold_tag = dir.keys.fold_tag(name);
    row.name_ct = dir.keys.seal_name(&dir.id.0, name, &row.node.0, kind, row.key_epoch);
    row.key_ct = dir.keys.wrap_child(&dir.id.0, key, &row.node.0, kind, row.key_epoch);
    row.trashed_millis = None;
    Ok(())
}

impl Cx {
    /// A new node in a directory, with a key of its own. It belongs to whom the
    /// directory belongs to.
    pub(crate) fn new_node(&self, dir: &Dir, name: &str, kind: NodeKind) -> Outcome<NewNode> {
        let node = NodeId(self.core.random()?);
        let key = NodeKey::generate().map_err(no_random)?;
        let mut row = NodeRow {
            node,
            owner: dir.owner,
            parent: dir.id,
            kind: kind as u8,
            key_epoch: FIRST_EPOCH,
            revision: 1,
            content_revision: FIRST_REVISION,
            lookup_tag: None,
            fold_tag: [0; 32],
            name_ct: Vec::new(),
            key_ct: Vec::new(),
            meta_ct: Vec::new(),
            trashed_millis: None,
            created_millis: self.millis(),
        };
        place(&mut row, &key, dir, name)?;
        let keys = Arc::new(NodeKeys::derive(&key, &node.0, FIRST_EPOCH));
        Ok(NewNode { row, keys })
    }
}
