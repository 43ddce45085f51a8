//! The windows, and how a user gets there.

use crate::stage::Stage;
use crate::world::{Who, World};
use std::time::Duration;

/// One window.
pub(crate) struct Scene {
    /// What the picture is called.
    pub(crate) name: &'static str,
    /// Whose window.
    pub(crate) who: Who,
    /// What is done before it is opened; the arguments of the program.
    pub(crate) prepare: fn(&mut World) -> Vec<String>,
    /// What the user does in it.
    pub(crate) play: fn(&Stage, &mut World),
}

const fn scene(name: &'static str, who: Who, play: fn(&Stage, &mut World)) -> Scene {
    Scene { name, who, prepare: |_| Vec::new(), play }
}

/// Of somebody who follows a link.
const fn linked(name: &'static str, play: fn(&Stage, &mut World)) -> Scene {
    Scene { name, who: Who::Nobody, prepare: |world| vec![world.server.link()], play }
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
        // The invitation in the link is for those who have no account.
        stage.keys(&["shift+Tab", "shift+Tab", "space", "Tab", "Tab"]);
        stage.text("ada");
        stage.keys(&["Tab"]);
        stage.text("not the password");
        stage.keys(&["Return"]);
        std::thread::sleep(Duration::from_secs(3));
    }),
    linked("recovery-key", |stage, world| {
        stage.text(&world.new_name());
        stage.keys(&["Tab"]);
        stage.text("quartz lantern velvet orbit");
        stage.keys(&["Tab"]);
        stage.text("quartz lantern velvet orbit");
        stage.keys(&["Return"]);
        stage.rest();
    }),
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
        name: "transfers",
        who: Who::Ada,
        prepare: World::queue,
        play: |stage, _| stage.command("Transfers"),
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
];
