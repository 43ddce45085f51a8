//! Renaming, moving, and putting back from the trash.
//!
//! Guarantees: a move is one commit that wraps the node's key and seals its
//! name under the new directory; a directory never ends up inside itself; a
//! file that makes room goes to the trash with all its versions.

use super::create::{place, raw_key};
use super::node::{Dir, Node, open_name};
use super::resolve::{Target, in_trash};
use super::trash::to_trash;
use crate::answer::{Answer, Stored};
use crate::cx::Cx;
use crate::fault::{Outcome, because, hinted, plain};
use crate::op::{Draft, Mutation};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::tree::{Move, RestoreTrash};
use coffer_protocol::{Base, OpId};
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
        cx.require_live(self.from.base).await?;
        let target = cx.target(&self.to).await?;
        let there = cx.child(&target.dir, target.name).await?;
        let Some(there) = there else {
            let mut draft = relocated(cx, &node, &target).await?;
            draft.require_live(parent.id);
            draft.require(name_free(&target));
            return Ok(draft);
        };
        if there.row.node == node.row.node {
            return same_place(cx, &node, &target).await;
        }
        check_room(self, &node, &there)?;
        let mut draft = relocated(cx, &node, &target).await?;
        draft.require_live(parent.id);
        draft.require(at(&there));
        draft.changes.insert(0, Change::PutNode(to_trash(there.row, cx.millis())));
        Ok(draft)
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

/// The node in its new place.
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
    if row.kind == KIND_DIRECTORY && target.dir.id != parent.id {
        draft.require(Precondition::NotInside { node: target.dir.id, ancestor: id });
    }
    draft.changes.push(Change::PutNode(row));
    Ok(draft)
}

/// The new name finds the node itself: at most the way it is typed changes.
async fn same_place(cx: &Cx, node: &Node, target: &Target<'_>) -> Outcome<Draft> {
    let mut draft = relocated(cx, node, target).await?;
    if open_name(&target.dir.keys, &node.row)? == target.name {
        draft.changes.clear();
    }
    Ok(draft)
}

impl Mutation for RestoreTrash {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        let node = cx.node_by_id(self.node).await?;
        let parent = node.parent()?.clone();
        if node.row.trashed_millis.is_none() {
            return Err(because(ErrorCode::NOT_FOUND, "it is not in the trash"));
        }
        let name = open_name(&parent.keys, &node.row)?;
        let target = match &self.to {
            Some(place) => cx.target(place).await?,
            None => Target { dir: cx.origin(parent).await?, name: &name },
        };
        if cx.child(&target.dir, target.name).await?.is_some() {
            let hint = "something else has the name by now: say under which name to put it back";
            return Err(hinted(ErrorCode::EXISTS, hint));
        }
        let mut draft = relocated(cx, &node, &target).await?;
        draft.require(name_free(&target));
        Ok(draft)
    }
}

impl Cx {
    /// The directory that something in the trash was in, if it is still live.
    async fn origin(&self, parent: Dir) -> Outcome<Dir> {
        let hint = "the directory it was in is in the trash, too: restore that first, \
                    or say where to put it";
        match self.require_live(Base::Node(parent.id)).await {
            Ok(()) => Ok(parent),
            Err(error) if error.code == ErrorCode::NOT_FOUND => {
                Err(hinted(ErrorCode::NOT_FOUND, hint))
            }
            Err(error) => Err(error),
        }
    }
}
