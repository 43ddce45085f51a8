//! What commands and answers do to the state, without a window or a server.

use super::{command, event, search};
use crate::command::{Command, Done, Entrance, Event, Job, Purpose};
use crate::secret::Secret;
use crate::state::folder::Column;
use crate::state::folder::tests::row;
use crate::state::model::{Reached, User};
use crate::state::{Dialog, Problem, Route, Row, State, Step, Undo, Way};
use crate::text::Language;
use coffer_client::RemotePath;
use coffer_client::protocol::link::Fingerprint;
use coffer_client::protocol::message::tree::Kind;

const LINK: &str = "coffer://host:7001/#";
const PIN: Fingerprint = Fingerprint([7; 32]);

pub(super) fn own(names: &[&str]) -> RemotePath {
    RemotePath::Own(names.iter().map(|name| (*name).to_owned()).collect())
}

fn user() -> User {
    let text = str::to_owned;
    User { name: text("ada"), server: text("host:1"), profile: text("p") }
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("docs", Kind::Directory, 0, 1),
        row("a.txt", Kind::File, 10, 3),
        row("b.txt", Kind::File, 20, 2),
    ]
}

/// Signed in, with three rows in the home directory.
pub(crate) fn at_home() -> State {
    let mut state = State::default();
    let jobs = event(&mut state, Event::Entered(user(), None));
    assert!(jobs.contains(&Job::List(1, own(&[]))), "{jobs:?}");
    event(&mut state, Event::Listed(1, rows(), 0, true));
    state
}

pub(super) fn problem(code: &str) -> Problem {
    Problem { message: "It failed".to_owned(), code: code.to_owned(), ..Problem::default() }
}

pub(super) fn selected(state: &State) -> Vec<String> {
    state.session.selected().into_iter().map(|row| row.entry.name).collect()
}

#[test]
fn a_bad_link_is_explained_and_a_good_one_leads_on() {
    let mut state = State::default();
    state.session.welcome.link_text = "http://nonsense".to_owned();
    assert_eq!(command(&mut state, Command::UseLink), []);
    assert_eq!(
        state.session.welcome.problem.as_ref().map(|one| one.code.as_str()),
        Some("bad-link")
    );
    assert_eq!(state.session.welcome.step, Step::Link);
    state.settings.language = Language::German;
    command(&mut state, Command::UseLink);
    let told = state.session.welcome.problem.clone().expect("trouble");
    assert_eq!(told.message, "Das ist kein Link zu einem Coffer-Server.");
    assert!(told.original.contains("starts with coffer://"), "{}", told.original);
    state.session.welcome.link_text = LINK.to_owned() + &PIN.to_string();
    command(&mut state, Command::UseLink);
    let welcome = &state.session.welcome;
    assert_eq!(welcome.step, Step::Account, "{:?}", welcome.problem);
    assert!(welcome.problem.is_none() && welcome.way == Way::SignIn);
}

#[test]
fn signing_up_asks_for_a_strong_password_twice_and_for_the_recovery_key_back() {
    let mut state = State::default();
    let welcome = &mut state.session.welcome;
    welcome.link = format!("{LINK}{PIN}").parse().ok();
    assert!(welcome.link.is_some());
    welcome.step = Step::Account;
    welcome.way = Way::SignUp;
    welcome.user = "ada".to_owned();
    *welcome.password = "password1".to_owned();
    command(&mut state, Command::PasswordTyped);
    let said = |state: &State| format!("{:?}", state.session.welcome.strength);
    assert!(said(&state).starts_with("Some(Err(\"This"), "{}", said(&state));
    state.settings.language = Language::German;
    command(&mut state, Command::PasswordTyped);
    assert!(said(&state).contains("Das Passwort ist zu leicht"), "{}", said(&state));
    state.settings.language = Language::English;
    assert_eq!(command(&mut state, Command::Enter), []);
    *state.session.welcome.password = "quartz lantern velvet orbit".to_owned();
    assert_eq!(command(&mut state, Command::Enter), []);
    let code = |state: &State| state.session.welcome.problem.as_ref().map(|one| one.code.clone());
    assert_eq!(code(&state).as_deref(), Some("passwords-differ"));
    *state.session.welcome.password_again = "quartz lantern velvet orbit".to_owned();
    let jobs = command(&mut state, Command::Enter);
    assert!(matches!(&jobs[..], [Job::Enter { entrance: Entrance::SignUp(None), .. }]), "{jobs:?}");
    assert!(state.session.welcome.busy);

    event(&mut state, Event::Entered(user(), Some(Secret::from("abcd-efgh".to_owned()))));
    let welcome = &state.session.welcome;
    assert_eq!(
        (welcome.step.clone(), state.session.route.clone()),
        (Step::Recovery, Route::Welcome)
    );
    assert!(welcome.password.is_empty() && welcome.password_again.is_empty());
    let jobs = command(&mut state, Command::PrintRecovery);
    let [Job::Print(paper)] = &jobs[..] else { panic!("{jobs:?}") };
    assert!(paper.contains("abcd-efgh") && paper.contains("User name: ada"), "{}", **paper);
    assert!(!format!("{jobs:?}").contains("efgh"), "it is a secret");
    state.session.welcome.typed_back = "abcd".to_owned();
    assert_eq!(command(&mut state, Command::RecoveryKept), []);
    assert!(state.session.welcome.typed_wrong);
    state.session.welcome.typed_back = " EFGH ".to_owned();
    command(&mut state, Command::RecoveryKept);
    assert_eq!(state.session.route, Route::home());
    assert!(state.session.welcome.recovery_key.is_empty(), "it is shown once");
}

