//! Pictures of the desktop client: each of its windows, in two sizes and on a display of
//! twice the density, light and dark, reached by the keyboard in the real program on a
//! display of its own.
//!
//! `cargo xtask screenshots` builds and runs it. The pictures are for people to look at;
//! they are not compared with anything.

mod scenes;
mod stage;
mod world;

use scenes::SCENES;
use stage::Stage;
use std::path::PathBuf;
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

fn main() {
    let mut args = std::env::args().skip(1);
    let out = PathBuf::from(args.next().expect("the directory for the pictures"));
    let wanted: Vec<String> = args.collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part));
    let mut world = World::new();
    for size in SIZES {
        for theme in THEMES {
            let Size { width, height, scale } = size;
            let dir = out.join(match scale {
                1 => format!("{width}x{height}-{theme}"),
                _ => format!("{width}x{height}@{scale}x-{theme}"),
            });
            std::fs::create_dir_all(&dir).expect("a directory");
            for scene in SCENES.iter().filter(|scene| is_wanted(scene.name)) {
                let home = world.home(scene.who, theme);
                let (prepare, play) = (scene.prepare, scene.play);
                let args = prepare(&mut world);
                let stage = Stage::open(size, &home, &args);
                play(&stage, &mut world);
                let picture = dir.join(format!("{}.png", scene.name));
                stage.shot(&picture);
                world.tidy_up();
                eprintln!("{}", picture.display());
            }
        }
    }
}
