//! What is said of what was done, and how it is taken back.

use super::{called, groups, list};
use crate::command::{Done, Job};
use crate::state::{Dialog, Session, State, Undo};
use crate::text::fill;

pub(super) fn done(state: &mut State, what: Done) -> Vec<Job> {
    let texts = state.settings.texts();
    let names = |count: usize| match count {
        1 => texts.one_item.to_owned(),
        count => fill(texts.items, count),
    };
    let mut more = Vec::new();
    let (text, undo) = match what {
        Done::Made(_) | Done::Purged | Done::Left => (None, None),
        Done::Deleted(nodes) => {
            let text = fill(texts.moved_to_trash, names(nodes.len()));
            (Some(text), Some(Undo::Restore(nodes)))
        }
        Done::Restored(count) => (Some(fill(texts.restored, names(count))), None),
        Done::Renamed(pairs) => (Some(renamed_text(state, &pairs)), Some(reversed(pairs))),
        Done::Copied(count) => (Some(fill(texts.copied, names(count))), None),
        Done::Saved(path, revision) => {
            saved(&mut state.session, &path, revision);
            (Some(texts.saved_version.to_owned()), None)
        }
        Done::Sharing(path, contacts) => {
            if let Some(Dialog::Share(sharing)) = &mut state.session.dialog {
                sharing.with.clear();
                sharing.contacts.extend(contacts);
            }
            more = vec![Job::SharesOf(path), Job::ByMe];
            (None, None)
        }
        Done::GroupChanged(contacts) => {
            more = groups::changed(state, contacts);
            (None, None)
        }
        Done::Confirmed(user) => {
            confirmed(&mut state.session, &user);
            (None, None)
        }
        Done::PasswordChanged(None) => (Some(texts.password_changed.to_owned()), None),
        Done::PasswordChanged(key) => {
            state.session.say(texts.password_changed.to_owned(), None);
            return super::presence::entered(state, key);
        }
        Done::RecoveryRenewed(key) => {
            state.session.say(texts.recovery_renewed.to_owned(), None);
            return super::presence::entered(state, Some(key));
        }
        Done::AccountDeleted => {
            state.session.say(texts.account_deleted.to_owned(), None);
            return Vec::new();
        }
        Done::RecoverySaved => {
            state.session.welcome.key_saved = true;
            (None, None)
        }
        Done::Printed => (Some(texts.printed.to_owned()), None),
    };
    if let Some(text) = text {
        state.session.say(text, undo);
    }
    more.extend(list::refresh(state));
    more
}

/// The safety number of a contact was compared.
fn confirmed(session: &mut Session, user: &str) {
    let contacts = match &mut session.dialog {
        Some(Dialog::Share(sharing)) => &mut sharing.contacts,
        Some(Dialog::Contacts(contacts)) => contacts,
        _ => return,
    };
    contacts.retain(|contact| contact.user_name != user);
    if matches!(&session.dialog, Some(Dialog::Contacts(left)) if left.is_empty()) {
        session.dialog = None;
    }
}

fn renamed_text(
    state: &State,
    pairs: &[(coffer_client::RemotePath, coffer_client::RemotePath)],
) -> String {
    let texts = state.settings.texts();
    match pairs {
        [(from, to)] if from.parent() == to.parent() => {
            fill(texts.renamed, to.last_name().unwrap_or_default())
        }
        _ => {
            let from: Vec<_> = pairs.iter().map(|(from, _)| from.clone()).collect();
            fill(texts.moved, called(state, &from))
        }
    }
}

fn reversed(pairs: Vec<(coffer_client::RemotePath, coffer_client::RemotePath)>) -> Undo {
    Undo::Rename(pairs.into_iter().map(|(from, to)| (to, from)).collect())
}

fn saved(session: &mut Session, path: &coffer_client::RemotePath, revision: u64) {
    if let Some(Dialog::Editor(editor)) = &mut session.dialog
        && editor.path == *path
    {
        editor.original.clone_from(&editor.text);
        editor.revision = revision;
        (editor.saving, editor.conflict) = (false, false);
    }
}