#[test]
fn a_refusal_forgets_the_password_unless_only_the_fingerprint_is_missing() {
    let mut state = State::default();
    *state.session.welcome.password = "secret".to_owned();
    event(&mut state, Event::Refused(problem("unknown-server"), Some(PIN)));
    assert_eq!(&**state.session.welcome.password, "secret");
    assert_eq!(state.session.welcome.unknown, Some(PIN));
    event(&mut state, Event::Refused(problem("wrong-password"), None));
    assert!(state.session.welcome.password.is_empty() && state.session.welcome.problem.is_some());
}

#[test]
fn pages_can_be_gone_back_to() {
    let mut state = at_home();
    command(&mut state, Command::Open(0));
    assert_eq!(state.session.route, Route::Folder(own(&["docs"])));
    command(&mut state, Command::Go(Route::Trash));
    command(&mut state, Command::Backward);
    command(&mut state, Command::Backward);
    assert_eq!(state.session.route, Route::home());
    command(&mut state, Command::Forward);
    assert_eq!(state.session.route, Route::Folder(own(&["docs"])));
    command(&mut state, Command::Up);
    assert_eq!(state.session.route, Route::home());
    assert_eq!(command(&mut state, Command::Up), [], "there is nothing above");
}

#[test]
fn late_answers_are_dropped_and_selection_survives_a_refresh() {
    let mut state = at_home();
    command(&mut state, Command::Select(2));
    event(&mut state, Event::Listed(0, Vec::new(), 0, true));
    assert_eq!(state.session.folder.len(), 3, "an older question");
    let jobs = event(&mut state, Event::Changed);
    assert_eq!(jobs, [Job::List(2, own(&[])), Job::WithMe]);
    // More hints on the way are one more question, when this one is answered.
    assert_eq!(event(&mut state, Event::Changed), []);
    assert_eq!(event(&mut state, Event::Changed), []);
    // The first page of many does not take away what is there.
    event(&mut state, Event::Listed(2, vec![row("x", Kind::File, 1, 1)], 0, false));
    assert_eq!(state.session.folder.len(), 3);
    let mut fewer = rows();
    fewer.remove(1);
    let jobs = event(&mut state, Event::Listed(2, fewer, 0, true));
    assert_eq!(jobs, [Job::List(3, own(&[])), Job::WithMe]);
    assert_eq!(selected(&state), ["b.txt"]);
    assert_eq!(state.session.cursor, 1, "the keyboard stays on the same file");
}

#[test]
fn the_keyboard_and_the_mouse_select() {
    let mut state = at_home();
    command(&mut state, Command::Step(1, false));
    assert_eq!(selected(&state), ["docs"], "the first key goes to the first row");
    command(&mut state, Command::Step(1, false));
    command(&mut state, Command::Step(1, true));
    assert_eq!(selected(&state), ["a.txt", "b.txt"]);
    command(&mut state, Command::Toggle(0));
    assert_eq!(selected(&state).len(), 3);
    command(&mut state, Command::Toggle(0));
    command(&mut state, Command::TypeAhead("B".to_owned()));
    assert_eq!(selected(&state), ["b.txt"]);
    command(&mut state, Command::SelectAll);
    assert_eq!(selected(&state).len(), 3);
    command(&mut state, Command::Step(isize::MAX / 2, false));
    assert_eq!(state.session.cursor, 2);
    command(&mut state, Command::SortBy(Column::Size));
    command(&mut state, Command::SortBy(Column::Size));
    let first = state.session.list().at(1).map(|row| row.entry.name.clone());
    assert_eq!(first.as_deref(), Some("b.txt"), "the biggest file first, after the directory");
}

#[test]
fn a_search_begins_when_typing_has_paused_and_ends_with_the_text() {
    let mut state = at_home();
    assert_eq!(command(&mut state, Command::Find("pla".to_owned())), []);
    assert!(state.session.query_since.is_some());
    let jobs = search(&mut state);
    let [Job::Find(generation, bases, pattern)] = &jobs[..] else { panic!("{jobs:?}") };
    assert_eq!((bases, pattern.as_str()), (&vec![own(&[])], "*pla*"));
    event(&mut state, Event::Found(*generation, vec![row("plan", Kind::File, 1, 1)], true));
    assert_eq!(state.session.list().len(), 1);
    event(&mut state, Event::Listed(1, rows(), 0, true));
    assert_eq!(state.session.list().len(), 1, "the directory behind it may change");
    command(&mut state, Command::Find(String::new()));
    assert_eq!(state.session.list().len(), 3);
}

