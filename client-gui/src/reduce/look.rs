//! What the user wants to see, and how.

use super::address;
use crate::command::{Command, Job};
use crate::look::{Look, LookEvent, LookJob};
use crate::state::preview::{Preview, Quick};
use crate::state::{Dialog, Route, Row, State};
use crate::text::fill;
use coffer_client::protocol::message::tree::Version;

pub(super) fn command(state: &mut State, look: Look) -> Vec<Job> {
    match look {
        Look::Reveal => match state.session.selected().as_slice() {
            [row] => address::reveal(state, &row.path),
            _ => Vec::new(),
        },
        Look::AskFind => find(state),
        Look::Quick => quick(state),
        Look::StepQuick(by) => {
            let mut jobs = super::list::command(state, Command::Step(by, false));
            jobs.extend(quick(state));
            jobs
        }
        Look::Old(row, version) => open(state, *row, Some(version)),
        Look::Beside(path, version) => vec![Job::Look(LookJob::Beside(path, version))],
        Look::Filter(filter) => super::list::filter(state, filter),
        Look::Grid(grid) => {
            state.session.reveal = true;
            super::set(state, |settings| settings.grid = grid)
        }
        Look::Thumbs(shown) => fetch(state.model.thumbs.want(shown)),
        look => address::command(state, &look),
    }
}

/// Takes over what the worker answers.
pub(super) fn event(state: &mut State, event: LookEvent) -> Vec<Job> {
    match event {
        LookEvent::Visited(path, seen) => address::visited(state, &path, seen),
        LookEvent::Folders(dir, folders) => {
            address::folders(&mut state.session, &dir, folders);
            Vec::new()
        }
        LookEvent::Quick(of, preview) => {
            if let Some(Dialog::Quick(quick)) = &mut state.session.dialog
                && quick.of() == of
            {
                quick.preview = preview;
            }
            Vec::new()
        }
        LookEvent::Beside(copy) => {
            let name = copy.last_name().unwrap_or_default();
            let text = fill(state.settings.texts().restored_beside, name);
            state.session.say(text, None);
            super::list::refresh(state)
        }
        LookEvent::Thumb(of, outcome) => fetch(state.model.thumbs.got(of, outcome)),
    }
}

/// Gives the field for names the keyboard; on a page that has none, at home.
fn find(state: &mut State) -> Vec<Job> {
    let jobs = match state.session.route.folder() {
        Some(_) => Vec::new(),
        None => super::go(state, Route::home()),
    };
    state.session.asks_find = true;
    jobs
}

/// A bigger look at the one selected thing.
fn quick(state: &mut State) -> Vec<Job> {
    match state.session.selected().as_slice() {
        [row] => open(state, row.clone(), None),
        _ => Vec::new(),
    }
}

fn open(state: &mut State, row: Row, version: Option<Version>) -> Vec<Job> {
    let revision = version.as_ref().map(|version| version.revision);
    let preview = if row.is_dir() { Preview::None } else { Preview::Loading };
    let quick = Quick { row: row.clone(), version, preview };
    state.session.dialog = Some(Dialog::Quick(Box::new(quick)));
    match row.is_dir() {
        true => Vec::new(),
        false => vec![Job::Look(LookJob::Quick(Box::new(row), revision))],
    }
}

fn fetch(rows: Vec<Row>) -> Vec<Job> {
    rows.into_iter().map(|row| Job::Look(LookJob::Thumb(Box::new(row)))).collect()
}
