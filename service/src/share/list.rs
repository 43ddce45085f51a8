//! Which shares there are, and what recipients call them.

use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::{FindShared, ListShares, ShareEntry, SharePage};

impl Cx {
    /// One page of shares.
    pub(crate) async fn list_shares(&self, _request: &ListShares) -> Outcome<SharePage> {
        Err(plain(ErrorCode::INTERNAL))
    }

    /// What `@owner/name` means.
    pub(crate) async fn find_shared(&self, _request: &FindShared) -> Outcome<ShareEntry> {
        Err(plain(ErrorCode::INTERNAL))
    }
}
