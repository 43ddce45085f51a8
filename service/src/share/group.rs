//! Groups of users to share with.

use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::{EditGroup, GroupChanged, GroupPage, ListGroups};

impl Cx {
    /// Makes, changes or deletes a group.
    pub(crate) async fn edit_group(&self, _request: &EditGroup) -> Outcome<GroupChanged> {
        Err(plain(ErrorCode::INTERNAL))
    }

    /// One page of the user's groups.
    pub(crate) async fn list_groups(&self, _request: &ListGroups) -> Outcome<GroupPage> {
        Err(plain(ErrorCode::INTERNAL))
    }
}
