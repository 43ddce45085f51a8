//! Bad weather.

use crate::window::{Chosen, Window};
use coffer_client::RemotePath;
use coffer_gui::command::Command;
use coffer_gui::state::Route;
use coffer_gui::state::model::Reached;
use coffer_gui::text::Language;
use coffer_tests::replica::server_seq;
use coffer_tests::{Coffer, Engine, Replica, Server};
use eframe::egui::vec2;
use egui_kittest::kittest::Queryable;
use std::time::Duration;

#[test]
fn reading_goes_on_while_the_primary_is_gone_and_the_window_says_so() {
    let mut server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.write("/a.txt", b"one");
    let mut standby = Replica::join(&server, Engine::Sqlite, &["--standby"]);
    standby.run();
    standby.catch_up(&server);
    let (mut window, _home) = Window::of(&ada, &server, Chosen::default());
    window.until_names(&["a.txt"]);
    window.wish(Command::Go(Route::Server));
    window.until("both machines", |app| app.state().model.machines.len() == 2);
    window.until("how far the standby is", |app| !app.state().model.lags.is_empty());
    window.wish(Command::Go(Route::home()));
    window.until_names(&["a.txt"]);
    // What was seen of the primary is never older afterwards, so the standby has to have
    // it: also the record of signing in, which is written in the background.
    let mut seq = 0;
    while std::mem::replace(&mut seq, server_seq(&server)) != seq {
        std::thread::sleep(Duration::from_secs(2));
    }
    standby.catch_up(&server);
    server.kill();
    window.wish(Command::Refresh);
    window.until("the standby", |app| matches!(app.state().model.reached, Reached::Standby(_)));
    assert!(window.harness.query_by_label_contains("Read only").is_some(), "it says so");
    window.until_names(&["a.txt"]);
    server.run();
    window.until("the primary again", |app| app.state().model.reached == Reached::Primary);
    assert!(window.harness.query_by_label_contains("Read only").is_none());
    assert_eq!(window.names(), ["a.txt"]);
}

#[test]
fn what_goes_wrong_is_told_in_german_and_the_original_folds_out() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.write("/a.txt", b"one");
    let (mut window, _home) = Window::of(&ada, &server, Chosen::default());
    window.until_names(&["a.txt"]);
    window.wish(Command::SetLanguage(Language::German));
    let path: RemotePath = "/b.txt".parse().expect("a path");
    window.wish(Command::RestoreVersion(path, 1));
    window.until("the message", |app| !app.state().session.toasts.is_empty());
    let toast = &window.app().state().session.toasts[0];
    let problem = toast.problem.clone().expect("trouble");
    assert_eq!(problem.code, "not-found");
    let shown =
        |window: &Window, text: &str| window.harness.query_by_label_contains(text).is_some();
    assert!(shown(&window, "Das gibt es dort nicht"));
    assert!(!problem.original.is_empty() && !shown(&window, &problem.original));
    // The button that shows the details of files is higher.
    window.click_lowest("Details");
    window.steps(30);
    assert!(shown(&window, &problem.original), "it folds out");
    assert!(shown(&window, "Kopieren"), "and can be copied");

    // Longer words need more room: what has none is left out, and nothing lies over another.
    window.wish(Command::CloseToast(0));
    window.wish(Command::Select(0));
    assert!(shown(&window, "Bearbeiten"));
    window.harness.set_size(vec2(900.0, 600.0));
    window.steps(3);
    assert!(!shown(&window, "Bearbeiten"));
    let names = ["Herunterladen", "Teilen …", "Umbenennen", "Löschen", "Details"];
    let rects = names.map(|name| window.harness.get_by_label(name).rect());
    for two in rects.windows(2) {
        assert!(two[0].right() <= two[1].left(), "{rects:?}");
    }
}
