//! What this machine says about itself to those who connect.

use coffer_protocol::message::cluster::ServerRole;
use coffer_store::{Role, Store};
use coffer_transport::Standing;

/// The standing of a machine with a store.
pub struct StoreStanding {
    store: Store,
    /// What it is while it follows.
    follower: ServerRole,
}

impl StoreStanding {
    /// `follower` is what the machine is while it is not the primary.
    pub fn new(store: Store, follower: ServerRole) -> Self {
        Self { store, follower }
    }
}

impl Standing for StoreStanding {
    fn epoch(&self) -> u64 {
        self.store.newest().epoch
    }

    fn role(&self) -> ServerRole {
        match self.store.role() {
            Role::Primary if self.store.is_fenced() => ServerRole::Fenced,
            Role::Primary => ServerRole::Primary,
            Role::Replica | Role::Loading => self.follower,
        }
    }

    fn as_of(&self) -> u64 {
        self.store.newest().seq
    }
}
