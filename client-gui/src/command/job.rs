//! What the worker has to do.

use super::Purpose;
use crate::look::LookJob;
use crate::outside::OutsideJob;
use crate::secret::Secret;
use crate::state::Row;
use crate::state::transfer::{Kept, TransferId, Work};
use coffer_client::RemotePath;
use coffer_client::protocol::NodeId;
use coffer_client::protocol::link::{Fingerprint, Link};
use coffer_client::protocol::message::share::{GroupEdit, Mode, Recipient};
use std::path::PathBuf;

/// How an account is entered.
#[derive(Clone, Debug, PartialEq)]
pub enum Entrance {
    /// With its password.
    SignIn,
    /// As a new one, with this contact.
    SignUp(Option<String>),
    /// With this recovery key; the password is a new one.
    Recover(Secret),
}

/// What the worker has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// Sign in or up.
    Enter {
        /// The server.
        link: Box<Link>,
        /// Its fingerprint, compared by the user.
        trust: Option<Fingerprint>,
        /// Profile to be kept under.
        profile: String,
        /// User name.
        user: String,
        /// Password.
        password: Secret,
        /// How.
        entrance: Entrance,
    },
    /// Run a server on this computer.
    StartLocal,
    /// Go on with the saved keys of a profile.
    Resume(String),
    /// End the session.
    SignOut,
    /// End the session, and keep its keys.
    EndSession,
    /// Find out which accounts were used on this computer.
    KnownAccounts,
    /// Remove a profile, and sign its session out.
    ForgetAccount(String),
    /// See whether a connection link was copied.
    LookForLink,
    /// Read a connection link from a file.
    ReadLink(PathBuf),
    /// Write the recovery key to a file.
    SaveRecovery(PathBuf, Secret),
    /// Print this, which says the recovery key.
    Print(Secret),
    /// Show a message outside of the window: title and text.
    Notify(String, String),
    /// Ask for files or a directory.
    Choose(Purpose),
    /// All of a directory.
    List(u64, RemotePath),
    /// Everything below these with a name like this; `Everyone`: in what others share.
    Find(u64, Vec<RemotePath>, String),
    /// A directory.
    MakeDir(RemotePath),
    /// A text, as a new version if the revision still holds; `None`: as a new file.
    WriteText(RemotePath, String, Option<u64>),
    /// A text as a new version, whatever is there.
    OverwriteText(RemotePath, String),
    /// A text to be edited.
    ReadText(RemotePath),
    /// Another name or directory: from, to.
    Rename(Vec<(RemotePath, RemotePath)>),
    /// Copies: from, to.
    Copy(Vec<(RemotePath, RemotePath)>),
    /// To the trash.
    Delete(Vec<NodeId>),
    /// Back from the trash.
    Restore(Vec<NodeId>),
    /// Away for good; nothing named: everything in the trash.
    Purge(Option<Vec<NodeId>>),
    /// Up or down.
    Transfer(TransferId, Work),
    /// Stop it.
    StopTransfer(TransferId),
    /// Keep what is unfinished for this profile, the oldest first.
    KeepTransfers(String, Vec<Kept>),
    /// Ask for what was kept.
    KeptTransfers(String),
    /// Who has access.
    SharesOf(RemotePath),
    /// Share.
    Share(RemotePath, Recipient, Mode, Option<u16>),
    /// Stop sharing.
    Unshare(RemotePath, Recipient),
    /// Give up a share: owner, name.
    Leave(String, String),
    /// Accept a key: user, safety number.
    ConfirmContact(String, String),
    /// What others share.
    WithMe,
    /// What the user shares, and the groups.
    ByMe,
    /// The trash.
    Trash,
    /// Who did what.
    Activity,
    /// Versions and preview of a row.
    Details(Box<Row>),
    /// An old version becomes the current one.
    RestoreVersion(RemotePath, u64),
    /// The account and the machines.
    LookAround,
    /// What the user wants to see.
    Look(LookJob),
    /// Open files with other programs.
    Outside(OutsideJob),
    /// Present and new password, and whether to make a new recovery key.
    ChangePassword(Secret, Secret, bool),
    /// See whether this is the password.
    Unlock(Secret),
    /// Change a group.
    EditGroup(String, GroupEdit),
    /// Delete the account.
    DeleteAccount(Secret),
    /// Keep the settings.
    SaveSettings,
}

/// In which company a job is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Beside all others.
    Aside,
    /// After the changes at the server that were asked for before: it must not overtake
    /// another name of the same file, or another version of the same text.
    Changes,
    /// After what was kept on this computer before.
    Keeping,
}

impl Job {
    /// In which company it is done.
    pub fn lane(&self) -> Lane {
        match self {
            Self::MakeDir(_)
            | Self::WriteText(..)
            | Self::OverwriteText(..)
            | Self::Rename(_)
            | Self::Delete(_)
            | Self::Restore(_)
            | Self::RestoreVersion(..)
            | Self::Share(..)
            | Self::Unshare(..)
            | Self::Leave(..)
            | Self::ConfirmContact(..)
            | Self::EditGroup(..) => Lane::Changes,
            Self::KeepTransfers(..) | Self::SaveSettings => Lane::Keeping,
            _ => Lane::Aside,
        }
    }
}
