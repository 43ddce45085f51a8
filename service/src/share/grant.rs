//! Opening what a share gives.

use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use coffer_crypto::NodeKeys;
use coffer_protocol::error::ErrorCode;
use coffer_store::{NodeRow, ShareRow};
use std::sync::Arc;

impl Cx {
    /// Keys and name of a shared node, from the grant of a share with the user.
    pub(crate) async fn shared_keys(
        &self,
        _row: &NodeRow,
        _share: &ShareRow,
    ) -> Outcome<(Arc<NodeKeys>, String)> {
        Err(plain(ErrorCode::INTERNAL))
    }
}
