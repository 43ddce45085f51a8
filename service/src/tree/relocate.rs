//! Renaming, moving, and putting back from the trash.
//!
//! Guarantees: a move is one commit that wraps the node's key and seals its
//! name under the new directory; a directory never ends up inside itself; a
//! file that makes room goes to the trash with all its versions; nothing leaves
//! the tree of its owner.

use super::create::{place, raw_key};
use super::node::{Dir, Node};
use super::resolve::{Target, in_trash};
use super::trash::to_trash;
use crate::access::{Access, Trashed};
use crate::answer::{Answer, Stored};
use crate::cx::Cx;
use crate::deed::Done;
use crate::fault::{Outcome, hinted, plain};
use crate::op::{Draft, Mutation};
use coffer_protocol::OpId;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::event::Deed;
use coffer_protocol::message::tree::{Move, RestoreTrash};
use coffer_store::{Change, KIND_DIRECTORY, Precondition};

impl Mutation for Move {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        let node = cx.node(&self.from).await?;
        let parent = node.parent()?.clone();
        if node.row.trashed_millis.is_some() {
            return Err(in_trash());
        }
        cx.require_live(self.from.base, node.access).await?;
        let parent = cx.writable(&parent).await?;
        let target = cx.writable_target(&self.to).await?;
        require_one_owner(&node, &target)?;
        let there = cx.child(&target.dir, target.name).await?;
        if let Some(there) = &there
            && there.row.node != node.row.node
        {
            check_room(self, &node, there)?;
        }
        let mut draft = relocated(cx, &node, &target).await?;
        draft.require_live(parent.id);
        draft.require_writable(cx.user(), &parent);
        match there {
            None => draft.require(name_free(&target)),
            // The new name finds the node itself: at most the way it is typed
            // changes.
            Some(there) if there.row.node == node.row.node => {
                if there.name()? == target.name {
                    draft.changes.clear();
                }
            }
            Some(there) => {
                draft.require(at(&there));
                draft.deeds.insert(0, there.done(Deed::Deleted));
                draft.changes.insert(0, Change::PutNode(to_trash(there.row, cx.millis())));
            }
        }
        Ok(draft)
    }
}

/// Everything in a tree belongs to one user, so nothing moves to another one's.
fn require_one_owner(node: &Node, target: &Target<'_>) -> Outcome<()> {
    match node.row.owner == target.dir.owner {
        true => Ok(()),
        false => Err(plain(ErrorCode::OTHER_OWNER)),
    }
}

/// Whether what has the name may go to the trash for the node.
fn check_room(request: &Move, node: &Node, there: &Node) -> Outcome<()> {
    if there.row.kind == KIND_DIRECTORY {
        return Err(hinted(ErrorCode::EXISTS, "a directory has this name already"));
    }
    if node.row.kind == KIND_DIRECTORY {
        return Err(hinted(ErrorCode::EXISTS, "a directory does not replace a file"));
    }
    if request.replace { Ok(()) } else { Err(plain(ErrorCode::EXISTS)) }
}

/// Precondition: a node's record is still as it was read.
pub(crate) fn at(node: &Node) -> Precondition {
    Precondition::NodeAt { node: node.row.node, revision: node.row.revision }
}

fn name_free(target: &Target<'_>) -> Precondition {
    let lookup_tag = target.dir.keys.lookup_tag(target.name);
    Precondition::NameFree { parent: target.dir.id, lookup_tag }
}

/// The node in its new place, which the user may write to.
async fn relocated(cx: &Cx, node: &Node, target: &Target<'_>) -> Outcome<Draft> {
    let id = node.row.node;
    if target.dir.id == id {
        return Err(plain(ErrorCode::INTO_ITSELF));
    }
    let parent = node.parent()?;
    let key = raw_key(parent, &node.row)?;
    let mut row = node.row.clone();
    place(&mut row, &key, &target.dir, target.name)?;
    row.revision += 1;
    let case_collision = cx.collides(&target.dir, target.name).await?;
    let revision = row.content_revision;
    let mut draft = Draft::new(Answer::Written(Stored { node: id, revision, case_collision }));
    draft.require(at(node));
    draft.require_live(target.dir.id);
    draft.require_writable(cx.user(), &target.dir);
    if row.kind == KIND_DIRECTORY && target.dir.id != parent.id {
        draft.require(Precondition::NotInside { node: target.dir.id, ancestor: id });
    }
    // A name that does not open any more can be replaced.
    let old_name = node.name().unwrap_or_default();
    if node.access == Access::Owner && old_name != target.name {
        draft.changes = cx.renewed_grants(&row, target.name, key).await?;
    }
    let (deed, from) = match (node.row.trashed_millis, target.dir.id == parent.id) {
        (Some(_), _) => (Deed::Restored, None),
        (None, true) => (Deed::Renamed(old_name), None),
        (None, false) => (Deed::Moved(old_name), Some(parent.id)),
    };
    let done = target.dir.done(deed, id, &node.keys, target.name.to_owned());
    draft.deeds.push(Done { from, ..done });
    draft.changes.push(Change::PutNode(row));
    Ok(draft)
}

impl Mutation for RestoreTrash {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        let Trashed { node, guards } = cx.trashed(self.node).await?;
        let name = node.name()?;
        let target = match &self.to {
            Some(place) => cx.writable_target(place).await?,
            None => Target { dir: cx.origin(&node).await?, name: &name },
        };
        require_one_owner(&node, &target)?;
        if cx.child(&target.dir, target.name).await?.is_some() {
            let hint = "something else has the name by now: say under which name to put it back";
            return Err(hinted(ErrorCode::EXISTS, hint));
        }
        let mut draft = relocated(cx, &node, &target).await?;
        draft.preconditions.extend(guards);
        draft.require(name_free(&target));
        Ok(draft)
    }
}

impl Cx {
    /// The directory that something in the trash was in, if it is still live.
    async fn origin(&self, node: &Node) -> Outcome<Dir> {
        let parent = node.parent()?;
        let live = match node.access {
            Access::Owner => self.require_own_live(parent.id).await,
            _ => self.row(parent.id).await.map(drop),
        };
        let hint = "the directory it was in is in the trash, too: restore that first, \
                    or say where to put it";
        match live {
            Ok(()) => Ok(parent.clone()),
            Err(error) if error.code == ErrorCode::NOT_FOUND => {
                Err(hinted(ErrorCode::NOT_FOUND, hint))
            }
            Err(error) => Err(error),
        }
    }
}
