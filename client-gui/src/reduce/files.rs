//! What is done to files: make, rename, move, copy, delete, edit; and what
//! stands in front of the page.

use super::{ask, groups, share};
use crate::command::{Command, Job, Purpose};
use crate::state::dialog::Editor;
use crate::state::session::Clipboard;
use crate::state::{Dialog, State, Undo};
use coffer_client::RemotePath;
use coffer_client::protocol::message::tree::Entry;

/// Biggest file that the editor opens, in bytes.
pub const MAX_EDITED: u64 = 1 << 20;

pub(super) fn command(state: &mut State, command: Command) -> Vec<Job> {
    let texts = state.settings.texts();
    match command {
        Command::AskFolder => ask(state, Dialog::NewFolder(texts.new_folder.to_owned())),
        Command::AskText => ask(state, Dialog::NewText(texts.untitled.to_owned())),
        Command::AskRename => match state.session.selected().as_slice() {
            [row] => ask(state, Dialog::Rename(row.path.clone(), row.entry.name.clone())),
            _ => Vec::new(),
        },
        Command::AskEmptyTrash => ask(state, Dialog::EmptyTrash),
        Command::Confirm => confirm(state),
        Command::Dismiss => {
            state.session.dialog = None;
            Vec::new()
        }
        Command::Delete => {
            let nodes: Vec<_> = state.session.selected().iter().map(|row| row.entry.node).collect();
            if nodes.is_empty() { Vec::new() } else { vec![Job::Delete(nodes)] }
        }
        Command::Undo(undo) => take_back(state, undo),
        Command::UndoLast => {
            let newest = state.session.toasts.iter_mut().rev().find_map(|toast| toast.undo.take());
            newest.map_or_else(Vec::new, |undo| take_back(state, undo))
        }
        Command::CloseToast(index) => {
            if index < state.session.toasts.len() {
                state.session.toasts.remove(index);
            }
            Vec::new()
        }
        Command::Restore(nodes) => vec![Job::Restore(nodes)],
        Command::Purge(nodes) => vec![Job::Purge(Some(nodes))],
        Command::RestoreVersion(path, revision) => vec![Job::RestoreVersion(path, revision)],
        Command::Clip(_) | Command::Paste | Command::MoveInto(..) => clip(state, command),
        Command::Edit | Command::SaveText | Command::OverwriteText | Command::KeepBoth => {
            edit(state, &command)
        }
        _ => Vec::new(),
    }
}

/// What is typed in the dialog is right.
fn confirm(state: &mut State) -> Vec<Job> {
    let here = state.session.route.folder().cloned();
    let Some(dialog) = state.session.dialog.take() else { return Vec::new() };
    let inside = |name: &str| here.as_ref().map(|here| here.join(name.trim()));
    match dialog {
        Dialog::NewFolder(name) if !name.trim().is_empty() => {
            inside(&name).map(Job::MakeDir).into_iter().collect()
        }
        Dialog::NewText(name) if !name.trim().is_empty() => {
            let write = |path| Job::WriteText(path, String::new(), None);
            inside(&name).map(write).into_iter().collect()
        }
        Dialog::Rename(from, name) if !name.trim().is_empty() => {
            let to = from.parent().map(|above| above.join(name.trim()));
            let to = to.filter(|to| *to != from);
            to.map(|to| Job::Rename(vec![(from, to)])).into_iter().collect()
        }
        Dialog::EmptyTrash => vec![Job::Purge(None)],
        Dialog::Password(form) => {
            vec![Job::ChangePassword(form.present, form.new, form.recovery)]
        }
        // The same password again, and a new recovery key beside it.
        Dialog::RecoveryKey(password) => {
            vec![Job::ChangePassword(password.clone(), password, true)]
        }
        Dialog::NewGroup(_)
        | Dialog::RenameGroup(..)
        | Dialog::AddMember(..)
        | Dialog::DeleteGroup(_) => groups::confirm(dialog),
        Dialog::DeleteAccount(password) => vec![Job::DeleteAccount(password)],
        Dialog::Share(sharing) => {
            state.session.dialog = Some(Dialog::Share(sharing));
            share::command(state, Command::Share)
        }
        _ => Vec::new(),
    }
}

fn take_back(state: &mut State, undo: Undo) -> Vec<Job> {
    state.session.toasts.retain(|toast| toast.undo.as_ref() != Some(&undo));
    match undo {
        Undo::Restore(nodes) => vec![Job::Restore(nodes)],
        Undo::Rename(pairs) => vec![Job::Rename(pairs)],
    }
}

fn clip(state: &mut State, command: Command) -> Vec<Job> {
    let session = &mut state.session;
    match command {
        Command::Clip(cut) => {
            let paths: Vec<_> = session.selected().into_iter().map(|row| row.path).collect();
            session.clipboard = (!paths.is_empty()).then_some(Clipboard { paths, cut });
            Vec::new()
        }
        Command::Paste => {
            let Some(dir) = session.route.folder() else { return Vec::new() };
            let Some(clip) = session.clipboard.clone() else {
                return vec![Job::Choose(Purpose::UploadCopied(dir.clone()))];
            };
            let pairs = into(&clip.paths, dir);
            if clip.cut {
                session.clipboard = None;
            }
            match (pairs.is_empty(), clip.cut) {
                (true, _) => Vec::new(),
                (_, true) => vec![Job::Rename(pairs)],
                (_, false) => vec![Job::Copy(pairs)],
            }
        }
        Command::MoveInto(paths, dir) => {
            let pairs = into(&paths, &dir);
            if pairs.is_empty() { Vec::new() } else { vec![Job::Rename(pairs)] }
        }
        _ => Vec::new(),
    }
}

/// Where each of these goes in a directory; what is there already, or would go into
/// itself, is left out.
fn into(paths: &[RemotePath], dir: &RemotePath) -> Vec<(RemotePath, RemotePath)> {
    let pair = |path: &RemotePath| Some((path.clone(), dir.join(path.last_name()?)));
    let pairs = paths.iter().filter_map(pair);
    pairs.filter(|(from, to)| from != to && !is_below(dir, from)).collect()
}

/// Whether `path` is `above`, or below it.
fn is_below(path: &RemotePath, above: &RemotePath) -> bool {
    path == above || path.parent().is_some_and(|parent| is_below(&parent, above))
}

/// Whether the editor opens a file: small enough, and a text by its name.
pub fn is_editable(entry: &Entry) -> bool {
    entry.size <= MAX_EDITED && crate::kind::of(&entry.name).is_text()
}

fn edit(state: &mut State, command: &Command) -> Vec<Job> {
    if *command == Command::Edit {
        return match state.session.selected().as_slice() {
            [row] if is_editable(&row.entry) => vec![Job::ReadText(row.path.clone())],
            _ => Vec::new(),
        };
    }
    let Some(Dialog::Editor(editor)) = &mut state.session.dialog else { return Vec::new() };
    editor.saving = true;
    let Editor { path, text, revision, .. } = (**editor).clone();
    match command {
        Command::OverwriteText => vec![Job::OverwriteText(path, text)],
        Command::KeepBoth => match beside(&path) {
            Some(beside) => {
                editor.path = beside.clone();
                vec![Job::WriteText(beside, text, None)]
            }
            None => Vec::new(),
        },
        _ => vec![Job::WriteText(path, text, Some(revision))],
    }
}

/// A path for a second copy: `plan.md` gives `plan (mine).md`.
pub(crate) fn beside(path: &RemotePath) -> Option<RemotePath> {
    let name = path.last_name()?;
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    Some(path.parent()?.join(format!("{stem} (mine){extension}")))
}
