//! Files that other programs have opened.

use super::tests::{at_home, own, problem, rows};
use super::{command, event};
use crate::command::{Command, Event, Job, Purpose};
use crate::outside::{Ask, Outside, OutsideEvent, OutsideJob};
use crate::state::State;
use crate::state::folder::tests::row;
use crate::state::opened::Status;
use crate::state::transfer::Work;
use coffer_client::protocol::NodeId;
use coffer_client::protocol::message::tree::Kind;
use std::path::PathBuf;

fn outside(state: &mut State, outside: Outside) -> Vec<Job> {
    command(state, Command::Outside(outside))
}

fn now(state: &mut State, node: NodeId, status: Status) -> Vec<Job> {
    event(state, Event::Outside(OutsideEvent::Status(node, status)))
}

#[test]
fn a_file_is_opened_once_and_every_version_is_told_of() {
    let mut state = at_home();
    command(&mut state, Command::Select(1));
    let (node, path) = (rows()[1].entry.node, own(&["a.txt"]));
    let jobs = outside(&mut state, Outside::Open);
    assert_eq!(jobs, [Job::Outside(OutsideJob::Open(node, path))]);
    let jobs = outside(&mut state, Outside::Open);
    assert_eq!(jobs, [Job::Outside(OutsideJob::Ask(node, Ask::Launch))]);
    assert_eq!(state.model.opened.len(), 1);
    assert_eq!(now(&mut state, node, Status::Watched), []);
    assert_eq!(state.session.toasts.len(), 1);
    now(&mut state, node, Status::Saving);
    let jobs = now(&mut state, node, Status::Saved(1));
    assert!(matches!(jobs[..], [Job::List(..)]), "the list is looked at again");
    now(&mut state, node, Status::Conflict);
    let last = |state: &State| {
        let toast = state.session.toasts.last().expect("a message");
        toast.problem.as_ref().map(|problem| problem.code.clone())
    };
    assert_eq!(last(&state).as_deref(), Some("conflict"));
    let jobs = outside(&mut state, Outside::Ask(node, Ask::KeepBoth));
    assert_eq!(jobs, [Job::Outside(OutsideJob::Ask(node, Ask::KeepBoth))]);
    now(&mut state, node, Status::Failed(problem("unreachable")));
    let count = state.session.toasts.len();
    now(&mut state, node, Status::Failed(problem("unreachable")));
    assert_eq!(state.session.toasts.len(), count, "the same trouble is told of once");
    event(&mut state, Event::Outside(OutsideEvent::At(node, own(&["a (mine).txt"]))));
    assert_eq!(state.model.opened[0].name(), "a (mine).txt");
    event(&mut state, Event::Outside(OutsideEvent::Closed(node)));
    assert!(state.model.opened.is_empty());
    let files = vec![PathBuf::from("/tmp/a.txt")];
    event(&mut state, Event::Outside(OutsideEvent::Rescued(files)));
    assert_eq!(last(&state).as_deref(), Some("not-saved"));
}

#[test]
fn directories_and_programs_are_not_opened() {
    let mut state = at_home();
    command(&mut state, Command::Select(0));
    assert_eq!(outside(&mut state, Outside::Open), []);
    let jobs = command(&mut state, Command::Refresh);
    let [Job::List(generation, _)] = jobs[..] else { panic!("{jobs:?}") };
    let program = vec![row("plan.pdf.exe", Kind::File, 1, 1)];
    event(&mut state, Event::Listed(generation, program, 0, true));
    command(&mut state, Command::Select(0));
    assert_eq!(outside(&mut state, Outside::Open), []);
    let toast = state.session.toasts.last().expect("a message");
    assert!(toast.problem.as_ref().is_some_and(|problem| problem.code == "would-run"));
}

#[test]
fn a_download_goes_where_it_was_chosen_to() {
    let mut state = at_home();
    command(&mut state, Command::Select(1));
    let source = own(&["a.txt"]);
    let purpose = Purpose::SaveAs(source.clone());
    assert_eq!(outside(&mut state, Outside::SaveAs), [Job::Choose(purpose.clone())]);
    let to = PathBuf::from("/tmp/chosen.txt");
    event(&mut state, Event::Chosen(purpose, vec![to.clone()]));
    let work = &state.model.transfers[0].work;
    let (sources, targets) = (vec![source], vec![to]);
    assert_eq!(*work, Work::Down { sources, dir: PathBuf::from("/tmp"), targets });
}
