//! Files that other programs open, and downloads under another name.

use crate::window::{Chosen, Window};
use coffer_gui::command::Command;
use coffer_gui::outside::{Ask, Outside};
use coffer_gui::state::Route;
use coffer_gui::state::opened::Status;
use coffer_tests::{Coffer, Engine, Server};
use egui_kittest::kittest::Queryable as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

type Opened = Arc<Mutex<Vec<PathBuf>>>;

/// The copy that was opened last.
fn last(opened: &Opened) -> PathBuf {
    opened.lock().expect("the files").last().expect("one was opened").clone()
}

fn status(window: &Window) -> Option<Status> {
    window.app().state().model.opened.first().map(|one| one.status.clone())
}

#[test]
fn what_another_program_saves_becomes_a_version_and_nothing_is_lost() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.write("/plan.odt", b"first");
    ada.write("/tool.exe", b"MZ");
    let opened = Opened::default();
    let dir = tempfile::tempdir().expect("directory");
    let saved_as = dir.path().join("other name.odt");
    let chosen =
        Chosen { save: Some(saved_as.clone()), opened: Arc::clone(&opened), ..Chosen::default() };
    let (mut window, home) = Window::of(&ada, &server, chosen);
    window.wish(Command::SetDownloads(dir.path().join("downloads")));
    window.until_names(&["plan.odt", "tool.exe"]);

    window.wish(Command::Select(1));
    window.wish(Command::Outside(Outside::Open));
    window.until("a refusal", |app| {
        app.state().session.toasts.iter().any(|toast| toast.problem.is_some())
    });
    assert!(window.app().state().model.opened.is_empty(), "a program is not run");

    window.wish(Command::Select(0));
    window.wish(Command::Outside(Outside::Open));
    window.until("the copy", |app| {
        app.state().model.opened.first().is_some_and(|one| one.status == Status::Watched)
    });
    let copy = last(&opened);
    assert_eq!(copy.file_name().and_then(|name| name.to_str()), Some("plan.odt"));
    assert_eq!(std::fs::read(&copy).expect("the copy"), b"first");
    std::fs::write(&copy, "second, by the program").expect("saved");
    window.until("a new version", |app| {
        matches!(app.state().model.opened[0].status, Status::Saved(_))
    });
    assert_eq!(ada.cat("/plan.odt"), b"second, by the program");

    // Somebody else is faster.
    ada.write("/plan.odt", b"theirs");
    std::fs::write(&copy, "third").expect("saved");
    window.until("the conflict", |app| app.state().model.opened[0].status == Status::Conflict);
    window.wish(Command::Go(Route::Opened));
    window.click_lowest("Keep both");
    window.until("both", |app| matches!(app.state().model.opened[0].status, Status::Saved(_)));
    assert_eq!(ada.cat("/plan.odt"), b"theirs");
    assert_eq!(ada.cat("/plan (mine).odt"), b"third");
    assert!(matches!(status(&window), Some(Status::Saved(_))));
    let node = window.app().state().model.opened[0].node;
    window.wish(Command::Outside(Outside::Ask(node, Ask::Close)));
    window.until("the end of the copy", |app| app.state().model.opened.is_empty());
    assert!(!copy.exists());

    window.wish(Command::Go(Route::home()));
    window.until_names(&["plan (mine).odt", "plan.odt", "tool.exe"]);
    window.wish(Command::Select(1));
    window.wish(Command::Outside(Outside::SaveAs));
    window.until("the download", |app| {
        app.state().model.transfers.first().is_some_and(|one| one.outcome().is_some())
    });
    assert_eq!(std::fs::read(&saved_as).expect("the download"), b"theirs");

    // The program ends before a change is seen: it is kept, and told of at the next start.
    window.wish(Command::Outside(Outside::Open));
    window.until("the copy", |app| {
        app.state().model.opened.first().is_some_and(|one| one.status == Status::Watched)
    });
    let copy = last(&opened);
    std::fs::write(&copy, "at the last moment").expect("saved");
    drop(window);
    let mut again = Window::open(home.path(), Chosen::default());
    again.until("the news", |app| {
        let problems = app.state().session.toasts.iter().filter_map(|toast| toast.problem.as_ref());
        problems.into_iter().any(|problem| problem.code == "not-saved")
    });
    let kept = dir.path().join("downloads/plan.odt");
    assert_eq!(std::fs::read(kept).expect("kept"), b"at the last moment");
    assert!(!copy.exists());
}

#[test]
fn a_big_file_says_how_far_it_is_and_can_be_given_up() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.write("/film.mov", &coffer_tests::Rng::new("film").bytes(12 << 20));
    let opened = Opened::default();
    let chosen = Chosen { opened: Arc::clone(&opened), ..Chosen::default() };
    let (mut window, home) = Window::of(&ada, &server, chosen);
    window.until_names(&["film.mov"]);
    window.wish(Command::SetLimit(false, std::num::NonZeroU64::new(1 << 20)));
    window.wish(Command::Select(0));
    window.wish(Command::Outside(Outside::Open));
    window.until("a part of it", |app| {
        let status = app.state().model.opened.first().map(|one| one.status.clone());
        matches!(status, Some(Status::Fetching(here, size)) if here > 0 && here < size)
    });
    window.wish(Command::Go(Route::Opened));
    assert!(window.harness.query_by_label_contains("of 12 MiB").is_some());
    window.click_lowest("Cancel");
    window.until("the end of it", |app| app.state().model.opened.is_empty());
    assert!(opened.lock().expect("the files").is_empty(), "it was not opened");
    let copies = home.path().join("opened");
    let left = walk(&copies).into_iter().filter(|path| path.ends_with("film.mov")).count();
    assert_eq!(left, 0, "half a copy is left");
}

/// All files below a directory.
fn walk(dir: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
