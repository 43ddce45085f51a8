//! Uploads and downloads: which of them run, wait and rest; what of them is kept.
//!
//! Guarantees: a few run at once and the others wait in the order they were asked for;
//! whatever is neither done nor given up is kept on disk, and goes on after a restart.

use super::{called, load};
use crate::command::{Command, Job};
use crate::state::transfer::{Kept, Outcome, Phase, Transfer, TransferId, Work};
use crate::state::{Problem, State};
use crate::text::fill;
use coffer_client::RemotePath;
use coffer_client::transfer::Progress;
use std::path::PathBuf;
use tokio::sync::watch;

/// Transfers that run at once. Each of them moves many files side by side.
pub(super) const MAX_RUNNING: usize = 3;

pub(super) fn command(state: &mut State, command: Command) -> Vec<Job> {
    match command {
        Command::Upload(sources) => match state.session.route.folder().cloned() {
            Some(dir) => up(state, dir, sources),
            None => Vec::new(),
        },
        Command::UploadInto(dir, sources) => up(state, dir, sources),
        Command::Download(dir) => {
            let sources = state.session.selected().into_iter().map(|row| row.path).collect();
            down(state, sources, dir)
        }
        Command::Fetch(sources, dir) => down(state, sources, dir),
        Command::PauseTransfer(id) => with(state, id, pause),
        Command::ResumeTransfer(id) => with(state, id, resume),
        Command::CancelTransfer(id) => with(state, id, cancel),
        Command::RetryTransfer(id) => with(state, id, retry),
        Command::PauseAll => with_all(state, pause),
        Command::ResumeAll => with_all(state, resume),
        _ => {
            state.model.transfers.retain(|one| one.outcome().is_none());
            changed(state, Vec::new())
        }
    }
}

fn up(state: &mut State, dir: RemotePath, sources: Vec<PathBuf>) -> Vec<Job> {
    match sources.is_empty() {
        true => Vec::new(),
        false => begin(state, Work::Up { dir, sources }),
    }
}

fn down(state: &mut State, sources: Vec<RemotePath>, dir: PathBuf) -> Vec<Job> {
    match sources.is_empty() {
        true => Vec::new(),
        false => begin(state, Work::Down { sources, dir, targets: Vec::new() }),
    }
}

/// A download under a name that was chosen.
pub(super) fn save_as(state: &mut State, source: RemotePath, to: PathBuf) -> Vec<Job> {
    let Some(dir) = to.parent().map(PathBuf::from) else { return Vec::new() };
    begin(state, Work::Down { sources: vec![source], dir, targets: vec![to] })
}

fn begin(state: &mut State, work: Work) -> Vec<Job> {
    add(state, work, Phase::Waiting);
    changed(state, Vec::new())
}

fn add(state: &mut State, work: Work, phase: Phase) {
    let title = match &work {
        Work::Down { sources, .. } => called(state, sources),
        Work::Up { sources, .. } => local_title(state, sources),
    };
    state.session.next_transfer += 1;
    let id = state.session.next_transfer;
    let transfer = Transfer { id, work, title, watch: None, progress: Progress::default(), phase };
    state.model.transfers.insert(0, transfer);
}

fn local_title(state: &State, sources: &[PathBuf]) -> String {
    match sources {
        [one] => one.file_name().unwrap_or(one.as_os_str()).to_string_lossy().into_owned(),
        several => fill(state.settings.texts().items, several.len()),
    }
}

/// A change of one transfer, and what the worker has to do for it.
type Change = fn(&mut Transfer) -> Option<Job>;

fn with(state: &mut State, id: TransferId, change: Change) -> Vec<Job> {
    let jobs = find(state, id).and_then(change).into_iter().collect();
    changed(state, jobs)
}

fn with_all(state: &mut State, change: Change) -> Vec<Job> {
    let jobs = state.model.transfers.iter_mut().filter_map(change).collect();
    changed(state, jobs)
}

fn find(state: &mut State, id: TransferId) -> Option<&mut Transfer> {
    state.model.transfers.iter_mut().find(|one| one.id == id)
}

fn pause(transfer: &mut Transfer) -> Option<Job> {
    match transfer.phase {
        Phase::Running => {
            transfer.phase = Phase::Pausing;
            Some(Job::StopTransfer(transfer.id))
        }
        Phase::Waiting => {
            transfer.phase = Phase::Paused;
            None
        }
        _ => None,
    }
}

fn resume(transfer: &mut Transfer) -> Option<Job> {
    if transfer.phase == Phase::Paused {
        transfer.phase = Phase::Waiting;
    }
    None
}

