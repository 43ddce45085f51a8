//! Shares, groups and contacts.

use crate::id::{NodeId, OpId, Position, ShareId};
use crate::message::tree::Kind;
use crate::place::Place;
use bincode::{Decode, Encode};

/// What a share allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub enum Mode {
    /// List, read, download, see versions.
    Read,
    /// Also create, write, rename, move within, delete and restore.
    Write,
}

/// Whom something is shared with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub enum Recipient {
    /// One user, by user name.
    User(String),
    /// A group of the asking user, by its name.
    Group(String),
}

/// Shares a file or directory, or changes the mode and the end of a share that
/// is there. Only the owner can.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ShareNode {
    /// Makes the request repeatable.
    pub op: OpId,
    /// What.
    pub place: Place,
    /// With whom.
    pub with: Recipient,
    /// What they may do.
    pub mode: Mode,
    /// When it ends by itself, milliseconds since 1970; `None`: never.
    pub expires_millis: Option<i64>,
}

/// Takes a share back. Only the owner can.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Unshare {
    /// Makes the request repeatable.
    pub op: OpId,
    /// What.
    pub place: Place,
    /// From whom.
    pub with: Recipient,
}

/// Gives up everything that makes a node shared with the asking user: shares of
/// this very node, directly and through groups.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LeaveShare {
    /// Makes the request repeatable.
    pub op: OpId,
    /// The shared node itself, not something inside it.
    pub node: NodeId,
}

/// A share, as its owner or its recipient sees it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ShareEntry {
    /// The share; the strongest one where a recipient has several of one node.
    pub share: ShareId,
    /// What is shared.
    pub node: NodeId,
    /// File or directory.
    pub kind: Kind,
    /// For the owner: names from the home directory down to it. For a recipient:
    /// one name, under which it is found; names that would collide are told
    /// apart by `~` and the first characters of the share's id.
    pub names: Vec<String>,
    /// User name of the owner.
    pub owner: String,
    /// With whom: the user, or the group through which.
    pub with: Recipient,
    /// What is allowed.
    pub mode: Mode,
    /// When it was first shared, milliseconds since 1970.
    pub created_millis: i64,
    /// When it ends by itself, milliseconds since 1970.
    pub expires_millis: Option<i64>,
    /// The other's key is not the one that was known: nothing opens, and nothing
    /// is shared with them, before the contact is confirmed.
    pub key_changed: bool,
}

/// Answer to `ShareNode`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Shared {
    /// The share as it is now.
    pub share: ShareEntry,
    /// People with whom the user shares for the first time: their safety numbers
    /// are worth comparing.
    pub new_contacts: Vec<ContactInfo>,
    /// Position of the write.
    pub position: Position,
    /// Machines that hold it durably.
    pub machines: u8,
}

/// Answer to requests that change something and have nothing else to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Changed {
    /// Position of the write.
    pub position: Position,
    /// Machines that hold it durably.
    pub machines: u8,
}

/// Which shares to list.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum WhichShares {
    /// What others share with the user, one entry for each node.
    WithMe,
    /// What the user shares, one entry for each user or group it is shared with.
    ByMe,
    /// The same for one node.
    Of(Place),
}

/// Asks for one page of shares.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ListShares {
    /// Which.
    pub which: WhichShares,
    /// `SharePage::next` of the page before.
    pub cursor: Option<ShareId>,
    /// Most entries wanted; the server caps it.
    pub limit: u32,
}

/// One page of shares.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SharePage {
    /// Shares.
    pub shares: Vec<ShareEntry>,
    /// Shares that exist but do not open (altered or damaged records).
    pub damaged: Vec<ShareId>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<ShareId>,
}

/// Looks up what `@owner/name` means to the asking user.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FindShared {
    /// User name of the owner.
    pub owner: String,
    /// Name, as `ShareEntry::names` shows it.
    pub name: String,
}

/// What to do to a group.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum GroupEdit {
    /// Make it, with these members (user names).
    Create(Vec<String>),
    /// Take these users in: everything shared with the group is theirs, too.
    Add(Vec<String>),
    /// Take these users out: what only the group gave them is gone.
    Remove(Vec<String>),
    /// Give it another name.
    Rename(String),
    /// Delete it, and every share with it.
    Delete,
}

/// Changes one of the user's groups.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EditGroup {
    /// Makes the request repeatable.
    pub op: OpId,
    /// Name of the group.
    pub name: String,
    /// What to do.
    pub edit: GroupEdit,
}

/// Answer to `EditGroup`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GroupChanged {
    /// People whom the user has not shared with before.
    pub new_contacts: Vec<ContactInfo>,
    /// Shares that came or went with the change.
    pub shares: u32,
    /// Position of the write.
    pub position: Position,
    /// Machines that hold it durably.
    pub machines: u8,
}

/// A group of users, made by one user to share with.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GroupInfo {
    /// Its name, known to its owner alone.
    pub name: String,
    /// User names.
    pub members: Vec<String>,
    /// When it was made, milliseconds since 1970.
    pub created_millis: i64,
}

/// Asks for the user's groups.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ListGroups {
    /// Names after this one; `None` for the first page.
    pub after: Option<String>,
}

/// One page of groups, by name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GroupPage {
    /// Groups.
    pub groups: Vec<GroupInfo>,
    /// Groups that exist but do not open.
    pub damaged: u32,
    /// `ListGroups::after` of the next page.
    pub next: Option<String>,
}

/// Asks for another user, to compare safety numbers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FindContact {
    /// User name; case does not matter.
    pub user_name: String,
}

/// How well another user's key is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Trust {
    /// Nothing was shared with them or by them so far.
    New,
    /// It is the key that was there the first time.
    Known,
    /// It is the key whose safety number the user has compared.
    Confirmed,
    /// It is another key than before: sharing stops until the user confirms it.
    Changed,
}

/// Another user.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ContactInfo {
    /// User name as it was signed up.
    pub user_name: String,
    /// Sixty digits in groups of five; both sides see the same.
    pub safety_number: String,
    /// How well the key is known.
    pub trust: Trust,
    /// Since when this key has been known, milliseconds since 1970; 0 for `New`
    /// and `Changed`.
    pub since_millis: i64,
}

/// Accepts the present key of another user.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ConfirmContact {
    /// Makes the request repeatable.
    pub op: OpId,
    /// User name.
    pub user_name: String,
    /// The safety number that the user has seen; another one is refused.
    pub safety_number: String,
}

/// Asks for one page of what was deleted inside a directory that is the user's
/// or shared with the user, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TrashIn {
    /// The directory.
    pub place: Place,
    /// `TrashPage::next` of the page before; a page may be empty and not the last.
    pub cursor: Option<(i64, NodeId)>,
    /// Most entries wanted; the server caps it.
    pub limit: u32,
}
