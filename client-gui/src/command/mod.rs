//! What the user wants, what the worker has to do, and what it answers.

mod event;
mod job;

pub use event::{Done, Event};
pub use job::{Entrance, Job, Lane};

use crate::look::Look;
use crate::outside::Outside;
use crate::state::folder::Column;
use crate::state::settings::Theme;
use crate::state::transfer::TransferId;
use crate::state::{Route, Undo};
use crate::text::Language;
use coffer_client::RemotePath;
use coffer_client::protocol::NodeId;
use coffer_client::protocol::message::share::{GroupEdit, Recipient};
use std::num::NonZeroU64;
use std::path::PathBuf;

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
