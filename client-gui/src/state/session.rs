//! Where the user is, what is selected and what is open.

use super::address::Address;
use super::dialog::{Dialog, Lock};
use super::filter::Filter;
use super::folder::{Folder, Sort};
use super::welcome::Welcome;
use super::{Problem, Settings};
use crate::command::Job;
use coffer_client::RemotePath;
use coffer_client::protocol::NodeId;
use coffer_client::protocol::message::share::{GroupInfo, Recipient};
use std::collections::BTreeSet;
use std::time::Instant;

/// A page of the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// Sign in or up.
    #[default]
    Welcome,
    /// A directory, the user's own or a shared one.
    Folder(RemotePath),
    /// Files that the user has worked with lately.
    Recent,
    /// What others share with the user.
    SharedWithMe,
    /// What the user shares.
    SharedByMe,
    /// The trash.
    Trash,
    /// Who did what.
    Activity,
    /// Uploads and downloads.
    Transfers,
    /// Files that other programs have opened.
    Opened,
    /// The machines.
    Server,
    /// What can be chosen.
    Settings,
}

impl Route {
    /// The user's own directory.
    pub fn home() -> Self {
        Self::Folder(RemotePath::Own(Vec::new()))
    }

    /// The directory, if it is one.
    pub fn folder(&self) -> Option<&RemotePath> {
        match self {
            Self::Folder(path) => Some(path),
            _ => None,
        }
    }

    /// Whether it shows a list of files, in which things are selected.
    pub fn has_list(&self) -> bool {
        matches!(self, Self::Folder(_) | Self::Recent)
    }
}

/// How something is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// Bring these back from the trash.
    Restore(Vec<NodeId>),
    /// Move it back: from, to.
    Rename(Vec<(RemotePath, RemotePath)>),
}

/// A short message at the edge of the window.
#[derive(Clone, Debug)]
pub struct Toast {
    /// What it says.
    pub text: String,
    /// What it offers to take back.
    pub undo: Option<Undo>,
    /// What went wrong, if it tells of that.
    pub problem: Option<Problem>,
    /// When it came.
    pub since: Instant,
}

/// What was cut or copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clipboard {
    /// What.
    pub paths: Vec<RemotePath>,
    /// To be moved instead of copied.
    pub cut: bool,
}

impl Clipboard {
    /// What other programs get: the names, one in each line.
    pub fn text(&self) -> String {
        let names: Vec<_> = self.paths.iter().filter_map(RemotePath::last_name).collect();
        names.join("\n")
    }
}

/// Whether the window is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    #[default]
    Shown,
    /// It goes on unseen.
    Hidden,
    /// The program ends.
    Ending,
}

/// The window, whoever is signed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Whether it is there.
    pub presence: Presence,
    /// It has to come to the front.
    pub raise: bool,
    /// The desktop has a tray, and the client is in it.
    pub tray: bool,
}

/// See the module.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is about something else")]
pub struct Session {
    /// The page.
    pub route: Route,
    /// Pages before it.
    pub before: Vec<Route>,
    /// Pages that were gone back from.
    pub after: Vec<Route>,
    /// The way in.
    pub welcome: Welcome,
    /// The directory on the page.
    pub folder: Folder,
    /// The path that is typed in place of the steps to the directory.
    pub address: Option<Address>,
    /// Name of what is to be selected when the directory is here.
    pub sought: Option<String>,
    /// What a search has found, and for what.
    pub found: Option<(String, Folder)>,
    /// What of it is shown.
    pub filter: Filter,
    /// What is typed into the search field.
    pub query: String,
    /// When it was typed, if it was not asked for yet.
    pub query_since: Option<Instant>,
    /// Order of lists.
    pub sort: Sort,
    /// What is selected.
    pub selection: BTreeSet<NodeId>,
    /// Where the keyboard is in the list.
    pub cursor: usize,
    /// Where a selection with Shift starts.
    pub anchor: usize,
    /// The list has to show the cursor.
    pub reveal: bool,
    /// The field for names to look for has to get the keyboard.
    pub asks_find: bool,
    /// Profile that is signed in with as soon as this session is over.
    pub switching: Option<String>,
    /// What stands in front.
    pub dialog: Option<Dialog>,
    /// Whether the window is there.
    pub window: Window,
    /// Somebody is looking at the window.
    pub focused: bool,
    /// Nothing is shown before the password is given.
    pub lock: Option<Lock>,
    /// Messages, newest last.
    pub toasts: Vec<Toast>,
    /// What was cut or copied.
    pub clipboard: Option<Clipboard>,
    /// Something has changed at the server since the page was asked for.
    pub stale: bool,
    /// Numbers questions, so that late answers are known.
    pub generation: u64,
    /// Numbers transfers.
    pub next_transfer: u64,
}

impl Session {
    /// What the list shows: what was found, or the directory.
    pub fn list(&self) -> &Folder {
        self.found.as_ref().map_or(&self.folder, |(_, found)| found)
    }

    /// The selected rows, in their order.
    pub fn selected(&self) -> Vec<super::Row> {
        // Views ask in every frame; mostly it is the one row under the cursor.
        let under = self.list().at(self.cursor);
        match under.filter(|row| self.selection.contains(&row.entry.node)) {
            Some(row) if self.selection.len() == 1 => return vec![row.clone()],
            _ if self.selection.is_empty() => return Vec::new(),
            _ => {}
        }
        let chosen = self.list().iter().filter(|row| self.selection.contains(&row.entry.node));
        chosen.cloned().collect()
    }

    /// A number for the next question.
    pub fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// Adds a message; only the newest few are kept.
    pub fn say(&mut self, text: String, undo: Option<Undo>) {
        self.toast(Toast { text, undo, problem: None, since: Instant::now() });
    }

    /// Says it in the window, and has the desktop say it when nobody looks at that.
    pub fn announce(&mut self, settings: &Settings, text: String) -> Option<Job> {
        let job = self.outside(settings, &text);
        self.say(text, None);
        job
    }

    /// Has the desktop say it when nobody looks at the window, unless that is locked: the
    /// names of files are not for those who pass by.
    pub fn outside(&self, settings: &Settings, text: &str) -> Option<Job> {
        let told = !self.focused && !settings.quiet && self.lock.is_none();
        told.then(|| Job::Notify("Coffer".to_owned(), text.to_owned()))
    }

    /// Says that something went wrong.
    pub fn complain(&mut self, problem: Problem) {
        let text = problem.message.clone();
        self.toast(Toast { text, undo: None, problem: Some(problem), since: Instant::now() });
    }

    fn toast(&mut self, toast: Toast) {
        const MAX_TOASTS: usize = 4;
        self.toasts.push(toast);
        let surplus = self.toasts.len().saturating_sub(MAX_TOASTS);
        self.toasts.drain(..surplus);
    }
}

/// Whom a typed name means: one of the user's groups, or else a user.
pub fn recipient(typed: &str, groups: &[GroupInfo]) -> Recipient {
    let typed = typed.trim();
    match groups.iter().find(|group| group.name == typed) {
        Some(group) => Recipient::Group(group.name.clone()),
        None => Recipient::User(typed.to_owned()),
    }
}
