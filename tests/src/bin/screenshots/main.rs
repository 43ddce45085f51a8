//! Pictures of the desktop client: each of its windows, in two sizes, light and dark,
//! reached by the keyboard in the real program on a display of its own.
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

/// The sizes of the window, in points.
const SIZES: [(u32, u32); 2] = [(1280, 800), (900, 600)];
const THEMES: [&str; 2] = ["light", "dark"];

fn main() {
    let mut args = std::env::args().skip(1);
    let out = PathBuf::from(args.next().expect("the directory for the pictures"));
    let wanted: Vec<String> = args.collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part));
    let mut world = World::new();
    for size in SIZES {
        for theme in THEMES {
            let dir = out.join(format!("{}x{}-{theme}", size.0, size.1));
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
