//! What the worker answers, taken over.

use super::{account, called, go, groups, list, queue, welcome};
use crate::command::{Command, Done, Event, Job, Purpose};
use crate::secret::Secret;
use crate::state::model::{Fetched, Reached};
use crate::state::session::Editor;
use crate::state::welcome::{Known, Step, Welcome};
use crate::state::{Dialog, Folder, Model, Problem, Route, Row, Session, State, Undo};
use crate::text::fill;
use coffer_client::protocol::link::Fingerprint;
use coffer_client::protocol::message::share::ShareEntry;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) fn event(state: &mut State, event: Event) -> Vec<Job> {
    let mut jobs = take(state, event);
    jobs.extend(catch_up(state));
    jobs
}

/// Asks for the page again when a hint has said so. One question at a time: hints can come
/// faster than a long directory is listed.
fn catch_up(state: &mut State) -> Vec<Job> {
    let session = &mut state.session;
    if !session.stale || session.route == Route::Welcome || session.folder.loading {
        return Vec::new();
    }
    session.stale = false;
    let mut jobs = list::refresh(state);
    if !jobs.contains(&Job::WithMe) {
        jobs.push(Job::WithMe);
    }
    jobs
}

fn take(state: &mut State, event: Event) -> Vec<Job> {
    let State { session, model, .. } = state;
    match event {
        Event::Chosen(purpose, paths) => return chosen(state, purpose, paths),
        Event::Entered(user, recovery_key) => {
            state.settings.profile = Some(user.profile.clone());
            model.user = Some(user);
            return entered(state, recovery_key);
        }
        Event::LocalServer(link) => {
            session.welcome.busy = false;
            session.welcome.link_text = link;
            return super::command(state, Command::UseLink);
        }
        Event::Refused(problem, unknown) => refused(&mut session.welcome, problem, unknown),
        Event::Left(problem, known) => return left(state, problem, known),
        Event::PasswordNeeded => session.welcome.busy = false,
        Event::Listed(generation, rows, damaged, end) => {
            return listed(state, generation, rows, damaged, end);
        }
        Event::Found(generation, rows, end) => found(session, generation, rows, end),
        Event::NotListed(generation, problem) => not_listed(session, generation, problem),
        Event::Done(what) => return done(state, what),
        Event::Failed(problem) => failed(session, problem),
        Event::Unlocked(answer) => return account::unlocked(state, answer),
        Event::Conflict => {
            if let Some(Dialog::Editor(editor)) = &mut session.dialog {
                (editor.saving, editor.conflict) = (false, true);
            }
        }
        Event::NotEditable => {
            let message = state.settings.texts().not_editable.to_owned();
            let code = "not-editable".to_owned();
            session.complain(Problem { message, code, ..Problem::default() });
        }
        Event::Text(path, text, revision) => {
            let original = text.clone();
            let (saving, conflict) = (false, false);
            let editor = Editor { path, revision, original, text, saving, conflict };
            session.dialog = Some(Dialog::Editor(Box::new(editor)));
        }
        Event::WithMe(shares) => return with_me(state, shares),
        Event::Tray(there) => super::window::tray(state, there),
        Event::Wished(command) => return super::command(state, command),
        Event::Handed(link) => return handed(state, link),
        Event::LinkSeen(link) => welcome::link_seen(session, link),
        Event::NoLink => welcome::no_link(state),
        Event::Known(known) => session.welcome.known = known,
        Event::Kept(kept) => return queue::known(state, kept),
        Event::Started(id, work, watch) => return queue::started(state, id, work, watch),
        Event::Ended(id, outcome) => return queue::ended(state, id, &outcome),
        Event::SharesOf(path, shares) => {
            if let Some(Dialog::Share(sharing)) = &mut session.dialog
                && sharing.path == path
            {
                sharing.busy = false;
                match shares {
                    Ok(shares) => sharing.shares = shares,
                    Err(problem) => sharing.problem = Some(problem),
                }
            }
        }
        Event::Outside(event) => return super::outside::event(state, event),
        Event::Look(event) => return super::look::event(state, event),
        other => learned(model, session, other),
    }
    Vec::new()
}

