//! `coffer`: the command line of Coffer.
//!
//! Results go to standard output, everything else to standard error. The exit
//! code says how it ended (`exit`), and so does the last thing on standard
//! error. An interrupted transfer takes its unfinished files away.

mod app;
mod args;
mod command;
mod exit;
mod format;
mod notice;
mod output;
mod progress;
mod secret;
mod views;
mod when;

use crate::app::App;
use crate::args::Cli;
use crate::exit::Failure;
use clap::Parser as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

/// How long unfinished work may take to clean up after Ctrl-C.
const CLEAN_UP: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log();
    let json = cli.common.json;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let mut err = std::io::stderr().lock();
            // Nobody is left to tell that standard error is closed.
            failure.show(json, &mut err).and_then(|()| err.flush()).ok();
            ExitCode::from(failure.exit)
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::from)?;
    let reads_input = matches!(cli.command, args::Command::Write(_));
    let outcome = runtime.block_on(async {
        let mut app = App::new(cli.common);
        let outcome = Box::pin(command::run(&mut app, cli.command)).await;
        app.finish(outcome).await
    });
    if reads_input {
        // A thread that waits for input would wait for ever; it leaves nothing behind.
        runtime.shutdown_background();
    } else {
        runtime.shutdown_timeout(CLEAN_UP);
    }
    outcome
}

/// Logs to standard error what `COFFER_LOG` asks for; nothing by default.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("COFFER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
