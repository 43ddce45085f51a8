//! Files that other programs of this computer have opened: what the user wants, what the
//! worker does for that, and what it answers.

use crate::state::opened::Status;
use coffer_client::RemotePath;
use coffer_client::protocol::NodeId;
use std::path::PathBuf;

/// What the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Open what is selected with the program that the system has for it.
    Open,
    /// Download what is selected under a name that is chosen.
    SaveAs,
    /// Do something with a copy that is open.
    Ask(NodeId, Ask),
}

/// What is done with a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Open it once more.
    Launch,
    /// Save it as a file of its own, beside what somebody else has saved.
    KeepBoth,
    /// Save it, whatever is there.
    Overwrite,
    /// Try again to save it.
    Retry,
    /// Remove it.
    Close,
}

/// What the worker has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutsideJob {
    /// Remove the copies that an earlier run has left.
    Tidy,
    /// Make a copy of a file, open it, and save what becomes of it.
    Open(NodeId, RemotePath),
    /// Do something with a copy.
    Ask(NodeId, Ask),
}

/// What the worker answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutsideEvent {
    /// How it is with a copy.
    Status(NodeId, Status),
    /// A copy is saved here from now on.
    At(NodeId, RemotePath),
    /// A copy is gone.
    Closed(NodeId),
    /// Copies had changes that could not be saved; they are kept here.
    Rescued(Vec<PathBuf>),
}
