//! Deleting into the trash, and looking into it.
//!
//! Guarantees: a delete loses nothing: the node, what is in it and all
//! versions stay until they are purged; one damaged entry hides no other.

use super::node::{Dir, Node, open_name};
use super::relocate::at;
use super::resolve::in_trash;
use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use crate::op::{Draft, Items, Mutation};
use crate::rows::node_failed;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_PAGE_ENTRIES;
use coffer_protocol::message::event::Deed;
use coffer_protocol::message::tree::{Delete, DeleteItem, TrashEntry, TrashList, TrashPage};
use coffer_protocol::{NodeId, OpId};
use coffer_store::{Change, KIND_DIRECTORY, NodeRow, Precondition};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Bytes of names a page carries, so that it fits a frame.
pub(super) const MAX_NAME_BYTES_IN_PAGE: usize = 512 << 10;

/// A node's record once it is in the trash.
pub(crate) fn to_trash(mut row: NodeRow, now_millis: i64) -> NodeRow {
    row.lookup_tag = None;
    row.trashed_millis = Some(now_millis);
    row.revision += 1;
    row
}

/// Bytes of the names in an entry.
pub(super) fn name_bytes(entry: &TrashEntry) -> usize {
    entry.above.iter().chain([&entry.entry.name]).map(String::len).sum()
}

impl Mutation for Delete {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        self.draft_items(cx).await
    }
}

impl Items for Delete {
    type Item = DeleteItem;

    fn items(&self) -> &[DeleteItem] {
        &self.items
    }

    async fn add(
        &self,
        cx: &Cx,
        draft: &mut Draft,
        item: &DeleteItem,
        seen: &mut HashSet<(NodeId, [u8; 32])>,
    ) -> Outcome<NodeId> {
        let (node, parent) = cx.deletable(item, self.recursive).await?;
        let id = node.row.node;
        if !seen.insert((id, [0; 32])) {
            return Err(plain(ErrorCode::NOT_FOUND));
        }
        draft.require(at(&node));
        draft.require_live(parent.id);
        draft.require_writable(cx.user(), &parent);
        if node.row.kind == KIND_DIRECTORY && !self.recursive {
            draft.require(Precondition::Empty(id));
        }
        draft.deeds.push(node.done(Deed::Deleted));
        draft.changes.push(Change::PutNode(to_trash(node.row, cx.millis())));
        Ok(id)
    }
}

impl Cx {
    /// What is to be deleted, and the directory it is in.
    async fn deletable(&self, item: &DeleteItem, recursive: bool) -> Outcome<(Node, Dir)> {
        let node = self.node(&item.place).await?;
        let parent = node.parent()?.clone();
        if node.row.trashed_millis.is_some() {
            return Err(in_trash());
        }
        self.require_live(item.place.base, node.access).await?;
        let parent = self.writable(&parent).await?;
        if item.revision.is_some_and(|revision| revision != node.row.content_revision) {
            return Err(self.lost_to(&node).await);
        }
        if node.row.kind == KIND_DIRECTORY && !recursive {
            let filled = self.store().has_children(node.row.node).await;
            if filled.map_err(|error| node_failed(node.row.node, &error))? {
                return Err(plain(ErrorCode::NOT_EMPTY));
            }
        }
        Ok((node, parent))
    }

    /// One page of the trash.
    pub(crate) async fn trash_list(&self, request: &TrashList) -> Outcome<TrashPage> {
        let limit = request.limit.clamp(1, MAX_PAGE_ENTRIES);
        let page = self.trash_page(request.cursor, limit).await?;
        let mut answer = TrashPage { entries: Vec::new(), damaged: page.damaged, next: page.next };
        let mut last = None;
        let mut paths = HashMap::new();
        let mut bytes = 0;
        for row in page.rows {
            let id = row.node;
            if bytes >= MAX_NAME_BYTES_IN_PAGE {
                break;
            }
            if let Some(millis) = row.trashed_millis {
                last = Some((millis, id));
            }
            match self.trash_entry(row, &mut paths).await {
                Ok(entry) => {
                    bytes += name_bytes(&entry);
                    answer.entries.push(entry);
                }
                Err(error) if error.code == ErrorCode::INTEGRITY => answer.damaged.push(id),
                Err(error) => return Err(error),
            }
        }
        if bytes >= MAX_NAME_BYTES_IN_PAGE {
            answer.next = last;
        }
        Ok(answer)
    }

    async fn trash_entry(
        &self,
        row: NodeRow,
        paths: &mut HashMap<NodeId, Vec<String>>,
    ) -> Outcome<TrashEntry> {
        let deleted_millis = row.trashed_millis.unwrap_or_default();
        let node = self.node_of_row(row).await?;
        let parent = node.parent()?.id;
        let above = match paths.entry(parent) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(self.names_down_to(parent).await?).clone(),
        };
        Ok(TrashEntry { entry: node.entry()?, above, deleted_millis })
    }

    /// Names from the home directory down to a directory.
    async fn names_down_to(&self, directory: NodeId) -> Outcome<Vec<String>> {
        let mut names = Vec::new();
        let mut at = self.own_row(directory).await?;
        while at.node != self.session.home {
            let above = self.own_row(at.parent).await?;
            let keys = self.keys_of(&above).await?;
            names.push(open_name(&keys, &at)?);
            at = above;
        }
        names.reverse();
        Ok(names)
    }
}
