//! The way in and out: new accounts, wrong passwords, forgotten ones, the lock.

use crate::window::{Chosen, Window};
use coffer_gui::command::Command;
use coffer_gui::state::{Outcome, Route, Step, Way};
use coffer_tests::coffer::{PASSWORD, utf8};
use coffer_tests::{Coffer, Engine, Server};
use eframe::egui::Key;
use egui_kittest::kittest::Queryable;
use std::sync::Arc;

#[test]
fn a_new_user_signs_up_uploads_a_tree_and_finds_renames_deletes_and_undoes() {
    let server = Server::start(Engine::Sqlite);
    let dir = tempfile::tempdir().expect("directory");
    let tree = dir.path().join("tree");
    std::fs::create_dir_all(tree.join("sub")).expect("directories");
    for (name, text) in [("a.txt", "one"), ("sub/plan.md", "two"), ("sub/b10.txt", "three")] {
        std::fs::write(tree.join(name), text).expect("write");
    }
    let kept = dir.path().join("key.txt");
    let printed = Arc::default();
    let pick = Chosen {
        folder: Some(tree),
        save: Some(kept.clone()),
        printed: Arc::clone(&printed),
        ..Chosen::default()
    };
    let mut window = Window::open(&dir.path().join("home"), pick);

    window.connect(&server.link());
    window.click_lowest("Create account");
    window.type_into("User name", "ada");
    window.type_into("Password", "password1");
    assert!(matches!(window.app().state().session.welcome.strength, Some(Err(_))), "too weak");
    window.harness.key_combination_modifiers(eframe::egui::Modifiers::COMMAND, &[Key::A]);
    window.steps(2);
    window.type_into("Password", PASSWORD);
    window.type_into("Password again", PASSWORD);
    window.click_lowest("Create account");
    window.until("the recovery key", |app| app.state().session.welcome.step == Step::Recovery);
    window.click_lowest("Save as file…");
    window.until("the file", |app| app.state().session.welcome.key_saved);
    let key = std::fs::read_to_string(&kept).expect("the key");
    let last = key.trim().rsplit('-').next().expect("a group").to_owned();
    window.click_lowest("Print");
    window.until("the printer", |app| !app.state().session.toasts.is_empty());
    assert!(printed.lock().expect("the paper")[0].contains(&last));
    window.type_into("Type the last group to show that you have kept it", &last);
    window.click_lowest("Continue");
    window.until("the empty home directory", |app| {
        app.state().session.route == Route::home() && !app.state().session.folder.loading
    });
    window.harness.get_by_label("Nothing here yet");

    let tree = window.harness.state_mut();
    tree.wish(Command::Upload(vec![dir.path().join("tree")]));
    window.until("the upload", |app| {
        matches!(app.state().model.transfers[0].outcome(), Some(Outcome::Done { files: 3, .. }))
    });
    window.until_names(&["tree"]);

    window.type_into("Find", "plan");
    window.until_names(&["plan.md"]);
    window.wish(Command::Find(String::new()));
    window.until_names(&["tree"]);

    window.harness.get_by_label("tree").click();
    window.steps(3);
    window.click_lowest("Rename");
    window.type_into("Name", "forest");
    window.click_lowest("Rename");
    window.until_names(&["forest"]);

    window.wish(Command::Select(0));
    window.click_lowest("Delete");
    window.until_names(&[]);
    window.click_lowest("Undo");
    window.until_names(&["forest"]);
    window.wish(Command::Open(0));
    window.until_names(&["sub", "a.txt"]);

    // The keys were kept: the next start needs no password.
    let mut again = Window::open(&dir.path().join("home"), Chosen::default());
    again.until_names(&["forest"]);
    again.wish(Command::SignOut);
    again.until("the way in", |app| app.state().session.route == Route::Welcome);
}

#[test]
fn a_wrong_password_and_a_server_that_is_gone_are_explained() {
    let mut server = Server::start(Engine::Sqlite);
    drop(Coffer::sign_up(&server, "ada"));
    let dir = tempfile::tempdir().expect("directory");
    let mut window = Window::open(dir.path(), Chosen::default());
    window.connect(&server.link());
    window.click_lowest("Sign in");
    window.type_into("User name", "ada");
    window.type_into("Password", "not the password");
    window.click_lowest("Sign in");
    window.until("a refusal", |app| app.state().session.welcome.problem.is_some());
    let welcome = &window.app().state().session.welcome;
    assert!(welcome.password.is_empty(), "a wrong password is forgotten");
    let message = welcome.problem.clone().expect("a problem").message;
    assert!(window.harness.query_by_label_contains(&message).is_some(), "{message}");
    server.kill();
    window.type_into("Password", PASSWORD);
    window.click_lowest("Sign in");
    window.until("another refusal", |app| {
        let problem = &app.state().session.welcome.problem;
        problem.as_ref().is_some_and(|problem| problem.code == "unreachable")
    });
}

