//! What the user wants to see: typed paths, recent files, tiles.

use super::tests::{at_home, own, problem, rows, selected};
use super::{command, event};
use crate::command::{Command, Event, Job};
use crate::look::{Look, LookEvent, LookJob};
use crate::state::filter::{self, Filter};
use crate::state::folder::tests::row;
use crate::state::preview::{Picture, Preview, revision_of};
use crate::state::{Dialog, Route, State};
use coffer_client::RemotePath;
use coffer_client::protocol::message::tree::{Kind, Version};
use std::sync::Arc;

fn look(state: &mut State, look: Look) -> Vec<Job> {
    command(state, Command::Look(look))
}

fn seen(state: &mut State, answer: LookEvent) -> Vec<Job> {
    event(state, Event::Look(answer))
}

fn type_path(state: &mut State, text: &str) -> Vec<Job> {
    state.session.address.as_mut().expect("a field").text = text.to_owned();
    look(state, Look::PathTyped)
}

#[test]
fn a_typed_path_leads_there_and_a_wrong_one_is_kept_and_explained() {
    let mut state = at_home();
    assert_eq!(look(&mut state, Look::AskPath), [Job::Look(LookJob::Folders(own(&[])))]);
    assert_eq!(type_path(&mut state, "/doc"), [], "the folders are asked for once");
    type_path(&mut state, "/docs/x");
    let jobs = look(&mut state, Look::GoToPath);
    let path = own(&["docs", "x"]);
    assert_eq!(jobs, [Job::Look(LookJob::Visit(path.clone()))]);
    seen(&mut state, LookEvent::Visited(path, Err(problem("not-found"))));
    let address = state.session.address.as_ref().expect("the field stays");
    assert_eq!(address.text, "/docs/x");
    assert_eq!(address.problem.as_ref().map(|one| one.code.as_str()), Some("not-found"));
    type_path(&mut state, "docs");
    assert!(state.session.address.as_ref().is_some_and(|address| address.problem.is_none()));
    look(&mut state, Look::GoToPath);
    let docs = rows().remove(0);
    let late = LookEvent::Visited(own(&["other"]), Ok(Box::new(docs.clone())));
    assert_eq!(seen(&mut state, late), [], "an older question");
    seen(&mut state, LookEvent::Visited(own(&["docs"]), Ok(Box::new(docs))));
    assert_eq!(state.session.route, Route::Folder(own(&["docs"])));
    assert!(state.session.address.is_none());
    look(&mut state, Look::AskPath);
    type_path(&mut state, "@/a");
    assert_eq!(look(&mut state, Look::GoToPath), []);
    assert!(state.session.address.as_ref().is_some_and(|address| address.problem.is_some()));
    look(&mut state, Look::LeavePath);
    assert!(state.session.address.is_none());
}

#[test]
fn folders_are_offered_while_a_path_is_typed() {
    let mut state = at_home();
    look(&mut state, Look::AskPath);
    type_path(&mut state, "/p");
    let names = ["pictures", "plans", "x"].map(str::to_owned).to_vec();
    seen(&mut state, LookEvent::Folders(own(&["late"]), vec!["pizza".to_owned()]));
    seen(&mut state, LookEvent::Folders(own(&[]), names));
    look(&mut state, Look::StepOffer(1));
    look(&mut state, Look::StepOffer(1));
    look(&mut state, Look::StepOffer(1));
    let jobs = look(&mut state, Look::TakeOffer(None));
    assert_eq!(jobs, [Job::Look(LookJob::Folders(own(&["plans"])))]);
    assert_eq!(state.session.address.as_ref().map(|one| one.text.as_str()), Some("/plans/"));
}

#[test]
fn a_file_is_shown_selected_in_its_folder() {
    let mut state = at_home();
    look(&mut state, Look::AskPath);
    type_path(&mut state, "/b.txt");
    look(&mut state, Look::GoToPath);
    let file = rows().remove(2);
    let jobs = seen(&mut state, LookEvent::Visited(own(&["b.txt"]), Ok(Box::new(file))));
    assert_eq!(jobs, [Job::List(2, own(&[]))]);
    event(&mut state, Event::Listed(2, rows(), 0, true));
    assert_eq!(selected(&state), ["b.txt"]);
    assert_eq!((state.session.cursor, state.session.reveal), (2, true));
}

#[test]
fn recent_files_keep_their_order_and_are_shown_in_their_folders() {
    let mut state = at_home();
    let jobs = command(&mut state, Command::Go(Route::Recent));
    assert_eq!(jobs, [Job::Look(LookJob::Recent(2))]);
    let path = own(&["docs", "z.txt"]);
    let mut newest = row("z.txt", Kind::File, 1, 1);
    newest.path.clone_from(&path);
    event(&mut state, Event::Listed(2, vec![newest, row("a.txt", Kind::File, 9, 9)], 0, true));
    let names: Vec<_> = state.session.list().iter().map(|row| row.entry.name.as_str()).collect();
    assert_eq!(names, ["z.txt", "a.txt"]);
    command(&mut state, Command::Select(0));
    let jobs = look(&mut state, Look::Reveal);
    assert_eq!(jobs, [Job::List(3, own(&["docs"]))]);
    assert!(!state.session.folder.ranked);
    // A share has no folder above it that could be listed.
    let share = RemotePath::parse("@bob/team").expect("a path");
    super::address::reveal(&mut state, &share);
    assert_eq!(state.session.route, Route::SharedWithMe);
}

