//! What the worker answers, taken over.

use super::{account, done, list, presence, queue, welcome};
use crate::command::{Command, Event, Job, Purpose};
use crate::state::dialog::Editor;
use crate::state::model::{Fetched, Reached};
use crate::state::{Dialog, Folder, Model, Problem, Route, Row, Session, State};
use crate::text::fill;
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
            return presence::entered(state, recovery_key);
        }
        Event::LocalServer(link) => {
            session.welcome.busy = false;
            session.welcome.link_text = link;
            return super::command(state, Command::UseLink);
        }
        Event::Refused(problem, unknown) => {
            presence::refused(&mut session.welcome, problem, unknown);
        }
        Event::Left(problem, known) => return presence::left(state, problem, known),
        Event::PasswordNeeded => session.welcome.busy = false,
        Event::Listed(generation, rows, damaged, end) => {
            return listed(state, generation, rows, damaged, end);
        }
        Event::Found(generation, rows, end) => found(session, generation, rows, end),
        Event::NotListed(generation, problem) => not_listed(session, generation, problem),
        Event::Done(what) => return done::done(state, what),
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
        Event::Handed(link) => return presence::handed(state, link),
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
