//! What stands in front of a page, and what is typed into it.

use super::Problem;
use super::preview::Quick;
use crate::secret::Secret;
use coffer_client::RemotePath;
use coffer_client::protocol::message::share::{ContactInfo, Mode, ShareEntry};

/// A text that is edited.
#[derive(Clone, Debug)]
pub struct Editor {
    /// Which file.
    pub path: RemotePath,
    /// Revision that it was opened at.
    pub revision: u64,
    /// The text as it was.
    pub original: String,
    /// The text now.
    pub text: String,
    /// Being saved.
    pub saving: bool,
    /// Somebody else has saved meanwhile.
    pub conflict: bool,
}

/// The sharing of one thing.
#[derive(Clone, Debug)]
pub struct Sharing {
    /// What.
    pub path: RemotePath,
    /// Who has access.
    pub shares: Vec<ShareEntry>,
    /// With whom to share, as typed.
    pub with: String,
    /// What they may do.
    pub mode: Mode,
    /// Days until it ends.
    pub days: Option<u16>,
    /// People whose safety numbers are worth comparing.
    pub contacts: Vec<ContactInfo>,
    /// Work is going on.
    pub busy: bool,
    /// What went wrong.
    pub problem: Option<Problem>,
}

/// What is asked to change the password.
#[derive(Clone, Debug, Default)]
pub struct PasswordForm {
    /// The present one.
    pub present: Secret,
    /// The new one.
    pub new: Secret,
    /// Whether to make a new recovery key, too.
    pub recovery: bool,
    /// It is done to sign all other devices out.
    pub others: bool,
}

/// The window shows nothing before the password is given.
#[derive(Clone, Debug, Default)]
pub struct Lock {
    /// The password as typed.
    pub password: Secret,
    /// It is being checked.
    pub busy: bool,
    /// Why it was not taken.
    pub problem: Option<Problem>,
}

/// What stands in front of the page.
#[derive(Clone, Debug)]
pub enum Dialog {
    /// A name for something new.
    NewFolder(String),
    /// A name for a new text.
    NewText(String),
    /// Another name for what is at this path.
    Rename(RemotePath, String),
    /// Who has access.
    Share(Box<Sharing>),
    /// A text.
    Editor(Box<Editor>),
    /// A bigger look at a file.
    Quick(Box<Quick>),
    /// Sure to empty the trash?
    EmptyTrash,
    /// All commands, and what was typed to find one.
    Palette(String, usize),
    /// Another password.
    Password(PasswordForm),
    /// The password, to get a new recovery key.
    RecoveryKey(Secret),
    /// A name for a new group.
    NewGroup(String),
    /// Another name for this group.
    RenameGroup(String, String),
    /// Somebody to be taken into this group.
    AddMember(String, String),
    /// Sure to delete this group?
    DeleteGroup(String),
    /// People whose safety numbers are worth comparing.
    Contacts(Vec<ContactInfo>),
    /// The password, to delete the account.
    DeleteAccount(Secret),
}
