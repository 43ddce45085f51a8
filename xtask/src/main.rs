//! Project tasks. `cargo xtask quickstart` shows Coffer at work, `cargo xtask
//! test` tests it; the others are parts of these or measure.

#![expect(clippy::print_stdout, reason = "these tasks talk to the person who runs them")]

mod dependencies;
mod needs;
mod process;
mod quickstart;
mod scan;
mod test;
mod tidy;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Project tasks of Coffer")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build, start a demo server, upload, download, compare, show that nothing stored is readable;
    /// then start a standby, kill the server in the middle of a download, and bring it back
    Quickstart {
        /// Leave the demo servers running
        #[arg(long)]
        keep: bool,
        /// Build and use the programs that the tests use, which are slower
        #[arg(long)]
        debug: bool,
    },
    /// Install what the tests need, then run every check and every test
    Test {
        /// Test only these crates (`store`) or checks (`fmt`, `clippy`, `tidy`, `deny`, `docs`)
        parts: Vec<String>,
    },
    /// House rules: dependency arrows, file length, where flushes and prints may stand
    Tidy,
    /// Licences, banned crates, duplicate versions
    Deny,
    /// Run the fuzz targets, each for some time
    Fuzz {
        /// Seconds for each target
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Only these targets
        targets: Vec<String>,
    },
    /// Take pictures of the desktop client's windows, into target/screenshots
    Screenshots {
        /// Only those whose names have one of these in them
        names: Vec<String>,
    },
    /// Measure Coffer against the peers that are installed
    Bench {
        /// Works to measure, such as W1 W3; all without any
        works: Vec<String>,
    },
}

fn main() -> Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    std::env::set_current_dir(&root)?;
    match Args::parse().task {
        Task::Quickstart { keep, debug } => quickstart::run(&root, keep, debug),
        Task::Test { parts } => test::run(&parts),
        Task::Tidy => tidy::run(&root),
        Task::Deny => dependencies::run(),
        Task::Fuzz { seconds, targets } => test::fuzz(seconds, &targets),
        Task::Screenshots { names } => test::screenshots(&root, &names),
        Task::Bench { works } => test::bench(&works),
    }
}
