//! Files that other programs have opened.

use super::Problem;
use coffer_client::RemotePath;
use coffer_client::protocol::NodeId;

/// How it is with a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is on its way: so many bytes are here, of so many.
    Fetching(u64, u64),
    /// It is open, and as it is at the server.
    Watched,
    /// It was changed, and is being saved.
    Saving,
    /// It was saved at this time, milliseconds since 1970.
    Saved(i64),
    /// Somebody else has saved meanwhile.
    Conflict,
    /// It was not saved.
    Failed(Problem),
}

/// A file that another program has opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The file that was opened.
    pub node: NodeId,
    /// Where it is.
    pub path: RemotePath,
    /// How it is with its copy.
    pub status: Status,
}

impl Opened {
    /// What it is called.
    pub fn name(&self) -> &str {
        self.path.last_name().unwrap_or_default()
    }
}
