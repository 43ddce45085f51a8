//! The windows, and how a user gets there.

use crate::stage::Stage;
use crate::world::{Who, World};
use coffer_tests::coffer::{PASSWORD, utf8};
use std::time::Duration;

/// One window.
pub(crate) struct Scene {
    /// What the picture is called.
    pub(crate) name: &'static str,
    /// Whose window.
    pub(crate) who: Who,
    /// In which language.
    pub(crate) language: &'static str,
    /// What is done before it is opened; the arguments of the program.
    pub(crate) prepare: fn(&mut World) -> Vec<String>,
    /// What the user does in it.
    pub(crate) play: fn(&Stage, &mut World),
}

const fn scene(name: &'static str, who: Who, play: fn(&Stage, &mut World)) -> Scene {
    Scene { name, who, language: "english", prepare: |_| Vec::new(), play }
}

/// Of somebody who follows a link.
const fn linked(name: &'static str, play: fn(&Stage, &mut World)) -> Scene {
    Scene { prepare: |world| vec![world.server.link()], ..scene(name, Who::Nobody, play) }
}

/// The same window in German.
const fn german(name: &'static str, other: Scene) -> Scene {
    Scene { name, language: "german", ..other }
}

/// All of them.
pub(crate) const SCENES: &[Scene] = &[
    scene("connect", Who::Nobody, |_, _| {}),
    linked("create-account", |stage, _| {
        stage.text("carl");
        stage.keys(&["Tab"]);
        stage.text("password1");
    }),
    linked("wrong-password", |stage, _| {
        sign_in_instead(stage);
        stage.text("ada");
        stage.keys(&["Tab"]);
        stage.text("not the password");
        stage.keys(&["Return"]);
        std::thread::sleep(Duration::from_secs(3));
    }),
    linked("recovery-key", |stage, world| sign_up(stage, world)),
    scene("empty", Who::Eve, |_, _| {}),
    scene("list", Who::Ada, |_, _| {}),
    scene("list-many", Who::Ada, |stage, _| {
        stage.go("/Many/many");
        stage.keys(&["End"]);
    }),
    scene("grid", Who::Ada, |stage, _| {
        stage.keys(&["ctrl+2"]);
        std::thread::sleep(Duration::from_secs(2));
    }),
    scene("details", Who::Ada, |stage, _| {
        stage.keys(&["ctrl+i"]);
        stage.text("notes");
    }),
    scene("details-picture", Who::Ada, |stage, _| {
        stage.keys(&["ctrl+i"]);
        stage.text("harbour");
        std::thread::sleep(Duration::from_secs(1));
    }),
    scene("look", Who::Ada, |stage, _| {
        stage.text("add");
        // A blank typed at once would belong to the name.
        std::thread::sleep(Duration::from_secs(1));
        stage.keys(&["space"]);
    }),
    scene("rename", Who::Ada, |stage, _| {
        stage.text("notes");
        stage.keys(&["F2"]);
    }),
    scene("share", Who::Ada, |stage, _| {
        stage.text("proj");
        stage.keys(&["ctrl+s"]);
        stage.rest();
        stage.text("b");
    }),
    scene("shared-with-me", Who::Ada, |stage, _| stage.command("Shared with me")),
    scene("shared-by-me", Who::Ada, |stage, _| stage.command("Shared by me")),
    scene("recent", Who::Ada, |stage, _| stage.command("Recent")),
    scene("trash", Who::Ada, |stage, _| stage.command("Trash")),
    scene("activity", Who::Ada, |stage, _| stage.command("Activity")),
    Scene {
        prepare: World::queue,
        ..scene("transfers", Who::Ada, |stage, _| stage.command("Transfers"))
    },
    scene("server", Who::Ada, |stage, _| {
        stage.command("Server");
        std::thread::sleep(Duration::from_secs(8));
    }),
    scene("settings", Who::Ada, |stage, _| stage.command("Settings")),
    scene("palette", Who::Ada, |stage, _| {
        stage.keys(&["ctrl+k"]);
        stage.rest();
        stage.text("sh");
    }),
    scene("find", Who::Ada, |stage, _| {
        stage.keys(&["ctrl+f"]);
        stage.text("report");
    }),
    scene("editor", Who::Ada, |stage, _| {
        stage.text("notes");
        stage.keys(&["ctrl+e"]);
    }),
    scene("conflict", Who::Ada, |stage, world| {
        stage.text("notes");
        stage.keys(&["ctrl+e"]);
        stage.rest();
        world.ada.write("/notes.txt", b"by somebody else\n");
        stage.keys(&["Tab"]);
        stage.text("mine ");
        stage.keys(&["ctrl+s"]);
    }),
    scene("password", Who::Ada, |stage, _| stage.command("Change password")),
    scene("locked", Who::Ada, |stage, _| stage.command("Lock now")),
    scene("primary-gone", Who::Ada, |stage, world| {
        stage.command("Server");
        stage.command("My files");
        world.server.kill();
        stage.keys(&["F5"]);
        std::thread::sleep(Duration::from_secs(6));
    }),
    // What is shown before anybody is signed in.
    Scene {
        prepare: |world| {
            let link = world.server.link();
            vec![link.split_once('#').expect("a fingerprint").0.to_owned()]
        },
        ..scene("unknown-fingerprint", Who::Nobody, |stage, world| sign_up(stage, world))
    },
    Scene {
        prepare: |world| {
            let link = world.server.link();
            let (before, pin) = link.split_once('#').expect("a fingerprint");
            let (first, rest) = pin.split_at(1);
            let other = if first == "A" { "B" } else { "A" };
            vec![format!("{before}#{other}{rest}")]
        },
        ..scene("other-fingerprint", Who::Nobody, |stage, world| sign_up(stage, world))
    },
    linked("forgotten-password", |stage, _| {
        sign_in_instead(stage);
        stage.text("ada");
        // Password, eye, Back, and the way to the recovery key; there is nothing to sign in
        // with yet.
        stage.steps(&["Tab", "Tab", "Tab", "Tab", "space"]);
        stage.text("AAAA-BBBB");
        stage.keys(&["Tab"]);
        stage.text("quartz lantern velvet orbit");
    }),
    Scene {
        prepare: |_| vec!["coffer://127.0.0.1:9/".to_owned()],
        ..scene("no-server", Who::Nobody, |stage, _| {
            stage.text("ada");
            stage.keys(&["Tab"]);
            stage.text("quartz lantern velvet orbit");
            stage.keys(&["Return"]);
            std::thread::sleep(Duration::from_secs(5));
        })
    },
    scene("server-on-this-computer", Who::Nobody, |stage, _| {
        stage.keys(&["Tab", "space"]);
        std::thread::sleep(Duration::from_secs(4));
    }),
    scene("bad-link", Who::Nobody, |stage, _| {
        stage.text("coffer://files.example/");
        stage.keys(&["Return"]);
    }),
    scene("dropped-link", Who::Nobody, |stage, world| {
        let file = world.ada.path("invitation.txt");
        let text = format!("Come aboard!\n\n{}\n", world.server.link());
        std::fs::write(&file, text).expect("write");
        stage.drag_files(&[file]);
        stage.drop_files();
    }),
    Scene {
        prepare: World::two_accounts,
        ..scene("known-accounts", Who::Ada, |stage, _| stage.command("Other account"))
    },
    // Accounts.
    Scene {
        prepare: World::two_accounts,
        ..scene("account-menu", Who::Ada, |stage, _| stage.click((110, -62)))
    },
    scene("new-recovery-key", Who::Ada, |stage, _| stage.command("New recovery key")),
    scene("new-recovery-key-made", Who::Guest, |stage, _| {
        stage.command("New recovery key");
        stage.text(PASSWORD);
        stage.keys(&["Return"]);
        std::thread::sleep(Duration::from_secs(2));
    }),
    scene("sign-out-others", Who::Ada, |stage, _| stage.command("Sign out other")),
    scene("delete-account", Who::Guest, |stage, _| {
        stage.command("Delete account");
        stage.text(PASSWORD);
    }),
    scene("account-deleted", Who::Guest, |stage, _| {
        stage.command("Delete account");
        stage.text(PASSWORD);
        // Cancel stands before what cannot be taken back.
        stage.keys(&["Tab", "space"]);
        std::thread::sleep(Duration::from_secs(3));
    }),
    scene("session-over", Who::Guest, |stage, world| {
        let guest = world.guest();
        let (old, new) = (guest.password_file(), guest.path("new"));
        std::fs::write(&new, "velvet orbit lantern quartz").expect("write");
        guest.ok(&["passwd", "--password-file", utf8(&old), "--new-password-file", utf8(&new)]);
        std::thread::sleep(Duration::from_secs(2));
        stage.keys(&["F5"]);
        std::thread::sleep(Duration::from_secs(2));
    }),
    // Lists.
    scene("selection", Who::Ada, |stage, _| stage.keys(&["ctrl+a"])),
    scene("menu-new", Who::Ada, |stage, _| stage.click((275, 70))),
    scene("menu-upload", Who::Ada, |stage, _| stage.click((360, 70))),
    scene("menu-of-a-file", Who::Ada, |stage, _| {
        stage.text("harbour");
        stage.click_right((400, 300));
    }),
    scene("typed-path", Who::Ada, |stage, _| {
        stage.keys(&["ctrl+l"]);
        stage.text("P");
    }),
    scene("undo", Who::Ada, |stage, _| {
        stage.text("archive");
        stage.keys(&["Delete"]);
        std::thread::sleep(Duration::from_secs(1));
        stage.rest();
    }),
    scene("undone", Who::Ada, |stage, world| {
        if world.ada.run(&["stat", "/archive.zip"]).code != 0 {
            stage.command("Trash");
            return;
        }
        stage.text("archive");
        stage.keys(&["Delete"]);
        std::thread::sleep(Duration::from_secs(1));
        stage.keys(&["ctrl+z"]);
    }),
    scene("name-taken", Who::Ada, |stage, _| {
        stage.keys(&["ctrl+shift+n"]);
        stage.text("Photos");
        stage.keys(&["Return"]);
        std::thread::sleep(Duration::from_secs(1));
    }),
    scene("name-not-allowed", Who::Ada, |stage, _| {
        stage.keys(&["ctrl+shift+n"]);
        stage.text("a/b");
        stage.keys(&["Return"]);
        std::thread::sleep(Duration::from_secs(1));
    }),
    scene("not-allowed", Who::Ada, |stage, _| {
        stage.go("@bob/Minutes");
        stage.keys(&["ctrl+shift+n"]);
        stage.text("mine");
        stage.keys(&["Return"]);
        std::thread::sleep(Duration::from_secs(1));
    }),
    scene("moved-by-dragging", Who::Ada, |stage, _| stage.drag((400, 330), (400, 170))),
    scene("files-dragged-over", Who::Ada, |stage, world| {
        let files = world.loose_files();
        stage.drag_files(&files);
    }),
    scene("files-dropped", Who::Guest, |stage, world| {
        let files = world.loose_files();
        stage.drag_files(&files);
        stage.drop_files();
        std::thread::sleep(Duration::from_secs(2));
    }),
    scene("find-filters", Who::Ada, |stage, _| {
        stage.keys(&["ctrl+f"]);
        stage.text("report");
        stage.rest();
        stage.click((430, 112));
    }),
    // What files are.
    scene("details-sound", Who::Ada, |stage, _| {
        stage.keys(&["ctrl+i"]);
        stage.text("song");
        std::thread::sleep(Duration::from_secs(1));
    }),
    scene("look-picture", Who::Ada, |stage, _| {
        stage.text("harbour");
        std::thread::sleep(Duration::from_secs(1));
        stage.keys(&["space"]);
        std::thread::sleep(Duration::from_secs(1));
    }),
    scene("old-version", Who::Ada, |stage, world| {
        world.ada.write("/add.rs", b"fn add(a: u8, b: u8) -> u8 {\n    a + b\n}\n");
        stage.keys(&["ctrl+i", "F5"]);
        stage.text("add");
        stage.rest();
        // In a low window the versions are further below.
        stage.wheel_down((-120, 400), 20);
    }),
    scene("opened-outside", Who::Ada, |stage, _| {
        stage.text("notes");
        stage.keys(&["ctrl+Return"]);
        std::thread::sleep(Duration::from_secs(1));
        stage.command("Opened");
    }),
    // People.
    scene("share-with-somebody-new", Who::Guest, |stage, world| {
        world.guest().write("/chart.txt", b"rocks");
        let other = world.somebody();
        stage.keys(&["F5"]);
        stage.rest();
        stage.text("chart");
        stage.keys(&["ctrl+s"]);
        stage.rest();
        stage.text(&other);
        stage.keys(&["Return"]);
        std::thread::sleep(Duration::from_secs(1));
    }),
    scene("new-group", Who::Ada, |stage, _| {
        stage.command("New group");
        stage.text("harbour office");
    }),
    scene("groups", Who::Ada, |stage, _| stage.command("Shared by me")),
    scene("new-in-a-group", Who::Guest, |stage, world| {
        world.guest().ok(&["group", "create", "office"]);
        let other = world.somebody();
        stage.command("Shared by me");
        // The button to take somebody in.
        stage.click((-170, 185));
        stage.text(&other);
        stage.keys(&["Return"]);
        std::thread::sleep(Duration::from_secs(1));
    }),
    // Choices.
    scene("settings-account", Who::Ada, |stage, _| {
        stage.command("Settings");
        stage.wheel_down((600, 400), 8);
    }),
    scene("settings-end", Who::Ada, |stage, _| {
        stage.command("Settings");
        stage.wheel_down((600, 400), 80);
    }),
    Scene {
        prepare: World::tray,
        ..scene("back-from-the-tray", Who::Ada, |stage, world| {
            world.panel().await_item();
            stage.close_window();
            world.panel().click("Open Coffer");
            stage.await_window();
            stage.command("Settings");
        })
    },
    // In another language.
    german("german-connect", scene("", Who::Nobody, |_, _| {})),
    german(
        "german-create-account",
        linked("", |stage, _| {
            stage.text("carl");
            stage.keys(&["Tab"]);
            stage.text("password1");
        }),
    ),
    german(
        "german-list",
        scene("", Who::Ada, |stage, _| {
            stage.keys(&["ctrl+i"]);
            stage.text("notes");
        }),
    ),
    german("german-selection", scene("", Who::Ada, |stage, _| stage.text("notes"))),
    german(
        "german-share",
        scene("", Who::Ada, |stage, _| {
            stage.text("proj");
            stage.keys(&["ctrl+s"]);
        }),
    ),
    german("german-server", scene("", Who::Ada, |stage, _| stage.command("Server"))),
    german("german-settings", scene("", Who::Ada, |stage, _| stage.command("Einstellungen"))),
    german("german-palette", scene("", Who::Ada, |stage, _| stage.keys(&["ctrl+k"]))),
    german(
        "german-error",
        scene("", Who::Ada, |stage, _| {
            stage.keys(&["ctrl+shift+n"]);
            stage.text("Photos");
            stage.keys(&["Return"]);
            std::thread::sleep(Duration::from_secs(1));
        }),
    ),
    german(
        "german-find",
        scene("", Who::Ada, |stage, _| {
            stage.keys(&["ctrl+f"]);
            stage.text("report");
        }),
    ),
];

/// Fills in the form of a new account.
fn sign_up(stage: &Stage, world: &mut World) {
    stage.text(&world.new_name());
    stage.keys(&["Tab"]);
    stage.text(PASSWORD);
    stage.keys(&["Tab"]);
    stage.text(PASSWORD);
    stage.keys(&["Return"]);
    std::thread::sleep(Duration::from_secs(2));
}

/// The invitation in a link is for those who have no account yet.
fn sign_in_instead(stage: &Stage) {
    stage.steps(&["shift+Tab", "shift+Tab", "space"]);
}
