//! Pictures of the desktop client: each of its windows, in two sizes and on a display of
//! twice the density, light and dark, reached by the keyboard in the real program on a
//! display of its own.
//!
//! `cargo xtask screenshots` builds and runs it. The pictures are for people to look at;
//! they are not compared with anything.

mod made;
mod others;
mod scenes;
mod stage;
mod world;

use scenes::Scene;
use stage::Stage;
use std::path::{Path, PathBuf};
use world::World;

/// How large the window is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// In points.
    width: u32,
    height: u32,
    /// Pixels of a point.
    scale: u32,
}

const SIZES: [Size; 3] = [
    Size { width: 1280, height: 800, scale: 1 },
    Size { width: 900, height: 600, scale: 1 },
    Size { width: 1280, height: 800, scale: 2 },
];
const THEMES: [&str; 2] = ["light", "dark"];

impl Size {
    /// What the directory with the pictures is called.
    fn name(self, theme: &str) -> String {
        let Self { width, height, scale } = self;
        match scale {
            1 => format!("{width}x{height}-{theme}"),
            _ => format!("{width}x{height}@{scale}x-{theme}"),
        }
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let out = PathBuf::from(args.next().expect("the directory for the pictures"));
    let wanted: Vec<String> = args.collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part));
    // Such as `900x600-dark`, to look at something again.
    let only = std::env::var("COFFER_SCREENSHOT_LOOK").ok();
    let mut world = World::new();
    for (size, theme) in SIZES.into_iter().flat_map(|size| THEMES.map(|theme| (size, theme))) {
        let look = size.name(theme);
        if only.as_ref().is_some_and(|only| *only != look) {
            continue;
        }
        let dir = out.join(look);
        std::fs::create_dir_all(&dir).expect("a directory");
        for scene in scenes::all().filter(|scene| is_wanted(scene.name)) {
            let picture = dir.join(format!("{}.png", scene.name));
            take(&mut world, scene, size, theme, &picture);
            eprintln!("{}", picture.display());
        }
    }
}

fn take(world: &mut World, scene: &Scene, size: Size, theme: &str, picture: &Path) {
    let home = world.home(scene.who, theme, scene.language);
    let (prepare, play) = (scene.prepare, scene.play);
    let args = prepare(world);
    let stage = Stage::open(size, &home, &args, world.bus());
    play(&stage, world);
    stage.shot(picture);
    drop(stage);
    world.tidy_up();
}
