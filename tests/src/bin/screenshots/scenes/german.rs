//! Some windows in another language.

use super::{Scene, german, linked, new_folder, scene};
use crate::world::Who;

pub(super) const SCENES: &[Scene] = &[
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
            new_folder(stage, "Photos");
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
