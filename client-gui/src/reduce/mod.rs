//! The reducer: turns what the user wants and what the worker answers into state and
//! jobs. Knows nothing of windows, and waits for nothing.

mod account;
mod address;
mod answer;
mod done;
mod files;
mod groups;
mod list;
mod look;
#[cfg(test)]
mod look_tests;
mod outside;
#[cfg(test)]
mod outside_tests;
mod presence;
mod queue;
#[cfg(test)]
mod queue_tests;
mod share;
#[cfg(test)]
pub(crate) mod tests;
mod welcome;
mod window;

pub(crate) use files::beside;
pub use files::{MAX_EDITED, is_editable};
pub use list::search;

use crate::command::{Command, Event, Job};
use crate::look::LookJob;
use crate::state::{Dialog, Route, State};
use crate::text::fill;
use coffer_client::RemotePath;
use std::time::{Duration, Instant};

/// How often the machines are looked at while their page is shown.
const LOOK: Duration = Duration::from_secs(2);

/// Does what the user wants; what takes time is a job for the worker.
pub fn command(state: &mut State, command: Command) -> Vec<Job> {
    match command {
        Command::UseLink
        | Command::TryHere
        | Command::UseKnown(_)
        | Command::ForgetKnown(_)
        | Command::SwitchAccount(_)
        | Command::DropLink(_)
        | Command::ForgetLink
        | Command::PasswordTyped
        | Command::ForgotPassword(_)
        | Command::Enter
        | Command::Trust
        | Command::RecoveryKept
        | Command::SaveRecovery(_)
        | Command::PrintRecovery
        | Command::SignOut => welcome::command(state, command),
        Command::Go(route) => go(state, route),
        Command::Backward => history(state, true),
        Command::Forward => history(state, false),
        Command::Up => up(state),
        Command::Refresh => load(state),
        Command::Find(_)
        | Command::SortBy(_)
        | Command::Select(_)
        | Command::Toggle(_)
        | Command::Extend(_)
        | Command::SelectAll
        | Command::SelectNone
        | Command::Step(..)
        | Command::TypeAhead(_)
        | Command::Open(_)
        | Command::OpenSelected => list::command(state, command),
        Command::AskShare
        | Command::Share
        | Command::Unshare(..)
        | Command::Leave(..)
        | Command::ConfirmContact(..) => share::command(state, command),
        Command::Outside(outside) => outside::command(state, &outside),
        Command::Look(look) => look::command(state, look),
        Command::Palette => ask(state, Dialog::Palette(String::new(), 0)),
        Command::Lock
        | Command::Unlock
        | Command::AskPassword
        | Command::AskSignOutOthers
        | Command::AskRecoveryKey
        | Command::AskDeleteAccount => account::command(state, &command),
        Command::AskGroup
        | Command::AskRenameGroup(_)
        | Command::AskMember(_)
        | Command::AskDeleteGroup(_)
        | Command::EditGroup(..) => groups::command(state, command),
        Command::Upload(_)
        | Command::UploadInto(..)
        | Command::Download(_)
        | Command::Fetch(..)
        | Command::CancelTransfer(_)
        | Command::RetryTransfer(_)
        | Command::PauseTransfer(_)
        | Command::ResumeTransfer(_)
        | Command::PauseAll
        | Command::ResumeAll
        | Command::ClearTransfers => queue::command(state, command),
        Command::CloseWindow | Command::ShowWindow | Command::Quit => {
            window::command(state, &command)
        }
        Command::Choose(purpose) => vec![Job::Choose(purpose)],
        other => choose(state, other),
    }
}

/// What the user chooses to have otherwise, and all that is done to files.
fn choose(state: &mut State, command: Command) -> Vec<Job> {
    match command {
        Command::SetTheme(theme) => set(state, |settings| settings.theme = theme),
        Command::SetLanguage(language) => set(state, |settings| settings.language = language),
        Command::SetCompact(compact) => set(state, |settings| settings.compact = compact),
        Command::SetDownloads(dir) => set(state, |settings| settings.downloads = Some(dir)),
        Command::SetLimit(true, limit) => set(state, |settings| settings.upload_limit = limit),
        Command::SetLimit(false, limit) => set(state, |settings| settings.download_limit = limit),
        Command::SetQuiet(quiet) => set(state, |settings| settings.quiet = quiet),
        Command::SetKeepInTray(keep) => set(state, |settings| settings.keep_in_tray = keep),
        Command::SetLockAfter(minutes) => set(state, |settings| settings.lock_after = minutes),
        Command::ToggleDetails => {
            let mut jobs = set(state, |settings| settings.details = !settings.details);
            jobs.extend(list::details(state));
            jobs
        }
        other => files::command(state, other),
    }
}

