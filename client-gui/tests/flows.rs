//! What people do with the desktop client, in a window without a screen, against real
//! servers: sign up, upload, share, edit, restore, read on while the primary is gone.

#[path = "flows/looking.rs"]
mod looking;

use coffer_gui::command::Command;
use coffer_gui::pick::{Choice, Pick};
use coffer_gui::state::model::Reached;
use coffer_gui::state::{Dialog, Outcome, Route, Step};
use coffer_gui::{App, Start};
use coffer_tests::coffer::PASSWORD;
use coffer_tests::replica::server_seq;
use coffer_tests::{Coffer, Engine, Replica, Server};
use eframe::egui::accesskit::Role;
use eframe::egui::{Key, vec2};
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, Node};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest time anything here may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Chooses what the test wants, without a dialog.
#[derive(Default)]
struct Chosen {
    files: Vec<PathBuf>,
    folder: Option<PathBuf>,
    save: Option<PathBuf>,
}

impl Pick for Chosen {
    fn files(&self) -> Choice {
        Box::pin(std::future::ready(self.files.clone()))
    }

    fn folder(&self) -> Choice {
        Box::pin(std::future::ready(self.folder.iter().cloned().collect()))
    }

    fn save(&self, _name: &str) -> Choice {
        Box::pin(std::future::ready(self.save.iter().cloned().collect()))
    }
}

/// The client in a window of the usual size.
struct Window {
    harness: Harness<'static, App>,
}

impl Window {
    fn open(home: &Path, pick: Chosen) -> Self {
        let home = coffer_client::Home::at(home);
        let start = Start { home, link: None, profile: None, pick: Box::new(pick) };
        let build = Harness::builder().with_size(vec2(1280.0, 800.0));
        let harness = build
            .build_eframe(|context| App::new(&context.egui_ctx, start).expect("an application"));
        let mut window = Self { harness };
        window.steps(3);
        window
    }

    /// A window in which the user of a command line is signed in.
    fn of(coffer: &Coffer, server: &Server, pick: Chosen) -> (Self, tempfile::TempDir) {
        let home = tempfile::tempdir().expect("directory");
        let mut window = Self::open(home.path(), pick);
        window.connect(&server.link());
        // The link carries an invitation, for those who have no account yet.
        window.click_lowest("Sign in");
        let user = coffer.json(&["whoami"])["user"].as_str().expect("a name").to_owned();
        window.type_into("User name", &user);
        window.type_into("Password", PASSWORD);
        window.click_lowest("Sign in");
        window.until("the home directory", |app| app.state().session.route == Route::home());
        (window, home)
    }

    fn steps(&mut self, count: usize) {
        for _ in 0..count {
            self.harness.step();
        }
    }

    fn until(&mut self, what: &str, wanted: impl Fn(&App) -> bool) {
        let begun = Instant::now();
        while !wanted(self.harness.state()) {
            assert!(begun.elapsed() < PATIENCE, "waited for {what} in vain; {}", self.trouble());
            self.harness.step();
            std::thread::sleep(Duration::from_millis(10));
        }
        self.steps(3);
    }

    /// What the window complains about.
    fn trouble(&self) -> String {
        let session = &self.harness.state().state().session;
        let toasts: Vec<_> = session.toasts.iter().map(|toast| &toast.text).collect();
        let welcome = &session.welcome;
        let filled = (welcome.busy, &welcome.user, welcome.password.len());
        format!("{toasts:?} {:?} {filled:?}", welcome.problem)
    }

    fn connect(&mut self, link: &str) {
        self.type_into("Connection link", link);
        self.click_lowest("Continue");
        assert_eq!(self.app().state().session.welcome.step, Step::Account, "{}", self.trouble());
    }

    fn app(&self) -> &App {
        self.harness.state()
    }

    /// The field with this label.
    fn field<'a>(&'a self, label: &'a str) -> Node<'a> {
        let fields = [Role::TextInput, Role::PasswordInput];
        let found = fields
            .iter()
            .find_map(|role| self.harness.query_all_by_role_and_label(*role, label).next());
        found.unwrap_or_else(|| panic!("no field is called {label}"))
    }

    fn type_into(&mut self, label: &str, text: &str) {
        self.field(label).focus();
        self.steps(2);
        self.field(label).type_text(text);
        self.steps(2);
    }

    /// The lowest thing with this name: buttons are below tabs and titles.
    fn lowest<'a>(&'a self, label: &'a str) -> Node<'a> {
        let bottom = |node: &Node<'_>| node.rect().bottom();
        let all = self.harness.query_all_by_label(label);
        let node = all.max_by(|one, other| bottom(one).total_cmp(&bottom(other)));
        node.unwrap_or_else(|| panic!("nothing is called {label}"))
    }

    /// Clicks it, when it has come to rest: a person does not hit what moves, either.
    fn click_lowest(&mut self, label: &str) {
        let (mut before, mut still) = (self.lowest(label).rect(), 0);
        while still < 5 {
            self.harness.step();
            std::thread::sleep(Duration::from_millis(20));
            let now = self.lowest(label).rect();
            still = if now == before { still + 1 } else { 0 };
            before = now;
        }
        self.lowest(label).click();
        self.steps(4);
    }

    fn names(&self) -> Vec<String> {
        self.app().state().session.list().iter().map(|row| row.entry.name.clone()).collect()
    }

    fn until_names(&mut self, wanted: &[&str]) {
        self.until(&format!("{wanted:?}"), |app| {
            let names = app.state().session.list().iter().map(|row| row.entry.name.as_str());
            names.eq(wanted.iter().copied())
        });
    }

