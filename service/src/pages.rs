//! Pages of records: what is damaged in them is reported and hides no other.

use crate::cx::Cx;
use crate::fault::Outcome;
use crate::rows::{node_failed, read_failed};
use coffer_protocol::NodeId;
use coffer_store::{NodeRow, VersionRow};

/// A page of records.
pub(crate) struct Page<Row, Key, Cursor> {
    pub(crate) rows: Vec<Row>,
    pub(crate) damaged: Vec<Key>,
    /// Where the next page starts; `None` at the end.
    pub(crate) next: Option<Cursor>,
}

impl Cx {
    /// Records of a directory, in the order of their tags.
    pub(crate) async fn children(
        &self,
        directory: NodeId,
        after: Option<[u8; 32]>,
        limit: u32,
    ) -> Outcome<Page<NodeRow, NodeId, [u8; 32]>> {
        let rows = self.store().children(directory, after, limit).await;
        let rows = rows.map_err(|error| node_failed(directory, &error))?;
        let full = rows.len() >= limit as usize;
        let next = rows.last().filter(|_| full).and_then(|row| row.lookup_tag);
        Ok(Page { rows, damaged: Vec::new(), next })
    }

    /// Records of the user's trash, newest first.
    pub(crate) async fn trash_page(
        &self,
        after: Option<(i64, NodeId)>,
        limit: u32,
    ) -> Outcome<Page<NodeRow, NodeId, (i64, NodeId)>> {
        let rows = self.store().trash(self.user(), after, limit).await;
        let rows = rows.map_err(|error| read_failed(&error))?;
        let full = rows.len() >= limit as usize;
        let key = |row: &NodeRow| Some((row.trashed_millis?, row.node));
        let next = rows.last().filter(|_| full).and_then(key);
        Ok(Page { rows, damaged: Vec::new(), next })
    }

    /// Versions of a file, newest first.
    pub(crate) async fn versions_page(
        &self,
        node: NodeId,
        before: Option<u64>,
        limit: u32,
    ) -> Outcome<Page<VersionRow, u64, u64>> {
        let rows = self.store().versions(node, before, limit).await;
        let rows = rows.map_err(|error| node_failed(node, &error))?;
        let full = rows.len() >= limit as usize;
        let next = rows.last().filter(|_| full).map(|row| row.revision);
        Ok(Page { rows, damaged: Vec::new(), next })
    }
}