fn chosen(state: &mut State, purpose: Purpose, mut paths: Vec<PathBuf>) -> Vec<Job> {
    let Some(first) = paths.first().cloned() else {
        // Whoever closes a dialog knows it; what is on the clipboard nobody sees.
        if matches!(purpose, Purpose::UploadCopied(_)) {
            let text = state.settings.texts().nothing_copied.to_owned();
            state.session.say(text, None);
        }
        return Vec::new();
    };
    let wanted = match purpose {
        Purpose::SaveAs(source) => return super::outside::save_as(state, source, first),
        Purpose::UploadFiles(dir) | Purpose::UploadCopied(dir) => {
            Command::UploadInto(dir, std::mem::take(&mut paths))
        }
        Purpose::UploadFolder(dir) => Command::UploadInto(dir, vec![first]),
        Purpose::Download(sources) => Command::Fetch(sources, first),
        Purpose::Downloads => Command::SetDownloads(first),
        Purpose::RecoveryKey => Command::SaveRecovery(first),
    };
    super::command(state, wanted)
}

/// Another start of the program has handed its link over.
fn handed(state: &mut State, link: String) -> Vec<Job> {
    super::window::show(state);
    if link.is_empty() {
        return Vec::new();
    }
    if state.session.route != Route::Welcome {
        let text = state.settings.texts().link_waits.to_owned();
        state.session.say(text, None);
        return Vec::new();
    }
    state.session.welcome.link_text = link;
    super::command(state, Command::UseLink)
}

/// What others share; what is new among it is worth telling.
fn with_me(state: &mut State, shares: Result<Vec<ShareEntry>, Problem>) -> Vec<Job> {
    let State { settings, session, model } = state;
    let mut jobs = Vec::new();
    if let Ok(shares) = &shares {
        let old: BTreeSet<_> = model.with_me.items.iter().map(|share| share.node).collect();
        for share in shares.iter().filter(|share| !old.contains(&share.node)) {
            if model.with_me_known {
                let name = share.names.last().map_or("", String::as_str);
                let text = fill(&fill(settings.texts().shares_with_you, &share.owner), name);
                jobs.extend(session.announce(settings, text));
            }
        }
        model.with_me_known = true;
    }
    model.with_me = fetched(shares);
    jobs
}

/// What is only remembered.
fn learned(model: &mut Model, session: &mut Session, event: Event) {
    match event {
        Event::ByMe(Ok((shares, groups))) => {
            model.set_by_me(shares);
            model.groups = groups;
        }
        Event::ByMe(Err(problem)) => model.by_me = fetched(Err(problem)),
        Event::Trash(entries) => model.trash = fetched(entries),
        Event::Activity(records) => model.activity = fetched(records),
        Event::Versions(node, versions, shares) if model.details.are_of(node) => {
            (model.details.versions, model.details.shares) = (versions, shares);
        }
        Event::Preview(node, preview) if model.details.are_of(node) => {
            model.details.preview = Some(preview);
        }
        Event::Account(account, millis) => {
            model.account = Some(*account);
            model.measured(millis);
        }
        Event::Machines(machines, epoch) => model.set_machines(machines, epoch),
        Event::Reached(reached) => {
            // What is shown may be older, or newer, than what the other machine has.
            session.stale = model.reached != reached && reached != Reached::Nobody;
            model.reached = reached;
        }
        Event::Checking(checking) => model.checking = checking,
        Event::Changed => session.stale = true,
        _ => {}
    }
}

fn fetched<T>(result: Result<Vec<T>, Problem>) -> Fetched<T> {
    match result {
        Ok(items) => Fetched { items, ..Fetched::default() },
        Err(problem) => Fetched { problem: Some(problem), ..Fetched::default() },
    }
}

fn entered(state: &mut State, recovery_key: Option<Secret>) -> Vec<Job> {
    state.settings.locked = false;
    let mut jobs =
        vec![Job::SaveSettings, Job::KnownAccounts, Job::LookAround, Job::ByMe, Job::WithMe];
    if let Some(user) = state.model.user.as_ref().filter(|_| !state.model.queue_known) {
        jobs.push(Job::KeptTransfers(user.profile.clone()));
    }
    let welcome = &mut state.session.welcome;
    (welcome.password, welcome.password_again, welcome.present_key) = Default::default();
    (welcome.busy, welcome.problem) = (false, None);
    if let Some(key) = recovery_key {
        welcome.recovery_key = key;
        welcome.step = Step::Recovery;
        state.session.route = Route::Welcome;
    } else {
        let known = std::mem::take(&mut welcome.known);
        *welcome = Welcome { known, ..Welcome::default() };
        jobs.extend(go(state, Route::home()));
    }
    jobs
}

