//! The windows, and how a user gets there.

mod entering;
mod files;
mod german;
mod pages;
mod people;

use crate::stage::Stage;
use crate::world::{Who, World};
use coffer_tests::coffer::PASSWORD;
use std::time::Duration;

/// One window.
#[derive(Clone, Copy)]
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
pub(crate) fn all() -> impl Iterator<Item = &'static Scene> {
    let parts = [entering::SCENES, files::SCENES, people::SCENES, pages::SCENES, german::SCENES];
    parts.into_iter().flatten()
}

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

/// Asks for a folder of this name.
fn new_folder(stage: &Stage, name: &str) {
    stage.keys(&["ctrl+shift+n"]);
    stage.text(name);
    stage.keys(&["Return"]);
    std::thread::sleep(Duration::from_secs(1));
}

/// The invitation in a link is for those who have no account yet.
fn sign_in_instead(stage: &Stage) {
    stage.steps(&["shift+Tab", "shift+Tab", "space"]);
}
