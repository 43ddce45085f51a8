//! Opening the sealed parts of a node's record.
//!
//! Guarantees: whatever does not open is an `INTEGRITY` error that names the
//! node; nothing of it is handed on.

use crate::fault::{Outcome, integrity, plain};
use coffer_crypto::{Meta, NodeKeys, NodeKind};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::tree::{Entry, Kind};
use coffer_protocol::{Hash32, NodeId};
use coffer_store::{KIND_DIRECTORY, KIND_FILE, NodeRow};
use std::sync::Arc;

/// A directory whose keys are open.
#[derive(Clone)]
pub(crate) struct Dir {
    pub(crate) id: NodeId,
    pub(crate) keys: Arc<NodeKeys>,
}

/// A node that belongs to the user, with its keys and its parent's.
pub(crate) struct Node {
    pub(crate) row: NodeRow,
    pub(crate) keys: Arc<NodeKeys>,
    /// `None` for the home directory.
    pub(crate) parent: Option<Dir>,
}

impl Node {
    /// The node as a directory.
    pub(crate) fn into_dir(self) -> Outcome<Dir> {
        match self.row.kind {
            KIND_DIRECTORY => Ok(Dir { id: self.row.node, keys: self.keys }),
            _ => Err(plain(ErrorCode::NOT_A_DIRECTORY)),
        }
    }

    /// Refuses a directory.
    pub(crate) fn require_file(&self) -> Outcome<()> {
        match self.row.kind {
            KIND_FILE => Ok(()),
            _ => Err(plain(ErrorCode::IS_A_DIRECTORY)),
        }
    }

    /// The directory the node is in; the home directory is in none.
    pub(crate) fn parent(&self) -> Outcome<&Dir> {
        self.parent.as_ref().ok_or_else(|| {
            crate::fault::because(ErrorCode::NOT_ALLOWED, "the home directory stays where it is")
        })
    }

    /// The node as its user sees it.
    pub(crate) fn entry(&self) -> Outcome<Entry> {
        let name = match &self.parent {
            Some(parent) => open_name(&parent.keys, &self.row)?,
            None => String::new(),
        };
        entry(&self.keys, &self.row, name)
    }

    /// Metadata of the present content.
    pub(crate) fn meta(&self) -> Outcome<Meta> {
        open_meta(&self.keys, &self.row)
    }
}

/// The kind of a node.
pub(crate) fn kind_of(row: &NodeRow) -> Outcome<NodeKind> {
    match row.kind {
        KIND_FILE => Ok(NodeKind::File),
        KIND_DIRECTORY => Ok(NodeKind::Directory),
        _ => Err(integrity(row.node)),
    }
}

/// Opens the name of a child of the directory with these keys.
pub(crate) fn open_name(parent: &NodeKeys, row: &NodeRow) -> Outcome<String> {
    let kind = kind_of(row)?;
    parent
        .open_name(&row.parent.0, &row.name_ct, &row.node.0, kind, row.key_epoch)
        .map_err(|_| integrity(row.node))
}

/// Opens the keys of a child of the directory with these keys.
pub(crate) fn open_keys(parent: &NodeKeys, row: &NodeRow) -> Outcome<Arc<NodeKeys>> {
    let kind = kind_of(row)?;
    let key = parent
        .unwrap_child(&row.parent.0, &row.key_ct, &row.node.0, kind, row.key_epoch)
        .map_err(|_| integrity(row.node))?;
    Ok(Arc::new(NodeKeys::derive(&key, &row.node.0, row.key_epoch)))
}

/// Opens the metadata of a node.
pub(crate) fn open_meta(keys: &NodeKeys, row: &NodeRow) -> Outcome<Meta> {
    let kind = kind_of(row)?;
    keys.open_meta(&row.meta_ct, &row.node.0, kind, row.key_epoch, row.content_revision)
        .map_err(|_| integrity(row.node))
}

/// Opens a child of the directory with these keys, name and all.
pub(crate) fn open_child(parent: &NodeKeys, row: &NodeRow) -> Outcome<(Entry, Arc<NodeKeys>)> {
    let name = open_name(parent, row)?;
    if let Some(tag) = row.lookup_tag
        && parent.lookup_tag(&name) != tag
    {
        return Err(integrity(row.node));
    }
    let keys = open_keys(parent, row)?;
    Ok((entry(&keys, row, name)?, keys))
}

fn entry(keys: &NodeKeys, row: &NodeRow, name: String) -> Outcome<Entry> {
    let meta = open_meta(keys, row)?;
    let kind = match kind_of(row)? {
        NodeKind::File => Kind::File,
        NodeKind::Directory => Kind::Directory,
    };
    Ok(Entry {
        node: row.node,
        parent: row.parent,
        name,
        kind,
        size: meta.size,
        modified_millis: meta.modified_millis,
        created_millis: meta.created_millis,
        executable: meta.executable,
        revision: row.content_revision,
        content_hash: Hash32(meta.content_hash),
    })
}