#[test]
fn a_server_on_this_computer_is_one_button_away_and_comes_back_with_the_next_start() {
    let dir = tempfile::tempdir().expect("directory");
    let key = dir.path().join("key.txt");
    let pick = Chosen { save: Some(key), ..Chosen::default() };
    let mut window = Window::open(&dir.path().join("home"), pick);
    window.click_lowest("Try it on this computer");
    window.until("the server", |app| app.state().session.welcome.step == Step::Account);
    assert_eq!(
        window.app().state().session.welcome.way,
        Way::SignUp,
        "nobody has an account there yet"
    );
    window.type_into("User name", "ada");
    window.type_into("Password", PASSWORD);
    window.type_into("Password again", PASSWORD);
    window.click_lowest("Create account");
    window.until("the recovery key", |app| app.state().session.welcome.step == Step::Recovery);
    let key = window.app().state().session.welcome.recovery_key.clone();
    let last = key.rsplit('-').next().expect("a group").to_owned();
    window.type_into("Type the last group to show that you have kept it", &last);
    window.click_lowest("Continue");
    window.until("the home directory", |app| app.state().session.route == Route::home());
    drop(window);
    let mut again = Window::open(&dir.path().join("home"), Chosen::default());
    again.until("the home directory", |app| app.state().session.route == Route::home());
}

#[test]
fn a_forgotten_password_is_replaced_with_the_recovery_key() {
    const NEW: &str = "quiet harbour under plum trees";
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.write("/plan.md", b"as it was");
    let key = std::fs::read_to_string(ada.recovery_file()).expect("the key");
    let dir = tempfile::tempdir().expect("directory");
    let mut window = Window::open(dir.path(), Chosen::default());
    window.connect(&server.link());
    window.click_lowest("Sign in");
    window.type_into("User name", "ada");
    window.click_lowest("Forgot your password?");
    window.type_into("Recovery key", key.trim());
    window.type_into("New password", NEW);
    window.type_into("Password again", NEW);
    window.click_lowest("Set password");
    window.until("a new key", |app| app.state().session.welcome.step == Step::Recovery);
    let new_key = window.app().state().session.welcome.recovery_key.clone();
    assert_ne!(new_key.trim(), key.trim(), "the present key is used up");
    let last = new_key.rsplit('-').next().expect("a group").to_owned();
    window.type_into("Type the last group to show that you have kept it", &last);
    window.click_lowest("Continue");
    window.until_names(&["plan.md"]);
}

#[test]
fn a_locked_window_shows_nothing_until_the_password_is_typed_also_after_a_restart() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.write("/plan.md", b"as it was");
    let (mut window, home) = Window::of(&ada, &server, Chosen::default());
    window.until_names(&["plan.md"]);
    window.wish(Command::Lock);
    assert!(window.harness.query_by_label_contains("plan.md").is_none(), "the list is hidden");
    window.type_into("Password", "not the password");
    window.click_lowest("Unlock");
    window.until("a refusal", |app| {
        app.state().session.lock.as_ref().is_some_and(|lock| lock.problem.is_some())
    });
    window.until("the settings are kept", |_| {
        std::fs::read_to_string(home.path().join("gui.toml"))
            .is_ok_and(|text| text.contains("locked = true"))
    });
    drop(window);

    let mut again = Window::open(home.path(), Chosen::default());
    assert_eq!(again.app().state().session.route, Route::Welcome, "saved keys do not open it");
    again.type_into("Password", PASSWORD);
    again.click_lowest("Sign in");
    again.until_names(&["plan.md"]);
    again.wish(Command::Lock);
    again.type_into("Password", PASSWORD);
    again.click_lowest("Unlock");
    again.until("the list", |app| app.state().session.lock.is_none());
    again.until_names(&["plan.md"]);
}

#[test]
fn a_new_recovery_key_is_made_with_the_password_alone() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    let (mut window, _home) = Window::of(&ada, &server, Chosen::default());
    window.wish(Command::AskRecoveryKey);
    window.type_into("Password", PASSWORD);
    window.click_lowest("Create");
    window.until("a new key", |app| app.state().session.welcome.step == Step::Recovery);
    let key = window.app().state().session.welcome.recovery_key.clone();
    let old = std::fs::read_to_string(ada.recovery_file()).expect("the key");
    assert_ne!(key.trim(), old.trim());
}

