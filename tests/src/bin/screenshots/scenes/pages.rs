//! All other pages.

use super::{Scene, scene};
use crate::world::{Who, World};
use std::time::Duration;

pub(super) const SCENES: &[Scene] = &[
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
    scene("primary-gone", Who::Ada, |stage, world| {
        stage.command("Server");
        stage.command("My files");
        world.server.kill();
        stage.keys(&["F5"]);
        std::thread::sleep(Duration::from_secs(6));
    }),
    scene("opened-outside", Who::Ada, |stage, _| {
        stage.text("notes");
        stage.keys(&["ctrl+Return"]);
        std::thread::sleep(Duration::from_secs(1));
        stage.command("Opened");
    }),
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
];
