//! What was done, to what, by whom: the record that owners and recipients can
//! read, and the hints that wake sessions that wait.
//!
//! Every mutation notes its deeds in its draft; `record` seals them into the
//! same commit, `tell` passes them on once it is durable. What is only read
//! (downloads, sign-ins) is sealed at once and written in the background.

mod activity;
mod audience;
mod background;
mod hints;
mod hub;
mod layout;
mod record;
mod sight;

pub(crate) use background::Background;
pub(crate) use hub::Hub;

use coffer_crypto::NodeKeys;
use coffer_protocol::message::event::Deed;
use coffer_protocol::{NodeId, UserId};
use std::sync::Arc;

/// Something that a request does to a node.
#[derive(Clone)]
pub(crate) struct Done {
    /// What.
    pub(crate) deed: Deed,
    /// To which node.
    pub(crate) node: NodeId,
    /// The node's keys, which seal the record of it.
    pub(crate) keys: Arc<NodeKeys>,
    /// The node's name, now.
    pub(crate) name: String,
    /// Its owner.
    pub(crate) owner: UserId,
    /// The directory it is in, and the keys of it where they are at hand: many
    /// deeds of one kind in one directory become one record of the directory.
    pub(crate) parent: (NodeId, Option<Arc<NodeKeys>>),
    /// The directory it was in before, for a move.
    pub(crate) from: Option<NodeId>,
    /// A user whom it concerns beside those who can see the node: with whom it
    /// is shared, or no longer shared.
    pub(crate) other: Option<UserId>,
    /// The same for a group: its members. Its name is known to its owner alone.
    pub(crate) members: Vec<UserId>,
}

impl Done {
    /// Whether something is shared with a group, or not any more.
    fn is_with_group(&self) -> bool {
        matches!(self.deed, Deed::Shared(_) | Deed::Unshared(_)) && self.other.is_none()
    }
}
