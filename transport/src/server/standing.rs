//! What a machine says about itself that can change while it runs.

use coffer_protocol::message::cluster::ServerRole;

/// Asked whenever a connection begins, and for every answer: it must not block.
pub trait Standing: Send + Sync {
    /// Raised by each promotion.
    fn epoch(&self) -> u64;

    /// What the machine is.
    fn role(&self) -> ServerRole;

    /// Number of the newest journal entry here: nothing that has been read so far is
    /// newer. 0 if it is not known.
    fn as_of(&self) -> u64;
}

/// A machine that stays what it is.
#[derive(Clone, Copy, Debug)]
pub struct Unchanging {
    /// The epoch.
    pub epoch: u64,
    /// What it is.
    pub role: ServerRole,
}

impl Standing for Unchanging {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn role(&self) -> ServerRole {
        self.role
    }

    fn as_of(&self) -> u64 {
        0
    }
}
