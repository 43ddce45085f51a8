//! A path that is typed, and showing something in its folder.

use super::go;
use crate::command::Job;
use crate::look::{Look, LookJob};
use crate::state::address::Address;
use crate::state::{Problem, Route, Row, Session, State};
use coffer_client::RemotePath;

pub(super) fn command(state: &mut State, look: &Look) -> Vec<Job> {
    if *look == Look::AskPath {
        let here = state.session.route.folder().cloned().unwrap_or(RemotePath::Own(Vec::new()));
        state.session.address = Some(Address::new(here));
        return offer(state);
    }
    let Some(address) = &mut state.session.address else { return Vec::new() };
    match look {
        Look::PathTyped => {
            (address.problem, address.busy, address.marked) = (None, false, None);
            return offer(state);
        }
        Look::StepOffer(by) => {
            let count = address.offers().len();
            address.marked = match (address.marked, count) {
                (_, 0) => None,
                (None, _) => Some(if *by < 0 { count - 1 } else { 0 }),
                (Some(at), _) => Some(at.saturating_add_signed(*by).min(count - 1)),
            };
        }
        Look::TakeOffer(index) => {
            address.take(index.or(address.marked).unwrap_or(0));
            (address.problem, address.marked) = (None, None);
            return offer(state);
        }
        Look::GoToPath => return visit(state),
        _ => state.session.address = None,
    }
    Vec::new()
}

/// Asks for the folders that can be offered, unless they are known.
fn offer(state: &mut State) -> Vec<Job> {
    let Some(address) = &mut state.session.address else { return Vec::new() };
    let dir = address.typed_dir();
    if dir.is_none() || dir == address.dir {
        return Vec::new();
    }
    address.dir.clone_from(&dir);
    address.folders.clear();
    dir.map(|dir| Job::Look(LookJob::Folders(dir))).into_iter().collect()
}

fn visit(state: &mut State) -> Vec<Job> {
    let Some(address) = &mut state.session.address else { return Vec::new() };
    match address.path() {
        Ok(RemotePath::Everyone | RemotePath::Owner(_)) => go(state, Route::SharedWithMe),
        Ok(path) => {
            (address.busy, address.problem) = (true, None);
            vec![Job::Look(LookJob::Visit(path))]
        }
        Err(error) => {
            address.problem = Some(error.into());
            Vec::new()
        }
    }
}

/// What is at the path that was typed.
pub(super) fn visited(
    state: &mut State,
    path: &RemotePath,
    seen: Result<Box<Row>, Problem>,
) -> Vec<Job> {
    let Some(address) = &mut state.session.address else { return Vec::new() };
    // Something else was typed meanwhile.
    if !address.busy || address.path().ok().as_ref() != Some(path) {
        return Vec::new();
    }
    address.busy = false;
    match seen {
        Ok(row) => match row.is_dir() {
            true => go(state, Route::Folder(row.path)),
            false => reveal(state, &row.path),
        },
        Err(problem) => {
            address.problem = Some(problem);
            Vec::new()
        }
    }
}

/// Takes over the folders that can be offered.
pub(super) fn folders(session: &mut Session, dir: &RemotePath, folders: Vec<String>) {
    if let Some(address) = &mut session.address
        && address.dir.as_ref() == Some(dir)
    {
        address.folders = folders;
    }
}

/// Shows something in its folder.
pub(super) fn reveal(state: &mut State, path: &RemotePath) -> Vec<Job> {
    let folder = match path.parent() {
        Some(RemotePath::Everyone | RemotePath::Owner(_)) => Route::SharedWithMe,
        Some(above) => Route::Folder(above),
        None => return Vec::new(),
    };
    let jobs = go(state, folder);
    state.session.sought = path.last_name().map(str::to_owned);
    jobs
}

/// Selects what is looked for in the list, if it is there.
pub(super) fn seek(session: &mut Session, end: bool) {
    let Some(name) = session.sought.take() else { return };
    match session.folder.iter().position(|row| row.entry.name == name) {
        Some(index) => {
            session.selection =
                session.folder.at(index).map(|row| row.entry.node).into_iter().collect();
            (session.cursor, session.anchor, session.reveal) = (index, index, true);
        }
        None if !end => session.sought = Some(name),
        None => {}
    }
}
