//! What the windows show: a server with a standby, three users, and their files.

use crate::made;
use coffer_tests::coffer::utf8;
use coffer_tests::panel::{Bus, Panel};
use coffer_tests::{Coffer, Engine, Replica, Rng, Server, rounds};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Whose window it is.
#[derive(Clone, Copy)]
pub(crate) enum Who {
    /// Somebody who has not signed in yet.
    Nobody,
    /// Somebody with many files.
    Ada,
    /// Somebody with none.
    Eve,
    /// Somebody who has signed up just now, with the command line.
    Guest,
}

/// See the module.
pub(crate) struct World {
    pub(crate) server: Server,
    _standby: Replica,
    pub(crate) ada: Coffer,
    bob: Coffer,
    eve: Coffer,
    /// Somebody who is new with each scene.
    guest: Option<Coffer>,
    desktop: Option<(Bus, Panel)>,
    fresh: Option<TempDir>,
    /// Numbers what has to be new each time.
    round: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        let server = Server::start(Engine::Sqlite);
        let mut standby = Replica::join(&server, Engine::Sqlite, &["--standby"]);
        standby.run();
        let user = |name| Coffer::sign_up(&server, name);
        let (ada, bob, eve) = (user("ada"), user("bob"), user("eve"));
        let (guest, desktop, fresh) = (None, None, None);
        let world =
            Self { server, _standby: standby, ada, bob, eve, guest, desktop, fresh, round: 0 };
        world.fill();
        world
    }

    fn fill(&self) {
        let (ada, bob) = (&self.ada, &self.bob);
        let files = ada.path("files");
        std::fs::create_dir_all(&files).expect("a directory");
        let mut rng = Rng::new("pictures");
        let path = |name: &str| files.join(name);
        for number in [1, 2, 3, 10, 20] {
            let bytes = rng.bytes(number * 97_000);
            std::fs::write(path(&format!("report {number}.pdf")), bytes).expect("write");
        }
        for (name, colours) in [
            ("harbour.png", "teal-navy"),
            ("meadow.png", "yellow-green"),
            ("dusk.jpg", "orange-purple"),
        ] {
            let to = path(name);
            let made = Command::new("convert")
                .args(["-size", "1200x800", &format!("gradient:{colours}")])
                .arg(&to)
                .status();
            assert!(made.expect("convert").success(), "{name}");
        }
        let code = "//! Adds.\nfn add(one: u32, other: u32) -> u32 {\n    // \"Plus\".\n    one + other\n}\n";
        for (name, text) in [
            ("notes.txt", "Things to do\n\n- call the harbour office\n- pay the mooring\n"),
            ("add.rs", code),
            ("data.csv", "name,size\nboat,12\n"),
            ("archive.zip", "no archive"),
            ("日本語のファイル.txt", "こんにちは"),
            (
                "Ein sehr langer Dateiname, der nicht in eine Spalte passt, und darum gekürzt wird.txt",
                "x",
            ),
        ] {
            std::fs::write(path(name), text).expect("write");
        }
        std::fs::write(path("song.mp3"), made::song()).expect("write");
        std::fs::write(path("chart.pdf"), made::chart()).expect("write");
        for dir in ["/Projects", "/Projects/2026", "/Projects/2026/Quarter 3", "/Photos", "/Many"] {
            ada.ok(&["mkdir", dir]);
        }
        ada.ok(&["mkdir", "/Ünïcode – 日本語 フォルダー"]);
        let names: Vec<PathBuf> = std::fs::read_dir(&files)
            .expect("read")
            .map(|file| file.expect("a file").path())
            .collect();
        let mut put: Vec<&str> = names.iter().map(|file| utf8(file)).collect();
        put.extend(["/"]);
        ada.ok(&[&["--quiet", "put"], &put[..]].concat());
        for picture in ["harbour.png", "meadow.png", "dusk.jpg"] {
            ada.ok(&["--quiet", "put", utf8(&path(picture)), "/Photos"]);
        }
        self.fill_many();
        for text in ["second", "third"] {
            ada.write("/notes.txt", format!("{text} version\n").as_bytes());
        }
        for dir in ["/Team", "/Minutes"] {
            bob.ok(&["mkdir", dir]);
        }
        bob.ok(&["share", "/Team", "ada", "write"]);
        bob.ok(&["share", "/Minutes", "ada", "read"]);
        ada.ok(&["group", "create", "crew", "bob", "eve"]);
        ada.ok(&["share", "--group", "/Projects", "crew", "write"]);
        ada.ok(&["share", "/Photos", "bob", "read"]);
        ada.write("/old plan.txt", b"old");
        ada.write("/older plan.txt", b"older");
        ada.ok(&["rm", "/old plan.txt", "/older plan.txt"]);
    }

    /// A directory with more entries than a person looks at.
    fn fill_many(&self) {
        let many = self.ada.path("many");
        std::fs::create_dir(&many).expect("a directory");
        for number in 0..rounds("COFFER_SCREENSHOT_ENTRIES", 2_000) {
            std::fs::write(many.join(format!("entry {number}.txt")), number.to_string())
                .expect("write");
        }
        self.ada.ok(&["--quiet", "put", utf8(&many), "/Many"]);
    }

    /// The configuration of somebody, with this theme and nothing left of the last scene.
    pub(crate) fn home(&mut self, who: Who, theme: &str, language: &str) -> PathBuf {
        let home = match who {
            Who::Nobody => {
                let fresh = self.fresh.insert(tempfile::tempdir().expect("a directory"));
                fresh.path().to_owned()
            }
            Who::Ada => self.ada.home(),
            Who::Eve => self.eve.home(),
            Who::Guest => {
                let name = self.new_name();
                self.guest.insert(Coffer::sign_up(&self.server, &name)).home()
            }
        };
        let settings = format!(
            "theme = \"{theme}\"\nlanguage = \"{language}\"\nprofile = \"default\"\n\
             keep_in_tray = true\ndownloads = \"/tmp\"\n"
        );
        std::fs::write(home.join("gui.toml"), settings).expect("write");
        home
    }

    fn profile(&self) -> PathBuf {
        self.ada.home().join("profiles").join("default")
    }

    /// Has ada's client begin with transfers: one that fails, one that takes a while, one
    /// that is paused.
    pub(crate) fn queue(&mut self) -> Vec<String> {
        self.round += 1;
        let big = self.ada.path("film.mov");
        let bytes = Rng::new(&format!("film {}", self.round)).bytes(200 << 20);
        std::fs::write(&big, bytes).expect("write");
        // It is not over before there is a picture of it.
        let settings = self.ada.home().join("gui.toml");
        let chosen = std::fs::read_to_string(&settings).expect("read");
        std::fs::write(settings, chosen + "upload_limit = 8388608\n").expect("write");
        let gone = self.ada.path("gone.txt");
        let up = |from: &Path, paused: bool| serde_json::json!({ "paused": paused, "up": { "to": "/Projects", "from": [from] } });
        let transfers = [up(&gone, false), up(&big, true), up(&big, false)];
        let file = serde_json::json!({ "version": 1, "transfers": transfers });
        std::fs::write(self.profile().join("transfers.json"), file.to_string()).expect("write");
        Vec::new()
    }

    /// Has the desktop have a tray.
    pub(crate) fn tray(&mut self) -> Vec<String> {
        let bus = Bus::start();
        let panel = Panel::open_on(&bus);
        self.desktop = Some((bus, panel));
        Vec::new()
    }

    /// The address of the desktop's bus, if it has one.
    pub(crate) fn bus(&self) -> Option<&str> {
        self.desktop.as_ref().map(|(bus, _)| bus.address())
    }

    /// The panel of the desktop.
    pub(crate) fn panel(&mut self) -> &mut Panel {
        &mut self.desktop.as_mut().expect("a desktop").1
    }

    /// Two accounts of this computer: ada's, and the one of a guest who is signed out.
    pub(crate) fn two_accounts(&mut self) -> Vec<String> {
        let (user, ada) = (self.new_name(), &self.ada);
        let (password, key) = (ada.password_file(), ada.path(&user));
        let link = self.server.link();
        let args = ["--password-file", utf8(&password), "--recovery-file", utf8(&key)];
        ada.ok(&[&["--profile", &user, "signup", &link, "--user", &user], &args[..]].concat());
        Vec::new()
    }

    /// Files that lie on this computer, to be dragged.
    pub(crate) fn loose_files(&mut self) -> Vec<PathBuf> {
        let name = self.new_name();
        let dir = self.ada.path(&name);
        std::fs::create_dir(&dir).expect("a directory");
        let files = ["logbook.txt", "sails"].map(|name| dir.join(name));
        std::fs::write(&files[0], "14 knots").expect("write");
        std::fs::create_dir(&files[1]).expect("a directory");
        std::fs::write(files[1].join("jib.txt"), "27 m²").expect("write");
        files.into()
    }

    /// The guest of this scene.
    pub(crate) fn guest(&self) -> &Coffer {
        self.guest.as_ref().expect("a guest")
    }

    /// Somebody new, by name.
    pub(crate) fn somebody(&mut self) -> String {
        let name = self.new_name();
        drop(Coffer::sign_up(&self.server, &name));
        name
    }

    /// A name that nobody has yet.
    pub(crate) fn new_name(&mut self) -> String {
        self.round += 1;
        format!("dora{}", self.round)
    }

    /// Has nothing go on with the next scene.
    pub(crate) fn tidy_up(&mut self) {
        let _ = std::fs::remove_file(self.profile().join("transfers.json"));
        self.desktop = None;
        if !self.server.is_running() {
            self.server.run();
        }
    }
}
