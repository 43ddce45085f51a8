//! What the user wants to see, and how; what the worker does for that, and answers.

use crate::state::filter::Filter;
use crate::state::preview::{Picture, Preview, Revision};
use crate::state::{Problem, Row};
use coffer_client::RemotePath;
use coffer_client::protocol::message::tree::Version;

/// What the user wants to see.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// Type a path instead of clicking through it.
    AskPath,
    /// A character of the path was typed.
    PathTyped,
    /// Mark the next or the previous of the folders that are offered.
    StepOffer(isize),
    /// Put a folder that is offered into the field: this one, or else the marked one, or
    /// else the first.
    TakeOffer(Option<usize>),
    /// Go to the path that was typed.
    GoToPath,
    /// Back to the steps of the path.
    LeavePath,
    /// Type a name to look for.
    AskFind,
    /// Show the selected thing in its folder.
    Reveal,
    /// A bigger look at what is selected.
    Quick,
    /// At the next, or the one before.
    StepQuick(isize),
    /// At an old version of what is selected.
    Old(Box<Row>, Version),
    /// Make a file of its own of an old version.
    Beside(RemotePath, Version),
    /// What of a search is shown.
    Filter(Filter),
    /// Tiles instead of a list, or not.
    Grid(bool),
    /// These pictures are shown small.
    Thumbs(Vec<Row>),
}

/// What the worker has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum LookJob {
    /// See what is at a path.
    Visit(RemotePath),
    /// The folders in a directory.
    Folders(RemotePath),
    /// Files that the user has worked with lately; number of the question.
    Recent(u64),
    /// A bigger look at a file, or at an old version of it.
    Quick(Box<Row>, Option<u64>),
    /// Make a file of its own of an old version.
    Beside(RemotePath, Version),
    /// A small picture.
    Thumb(Box<Row>),
}

/// What the worker answers.
pub enum LookEvent {
    /// What is at a path.
    Visited(RemotePath, Result<Box<Row>, Problem>),
    /// Names of the folders in a directory.
    Folders(RemotePath, Vec<String>),
    /// A bigger look.
    Quick(Revision, Preview),
    /// An old version is a file of its own.
    Beside(RemotePath),
    /// A small picture; nothing if the file is none.
    Thumb(Revision, Result<Option<Picture>, ()>),
}
