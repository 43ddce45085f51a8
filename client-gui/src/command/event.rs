//! What the worker answers.

use super::{Command, Purpose};
use crate::look::LookEvent;
use crate::outside::OutsideEvent;
use crate::secret::Secret;
use crate::state::model::{MachineSeen, Reached, User};
use crate::state::preview::Preview;
use crate::state::transfer::{Kept, Outcome, TransferId, Work};
use crate::state::welcome::Known;
use crate::state::{Problem, Row};
use coffer_client::RemotePath;
use coffer_client::protocol::NodeId;
use coffer_client::protocol::link::Fingerprint;
use coffer_client::protocol::message::account::AccountInfo;
use coffer_client::protocol::message::event::ActivityRecord;
use coffer_client::protocol::message::share::{ContactInfo, GroupInfo, ShareEntry};
use coffer_client::protocol::message::tree::{TrashEntry, Version};
use coffer_client::transfer::Progress;
use std::path::PathBuf;
use tokio::sync::watch;

/// What was done, when nothing but a message comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Made.
    Made(RemotePath),
    /// Moved to the trash.
    Deleted(Vec<NodeId>),
    /// Brought back.
    Restored(usize),
    /// Deleted for good.
    Purged,
    /// Has other names: from, to.
    Renamed(Vec<(RemotePath, RemotePath)>),
    /// Copied.
    Copied(usize),
    /// Saved as a version, which has this revision.
    Saved(RemotePath, u64),
    /// A share was changed.
    Sharing(RemotePath, Vec<ContactInfo>),
    /// Given up.
    Left,
    /// A group is another; people whose safety numbers are worth comparing.
    GroupChanged(Vec<ContactInfo>),
    /// The contact is confirmed.
    Confirmed(String),
    /// The password is another one.
    PasswordChanged(Option<Secret>),
    /// The recovery key is this one now, and the password as it was.
    RecoveryRenewed(Secret),
    /// The account is gone.
    AccountDeleted,
    /// The recovery key is in a file.
    RecoverySaved,
    /// Handed to the printer.
    Printed,
}

/// What the worker answers.
pub enum Event {
    /// Files or a directory that were asked for; never none.
    Chosen(Purpose, Vec<PathBuf>),
    /// Signed in.
    Entered(User, Option<Secret>),
    /// A server runs on this computer; a link to make an account there.
    LocalServer(String),
    /// Not signed in; with the fingerprint that has to be compared.
    Refused(Problem, Option<Fingerprint>),
    /// The saved keys of a profile are gone: the password is asked for.
    PasswordNeeded,
    /// The session is over, by the user's wish or not; the accounts of this computer.
    Left(Option<Problem>, Vec<Known>),
    /// Rows of a directory: number of the question, rows by name, damaged, end.
    Listed(u64, Vec<Row>, u64, bool),
    /// What was found so far.
    Found(u64, Vec<Row>, bool),
    /// A directory or search that cannot be shown.
    NotListed(u64, Problem),
    /// Something was done.
    Done(Done),
    /// Something was not done.
    Failed(Problem),
    /// Whether it was the password.
    Unlocked(Result<(), Problem>),
    /// A file that the editor would damage.
    NotEditable,
    /// A text was not saved, because somebody else has saved meanwhile.
    Conflict,
    /// A text to be edited, with its revision.
    Text(RemotePath, String, u64),
    /// What was kept of earlier transfers, the oldest first.
    Kept(Vec<Kept>),
    /// A transfer has begun, and has decided where everything goes.
    Started(TransferId, Work, watch::Receiver<Progress>),
    /// A transfer is over.
    Ended(TransferId, Outcome),
    /// Who has access.
    SharesOf(RemotePath, Result<Vec<ShareEntry>, Problem>),
    /// What others share.
    WithMe(Result<Vec<ShareEntry>, Problem>),
    /// What the user shares, and the groups.
    ByMe(Result<(Vec<ShareEntry>, Vec<GroupInfo>), Problem>),
    /// The trash.
    Trash(Result<Vec<TrashEntry>, Problem>),
    /// Who did what.
    Activity(Result<Vec<ActivityRecord>, Problem>),
    /// Versions and shares of the selected thing.
    Versions(NodeId, Vec<Version>, Vec<ShareEntry>),
    /// What it looks like.
    Preview(NodeId, Preview),
    /// What the user wants to see.
    Look(LookEvent),
    /// Files that other programs have opened.
    Outside(OutsideEvent),
    /// The account.
    Account(Box<AccountInfo>, f64),
    /// The machines, and the epoch.
    Machines(Vec<MachineSeen>, u64),
    /// Whether work is being done that the server has asked for.
    Checking(bool),
    /// Which machine serves.
    Reached(Reached),
    /// Another start of the program has handed this link over; it may be empty.
    Handed(String),
    /// This connection link was copied somewhere.
    LinkSeen(String),
    /// A file that was dropped holds no connection link.
    NoLink,
    /// The accounts that were used on this computer.
    Known(Vec<Known>),
    /// Whether the desktop has a tray that shows the client.
    Tray(bool),
    /// What the user wants who has clicked outside of the window.
    Wished(Command),
    /// Something has changed at the server: look again.
    Changed,
}