fn retry(transfer: &mut Transfer) -> Option<Job> {
    if matches!(transfer.outcome(), Some(Outcome::Failed { .. } | Outcome::Cancelled)) {
        transfer.phase = Phase::Waiting;
    }
    None
}

fn cancel(transfer: &mut Transfer) -> Option<Job> {
    let running = matches!(transfer.phase, Phase::Running | Phase::Pausing);
    if transfer.outcome().is_none() {
        transfer.phase = Phase::Over(Outcome::Cancelled);
    }
    running.then_some(Job::StopTransfer(transfer.id))
}

/// Lets waiting transfers run, the oldest first, and has what is unfinished kept.
fn changed(state: &mut State, mut jobs: Vec<Job>) -> Vec<Job> {
    let transfers = &mut state.model.transfers;
    let active = |one: &&Transfer| matches!(one.phase, Phase::Running | Phase::Pausing);
    let free = MAX_RUNNING.saturating_sub(transfers.iter().filter(active).count());
    let waiting = transfers.iter_mut().rev().filter(|one| one.phase == Phase::Waiting);
    for transfer in waiting.take(free) {
        transfer.phase = Phase::Running;
        // A stopped run may still have something to say: this one has another number.
        state.session.next_transfer += 1;
        transfer.id = state.session.next_transfer;
        transfer.progress = Progress::default();
        jobs.push(Job::Transfer(transfer.id, transfer.work.clone()));
    }
    jobs.extend(keep(state));
    jobs
}

/// What is unfinished, to be kept; nothing before it is known what was kept before.
fn keep(state: &State) -> Option<Job> {
    let user = state.model.user.as_ref().filter(|_| state.model.queue_known)?;
    let kept = state.model.transfers.iter().rev().filter_map(Transfer::kept).collect();
    Some(Job::KeepTransfers(user.profile.clone(), kept))
}

/// What was kept at the last run goes on.
pub(super) fn known(state: &mut State, kept: Vec<Kept>) -> Vec<Job> {
    for Kept { work, paused } in kept {
        add(state, work, if paused { Phase::Paused } else { Phase::Waiting });
    }
    state.model.queue_known = true;
    changed(state, Vec::new())
}

/// A transfer runs, and has decided where its files go.
pub(super) fn started(
    state: &mut State,
    id: TransferId,
    work: Work,
    watch: watch::Receiver<Progress>,
) -> Vec<Job> {
    let Some(transfer) = find(state, id) else { return Vec::new() };
    let decided = transfer.work != work;
    (transfer.work, transfer.watch) = (work, Some(watch));
    if decided { keep(state).into_iter().collect() } else { Vec::new() }
}

/// A transfer has come to rest.
pub(super) fn ended(state: &mut State, id: TransferId, outcome: &Outcome) -> Vec<Job> {
    let Some(transfer) = find(state, id) else { return Vec::new() };
    transfer.look();
    transfer.watch = None;
    let up = matches!(transfer.work, Work::Up { .. });
    let title = transfer.title.clone();
    let stopped = *outcome == Outcome::Cancelled;
    match transfer.phase {
        Phase::Over(_) => return changed(state, Vec::new()),
        Phase::Pausing if stopped => transfer.phase = Phase::Paused,
        // The session has ended: it goes on with the next one.
        _ if stopped => {
            transfer.phase = Phase::Waiting;
            return Vec::new();
        }
        _ => {
            transfer.phase = Phase::Over(outcome.clone());
            let mut jobs: Vec<_> = tell(state, up, &title, outcome).into_iter().collect();
            if up {
                jobs.extend(load(state));
            }
            return changed(state, jobs);
        }
    }
    changed(state, Vec::new())
}

/// Says how it ended; to the desktop as well when nobody looks at the window.
fn tell(state: &mut State, up: bool, title: &str, outcome: &Outcome) -> Option<Job> {
    let State { settings, session, .. } = state;
    let texts = settings.texts();
    match outcome {
        Outcome::Done { .. } => {
            let text = if up { texts.uploaded } else { texts.downloaded };
            session.announce(settings, fill(text, title))
        }
        Outcome::Failed { failed, first } => {
            let (name, problem) = first.first()?;
            let count = fill(texts.transfer_failed, failed);
            let message = format!("{count}: {}", problem.of(name));
            let job = session.outside(settings, &message);
            session.complain(Problem { message, ..problem.clone() });
            job
        }
        Outcome::Cancelled => None,
    }
}