#[test]
fn tiles_are_remembered_and_ask_for_small_pictures_a_few_at_a_time() {
    let mut state = at_home();
    assert_eq!(look(&mut state, Look::Grid(true)), [Job::SaveSettings]);
    assert!(state.settings.grid);
    let pictures: Vec<_> =
        (0..5).map(|number| row(&format!("{number}.png"), Kind::File, 1, 1)).collect();
    let jobs = look(&mut state, Look::Thumbs(pictures.clone()));
    let job = |row: &crate::state::Row| Job::Look(LookJob::Thumb(Box::new(row.clone())));
    assert_eq!(jobs, pictures[..3].iter().map(job).collect::<Vec<_>>());
    let small = Picture { width: 1, height: 1, rgba: Arc::new(vec![0; 4]) };
    let of = revision_of(&pictures[0]);
    let jobs = seen(&mut state, LookEvent::Thumb(of, Ok(Some(small.clone()))));
    assert_eq!(jobs, [job(&pictures[3])]);
    assert_eq!(state.model.thumbs.get(of), Some(&small));
    event(&mut state, Event::Left(None, Vec::new()));
    assert_eq!(state.model.thumbs.get(of), None, "the end of a session leaves nothing");
}

#[test]
fn a_bigger_look_follows_the_arrow_keys_and_takes_only_its_own_answer() {
    let mut state = at_home();
    command(&mut state, Command::Select(1));
    let row = rows().remove(1);
    let jobs = look(&mut state, Look::Quick);
    assert_eq!(jobs, [Job::Look(LookJob::Quick(Box::new(row.clone()), None))]);
    let jobs = look(&mut state, Look::StepQuick(1));
    let next = rows().remove(2);
    assert_eq!(jobs, [Job::Look(LookJob::Quick(Box::new(next.clone()), None))]);
    assert_eq!(selected(&state), ["b.txt"]);
    seen(&mut state, LookEvent::Quick(revision_of(&row), Preview::None));
    let shown = |state: &State| match &state.session.dialog {
        Some(Dialog::Quick(quick)) => Some(matches!(quick.preview, Preview::None)),
        _ => None,
    };
    assert_eq!(shown(&state), Some(false), "an answer for the file before");
    seen(&mut state, LookEvent::Quick(revision_of(&next), Preview::None));
    assert_eq!(shown(&state), Some(true));
    assert_eq!(look(&mut state, Look::StepQuick(-5)), [], "a directory is not read");
    assert_eq!(shown(&state), Some(true));
    command(&mut state, Command::Dismiss);
    assert_eq!(shown(&state), None);
}

#[test]
fn what_was_found_is_filtered_at_once_and_searched_for_elsewhere() {
    let mut state = at_home();
    command(&mut state, Command::Find("a".to_owned()));
    super::search(&mut state);
    let found = vec![row("a", Kind::Directory, 0, 1), row("a.png", Kind::File, 1, 1)];
    event(&mut state, Event::Found(2, found, true));
    let filter = Filter { sort: Some(filter::Sort::Pictures), ..Filter::default() };
    assert_eq!(look(&mut state, Look::Filter(filter)), []);
    assert_eq!(state.session.list().len(), 1);
    let filter = Filter { scope: filter::Scope::Everywhere, ..filter };
    let jobs = look(&mut state, Look::Filter(filter));
    let bases = vec![own(&[]), RemotePath::Everyone];
    assert_eq!(jobs, [Job::Find(3, bases, "*a*".to_owned())]);
    let found = vec![row("a", Kind::Directory, 0, 1), row("b.png", Kind::File, 1, 1)];
    event(&mut state, Event::Found(3, found, true));
    assert_eq!(state.session.list().len(), 1, "the filter stays for what is found later");
    command(&mut state, Command::Find(String::new()));
    assert_eq!(state.session.filter, Filter::default());
    assert_eq!(state.session.list().len(), 3);
}

#[test]
fn an_old_version_is_looked_at_and_restored_beside() {
    let mut state = at_home();
    let file = rows().remove(1);
    let version = Version {
        revision: 7,
        size: 1,
        modified_millis: 0,
        written_millis: 0,
        author: "ada".to_owned(),
        content_hash: coffer_client::protocol::Hash32([0; 32]),
        current: false,
    };
    let jobs = look(&mut state, Look::Old(Box::new(file.clone()), version.clone()));
    assert_eq!(jobs, [Job::Look(LookJob::Quick(Box::new(file.clone()), Some(7)))]);
    assert!(
        matches!(&state.session.dialog, Some(Dialog::Quick(quick)) if quick.of() == (file.entry.node, 7))
    );
    let jobs = look(&mut state, Look::Beside(file.path.clone(), version.clone()));
    assert_eq!(jobs, [Job::Look(LookJob::Beside(file.path, version))]);
    let jobs = seen(&mut state, LookEvent::Beside(own(&["a (then).txt"])));
    assert!(matches!(jobs[..], [Job::List(..)]), "{jobs:?}");
    assert!(state.session.toasts.last().is_some_and(|toast| toast.text.contains("a (then).txt")));
}
