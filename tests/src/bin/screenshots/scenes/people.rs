//! Sharing.

use super::{Scene, new_folder, scene};
use crate::world::Who;
use std::time::Duration;

pub(super) const SCENES: &[Scene] = &[
    scene("share", Who::Ada, |stage, _| {
        stage.text("proj");
        stage.keys(&["ctrl+s"]);
        stage.rest();
        stage.text("b");
    }),
    scene("shared-with-me", Who::Ada, |stage, _| stage.command("Shared with me")),
    scene("shared-by-me", Who::Ada, |stage, _| stage.command("Shared by me")),
    scene("not-allowed", Who::Ada, |stage, _| {
        stage.go("@bob/Minutes");
        new_folder(stage, "mine");
    }),
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
];