    fn wish(&mut self, command: Command) {
        self.harness.state_mut().wish(command);
        self.steps(3);
    }
}

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
    let pick = Chosen { folder: Some(tree), save: Some(kept.clone()), ..Chosen::default() };
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
fn what_is_shared_appears_at_once_and_goes_again() {
    let server = Server::start(Engine::Sqlite);
    let (ada, bob) = (Coffer::sign_up(&server, "ada"), Coffer::sign_up(&server, "bob"));
    ada.ok(&["mkdir", "/docs"]);
    ada.write("/docs/plan.md", b"as it was");
    let (mut one, _home1) = Window::of(&ada, &server, Chosen::default());
    let (mut other, _home2) = Window::of(&bob, &server, Chosen::default());
    other.wish(Command::Go(Route::SharedWithMe));
    one.until_names(&["docs"]);
    one.wish(Command::Select(0));
    one.click_lowest("Share…");
    one.until(
        "who has access",
        |app| matches!(&app.state().session.dialog, Some(Dialog::Share(sharing)) if !sharing.busy),
    );
    one.type_into("User name or group", "bob");
    one.click_lowest("Can write");
    one.click_lowest("Share");
    one.until("the share", |app| {
        matches!(&app.state().session.dialog, Some(Dialog::Share(sharing)) if sharing.shares.len() == 1)
    });
    assert!(
        matches!(&one.app().state().session.dialog, Some(Dialog::Share(sharing)) if sharing.contacts.len() == 1),
        "a safety number to compare"
    );
    other.until("the share at the other side", |app| app.state().model.with_me.items.len() == 1);
    other.click_lowest("docs");
    other.until_names(&["plan.md"]);
    one.click_lowest("Stop sharing");
    one.until("the end of the share", |app| {
        matches!(&app.state().session.dialog, Some(Dialog::Share(sharing)) if sharing.shares.is_empty())
    });
    other.until("an explanation", |app| app.state().session.list().problem.is_some());
}

#[test]
fn a_text_is_edited_a_conflict_settled_and_an_old_version_brought_back() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.write("/plan.md", b"first");
    let (mut window, _home) = Window::of(&ada, &server, Chosen::default());
    window.until_names(&["plan.md"]);
    window.wish(Command::Select(0));
    window.click_lowest("Edit");
    window
        .until("the editor", |app| matches!(&app.state().session.dialog, Some(Dialog::Editor(_))));
    // Somebody else is faster.
    ada.write("/plan.md", b"second");
    let field = window.harness.get_by_role(Role::MultilineTextInput);
    field.focus();
    window.steps(2);
    window.harness.get_by_role(Role::MultilineTextInput).type_text("mine: ");
    window.steps(3);
    window.click_lowest("Save");
    window.until("the conflict", |app| {
        matches!(&app.state().session.dialog, Some(Dialog::Editor(editor)) if editor.conflict)
    });
    window.click_lowest("Keep both");
    window.until("the second copy", |app| {
        matches!(&app.state().session.dialog, Some(Dialog::Editor(editor)) if !editor.saving && !editor.conflict)
    });
    window.harness.key_press(Key::Escape);
    window.until("the end of the editor", |app| app.state().session.dialog.is_none());
    window.until_names(&["plan (mine).md", "plan.md"]);
    assert_eq!(ada.cat("/plan.md"), b"second", "nothing of the other's is lost");
    assert!(String::from_utf8_lossy(&ada.cat("/plan (mine).md")).contains("mine: "));

    window.wish(Command::ToggleDetails);
    window.wish(Command::Select(1));
    window.until("two versions", |app| app.state().model.details.versions.len() == 2);
    window.click_lowest("Restore");
    window.until("three versions", |app| app.state().model.details.versions.len() == 3);
    assert_eq!(ada.cat("/plan.md"), b"first");

    // What is no UTF-8 would be damaged by saving it.
    ada.write("/latin.txt", b"na\xefve");
    window.until_names(&["latin.txt", "plan (mine).md", "plan.md"]);
    window.wish(Command::Select(0));
    window.click_lowest("Edit");
    window.until("a refusal", |app| {
        let problems = app.state().session.toasts.iter().filter_map(|toast| toast.problem.as_ref());
        problems.into_iter().any(|problem| problem.code == "not-editable")
    });
    assert!(window.app().state().session.dialog.is_none());
}

#[test]
fn what_was_moved_before_something_failed_is_said_and_can_be_taken_back() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.ok(&["mkdir", "/d"]);
    for path in ["/a.txt", "/b.txt", "/d/b.txt"] {
        ada.write(path, path.as_bytes());
    }
    let (mut window, _home) = Window::of(&ada, &server, Chosen::default());
    window.until_names(&["d", "a.txt", "b.txt"]);
    let own = |name: &str| coffer_client::RemotePath::Own(vec![name.to_owned()]);
    window.wish(Command::MoveInto(vec![own("a.txt"), own("b.txt")], own("d")));
    window.until_names(&["d", "b.txt"]);
    window.until("the refusal", |app| {
        app.state().session.toasts.iter().any(|toast| toast.problem.is_some())
    });
    assert_eq!(ada.cat("/d/b.txt"), b"/d/b.txt", "nothing was written over");
    window.wish(Command::UndoLast);
    window.until_names(&["d", "a.txt", "b.txt"]);
}

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
fn a_server_on_this_computer_is_one_button_away_and_comes_back_with_the_next_start() {
    let dir = tempfile::tempdir().expect("directory");
    let key = dir.path().join("key.txt");
    let pick = Chosen { save: Some(key), ..Chosen::default() };
    let mut window = Window::open(&dir.path().join("home"), pick);
    window.click_lowest("Try it on this computer");
    window.until("the server", |app| app.state().session.welcome.step == Step::Account);
    assert!(window.app().state().session.welcome.sign_up, "nobody has an account there yet");
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
