//! Files that other programs have opened.

use super::{list, queue};
use crate::command::{Job, Purpose};
use crate::kind;
use crate::outside::{Ask, Outside, OutsideEvent, OutsideJob};
use crate::state::opened::{Opened, Status};
use crate::state::{Problem, State};
use crate::text::fill;
use coffer_client::RemotePath;
use coffer_client::protocol::NodeId;
use std::path::PathBuf;

/// Bytes from which it is said that opening a file takes its time.
const TAKES_TIME: u64 = 8 << 20;

pub(super) fn command(state: &mut State, outside: &Outside) -> Vec<Job> {
    match outside {
        Outside::Open => open(state),
        Outside::SaveAs => match state.session.selected().as_slice() {
            [row] => vec![Job::Choose(Purpose::SaveAs(row.path.clone()))],
            _ => Vec::new(),
        },
        Outside::Ask(node, ask) => vec![Job::Outside(OutsideJob::Ask(*node, *ask))],
    }
}

fn open(state: &mut State) -> Vec<Job> {
    let texts = state.settings.texts();
    let selected = state.session.selected();
    let [row] = selected.as_slice() else { return Vec::new() };
    if row.is_dir() {
        return Vec::new();
    }
    // What the system would run could do anything to this computer.
    if kind::is_run(&row.entry.name) {
        let (message, hint) = (fill(texts.would_run, &row.entry.name), texts.would_run_hint);
        let (hint, code) = (hint.to_owned(), "would-run".to_owned());
        state.session.complain(Problem { message, hint, code, ..Problem::default() });
        return Vec::new();
    }
    let (node, path, size) = (row.entry.node, row.path.clone(), row.entry.size);
    let opened = &mut state.model.opened;
    if opened.iter().any(|one| one.node == node) {
        return vec![Job::Outside(OutsideJob::Ask(node, Ask::Launch))];
    }
    opened.push(Opened { node, path: path.clone(), status: Status::Fetching(0, size) });
    if size > TAKES_TIME {
        let text = fill(texts.is_opening, row.entry.name.as_str());
        state.session.say(text, None);
    }
    vec![Job::Outside(OutsideJob::Open(node, path))]
}

/// A name was chosen for a download.
pub(super) fn save_as(state: &mut State, source: RemotePath, to: PathBuf) -> Vec<Job> {
    queue::save_as(state, source, to)
}

/// Takes over what the worker answers.
pub(super) fn event(state: &mut State, event: OutsideEvent) -> Vec<Job> {
    match event {
        OutsideEvent::Status(node, status) => now(state, node, status),
        OutsideEvent::At(node, path) => {
            if let Some(opened) = state.model.opened.iter_mut().find(|one| one.node == node) {
                opened.path = path;
            }
            Vec::new()
        }
        OutsideEvent::Closed(node) => {
            state.model.opened.retain(|one| one.node != node);
            Vec::new()
        }
        OutsideEvent::Rescued(files) => {
            let texts = state.settings.texts();
            for file in files {
                let message = fill(texts.rescued, file.display());
                let (hint, code) = (texts.rescued_hint.to_owned(), "not-saved".to_owned());
                state.session.complain(Problem { message, hint, code, ..Problem::default() });
            }
            Vec::new()
        }
    }
}

fn now(state: &mut State, node: NodeId, status: Status) -> Vec<Job> {
    let texts = state.settings.texts();
    let Some(opened) = state.model.opened.iter_mut().find(|one| one.node == node) else {
        return Vec::new();
    };
    let name = opened.name().to_owned();
    let was = std::mem::replace(&mut opened.status, status.clone());
    match status {
        Status::Watched if matches!(was, Status::Fetching(..)) => {
            state.session.say(fill(texts.is_opened, name), None);
        }
        Status::Saved(_) => {
            state.session.say(format!("{name}: {}", texts.saved_version), None);
            return list::refresh(state);
        }
        Status::Conflict => {
            let message = format!("{name}: {}", texts.conflict);
            let (hint, code) = (texts.conflict_hint.to_owned(), "conflict".to_owned());
            state.session.complain(Problem { message, hint, code, ..Problem::default() });
        }
        Status::Failed(problem) if !matches!(was, Status::Failed(_)) => {
            let message = format!("{name}: {}", problem.message);
            state.session.complain(Problem { message, ..problem });
        }
        _ => {}
    }
    Vec::new()
}
