//! Directories, entries, trash and versions.

use crate::error::WireError;
use crate::id::{Hash32, NodeId, OpId, Position};
use crate::place::Place;
use bincode::{Decode, Encode};

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub enum Kind {
    /// A file.
    File,
    /// A directory.
    Directory,
}

/// A file or directory as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// The node.
    pub node: NodeId,
    /// The directory it is in; the home directory names itself.
    pub parent: NodeId,
    /// Name as typed when it was given; empty for the home directory.
    pub name: String,
    /// File or directory.
    pub kind: Kind,
    /// Bytes; 0 for a directory.
    pub size: u64,
    /// Modification time as the client gave it, milliseconds since 1970.
    pub modified_millis: i64,
    /// Creation of the node by the server's clock, milliseconds since 1970.
    pub created_millis: i64,
    /// Whether the file is executable.
    pub executable: bool,
    /// Revision of the content; what `Expect::Revision` compares.
    pub revision: u64,
    /// `crypto::chunk::content_hash` over the file's chunks; zero for a directory.
    pub content_hash: Hash32,
    /// Machines that hold the newest change of the node durably, the answering one
    /// included. There may be more: where the machine does not remember when the node
    /// changed, it says what is surely true.
    pub machines: u8,
}

/// What has to be there for a write to go ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Expect {
    /// Nothing may have the name.
    Absent,
    /// The file must still be at this revision.
    Revision(u64),
    /// Whatever is there becomes an earlier version.
    Anything,
}

/// Asks for one entry.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Stat {
    /// Which.
    pub place: Place,
}

/// Asks for one page of a directory.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct List {
    /// The directory.
    pub place: Place,
    /// `ListPage::next` of the page before; `None` for the first.
    pub cursor: Option<Hash32>,
    /// Most entries wanted; the server caps it.
    pub limit: u32,
}

/// One page of a directory, in no order that means anything to a person.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ListPage {
    /// The directory itself.
    pub directory: NodeId,
    /// Entries.
    pub entries: Vec<Entry>,
    /// Entries that exist but do not open (altered or damaged records).
    pub damaged: Vec<NodeId>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<Hash32>,
}

/// Asks for one page of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Walk {
    /// Root of the tree; not listed itself.
    pub place: Place,
    /// Only entries whose name matches this glob (`*`, `?`, `[a-z]`, `{a,b}`,
    /// case-insensitive) are listed; the walk goes everywhere.
    pub pattern: Option<String>,
    /// `WalkPage::next` of the page before; empty for the first.
    pub cursor: Vec<u8>,
    /// Most entries wanted; the server caps it.
    pub limit: u32,
}

/// An entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WalkEntry {
    /// Names from the root of the walk down to the entry's directory.
    pub above: Vec<String>,
    /// The entry.
    pub entry: Entry,
}

/// One page of a tree: a directory comes before what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WalkPage {
    /// Entries; may be empty on a page that found no match.
    pub entries: Vec<WalkEntry>,
    /// Entries that exist but do not open.
    pub damaged: Vec<NodeId>,
    /// Where the next page starts; empty at the end.
    pub next: Vec<u8>,
}

/// One directory to create.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NewDir {
    /// Names below `MakeDirs::base`; parents come earlier in the list or exist.
    pub names: Vec<String>,
    /// Modification time to keep, milliseconds since 1970; `None`: now.
    pub modified_millis: Option<i64>,
}

/// Creates directories.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct MakeDirs {
    /// Makes the request repeatable.
    pub op: OpId,
    /// Where the names start.
    pub base: Place,
    /// The directories, parents first; at most `limits::MAX_BATCH_DIRS`.
    pub dirs: Vec<NewDir>,
    /// Adopt a directory that is there already, instead of an error.
    pub adopt: bool,
    /// Create missing parents as well (`mkdir -p`).
    pub parents: bool,
}

/// Answer to `MakeDirs`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Made {
    /// The directory that the names started from.
    pub base: NodeId,
    /// One node for each wanted directory, in order.
    pub nodes: Vec<NodeId>,
    /// Position of the write.
    pub position: Position,
    /// Machines that hold it durably.
    pub machines: u8,
}

/// Renames or moves.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Move {
    /// Makes the request repeatable.
    pub op: OpId,
    /// What.
    pub from: Place,
    /// The new directory and name: the last name of the place is the new name.
    pub to: Place,
    /// Move a file that has the new name to the trash first.
    pub replace: bool,
}

