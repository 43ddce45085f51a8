//! Pages of records: what is damaged in them is reported and hides no other.

use crate::cx::Cx;
use crate::fault::Outcome;
use crate::rows::{node_failed, read_failed};
use coffer_protocol::NodeId;
use coffer_store::{NodeRow, Page, VersionRow};

impl Cx {
    /// Records of a directory, in the order of their tags.
    pub(crate) async fn children(
        &self,
        directory: NodeId,
        after: Option<[u8; 32]>,
        limit: u32,
    ) -> Outcome<Page<NodeRow, NodeId, [u8; 32]>> {
        let page = self.store().children_page(directory, after, limit).await;
        page.map_err(|error| node_failed(directory, &error))
    }

    /// Records of the user's trash, newest first.
    pub(crate) async fn trash_page(
        &self,
        after: Option<(i64, NodeId)>,
        limit: u32,
    ) -> Outcome<Page<NodeRow, NodeId, (i64, NodeId)>> {
        let page = self.store().trash_page(self.user(), after, limit).await;
        page.map_err(|error| read_failed(&error))
    }

    /// Versions of a file, newest first.
    pub(crate) async fn versions_page(
        &self,
        node: NodeId,
        before: Option<u64>,
        limit: u32,
    ) -> Outcome<Page<VersionRow, u64, u64>> {
        let page = self.store().versions_page(node, before, limit).await;
        page.map_err(|error| node_failed(node, &error))
    }
}
