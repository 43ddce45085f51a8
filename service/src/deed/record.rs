//! The record of who did what.

use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use crate::op::Draft;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::event::{ActivityPage, ListActivity};

impl Cx {
    /// Adds the record of what a draft does to the draft.
    pub(crate) fn record(&self, _draft: &mut Draft) -> Outcome<()> {
        Ok(())
    }

    /// One page of who did what.
    pub(crate) async fn list_activity(&self, _request: &ListActivity) -> Outcome<ActivityPage> {
        Err(plain(ErrorCode::INTERNAL))
    }
}