#[test]
fn enter_in_the_last_field_is_as_good_as_the_button() {
    let server = Server::start(Engine::Sqlite);
    let _ada = Coffer::sign_up(&server, "ada");
    let dir = tempfile::tempdir().expect("directory");
    let mut window = Window::open(dir.path(), Chosen::default());
    let enter = |window: &mut Window, label: &str, text: &str| {
        window.type_into(label, text);
        window.harness.key_press(Key::Enter);
        window.steps(4);
    };
    enter(&mut window, "Connection link", &server.link());
    assert_eq!(window.app().state().session.welcome.step, Step::Account, "{}", window.trouble());
    window.click_lowest("Sign in");
    window.type_into("User name", "ada");
    enter(&mut window, "Password", "not the password");
    window.until("a refusal", |app| app.state().session.welcome.problem.is_some());
    enter(&mut window, "Password", PASSWORD);
    window.until("the home directory", |app| app.state().session.route == Route::home());
    window.wish(Command::Lock);
    enter(&mut window, "Password", PASSWORD);
    window.until("the list", |app| app.state().session.lock.is_none());
    window.wish(Command::AskFolder);
    window.steps(10);
    enter(&mut window, "Name", "plans");
    window.until_names(&["plans"]);
}

#[test]
fn accounts_are_switched_without_a_password_and_removed_from_this_computer() {
    let server = Server::start(Engine::Sqlite);
    let (ada, bob) = (Coffer::sign_up(&server, "ada"), Coffer::sign_up(&server, "bob"));
    ada.ok(&["mkdir", "/hers"]);
    bob.ok(&["mkdir", "/his"]);
    let home = tempfile::tempdir().expect("directory");
    let link = server.link();
    let copied_text = format!("My server: {link}");
    let pick = Chosen { copied_text, ..Chosen::default() };
    let mut window = Window::open(home.path(), pick);
    // A link that was copied needs not be pasted.
    window.until("the link", |app| app.state().session.welcome.link_text == link);
    window.click_lowest("Continue");
    window.enter_as("ada");
    window.until_names(&["hers"]);
    window.until("the account", |app| !app.state().session.welcome.known.is_empty());

    window.click_lowest("Account: ada");
    window.click_lowest("Other account…");
    window.until("the way in", |app| app.state().session.route == Route::Welcome);
    let file = home.path().join("invitation.txt");
    std::fs::write(&file, "come to the harbour").expect("write");
    window.wish(Command::DropLink(file.clone()));
    window.until("a complaint", |app| {
        let problem = app.state().session.welcome.problem.as_ref();
        problem.is_some_and(|problem| problem.code == "no-link")
    });
    std::fs::write(&file, format!("come to {link} soon")).expect("write");
    window.wish(Command::DropLink(file));
    window.until("the link", |app| app.state().session.welcome.step == Step::Account);
    window.enter_as("bob");
    window.until_names(&["his"]);

    let known = format!("ada {}", window.app().state().session.welcome.known[0].server);
    window.click_lowest("Account: bob");
    window.click_lowest(&known);
    window.until_names(&["hers"]);
    window.click_lowest("Account: ada");
    window.click_lowest("Sign out");
    window.until("the way in", |app| app.state().session.route == Route::Welcome);
    for left in [1, 0] {
        window.click_lowest("Remove from this computer");
        window.until("one less", |app| app.state().session.welcome.known.len() == left);
    }
    let home = coffer_client::Home::at(home.path());
    window.until("no profiles", |_| home.profiles().expect("profiles").is_empty());
}

#[test]
fn a_password_changed_elsewhere_is_asked_for_and_an_account_is_deleted() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    let (mut window, _home) = Window::of(&ada, &server, Chosen::default());
    let new = ada.path("new");
    std::fs::write(&new, "velvet orbit lantern quartz").expect("write");
    let (old, new) = (ada.password_file(), utf8(&new).to_owned());
    ada.ok(&["passwd", "--password-file", utf8(&old), "--new-password-file", &new]);

    // The form of the account, not an error on the page that was open.
    window.wish(Command::Refresh);
    window.until("the way in", |app| app.state().session.route == Route::Welcome);
    let welcome = &window.app().state().session.welcome;
    assert_eq!((&welcome.step, welcome.user.as_str()), (&Step::Account, "ada"));
    let code = welcome.problem.as_ref().map(|problem| problem.code.clone());
    assert_eq!(code.as_deref(), Some("keys-refused"));
    window.type_into("Password", "velvet orbit lantern quartz");
    window.click_lowest("Sign in");
    window.until("the home directory", |app| app.state().session.route == Route::home());

    window.wish(Command::AskDeleteAccount);
    window.type_into("Password", "velvet orbit lantern quartz");
    window.click_lowest("Delete account");
    window.until("the end", |app| app.state().session.route == Route::Welcome);
    window.until("a word about it", |app| !app.state().session.toasts.is_empty());
    let welcome = &window.app().state().session.welcome;
    assert_eq!((&welcome.step, welcome.known.len()), (&Step::Link, 0));
    ada.fails(5, &["ls", "/"]);
}
