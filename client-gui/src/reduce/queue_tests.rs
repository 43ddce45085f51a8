//! Transfers wait, run, rest, end and come back.

use super::queue::MAX_RUNNING;
use crate::command::{Command, Event, Job};
use crate::reduce::tests::{at_home, own, problem};
use crate::reduce::{command, event};
use crate::state::transfer::{Kept, Work};
use crate::state::{Outcome, Phase, State, TransferId};
use coffer_client::transfer::Progress;
use std::path::PathBuf;
use tokio::sync::watch;

fn work(name: &str) -> Work {
    Work::Up { dir: own(&[]), sources: vec![PathBuf::from(name)] }
}

fn upload(state: &mut State, name: &str) -> Vec<Job> {
    command(state, Command::Upload(vec![PathBuf::from(name)]))
}

/// Signed in, and nothing was kept.
fn ready() -> State {
    let mut state = at_home();
    event(&mut state, Event::Kept(Vec::new()));
    state
}

fn kept(jobs: &[Job]) -> Vec<Kept> {
    let kept = jobs.iter().find_map(|job| match job {
        Job::KeepTransfers(_, kept) => Some(kept.clone()),
        _ => None,
    });
    kept.unwrap_or_else(|| panic!("nothing is kept: {jobs:?}"))
}

/// The transfers that the worker has to run.
fn runs(jobs: &[Job]) -> Vec<TransferId> {
    let runs = jobs.iter().filter_map(|job| match job {
        Job::Transfer(id, _) => Some(*id),
        _ => None,
    });
    runs.collect()
}

fn done() -> Outcome {
    Outcome::Done { files: 1, machines: Some(2) }
}

#[test]
fn a_transfer_fails_with_a_reason_and_can_be_done_again() {
    let mut state = ready();
    let jobs = upload(&mut state, "/tmp/x.bin");
    let [id] = runs(&jobs)[..] else { panic!("{jobs:?}") };
    assert_eq!(state.model.transfers[0].title, "x.bin");
    let first = vec![("x.bin".to_owned(), problem("disk-full"))];
    event(&mut state, Event::Ended(id, Outcome::Failed { failed: 1, first }));
    assert!(state.session.toasts.last().is_some_and(|toast| toast.problem.is_some()));
    let jobs = command(&mut state, Command::RetryTransfer(id));
    let [again] = runs(&jobs)[..] else { panic!("{jobs:?}") };
    assert_ne!(again, id, "what the first run still says is not taken for the second");
    assert_eq!(runs(&command(&mut state, Command::RetryTransfer(again))).len(), 0, "it runs");
    let jobs = event(&mut state, Event::Ended(again, done()));
    assert_eq!(kept(&jobs), []);
    command(&mut state, Command::ClearTransfers);
    assert!(state.model.transfers.is_empty());
}

#[test]
fn a_few_run_at_once_and_the_oldest_waits_least() {
    let mut state = ready();
    let mut running = Vec::new();
    for name in ["/a", "/b", "/c", "/d", "/e"] {
        running.extend(runs(&upload(&mut state, name)));
    }
    assert_eq!(running.len(), MAX_RUNNING);
    let jobs = event(&mut state, Event::Ended(running[1], done()));
    assert_eq!(runs(&jobs).len(), 1);
    assert!(jobs.iter().any(|job| matches!(job, Job::Transfer(_, next) if *next == work("/d"))));
    let names: Vec<_> = kept(&jobs).into_iter().map(|one| one.work).collect();
    assert_eq!(names, ["/a", "/c", "/d", "/e"].map(work));
}

#[test]
fn a_paused_transfer_rests_until_it_is_resumed_and_lets_others_run() {
    let mut state = ready();
    let [id] = runs(&upload(&mut state, "/a"))[..] else { panic!("it does not run") };
    let jobs = command(&mut state, Command::PauseTransfer(id));
    assert!(jobs.contains(&Job::StopTransfer(id)));
    assert_eq!(kept(&jobs), [Kept { work: work("/a"), paused: true }]);
    assert_eq!(runs(&command(&mut state, Command::ResumeTransfer(id))).len(), 0);
    event(&mut state, Event::Ended(id, Outcome::Cancelled));
    assert_eq!(state.model.transfers[0].phase, Phase::Paused);
    assert_eq!(runs(&command(&mut state, Command::ResumeTransfer(id))).len(), 1);
    let [again] = [state.model.transfers[0].id];
    assert!(command(&mut state, Command::PauseAll).contains(&Job::StopTransfer(again)));
    // It was faster than the pause.
    event(&mut state, Event::Ended(again, done()));
    assert_eq!(state.model.transfers[0].outcome(), Some(&done()));
}

#[test]
fn a_given_up_transfer_stays_given_up_and_one_whose_session_ends_goes_on_later() {
    let mut state = ready();
    let [id] = runs(&upload(&mut state, "/a"))[..] else { panic!("it does not run") };
    let jobs = command(&mut state, Command::CancelTransfer(id));
    assert!(jobs.contains(&Job::StopTransfer(id)) && kept(&jobs).is_empty());
    event(&mut state, Event::Ended(id, Outcome::Cancelled));
    assert_eq!(state.model.transfers[0].outcome(), Some(&Outcome::Cancelled));
    let [id] = runs(&upload(&mut state, "/b"))[..] else { panic!("it does not run") };
    assert_eq!(event(&mut state, Event::Ended(id, Outcome::Cancelled)), []);
    assert_eq!(state.model.transfers[0].phase, Phase::Waiting);
}

#[test]
fn what_was_kept_goes_on_and_nothing_is_kept_before_it_is_known() {
    let mut state = at_home();
    let jobs = upload(&mut state, "/new");
    assert!(!jobs.iter().any(|job| matches!(job, Job::KeepTransfers(..))), "{jobs:?}");
    let old = |name, paused| Kept { work: work(name), paused };
    let jobs = event(&mut state, Event::Kept(vec![old("/a", false), old("/b", true)]));
    assert_eq!(runs(&jobs).len(), 1, "one of the two is paused");
    assert_eq!(kept(&jobs), [old("/new", false), old("/a", false), old("/b", true)]);
}

#[test]
fn where_a_download_goes_is_kept_once_it_is_decided() {
    let mut state = ready();
    let (from, dir) = (vec![own(&["a"])], PathBuf::from("/home"));
    let jobs = command(&mut state, Command::Fetch(from.clone(), dir.clone()));
    let [id] = runs(&jobs)[..] else { panic!("{jobs:?}") };
    let decided = Work::Down { sources: from, targets: vec![dir.join("a (2)")], dir };
    let (_sender, watch) = watch::channel(Progress::default());
    let jobs = event(&mut state, Event::Started(id, decided.clone(), watch));
    assert_eq!(kept(&jobs), [Kept { work: decided, paused: false }]);
}