/// One file to copy.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CopyItem {
    /// The file.
    pub from: Place,
    /// The new directory and name.
    pub to: Place,
    /// What has to be there.
    pub expect: Expect,
}

/// Copies files.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Copy {
    /// Makes the request repeatable.
    pub op: OpId,
    /// The files; at most `limits::MAX_BATCH_NODES`.
    pub items: Vec<CopyItem>,
}

/// One thing to delete.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DeleteItem {
    /// What.
    pub place: Place,
    /// The revision the wish was based on; `None`: whatever is there.
    pub revision: Option<u64>,
}

/// Moves things to the trash.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Delete {
    /// Makes the request repeatable.
    pub op: OpId,
    /// At most `limits::MAX_BATCH_NODES`.
    pub items: Vec<DeleteItem>,
    /// Also directories that are not empty.
    pub recursive: bool,
}

/// One outcome for each item of a batch, in order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Outcomes {
    /// The node written or deleted, or why not.
    pub items: Vec<Result<NodeId, WireError>>,
    /// Position of the write.
    pub position: Position,
    /// Machines that hold it durably.
    pub machines: u8,
}

/// Asks for one page of the trash, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TrashList {
    /// `TrashPage::next` of the page before.
    pub cursor: Option<(i64, NodeId)>,
    /// Most entries wanted; the server caps it.
    pub limit: u32,
}

/// Something in the trash.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TrashEntry {
    /// The entry as it was.
    pub entry: Entry,
    /// Names from the home directory down to where it was, outermost first.
    pub above: Vec<String>,
    /// When it was deleted, milliseconds since 1970 by the server's clock.
    pub deleted_millis: i64,
}

/// One page of the trash.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TrashPage {
    /// Entries, most recently deleted first.
    pub entries: Vec<TrashEntry>,
    /// Entries that exist but do not open.
    pub damaged: Vec<NodeId>,
    /// Where the next page starts.
    pub next: Option<(i64, NodeId)>,
}

/// Puts something back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RestoreTrash {
    /// Makes the request repeatable.
    pub op: OpId,
    /// What.
    pub node: NodeId,
    /// New directory and name; `None`: where it was.
    pub to: Option<Place>,
}

/// What to delete from the trash.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum PurgeWhat {
    /// These nodes; at most `limits::MAX_BATCH_NODES`.
    Nodes(Vec<NodeId>),
    /// Everything in the trash.
    Everything,
}

/// Deletes from the trash, for good.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PurgeTrash {
    /// Makes the request repeatable.
    pub op: OpId,
    /// What.
    pub what: PurgeWhat,
}

/// Answer to a purge.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Purged {
    /// Nodes or versions deleted by this request.
    pub count: u64,
    /// There is more to delete: ask again with a new op id.
    pub more: bool,
    /// Position of the write.
    pub position: Position,
    /// Machines that hold it durably.
    pub machines: u8,
}

/// Asks for one page of the versions of a file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Versions {
    /// The file.
    pub place: Place,
    /// Only revisions below this one; `None` for the first page.
    pub before: Option<u64>,
    /// Most entries wanted; the server caps it.
    pub limit: u32,
}

/// A version of a file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Version {
    /// Revision.
    pub revision: u64,
    /// Bytes.
    pub size: u64,
    /// Modification time as the client gave it, milliseconds since 1970.
    pub modified_millis: i64,
    /// When it was written, milliseconds since 1970 by the server's clock.
    pub written_millis: i64,
    /// Who wrote it.
    pub author: String,
    /// Hash of the content.
    pub content_hash: Hash32,
    /// Whether it is what the file shows now.
    pub current: bool,
}

/// One page of versions, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct VersionPage {
    /// Versions.
    pub versions: Vec<Version>,
    /// Revisions that exist but do not open.
    pub damaged: Vec<u64>,
    /// `Versions::before` of the next page.
    pub next: Option<u64>,
}

/// Makes an old version the current one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RestoreVersion {
    /// Makes the request repeatable.
    pub op: OpId,
    /// The file.
    pub place: Place,
    /// The version to bring back.
    pub revision: u64,
}

/// Deletes old versions, for good; the current one stays.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PurgeVersions {
    /// Makes the request repeatable.
    pub op: OpId,
    /// The file.
    pub place: Place,
    /// Which; empty: all but the current one.
    pub revisions: Vec<u64>,
}
