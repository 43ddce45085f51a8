//! Opening what was written at an earlier primary.
//!
//! A node that is here has the same key here as there. One that is not is opened from
//! its record as it was there, under the key of its directory, which is found the same
//! way.

use super::is_absent;
use crate::cx::Cx;
use crate::fault::{Outcome, integrity, plain};
use crate::rows::read_failed;
use crate::tree::node::{Dir, open_name};
use coffer_crypto::NodeKeys;
use coffer_protocol::NodeId;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_PATH_DEPTH;
use coffer_store::{DivergedRow, NodeRow};
use std::pin::Pin;
use std::sync::Arc;

/// Most directories from a node up to the home directory.
const MAX_PARENTS: usize = 2 * MAX_PATH_DEPTH;

/// A node that was written at an earlier primary.
pub(super) struct Old {
    /// Its record: as it is here, or as it was there last.
    pub(super) row: NodeRow,
    pub(super) keys: Arc<NodeKeys>,
    /// Empty if it does not open.
    pub(super) name: String,
    /// It is here.
    pub(super) here: bool,
    /// It was made there.
    pub(super) new: bool,
}

type Opening<'a> = Pin<Box<dyn Future<Output = Outcome<Old>> + Send + 'a>>;

impl Cx {
    /// A record of the user's own, if there is one.
    pub(super) async fn own_row_if_any(&self, id: NodeId) -> Outcome<Option<NodeRow>> {
        match self.own_row(id).await {
            Ok(row) => Ok(Some(row)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a node was at the earlier primary, first or last of all.
    pub(super) async fn image(
        &self,
        id: NodeId,
        last: bool,
    ) -> Outcome<Option<(DivergedRow, NodeRow)>> {
        let found = self.store().diverged_node(self.user(), id, last).await;
        found.map_err(|error| read_failed(&error))
    }

    /// Whether a node was made at the earlier primary.
    pub(super) async fn made_there(&self, id: NodeId) -> Outcome<bool> {
        Ok(self.image(id, false).await?.is_some_and(|(_, row)| row.revision == 1))
    }

    /// Opens a node.
    pub(super) async fn old(&self, id: NodeId) -> Outcome<Old> {
        self.old_below(id, 0).await
    }

    fn old_below(&self, id: NodeId, depth: usize) -> Opening<'_> {
        Box::pin(async move {
            if depth > MAX_PARENTS {
                return Err(integrity(id));
            }
            if let Some(row) = self.own_row_if_any(id).await? {
                let node = self.node_of_row(row).await?;
                let name = node.name().unwrap_or_default();
                let (row, keys) = (node.row, node.keys);
                return Ok(Old { row, keys, name, here: true, new: false });
            }
            let image = self.image(id, true).await?;
            let (_, row) = image.ok_or_else(|| plain(ErrorCode::NOT_FOUND))?;
            let parent = self.old_below(row.parent, depth + 1).await?;
            let keys = self.keys_below(&parent.keys, &row)?;
            let name = open_name(&parent.keys, &row).unwrap_or_default();
            let new = self.made_there(id).await?;
            Ok(Old { row, keys, name, here: false, new })
        })
    }

    /// A directory, if it is here and neither in the trash nor below anything that is.
    pub(super) async fn live_dir(&self, id: NodeId) -> Outcome<Option<Dir>> {
        let Some(row) = self.own_row_if_any(id).await? else { return Ok(None) };
        match self.require_own_live(id).await {
            Ok(()) => {}
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        match self.node_of_row(row).await?.into_dir() {
            Ok(dir) => Ok(Some(dir)),
            Err(_) => Ok(None),
        }
    }
}