/// What happens by itself as time goes by: jobs, and how long until the next look.
pub fn tick(state: &mut State, now: Instant) -> (Vec<Job>, Option<Duration>) {
    let State { session, model, .. } = state;
    let speed = model.sample_speed(now);
    if session.route != Route::Server || session.lock.is_some() {
        return (Vec::new(), speed);
    }
    let rest = model.looked_at.map(|at| (at + LOOK).saturating_duration_since(now));
    let (jobs, rest) = match rest {
        Some(rest) if !rest.is_zero() => (Vec::new(), rest),
        _ => {
            model.looked_at = Some(now);
            (vec![Job::LookAround], LOOK)
        }
    };
    (jobs, Some(speed.map_or(rest, |speed| speed.min(rest))))
}

/// Takes over what the worker answers.
pub fn event(state: &mut State, event: Event) -> Vec<Job> {
    answer::event(state, event)
}

fn set(state: &mut State, change: impl FnOnce(&mut crate::state::Settings)) -> Vec<Job> {
    change(&mut state.settings);
    vec![Job::SaveSettings]
}

fn ask(state: &mut State, dialog: Dialog) -> Vec<Job> {
    state.session.dialog = Some(dialog);
    Vec::new()
}

/// Goes to a page, and remembers the one before.
fn go(state: &mut State, route: Route) -> Vec<Job> {
    const MAX_HISTORY: usize = 100;
    let session = &mut state.session;
    if session.route != route && session.route != Route::Welcome {
        let before = std::mem::replace(&mut session.route, route);
        session.before.push(before);
        if session.before.len() > MAX_HISTORY {
            session.before.remove(0);
        }
        session.after.clear();
    } else {
        session.route = route;
    }
    arrive(state)
}

/// Goes to the directory above.
fn up(state: &mut State) -> Vec<Job> {
    match state.session.route.folder().and_then(RemotePath::parent) {
        Some(RemotePath::Everyone | RemotePath::Owner(_)) => go(state, Route::SharedWithMe),
        Some(above) => go(state, Route::Folder(above)),
        None => Vec::new(),
    }
}

fn history(state: &mut State, back: bool) -> Vec<Job> {
    let session = &mut state.session;
    let (from, to) = match back {
        true => (&mut session.before, &mut session.after),
        false => (&mut session.after, &mut session.before),
    };
    let Some(route) = from.pop() else { return Vec::new() };
    to.push(std::mem::replace(&mut session.route, route));
    arrive(state)
}

/// A page is shown anew: nothing is selected, nothing searched for.
fn arrive(state: &mut State) -> Vec<Job> {
    let session = &mut state.session;
    session.found = None;
    (session.address, session.sought) = (None, None);
    session.filter = crate::state::filter::Filter::default();
    session.query.clear();
    session.query_since = None;
    session.selection.clear();
    (session.cursor, session.anchor) = (0, 0);
    session.reveal = true;
    if session.route.folder() != session.folder.path.as_ref() {
        session.folder = crate::state::Folder::default();
        session.folder.path = session.route.folder().cloned();
    }
    load(state)
}

/// Asks for what the page shows.
fn load(state: &mut State) -> Vec<Job> {
    let State { session, model, .. } = state;
    match session.route.clone() {
        Route::Welcome | Route::Transfers | Route::Opened | Route::Settings => Vec::new(),
        Route::Folder(path) => {
            model.thumbs.forget_failures();
            let generation = session.next_generation();
            session.folder.generation = generation;
            session.folder.loading = true;
            vec![Job::List(generation, path)]
        }
        Route::Recent => {
            let generation = session.next_generation();
            let folder = &mut session.folder;
            (folder.generation, folder.loading, folder.ranked) = (generation, true, true);
            vec![Job::Look(LookJob::Recent(generation))]
        }
        Route::SharedWithMe => {
            model.with_me.loading = true;
            vec![Job::WithMe]
        }
        Route::SharedByMe => {
            model.by_me.loading = true;
            vec![Job::ByMe]
        }
        Route::Trash => {
            model.trash.loading = true;
            vec![Job::Trash]
        }
        Route::Activity => {
            model.activity.loading = true;
            vec![Job::Activity]
        }
        Route::Server => vec![Job::LookAround],
    }
}

/// What to call some paths: the name of a single one, or how many there are.
fn called(state: &State, paths: &[RemotePath]) -> String {
    match paths {
        [one] => one.last_name().unwrap_or("/").to_owned(),
        several => fill(state.settings.texts().items, several.len()),
    }
}