#[test]
fn what_was_deleted_or_renamed_can_be_taken_back() {
    let mut state = at_home();
    command(&mut state, Command::Select(1));
    let node = rows()[1].entry.node;
    assert_eq!(command(&mut state, Command::Delete), [Job::Delete(vec![node])]);
    event(&mut state, Event::Done(Done::Deleted(vec![node])));
    assert_eq!(state.session.toasts[0].undo, Some(Undo::Restore(vec![node])));
    assert_eq!(command(&mut state, Command::UndoLast), [Job::Restore(vec![node])]);
    assert_eq!(command(&mut state, Command::UndoLast), [], "once");
    let (from, to) = (own(&["a.txt"]), own(&["c.txt"]));
    command(&mut state, Command::AskRename);
    assert!(
        matches!(&state.session.dialog, Some(Dialog::Rename(path, name)) if *path == from && name == "a.txt")
    );
    state.session.dialog = Some(Dialog::Rename(from.clone(), "c.txt".to_owned()));
    let pair = vec![(from.clone(), to.clone())];
    assert_eq!(command(&mut state, Command::Confirm), [Job::Rename(pair.clone())]);
    event(&mut state, Event::Done(Done::Renamed(pair)));
    assert_eq!(command(&mut state, Command::UndoLast), [Job::Rename(vec![(to, from)])]);
}

#[test]
fn cut_and_paste_move_but_never_into_themselves() {
    let mut state = at_home();
    command(&mut state, Command::SelectAll);
    command(&mut state, Command::Clip(true));
    command(&mut state, Command::Open(0));
    let jobs = command(&mut state, Command::Paste);
    let pair = |name: &str| (own(&[name]), own(&["docs", name]));
    assert_eq!(jobs, [Job::Rename(vec![pair("a.txt"), pair("b.txt")])]);
    assert!(state.session.clipboard.is_none());
    // Nothing was copied here: perhaps it was in another program.
    let copied = Purpose::UploadCopied(own(&["docs"]));
    assert_eq!(command(&mut state, Command::Paste), [Job::Choose(copied.clone())]);
    assert_eq!(event(&mut state, Event::Chosen(copied.clone(), Vec::new())), []);
    assert!(state.session.toasts.iter().any(|toast| toast.text.contains("no files on the")));
    let jobs = event(&mut state, Event::Chosen(copied, vec!["/tmp/new.txt".into()]));
    assert!(matches!(&jobs[..], [Job::Transfer(..), ..]), "{jobs:?}");
    command(&mut state, Command::Backward);
    let docs = own(&["docs"]);
    assert_eq!(command(&mut state, Command::MoveInto(vec![docs.clone()], docs)), []);
}

#[test]
fn a_conflict_is_settled_by_keeping_both_or_overwriting() {
    let mut state = at_home();
    command(&mut state, Command::Select(1));
    let path = own(&["a.txt"]);
    assert_eq!(command(&mut state, Command::Edit), [Job::ReadText(path.clone())]);
    event(&mut state, Event::Text(path.clone(), "one".to_owned(), 4));
    let text = || "one".to_owned();
    let jobs = command(&mut state, Command::SaveText);
    assert_eq!(jobs, [Job::WriteText(path.clone(), text(), Some(4))]);
    event(&mut state, Event::Conflict);
    assert!(
        matches!(&state.session.dialog, Some(Dialog::Editor(editor)) if editor.conflict && !editor.saving)
    );
    let jobs = command(&mut state, Command::OverwriteText);
    assert_eq!(jobs, [Job::OverwriteText(path.clone(), text())]);
    let jobs = command(&mut state, Command::KeepBoth);
    let beside = own(&["a (mine).txt"]);
    assert_eq!(jobs, [Job::WriteText(beside.clone(), text(), None)]);
    event(&mut state, Event::Done(Done::Saved(beside, 1)));
    assert!(
        matches!(&state.session.dialog, Some(Dialog::Editor(editor)) if !editor.conflict && editor.revision == 1)
    );
}

#[test]
fn another_machine_is_another_state_and_the_end_of_a_session_leaves_nothing() {
    let mut state = at_home();
    let jobs = event(&mut state, Event::Reached(Reached::Standby("b:1".to_owned())));
    assert_eq!(jobs, [Job::List(2, own(&[])), Job::WithMe]);
    assert_eq!(event(&mut state, Event::Reached(Reached::Nobody)), []);
    event(&mut state, Event::Left(Some(problem("session-expired")), Vec::new()));
    assert_eq!(state.session.route, Route::Welcome);
    assert!(state.model.user.is_none() && state.session.folder.is_empty());
    assert!(state.session.welcome.problem.is_some());
}
