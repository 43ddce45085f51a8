//! Sharing, taking back, leaving.

use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::{Changed, LeaveShare, ShareNode, Shared, Unshare};

impl Cx {
    /// Shares a node, or changes a share of it.
    pub(crate) async fn share(&self, _request: &ShareNode) -> Outcome<Shared> {
        Err(plain(ErrorCode::INTERNAL))
    }

    /// Takes a share back.
    pub(crate) async fn unshare(&self, _request: &Unshare) -> Outcome<Changed> {
        Err(plain(ErrorCode::INTERNAL))
    }

    /// Gives up what is shared with the user.
    pub(crate) async fn leave_share(&self, _request: &LeaveShare) -> Outcome<Changed> {
        Err(plain(ErrorCode::INTERNAL))
    }
}
