//! Opening the sealed parts of a node's record.
//!
//! Guarantees: whatever does not open is an `INTEGRITY` error that names the
//! node; nothing of it is handed on.

use crate::access::Access;
use crate::deed::Done;
use crate::fault::{Outcome, because, hinted, integrity, plain};
use coffer_crypto::{Meta, NodeKeys, NodeKind};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::event::Deed;
use coffer_protocol::message::tree::{Entry, Kind};
use coffer_protocol::{Hash32, NodeId, UserId, WireError};
use coffer_store::{KIND_DIRECTORY, KIND_FILE, NodeRow};
use std::sync::Arc;

/// A directory whose keys are open.
#[derive(Clone)]
pub(crate) struct Dir {
    pub(crate) id: NodeId,
    pub(crate) keys: Arc<NodeKeys>,
    /// Whose it is, and whose everything in it is.
    pub(crate) owner: UserId,
    /// What the user may do in it. Names that lead down from a share carry its
    /// access along; `Cx::writable` looks whether there is a stronger one.
    pub(crate) access: Access,
}

impl Dir {
    /// A directory in this one.
    pub(crate) fn inner(&self, id: NodeId, keys: Arc<NodeKeys>) -> Self {
        Self { id, keys, owner: self.owner, access: self.access }
    }

    /// Something that is done to a child of the directory.
    pub(crate) fn done(
        &self,
        deed: Deed,
        child: NodeId,
        keys: &Arc<NodeKeys>,
        name: String,
    ) -> Done {
        let parent = (self.id, Some(Arc::clone(&self.keys)));
        let (keys, owner) = (Arc::clone(keys), self.owner);
        Done {
            deed,
            node: child,
            keys,
            name,
            owner,
            parent,
            from: None,
            other: None,
            members: Vec::new(),
        }
    }
}

/// A node that the user may see, with its keys and its parent's.
pub(crate) struct Node {
    pub(crate) row: NodeRow,
    pub(crate) keys: Arc<NodeKeys>,
    /// `None` for a home directory, and where the user may not see it.
    pub(crate) parent: Option<Dir>,
    /// What the user may do with the node itself; see `Dir::access`.
    pub(crate) access: Access,
    /// Name of a shared node whose parent the user may not see.
    pub(crate) shared_as: Option<String>,
}

impl Node {
    /// The node as a directory.
    pub(crate) fn into_dir(self) -> Outcome<Dir> {
        match self.row.kind {
            KIND_DIRECTORY => Ok(Dir {
                id: self.row.node,
                keys: self.keys,
                owner: self.row.owner,
                access: self.access,
            }),
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

    /// The directory the node is in; home directories and shared nodes are in
    /// none that the user could work in.
    pub(crate) fn parent(&self) -> Outcome<&Dir> {
        self.parent.as_ref().ok_or_else(|| self.stays())
    }

    fn stays(&self) -> WireError {
        if self.shared_as.is_none() {
            return because(ErrorCode::NOT_ALLOWED, "the home directory stays where it is");
        }
        let message = "what is shared with you stays where its owner has put it".to_owned();
        let hint = "you can leave the share, or ask its owner";
        WireError { message, ..hinted(ErrorCode::NOT_ALLOWED, hint) }
    }

    /// The node's name as its user sees it; empty for the home directory.
    pub(crate) fn name(&self) -> Outcome<String> {
        match (&self.parent, &self.shared_as) {
            (Some(parent), _) => open_name(&parent.keys, &self.row),
            (None, Some(name)) => Ok(name.clone()),
            (None, None) => Ok(String::new()),
        }
    }

    /// The node as its user sees it. One whose parent the user may not see names
    /// itself as its parent.
    pub(crate) fn entry(&self) -> Outcome<Entry> {
        let entry = entry(&self.keys, &self.row, self.name()?)?;
        match self.parent {
            Some(_) => Ok(entry),
            None => Ok(Entry { parent: self.row.node, ..entry }),
        }
    }

    /// Something that is done to the node where it is. A name that does not open
    /// is no reason not to do it.
    pub(crate) fn done(&self, deed: Deed) -> Done {
        let above = self.parent.as_ref().map(|parent| Arc::clone(&parent.keys));
        Done {
            deed,
            node: self.row.node,
            keys: Arc::clone(&self.keys),
            name: self.name().unwrap_or_default(),
            owner: self.row.owner,
            parent: (self.row.parent, above),
            from: None,
            other: None,
            members: Vec::new(),
        }
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
        // Counted where the answer is complete.
        machines: 1,
    })
}
