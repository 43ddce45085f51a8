//! From a `Place` to a node.
//!
//! Guarantees: every node that is handed on is one that the signed-in user may
//! see: its key was unwrapped along its own chain of parents, down from the
//! user's home or from a node whose key was granted to the user, and all records
//! on the way name the same owner. A record found by a name is trusted only after
//! its sealed name was opened and compared.

use super::node::{Dir, Node, kind_of};
use crate::access::Access;
use crate::cx::Cx;
use crate::fault::{Outcome, because, hinted, integrity, plain};
use crate::rows::node_failed;
use coffer_crypto::{NodeKeys, check_name};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_PATH_DEPTH;
use coffer_protocol::{Base, NodeId, Place, WireError};
use coffer_store::{KIND_DIRECTORY, NodeRow};
use std::sync::Arc;

/// Most parents that are walked up. A tree can be deeper than a path when a
/// deep directory was moved into another deep one.
const MAX_PARENTS: usize = 4 * MAX_PATH_DEPTH;

/// Where a request wants to put something.
pub(crate) struct Target<'a> {
    /// The directory.
    pub(crate) dir: Dir,
    /// The name in it, checked.
    pub(crate) name: &'a str,
}

impl Cx {
    /// The user's home directory.
    pub(crate) async fn home(&self) -> Outcome<Dir> {
        let home = self.session.home;
        let keys = match self.session.home_keys()? {
            Some(keys) => keys,
            None => self.session.open_home(&self.own_row(home).await?)?,
        };
        Ok(Dir { id: home, keys, owner: self.user(), access: Access::Owner })
    }

    /// Keys of a node of the user's own, unwrapped along its parents.
    pub(crate) async fn keys_of(&self, row: &NodeRow) -> Outcome<Arc<NodeKeys>> {
        let mut below = Vec::new();
        let mut at = row.clone();
        let mut keys = loop {
            if at.node == self.session.home {
                break self.session.open_home(&at)?;
            }
            if let Some(keys) = self.session.keys_of(&at)? {
                break keys;
            }
            if at.parent == at.node || below.len() >= MAX_PARENTS {
                return Err(integrity(row.node));
            }
            let parent = self.own_row(at.parent).await;
            let parent = parent.map_err(|error| orphaned(row.node, error))?;
            below.push(std::mem::replace(&mut at, parent));
        };
        while let Some(child) = below.pop() {
            keys = self.keys_below(&keys, &child)?;
        }
        Ok(keys)
    }

    /// Keys of a node whose parent's keys are open.
    pub(crate) fn keys_below(&self, parent: &NodeKeys, row: &NodeRow) -> Outcome<Arc<NodeKeys>> {
        if let Some(keys) = self.session.keys_of(row)? {
            return Ok(keys);
        }
        let keys = super::node::open_keys(parent, row)?;
        if row.kind == KIND_DIRECTORY {
            self.session.remember(row, &keys)?;
        }
        Ok(keys)
    }

    /// A node of the user's own, live or in the trash, whose record is at hand.
    pub(crate) async fn node_of_row(&self, row: NodeRow) -> Outcome<Node> {
        kind_of(&row)?;
        let (access, shared_as) = (Access::Owner, None);
        if row.node == self.session.home {
            let keys = self.session.open_home(&row)?;
            return Ok(Node { row, keys, parent: None, access, shared_as });
        }
        let above = self.own_row(row.parent).await.map_err(|error| orphaned(row.node, error))?;
        let (id, owner) = (above.node, above.owner);
        let parent = Dir { id, keys: self.keys_of(&above).await?, owner, access };
        let keys = self.keys_below(&parent.keys, &row)?;
        Ok(Node { row, keys, parent: Some(parent), access, shared_as })
    }

    /// What has a name in a directory, if anything has.
    pub(crate) async fn child(&self, dir: &Dir, name: &str) -> Outcome<Option<Node>> {
        let tag = dir.keys.lookup_tag(name);
        let found = self.store().child(dir.id, &tag).await;
        let Some(row) = found.map_err(|error| node_failed(dir.id, &error))? else {
            return Ok(None);
        };
        self.found(dir, tag, row).map(Some)
    }

    /// The node of a place.
    pub(crate) async fn node(&self, place: &Place) -> Outcome<Node> {
        check_depth(&place.names)?;
        match place.names.split_last() {
            Some((last, above)) => {
                let dir = self.directory(place.base, above).await?;
                self.child(&dir, last).await?.ok_or_else(|| plain(ErrorCode::NOT_FOUND))
            }
            None => match place.base {
                Base::Home => self.node_by_id(self.session.home).await,
                Base::Node(id) => self.node_by_id(id).await,
            },
        }
    }

    /// The directory that names lead to.
    pub(crate) async fn directory(&self, base: Base, names: &[String]) -> Outcome<Dir> {
        let mut dir = match base {
            Base::Node(id) if id != self.session.home => self.node_by_id(id).await?.into_dir()?,
            Base::Home | Base::Node(_) => self.home().await?,
        };
        for name in names {
            let next = self.child(&dir, name).await?.ok_or_else(|| plain(ErrorCode::NOT_FOUND))?;
            dir = next.into_dir()?;
        }
        Ok(dir)
    }

    /// The directory and name where something is to be put.
    pub(crate) async fn target<'a>(&self, place: &'a Place) -> Outcome<Target<'a>> {
        check_depth(&place.names)?;
        let Some((name, above)) = place.names.split_last() else {
            return Err(because(ErrorCode::BAD_NAME, "the place has no name in it"));
        };
        good_name(name)?;
        let dir = self.live_directory(place.base, above).await?;
        Ok(Target { dir, name })
    }

    /// The same, for something that the user may put there.
    pub(crate) async fn writable_target<'a>(&self, place: &'a Place) -> Outcome<Target<'a>> {
        let Target { dir, name } = self.target(place).await?;
        Ok(Target { dir: self.writable(&dir).await?, name })
    }

    /// Refuses a place that starts in the trash. What starts at home and was
    /// found by names is not in the trash, and neither is what others share.
    pub(crate) async fn require_live(&self, base: Base, access: Access) -> Outcome<()> {
        match base {
            Base::Node(id) if access == Access::Owner => self.require_own_live(id).await,
            _ => Ok(()),
        }
    }

    /// Refuses what is in the trash or below something that is.
    pub(crate) async fn require_own_live(&self, mut id: NodeId) -> Outcome<()> {
        for _ in 0..MAX_PARENTS {
            if id == self.session.home {
                return Ok(());
            }
            let row = self.own_row(id).await?;
            if row.trashed_millis.is_some() {
                return Err(in_trash());
            }
            id = row.parent;
        }
        Err(integrity(id))
    }
}

/// What is in the trash cannot be worked on.
pub(crate) fn in_trash() -> WireError {
    hinted(ErrorCode::NOT_FOUND, "it is in the trash, or in a directory that is: restore it first")
}

/// A node whose parent is missing cannot be opened.
fn orphaned(node: NodeId, error: WireError) -> WireError {
    if error.code == ErrorCode::NOT_FOUND { integrity(node) } else { error }
}

/// Refuses a name that cannot be stored, with the reason.
pub(crate) fn good_name(name: &str) -> Outcome<()> {
    check_name(name).map_err(|error| because(ErrorCode::BAD_NAME, error.to_string()))
}

fn check_depth(names: &[String]) -> Outcome<()> {
    if names.len() <= MAX_PATH_DEPTH {
        return Ok(());
    }
    Err(because(ErrorCode::TOO_LARGE, format!("the path is deeper than {MAX_PATH_DEPTH} names")))
}
