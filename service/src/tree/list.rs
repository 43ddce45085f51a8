//! Looking at a directory, page by page.
//!
//! Guarantees: entries that do not open are reported by id and hide no other.

use super::node::{Dir, open_child};
use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use crate::session::Session;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_PAGE_ENTRIES;
use coffer_protocol::message::tree::{Entry, List, ListPage, Stat};
use coffer_protocol::{Hash32, NodeId};
use coffer_store::{KIND_DIRECTORY, NodeRow};

/// Pages above this are opened on a thread of their own.
const INLINE_ROWS: usize = 32;

/// Records of a directory, opened.
pub(crate) struct Opened {
    pub(crate) entries: Vec<Entry>,
    pub(crate) damaged: Vec<NodeId>,
}

impl Cx {
    /// One entry.
    pub(crate) async fn stat(&self, request: &Stat) -> Outcome<Entry> {
        self.node(&request.place).await?.entry()
    }

    /// One page of a directory.
    pub(crate) async fn list(&self, request: &List) -> Outcome<ListPage> {
        let dir = self.node(&request.place).await?.into_dir()?;
        let limit = request.limit.clamp(1, MAX_PAGE_ENTRIES);
        let after = request.cursor.map(|cursor| cursor.0);
        let page = self.children(dir.id, after, limit).await?;
        let next = page.next.map(Hash32);
        let directory = dir.id;
        let mut damaged = page.damaged;
        let opened = self.open_rows(dir, page.rows).await?;
        damaged.extend(opened.damaged);
        Ok(ListPage { directory, entries: opened.entries, damaged, next })
    }

    /// Opens the records of a directory.
    pub(crate) async fn open_rows(&self, dir: Dir, rows: Vec<NodeRow>) -> Outcome<Opened> {
        let session = std::sync::Arc::clone(&self.session);
        if rows.len() <= INLINE_ROWS {
            return open_all(&session, &dir, rows);
        }
        tokio::task::spawn_blocking(move || open_all(&session, &dir, rows))
            .await
            .map_err(|_| plain(ErrorCode::INTERNAL))?
    }
}

fn open_all(session: &Session, dir: &Dir, rows: Vec<NodeRow>) -> Outcome<Opened> {
    let mut opened = Opened { entries: Vec::with_capacity(rows.len()), damaged: Vec::new() };
    for row in rows {
        let belongs = row.owner == dir.owner && row.parent == dir.id;
        match open_child(&dir.keys, &row) {
            Ok((entry, keys)) if belongs => {
                if row.kind == KIND_DIRECTORY {
                    session.remember(&row, &keys)?;
                }
                opened.entries.push(entry);
            }
            _ => opened.damaged.push(row.node),
        }
    }
    Ok(opened)
}
