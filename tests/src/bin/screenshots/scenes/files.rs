//! Files: lists, what is done with them, what they look like.

use super::{Scene, new_folder, scene};
use crate::stage::Stage;
use crate::world::{Who, World};
use std::time::Duration;

pub(super) const SCENES: &[Scene] = &[
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
    scene("details", Who::Ada, |stage, _| details(stage, "notes")),
    scene("details-picture", Who::Ada, |stage, _| details(stage, "harbour")),
    scene("look", Who::Ada, |stage, _| look(stage, "add")),
    scene("rename", Who::Ada, |stage, _| {
        stage.text("notes");
        stage.keys(&["F2"]);
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
    scene("undo", Who::Guest, |stage, world| {
        delete_a_sketch(stage, world);
    }),
    scene("undone", Who::Guest, |stage, world| {
        delete_a_sketch(stage, world);
        stage.keys(&["ctrl+z"]);
        std::thread::sleep(Duration::from_secs(1));
    }),
    scene("name-taken", Who::Ada, |stage, _| new_folder(stage, "Photos")),
    scene("name-not-allowed", Who::Ada, |stage, _| new_folder(stage, "a/b")),
    scene("dragged", Who::Ada, |stage, _| stage.drag((400, 330), (400, 170))),
    scene("moved-by-dragging", Who::Guest, |stage, world| {
        world.guest().ok(&["mkdir", "/Box"]);
        world.guest().write("/sketch.txt", b"a boat");
        stage.keys(&["F5"]);
        stage.rest();
        stage.drag((400, 197), (400, 161));
        stage.let_go();
    }),
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
    scene("details-sound", Who::Ada, |stage, _| details(stage, "song")),
    scene("look-picture", Who::Ada, |stage, _| look(stage, "harbour")),
    scene("details-page", Who::Ada, |stage, _| details(stage, "chart")),
    scene("look-page", Who::Ada, |stage, _| look(stage, "chart")),
    scene("old-version", Who::Ada, |stage, world| {
        world.ada.write("/add.rs", b"fn add(a: u8, b: u8) -> u8 {\n    a + b\n}\n");
        stage.keys(&["ctrl+i", "F5"]);
        stage.text("add");
        stage.rest();
        // In a low window the versions are further below.
        stage.wheel_down((-120, 400), 20);
        stage.click(if stage.is_low() { (-149, -88) } else { (-122, 509) });
    }),
];

/// Time for what is shown of a file: a page is drawn by a process of its own.
const SHOWN: Duration = Duration::from_secs(3);

fn details(stage: &Stage, name: &str) {
    stage.keys(&["ctrl+i"]);
    stage.text(name);
    std::thread::sleep(SHOWN);
}

fn look(stage: &Stage, name: &str) {
    stage.text(name);
    // A blank typed at once would belong to the name.
    std::thread::sleep(Duration::from_secs(1));
    stage.keys(&["space"]);
    std::thread::sleep(SHOWN);
}

fn delete_a_sketch(stage: &Stage, world: &World) {
    world.guest().write("/sketch.txt", b"a boat");
    stage.keys(&["F5"]);
    stage.rest();
    stage.text("sketch");
    stage.keys(&["Delete"]);
    std::thread::sleep(Duration::from_secs(1));
    stage.rest();
}
