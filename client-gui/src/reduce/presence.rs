//! A session begins and ends.

use super::go;
use crate::command::{Command, Job};
use crate::secret::Secret;
use crate::state::welcome::{Known, Step, Welcome};
use crate::state::{Model, Problem, Route, Session, State};
use coffer_client::protocol::link::Fingerprint;

/// Another start of the program has handed its link over.
pub(super) fn handed(state: &mut State, link: String) -> Vec<Job> {
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

pub(super) fn entered(state: &mut State, recovery_key: Option<Secret>) -> Vec<Job> {
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

pub(super) fn refused(welcome: &mut Welcome, problem: Problem, unknown: Option<Fingerprint>) {
    welcome.busy = false;
    // The user compares the fingerprint, and then it is tried with the same password.
    if unknown.is_none() {
        (welcome.password, welcome.password_again) = Default::default();
        welcome.strength = None;
    }
    (welcome.unknown, welcome.problem) = (unknown, unknown.is_none().then_some(problem));
}

pub(super) fn left(state: &mut State, problem: Option<Problem>, known: Vec<Known>) -> Vec<Job> {
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
