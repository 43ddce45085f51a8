//! What was deleted inside a directory, one's own or one that is shared.
//!
//! Guarantees: of what is in the owner's trash only that which was deleted from
//! below the directory is shown; the work of one page is bounded, so a page may
//! come back empty with a cursor.

use super::node::{Dir, Node, open_name};
use super::trash::{MAX_NAME_BYTES_IN_PAGE, name_bytes};
use crate::access::Access;
use crate::cx::Cx;
use crate::fault::{Outcome, integrity};
use crate::rows::{node_failed, read_failed};
use coffer_protocol::NodeId;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_PAGE_ENTRIES;
use coffer_protocol::message::share::TrashIn;
use coffer_protocol::message::tree::{TrashEntry, TrashPage};
use coffer_store::{KIND_DIRECTORY, NodeRow};
use std::collections::HashMap;
use std::sync::Arc;

/// Things in the trash that one page looks at.
const MAX_LOOKED_AT: u32 = 500;

/// A directory at or below the asked one, with the names down to it.
#[derive(Clone)]
struct Inside {
    dir: Dir,
    names: Arc<[String]>,
}

struct Searcher<'a> {
    cx: &'a Cx,
    root: &'a Dir,
    /// Where the directories are that were asked about; `None`: elsewhere, or
    /// the way to it does not open.
    known: HashMap<NodeId, Option<Inside>>,
}

impl Cx {
    /// One page of what was deleted inside a directory.
    pub(crate) async fn trash_in(&self, request: &TrashIn) -> Outcome<TrashPage> {
        let dir = self.node(&request.place).await?.into_dir()?;
        self.require_live(request.place.base, dir.access).await?;
        let dir = self.writable(&dir).await?;
        let limit = request.limit.clamp(1, MAX_PAGE_ENTRIES) as usize;
        let page = self.store().trash_page(dir.owner, request.cursor, MAX_LOOKED_AT).await;
        let page = page.map_err(|error| read_failed(&error))?;
        // Where a damaged record belongs cannot be said: its owner hears of it.
        let damaged = if dir.access == Access::Owner { page.damaged } else { Vec::new() };
        let mut answer = TrashPage { entries: Vec::new(), damaged, next: page.next };
        let mut searcher = Searcher { cx: self, root: &dir, known: HashMap::new() };
        let mut bytes = 0;
        let mut rows = page.rows.into_iter().peekable();
        while let Some(row) = rows.next() {
            let (id, cursor) = (row.node, row.trashed_millis.map(|millis| (millis, row.node)));
            match searcher.entry(row).await {
                Ok(None) => continue,
                Ok(Some(entry)) => {
                    bytes += name_bytes(&entry);
                    answer.entries.push(entry);
                }
                Err(error) if error.code == ErrorCode::INTEGRITY => answer.damaged.push(id),
                Err(error) => return Err(error),
            }
            let full = answer.entries.len() >= limit || bytes >= MAX_NAME_BYTES_IN_PAGE;
            if full && (rows.peek().is_some() || answer.next.is_some()) {
                answer.next = cursor;
                break;
            }
        }
        Ok(answer)
    }
}

impl Searcher<'_> {
    /// Something in the trash, if it was deleted inside the directory.
    async fn entry(&mut self, row: NodeRow) -> Outcome<Option<TrashEntry>> {
        if row.owner != self.root.owner || row.node == self.root.id {
            return Ok(None);
        }
        let Some(Inside { dir, names }) = self.inside(row.parent).await? else { return Ok(None) };
        let deleted_millis = row.trashed_millis.unwrap_or_default();
        let keys = self.cx.keys_below(&dir.keys, &row)?;
        let access = dir.access;
        let node = Node { row, keys, parent: Some(dir), access, shared_as: None };
        Ok(Some(TrashEntry { entry: node.entry()?, above: names.to_vec(), deleted_millis }))
    }

    /// Where a directory is, seen from the asked one.
    async fn inside(&mut self, directory: NodeId) -> Outcome<Option<Inside>> {
        if let Some(known) = self.known.get(&directory) {
            return Ok(known.clone());
        }
        let found = self.find(directory).await?;
        self.known.insert(directory, found.clone());
        Ok(found)
    }

    async fn find(&self, directory: NodeId) -> Outcome<Option<Inside>> {
        let chain = match self.cx.store().chain(directory).await {
            Ok(chain) => chain.unwrap_or_default(),
            Err(error) => {
                let error = node_failed(directory, &error);
                return if error.code == ErrorCode::INTEGRITY { Ok(None) } else { Err(error) };
            }
        };
        let Some(height) = chain.iter().position(|row| row.node == self.root.id) else {
            return Ok(None);
        };
        let (mut dir, mut names) = (self.root.clone(), Vec::new());
        for row in chain[..height].iter().rev() {
            if row.owner != dir.owner || row.parent != dir.id || row.kind != KIND_DIRECTORY {
                return Err(integrity(row.node));
            }
            names.push(open_name(&dir.keys, row)?);
            dir = dir.inner(row.node, self.cx.keys_below(&dir.keys, row)?);
        }
        Ok(Some(Inside { dir, names: names.into() }))
    }
}
