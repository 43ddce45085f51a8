//! `completions`: scripts for the shell.

use crate::args::Cli;
use clap::CommandFactory;
use clap_complete::Shell;

/// Prints the completion script.
pub(crate) fn run(shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "coffer-server", &mut script);
    crate::output::line(&String::from_utf8_lossy(&script).trim_end());
}
