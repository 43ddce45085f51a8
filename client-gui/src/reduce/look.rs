//! What the user wants to see, and how.

use super::address;
use crate::command::Job;
use crate::look::{Look, LookEvent, LookJob};
use crate::state::{Row, State};

pub(super) fn command(state: &mut State, look: Look) -> Vec<Job> {
    match look {
        Look::Reveal => match state.session.selected().as_slice() {
            [row] => address::reveal(state, &row.path),
            _ => Vec::new(),
        },
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
        LookEvent::Thumb(of, outcome) => fetch(state.model.thumbs.got(of, outcome)),
    }
}

fn fetch(rows: Vec<Row>) -> Vec<Job> {
    rows.into_iter().map(|row| Job::Look(LookJob::Thumb(Box::new(row)))).collect()
}