fn refused(welcome: &mut Welcome, problem: Problem, unknown: Option<Fingerprint>) {
    welcome.busy = false;
    // The user compares the fingerprint, and then it is tried with the same password.
    if unknown.is_none() {
        (welcome.password, welcome.password_again) = Default::default();
        welcome.strength = None;
    }
    (welcome.unknown, welcome.problem) = (unknown, unknown.is_none().then_some(problem));
}

fn left(state: &mut State, problem: Option<Problem>, known: Vec<Known>) -> Vec<Job> {
    let user = state.model.user.take().filter(|_| problem.is_some());
    let own = user.and_then(|user| known.iter().find(|known| known.profile == user.profile));
    let own = own.cloned();
    let next = state.session.switching.take();
    let next = next.and_then(|next| known.iter().position(|known| known.profile == next));
    let (generation, next_transfer) = (state.session.generation, state.session.next_transfer);
    let mut welcome = Welcome { known, ..Welcome::default() };
    if let Some(own) = own {
        welcome.name(own);
    }
    welcome.problem = problem;
    let window = state.session.window;
    state.session = Session { welcome, window, generation, next_transfer, ..Session::default() };
    state.model = Model::default();
    next.map(|index| super::command(state, Command::UseKnown(index))).unwrap_or_default()
}

fn listed(state: &mut State, generation: u64, rows: Vec<Row>, damaged: u64, end: bool) -> Vec<Job> {
    let session = &mut state.session;
    if session.folder.generation != generation {
        return Vec::new();
    }
    // What was there stays until everything new is here, so that nothing jumps.
    if !end && !session.folder.rows.is_empty() {
        return Vec::new();
    }
    let cursor = session.list().at(session.cursor).map(|row| row.entry.node);
    let folder = &mut session.folder;
    folder.rows = Arc::new(rows);
    (folder.damaged, folder.loading, folder.problem) = (damaged, !end, None);
    list::arrange(state);
    let session = &mut state.session;
    if let Some(index) = cursor.and_then(|node| session.list().index_of(node)) {
        session.cursor = index;
    }
    if !session.selection.is_empty() {
        let there: BTreeSet<_> = session.list().iter().map(|row| row.entry.node).collect();
        session.selection.retain(|node| there.contains(node));
    }
    super::address::seek(session, end);
    list::details(state)
}

fn found(session: &mut Session, generation: u64, rows: Vec<Row>, end: bool) {
    let (sort, filter) = (session.sort, session.filter);
    if let Some((_, found)) = &mut session.found
        && found.generation == generation
    {
        found.rows = Arc::new(rows);
        found.loading = !end;
        list::arrange_found(found, sort, filter);
    }
}

fn not_listed(session: &mut Session, generation: u64, problem: Problem) {
    let found = session.found.as_mut().map(|(_, found)| found);
    let shown: Option<&mut Folder> = match found {
        Some(found) if found.generation == generation => Some(found),
        _ => Some(&mut session.folder).filter(|folder| folder.generation == generation),
    };
    if let Some(folder) = shown {
        folder.loading = false;
        folder.problem = Some(problem);
    }
}

fn failed(session: &mut Session, problem: Problem) {
    match &mut session.dialog {
        Some(Dialog::Share(sharing)) => {
            (sharing.busy, sharing.problem) = (false, Some(problem));
        }
        Some(Dialog::Editor(editor)) => {
            editor.saving = false;
            session.complain(problem);
        }
        _ => session.complain(problem),
    }
}

fn done(state: &mut State, what: Done) -> Vec<Job> {
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
            return entered(state, key);
        }
        Done::RecoveryRenewed(key) => {
            state.session.say(texts.recovery_renewed.to_owned(), None);
            return entered(state, Some(key));
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
