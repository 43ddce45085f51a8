//! Moving about in a list: order, selection, search, opening.

use super::{go, load};
use crate::command::{Command, Job};
use crate::state::filter::Filter;
use crate::state::model::Details;
use crate::state::preview::Preview;
use crate::state::{Folder, Route, Row, Sort, State};
use std::time::Instant;

pub(super) fn command(state: &mut State, command: Command) -> Vec<Job> {
    match command {
        Command::Find(query) => return find(state, query),
        Command::SortBy(column) => {
            let sort = &mut state.session.sort;
            sort.descending = sort.column == column && !sort.descending;
            sort.column = column;
            arrange(state);
            return Vec::new();
        }
        Command::Open(index) => return open(state, index),
        Command::OpenSelected => return open(state, state.session.cursor),
        other => select(state, &other),
    }
    details(state)
}

/// Puts the rows into the order that was chosen.
pub(super) fn arrange(state: &mut State) {
    let session = &mut state.session;
    session.folder.arrange(session.sort);
    if let Some((_, found)) = &mut session.found {
        arrange_found(found, session.sort, session.filter);
    }
}

/// Orders what was found, and leaves out what is not wanted.
pub(super) fn arrange_found(found: &mut Folder, sort: Sort, filter: Filter) {
    found.arrange(sort);
    if filter.leaves_out() {
        let rows = std::sync::Arc::clone(&found.rows);
        found.order.retain(|&row| rows.get(row as usize).is_some_and(|row| filter.admits(row)));
    }
}

/// Shows other things of what was found, or searches elsewhere.
pub(super) fn filter(state: &mut State, filter: Filter) -> Vec<Job> {
    let session = &mut state.session;
    let elsewhere = session.filter.scope != filter.scope;
    session.filter = filter;
    session.selection.clear();
    (session.cursor, session.anchor) = (0, 0);
    if elsewhere {
        return search(state);
    }
    arrange(state);
    Vec::new()
}

fn find(state: &mut State, query: String) -> Vec<Job> {
    let session = &mut state.session;
    session.selection.clear();
    session.query = query;
    session.query_since = Some(Instant::now());
    if session.query.trim().is_empty() {
        (session.found, session.query_since) = (None, None);
        session.filter = Filter::default();
    }
    Vec::new()
}

/// Asks for what was typed, when typing has paused.
pub fn search(state: &mut State) -> Vec<Job> {
    let session = &mut state.session;
    session.query_since = None;
    let Some(base) = session.route.folder().cloned() else { return Vec::new() };
    let typed = session.query.trim().to_owned();
    let generation = session.next_generation();
    let folder =
        Folder { path: Some(base.clone()), loading: true, generation, ..Folder::default() };
    session.found = Some((typed.clone(), folder));
    (session.cursor, session.anchor) = (0, 0);
    vec![Job::Find(generation, session.filter.scope.bases(&base), pattern(&typed))]
}

/// A text without wildcards means every name that contains it.
fn pattern(typed: &str) -> String {
    match typed.contains(['*', '?', '[', '{']) {
        true => typed.to_owned(),
        false => format!("*{typed}*"),
    }
}

fn select(state: &mut State, command: &Command) {
    let session = &mut state.session;
    let count = session.list().len();
    let node = |session: &crate::state::Session, index: usize| {
        session.list().at(index).map(|row| row.entry.node)
    };
    match command {
        Command::SelectNone => session.selection.clear(),
        Command::SelectAll => {
            session.selection = session.list().iter().map(|row| row.entry.node).collect();
        }
        Command::Select(index) => {
            session.selection = node(session, *index).into_iter().collect();
            (session.cursor, session.anchor) = (*index, *index);
        }
        Command::Toggle(index) => {
            if let Some(node) = node(session, *index)
                && !session.selection.remove(&node)
            {
                session.selection.insert(node);
            }
            (session.cursor, session.anchor) = (*index, *index);
        }
        Command::Extend(index) => extend(session, *index),
        Command::Step(by, shift) if count > 0 => {
            // The first key of all goes to the first row, not past it.
            let from = session.cursor.min(count - 1);
            let to = match session.selection.is_empty() && *by == 1 {
                true => from,
                false => from.saturating_add_signed(*by).min(count - 1),
            };
            if *shift {
                extend(session, to);
            } else {
                session.selection = node(session, to).into_iter().collect();
                session.anchor = to;
            }
            (session.cursor, session.reveal) = (to, true);
        }
        Command::TypeAhead(typed) => {
            let typed = typed.to_lowercase();
            let begins = |row: &Row| row.entry.name.to_lowercase().starts_with(&typed);
            let index = session.list().iter().position(begins);
            if let Some(index) = index {
                session.selection = node(session, index).into_iter().collect();
                (session.cursor, session.anchor, session.reveal) = (index, index, true);
            }
        }
        _ => {}
    }
}

fn extend(session: &mut crate::state::Session, index: usize) {
    let (first, last) = (session.anchor.min(index), session.anchor.max(index));
    let rows = session.list().iter().skip(first).take(last - first + 1);
    session.selection = rows.map(|row| row.entry.node).collect();
    session.cursor = index;
}

fn open(state: &mut State, index: usize) -> Vec<Job> {
    let Some(row) = state.session.list().at(index).cloned() else { return Vec::new() };
    if row.is_dir() {
        return go(state, Route::Folder(row.path));
    }
    select(state, &Command::Select(index));
    state.settings.details = true;
    details(state)
}

/// Asks for what belongs to the one selected thing, if it is shown.
pub(super) fn details(state: &mut State) -> Vec<Job> {
    let selected = match state.session.selection.len() {
        1 => state.session.selected().pop(),
        _ => None,
    };
    let Some(row) = selected.filter(|_| state.settings.details) else {
        state.model.details = Details::default();
        return Vec::new();
    };
    let of = Some((row.entry.node, row.entry.revision));
    if state.model.details.of == of {
        return Vec::new();
    }
    let preview = (!row.is_dir()).then_some(Preview::Loading);
    state.model.details = Details { of, preview, ..Details::default() };
    vec![Job::Details(Box::new(row))]
}

/// Asks for the page again, because something has changed at the server.
pub(super) fn refresh(state: &mut State) -> Vec<Job> {
    let mut jobs = load(state);
    state.model.details.of = None;
    jobs.extend(details(state));
    jobs
}
