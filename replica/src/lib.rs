//! The replica daemon of Coffer: it joins an installation once, and from then on
//! mirrors everything that the source writes.
//!
//! Guarantees: what it says is durable here is durable here, chunks first; it
//! changes nothing by itself; a history that has parted from the source's is never
//! written over; whatever happens to the connection, it goes on where it was. A
//! keyless replica is never given a key that opens anything.

use std::process::ExitCode;

mod args;
mod command;
mod figures;
mod follow;
mod heal;
mod identity;
mod keyless;
mod listen;
mod note;
mod run;
mod source;
mod standby;
mod tls;

use args::{Cli, Command};
use clap::Parser;
use coffer_server::{host, output};

/// The program.
pub fn main() -> ExitCode {
    // Whatever is written here is for the owner alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let done = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        other => {
            host::start_quiet_log();
            match other {
                Command::Join(args) => command::join::run(&args),
                Command::Unlock(args) => command::unlock::run(&args),
                Command::Follow(args) => command::follow::run(&args),
                Command::Promote(args) => command::promote::run(&args),
                Command::Status(args) => command::status::run(&args),
                Command::Check(args) => command::check::run(&args),
                Command::Repair(args) => command::repair::run(&args),
                Command::Drill(args) => command::drill::run(&args),
                // Handled above, before the log of the short commands is set up.
                Command::Run(args) => run::run(&args),
            }
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure.report());
            ExitCode::from(failure.code.exit_status())
        }
    }
}
