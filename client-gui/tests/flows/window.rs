//! A window without a screen, and what a person does in it.

use coffer_gui::command::Command;
use coffer_gui::desktop::{Choice, Desktop};
use coffer_gui::state::{Route, Step};
use coffer_gui::{App, Start};
use coffer_tests::coffer::PASSWORD;
use coffer_tests::{Coffer, Server};
use eframe::egui::accesskit::Role;
use eframe::egui::vec2;
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, Node};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longest time anything here may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Chooses what the test wants, without a dialog.
#[derive(Default)]
pub(crate) struct Chosen {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) copied: Vec<PathBuf>,
    pub(crate) copied_text: String,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) save: Option<PathBuf>,
    pub(crate) told: Arc<Mutex<Vec<String>>>,
    pub(crate) opened: Arc<Mutex<Vec<PathBuf>>>,
    pub(crate) printed: Arc<Mutex<Vec<String>>>,
}

impl Desktop for Chosen {
    fn files(&self) -> Choice {
        Box::pin(std::future::ready(self.files.clone()))
    }

    fn copied(&self) -> Choice {
        Box::pin(std::future::ready(self.copied.clone()))
    }

    fn copied_text(&self) -> String {
        self.copied_text.clone()
    }

    fn folder(&self) -> Choice {
        Box::pin(std::future::ready(self.folder.iter().cloned().collect()))
    }

    fn save(&self, _name: &str) -> Choice {
        Box::pin(std::future::ready(self.save.iter().cloned().collect()))
    }

    fn print(&self, text: &str) -> std::io::Result<()> {
        self.printed.lock().expect("the paper").push(text.to_owned());
        Ok(())
    }

    fn open(&self, file: &Path) -> std::io::Result<()> {
        // Nobody else holds it for long.
        self.opened.lock().expect("the files").push(file.to_owned());
        Ok(())
    }

    fn tell(&self, _title: &str, text: &str) {
        // Nobody else holds it for long.
        self.told.lock().expect("the messages").push(text.to_owned());
    }
}

/// The client in a window of the usual size.
pub(crate) struct Window {
    pub(crate) harness: Harness<'static, App>,
}

impl Window {
    pub(crate) fn open(home: &Path, pick: Chosen) -> Self {
        Self::open_in(home, pick, false)
    }

    /// The same, on a desktop whose tray it is to enter, or not.
    pub(crate) fn open_in(home: &Path, pick: Chosen, tray: bool) -> Self {
        let (home, desktop) = (coffer_client::Home::at(home), Box::new(pick));
        let start = Start { home, link: None, profile: None, desktop, links: None, tray };
        let build = Harness::builder().with_size(vec2(1280.0, 800.0));
        let harness = build
            .build_eframe(|context| App::new(&context.egui_ctx, start).expect("an application"));
        let mut window = Self { harness };
        window.steps(3);
        window
    }

    /// A window in which the user of a command line is signed in.
    pub(crate) fn of(coffer: &Coffer, server: &Server, pick: Chosen) -> (Self, tempfile::TempDir) {
        let home = tempfile::tempdir().expect("directory");
        let mut window = Self::open(home.path(), pick);
        window.sign_in(coffer, server);
        (window, home)
    }

    /// Signs the user of a command line in.
    pub(crate) fn sign_in(&mut self, coffer: &Coffer, server: &Server) {
        self.connect(&server.link());
        let user = coffer.json(&["whoami"])["user"].as_str().expect("a name").to_owned();
        self.enter_as(&user);
    }

    /// Signs in at the server of a link.
    pub(crate) fn enter_as(&mut self, user: &str) {
        // The link carries an invitation, for those who have no account yet.
        self.click_lowest("Sign in");
        self.type_into("User name", user);
        self.type_into("Password", PASSWORD);
        self.click_lowest("Sign in");
        self.until("the home directory", |app| app.state().session.route == Route::home());
    }

    pub(crate) fn steps(&mut self, count: usize) {
        for _ in 0..count {
            self.harness.step();
        }
    }

    pub(crate) fn until(&mut self, what: &str, wanted: impl Fn(&App) -> bool) {
        let begun = Instant::now();
        while !wanted(self.harness.state()) {
            assert!(begun.elapsed() < PATIENCE, "waited for {what} in vain; {}", self.trouble());
            self.harness.step();
            std::thread::sleep(Duration::from_millis(10));
        }
        self.steps(3);
    }

    /// What the window complains about.
    pub(crate) fn trouble(&self) -> String {
        let session = &self.harness.state().state().session;
        let toasts: Vec<_> = session.toasts.iter().map(|toast| &toast.text).collect();
        let welcome = &session.welcome;
        let filled = (welcome.busy, &welcome.user, welcome.password.len());
        format!("{toasts:?} {:?} {filled:?}", welcome.problem)
    }

    pub(crate) fn connect(&mut self, link: &str) {
        self.type_into("Connection link", link);
        self.click_lowest("Continue");
        assert_eq!(self.app().state().session.welcome.step, Step::Account, "{}", self.trouble());
    }

    pub(crate) fn app(&self) -> &App {
        self.harness.state()
    }

    /// The field with this label.
    pub(crate) fn field<'a>(&'a self, label: &'a str) -> Node<'a> {
        let fields = [Role::TextInput, Role::PasswordInput];
        let found = fields
            .iter()
            .find_map(|role| self.harness.query_all_by_role_and_label(*role, label).next());
        found.unwrap_or_else(|| panic!("no field is called {label}"))
    }

    pub(crate) fn type_into(&mut self, label: &str, text: &str) {
        self.field(label).focus();
        self.steps(2);
        self.field(label).type_text(text);
        self.steps(2);
    }

    /// The lowest thing with this name: buttons are below tabs and titles.
    pub(crate) fn lowest<'a>(&'a self, label: &'a str) -> Node<'a> {
        let bottom = |node: &Node<'_>| node.rect().bottom();
        let all = self.harness.query_all_by_label(label);
        let node = all.max_by(|one, other| bottom(one).total_cmp(&bottom(other)));
        node.unwrap_or_else(|| panic!("nothing is called {label}"))
    }

    /// Clicks it, when it has come to rest: a person does not hit what moves, either.
    pub(crate) fn click_lowest(&mut self, label: &str) {
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

    pub(crate) fn names(&self) -> Vec<String> {
        self.app().state().session.list().iter().map(|row| row.entry.name.clone()).collect()
    }

    pub(crate) fn until_names(&mut self, wanted: &[&str]) {
        self.until(&format!("{wanted:?}"), |app| {
            let names = app.state().session.list().iter().map(|row| row.entry.name.as_str());
            names.eq(wanted.iter().copied())
        });
    }

    pub(crate) fn wish(&mut self, command: Command) {
        self.harness.state_mut().wish(command);
        self.steps(3);
    }
}
