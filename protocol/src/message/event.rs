//! What has happened: hints to look again, and the record of who did what.

use crate::id::{NodeId, Position};
use crate::message::share::Mode;
use crate::place::Place;
use bincode::{Decode, Encode};

/// Where something is, in the words of the one who asks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Location {
    /// `None`: in the user's own tree. Otherwise the user name of the owner, and
    /// the first of the names is that of the share.
    pub owner: Option<String>,
    /// Names down to the thing itself.
    pub names: Vec<String>,
}

/// The other side of a share.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SharedWith {
    /// User name or name of the group.
    pub with: String,
    /// What is allowed.
    pub mode: Mode,
    /// When it ends by itself, milliseconds since 1970.
    pub expires_millis: Option<i64>,
}

/// What has happened to something.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Deed {
    /// It was made.
    Created,
    /// It has new content.
    Written,
    /// It has another name; it was called this.
    Renamed(String),
    /// It was moved from another directory; it was called this.
    Moved(String),
    /// It went to the trash.
    Deleted,
    /// It came back from the trash.
    Restored,
    /// An old version, of this revision, became the current one.
    VersionRestored(u64),
    /// It was shared with this user or group, or the share was changed.
    Shared(SharedWith),
    /// It is no longer shared with this user or group.
    Unshared(String),
    /// The recipient gave the share up.
    Left,
    /// Its content was read.
    Downloaded,
    /// The user signed in from this address.
    SignedIn(String),
}

/// Waits for hints.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Watch {
    /// `Events::next` of the answer before; `None` begins.
    pub after: Option<u64>,
    /// How long to wait when there is nothing; the server caps it.
    pub wait_millis: u32,
}

/// A hint that something has changed. Hints can be lost and repeated: what is
/// true is what a request finds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    /// What has happened.
    pub deed: Deed,
    /// To what.
    pub node: NodeId,
    /// Where it is now; of what was deleted or is no longer shared, where it was;
    /// `None` when it cannot be seen (any more).
    pub location: Option<Location>,
    /// User name of who did it.
    pub by: String,
    /// User name of the owner.
    pub owner: String,
    /// When, milliseconds since 1970 by the server's clock.
    pub at_millis: i64,
    /// Position of the write.
    pub position: Position,
}

/// Answer to `Watch`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Events {
    /// Hints, oldest first; empty at the first answer and when the time is up.
    pub events: Vec<Event>,
    /// `Watch::after` of the next request.
    pub next: u64,
    /// Hints were lost: look at everything again.
    pub refresh: bool,
}

/// Asks who did what to things the user owns or that are shared with the user.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ListActivity {
    /// Only this node and what is below it; `None`: everything.
    pub place: Option<Place>,
    /// Nothing older than this, milliseconds since 1970.
    pub since_millis: Option<i64>,
    /// `ActivityPage::next` of the page before.
    pub cursor: Option<[u8; 16]>,
    /// Most records wanted; the server caps it.
    pub limit: u32,
}

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ActivityRecord {
    /// When, milliseconds since 1970 by the server's clock.
    pub at_millis: i64,
    /// User name of who did it; empty when there is no such user any more.
    pub by: String,
    /// What.
    pub deed: Deed,
    /// The node it was done to; for many files at once, their directory.
    pub node: NodeId,
    /// Where that is now, or was when it was deleted.
    pub location: Option<Location>,
    /// How many things in the directory it was done to; 0: to the node itself.
    pub count: u32,
    /// Names of the first of them; of a single thing, the name it had.
    pub names: Vec<String>,
}

/// One page of activity, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ActivityPage {
    /// Records; may be empty on a page that is not the last.
    pub records: Vec<ActivityRecord>,
    /// Records that exist but do not open.
    pub damaged: u32,
    /// Where the next page starts.
    pub next: Option<[u8; 16]>,
}
