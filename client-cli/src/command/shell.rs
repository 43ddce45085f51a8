//! Completions and manual pages, made from the definition of the arguments.

use crate::app::App;
use crate::args::Cli;
use crate::exit::Failure;
use clap::CommandFactory as _;
use clap_complete::Shell;
use coffer_client::ClientError;
use std::path::Path;

pub(super) fn completions(app: &mut App, shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "coffer", &mut script);
    app.out.raw(&String::from_utf8_lossy(&script))
}

pub(super) fn man(app: &mut App, dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), dir))
        .map_err(|error| ClientError::io("cannot write", dir, error))?;
    app.out.done(format!("manual pages are in {}", dir.display()))
}
