//! What the user wants, what the worker has to do, and what it answers.

use crate::look::{Look, LookEvent, LookJob};
use crate::outside::{Outside, OutsideEvent, OutsideJob};
use crate::secret::Secret;
use crate::state::folder::Column;
use crate::state::model::{MachineSeen, Reached, User};
use crate::state::preview::Preview;
use crate::state::settings::Theme;
use crate::state::transfer::{Kept, Outcome, TransferId, Work};
use crate::state::welcome::Known;
use crate::state::{Problem, Route, Row, Undo};
use crate::text::Language;
use coffer_client::RemotePath;
use coffer_client::protocol::NodeId;
use coffer_client::protocol::link::{Fingerprint, Link};
use coffer_client::protocol::message::account::AccountInfo;
use coffer_client::protocol::message::event::ActivityRecord;
use coffer_client::protocol::message::share::{
    ContactInfo, GroupEdit, GroupInfo, Mode, Recipient, ShareEntry,
};
use coffer_client::protocol::message::tree::{TrashEntry, Version};
use coffer_client::transfer::Progress;
use std::num::NonZeroU64;
use std::path::PathBuf;
use tokio::sync::watch;

/// What the user wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Go on with the typed link.
    UseLink,
    /// Run a server on this computer.
    TryHere,
    /// Sign in to an account of this computer.
    UseKnown(usize),
    /// Remove an account of this computer from it.
    ForgetKnown(usize),
    /// To another account, named by its profile, or to one that is not known here yet. The
    /// keys of the present one are kept.
    SwitchAccount(Option<String>),
    /// A file that holds a link was dropped.
    DropLink(PathBuf),
    /// Back to the link.
    ForgetLink,
    /// A character of the new password was typed.
    PasswordTyped,
    /// Enter with the recovery key (`true`), or with the password after all.
    ForgotPassword(bool),
    /// Sign in, or sign up.
    Enter,
    /// The fingerprint is the right one.
    Trust,
    /// The recovery key is put away.
    RecoveryKept,
    /// Write the recovery key to a file.
    SaveRecovery(PathBuf),
    /// Print the recovery key.
    PrintRecovery,
    /// End the session, and forget its keys.
    SignOut,

    /// Go to a page.
    Go(Route),
    /// To the page before.
    Backward,
    /// To the page that was gone back from.
    Forward,
    /// To the directory above.
    Up,
    /// Ask for everything on the page again.
    Refresh,
    /// The search field was written to.
    Find(String),
    /// Order lists by this column; again: the other way round.
    SortBy(Column),

    /// Select one thing alone.
    Select(usize),
    /// Select it too, or not any more.
    Toggle(usize),
    /// Select everything from the anchor to it.
    Extend(usize),
    /// Everything.
    SelectAll,
    /// Nothing.
    SelectNone,
    /// Move the keyboard by so many rows; with Shift: extend.
    Step(isize, bool),
    /// To the next name that begins with this.
    TypeAhead(String),
    /// Open a directory, or look at a file.
    Open(usize),
    /// Open what is selected.
    OpenSelected,

    /// Ask for a name of a new folder.
    AskFolder,
    /// Ask for a name of a new text.
    AskText,
    /// Ask for another name.
    AskRename,
    /// What is typed in the dialog is right.
    Confirm,
    /// Close the dialog.
    Dismiss,
    /// Move what is selected to the trash.
    Delete,
    /// Take something back.
    Undo(Undo),
    /// Take the newest thing back.
    UndoLast,
    /// Close a message.
    CloseToast(usize),
    /// Remember what is selected: to be moved (`true`) or copied.
    Clip(bool),
    /// Put what was cut or copied here.
    Paste,
    /// Move these into this directory.
    MoveInto(Vec<RemotePath>, RemotePath),

    /// Ask for files or a directory.
    Choose(Purpose),
    /// Upload these into the directory on the page.
    Upload(Vec<PathBuf>),
    /// Upload these into this directory.
    UploadInto(RemotePath, Vec<PathBuf>),
    /// Download what is selected into this directory.
    Download(PathBuf),
    /// Download these into this directory.
    Fetch(Vec<RemotePath>, PathBuf),
    /// End a transfer.
    CancelTransfer(TransferId),
    /// Do it again.
    RetryTransfer(TransferId),
    /// Let it rest.
    PauseTransfer(TransferId),
    /// Let it go on.
    ResumeTransfer(TransferId),
    /// Let all of them rest.
    PauseAll,
    /// Let all of them go on.
    ResumeAll,
    /// Forget what has ended.
    ClearTransfers,

    /// Show who has access to what is selected.
    AskShare,
    /// Share, as the dialog has it.
    Share,
    /// Stop sharing with them.
    Unshare(RemotePath, Recipient),
    /// Give up what somebody shares.
    Leave(String, String),
    /// The safety number was compared.
    ConfirmContact(String, String),

    /// Bring back from the trash.
    Restore(Vec<NodeId>),
    /// Delete for good.
    Purge(Vec<NodeId>),
    /// Ask whether to empty the trash.
    AskEmptyTrash,
    /// Make an old version the current one.
    RestoreVersion(RemotePath, u64),

    /// Edit the selected text.
    Edit,
    /// Save what is edited.
    SaveText,
    /// Save it although somebody else has saved.
    OverwriteText,
    /// Save it beside.
    KeepBoth,

    /// What to see, and how.
    Look(Look),
    /// Open files with other programs.
    Outside(Outside),

    /// Show all commands.
    Palette,
    /// Light, dark, or as the desktop has it.
    SetTheme(Theme),
    /// Another language.
    SetLanguage(Language),
    /// Low rows.
    SetCompact(bool),
    /// Show the details, or not.
    ToggleDetails,
    /// Where downloads go.
    SetDownloads(PathBuf),
    /// Show nothing before the password is given.
    Lock,
    /// The password is typed.
    Unlock,
    /// Lock the window by itself after so many minutes.
    SetLockAfter(Option<u16>),
    /// Most bytes a second of uploads (`true`) or downloads.
    SetLimit(bool, Option<NonZeroU64>),
    /// Let the desktop show no messages.
    SetQuiet(bool),
    /// Let the window go on in the tray when it is closed.
    SetKeepInTray(bool),
    /// Close the window: hide it, or end.
    CloseWindow,
    /// Bring the window to the front.
    ShowWindow,
    /// End the program.
    Quit,
    /// Ask for the passwords.
    AskPassword,
    /// Ask for the passwords, to sign all other devices out.
    AskSignOutOthers,
    /// Ask for the password, to make a new recovery key.
    AskRecoveryKey,
    /// Ask for a name of a new group.
    AskGroup,
    /// Ask for another name of this group.
    AskRenameGroup(String),
    /// Ask who is to be taken into this group.
    AskMember(String),
    /// Ask whether to delete this group.
    AskDeleteGroup(String),
    /// Change a group.
    EditGroup(String, GroupEdit),
    /// Ask for the password, to delete the account.
    AskDeleteAccount,
}

/// What files or directories are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To upload files into this directory.
    UploadFiles(RemotePath),
    /// To upload a directory into this one.
    UploadFolder(RemotePath),
    /// To upload what another program has put on the clipboard into this directory.
    UploadCopied(RemotePath),
    /// To download what is selected to.
    Download(Vec<RemotePath>),
    /// To download this to.
    SaveAs(RemotePath),
    /// Where downloads go from now on.
    Downloads,
    /// To keep the recovery key in.
    RecoveryKey,
}

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
