//! The primary daemon of Coffer: configuration, data directory, the running
//! server, and the administrator's commands.
//!
//! Guarantees: a command either does what it says or changes nothing and says
//! why, with a stable code, a hint and an exit status (`failure`); files are
//! written through `coffer_store::durable` only.

use std::process::ExitCode;

pub mod alarms;
pub mod args;
mod command;
pub mod config;
pub mod data_dir;
pub mod database;
mod explain;
pub mod failure;
mod feed;
mod heard;
mod history;
pub mod host;
pub mod identity;
mod install;
mod links;
mod lock;
mod log;
mod notices;
pub mod output;
mod port;
pub mod promotion;
pub mod refill;
mod rejoin;
mod run;
mod running;
pub mod scrub;
mod size;
mod standing;
mod tls;
mod totals;

pub use failure::{Code, Failure, Outcome};

use args::{
    Cli, Command, DatabaseAction, InviteAction, MasterKeyAction, ReplicaAction, UsersAction,
};
use clap::Parser;

/// The program.
pub fn main() -> ExitCode {
    // Whatever is written here is for the owner alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    match dispatch(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure.report());
            ExitCode::from(failure.code.exit_status())
        }
    }
}

fn dispatch(command: Command) -> Outcome {
    if let Command::Run(args) = command {
        return run::run(&args);
    }
    log::start_quiet();
    match command {
        Command::Init(args) => command::init::run(&args),
        Command::Link(args) => command::link::run(&args),
        Command::Invite { action } => match action {
            InviteAction::List { place, json } => command::invite::list(&place, json),
            InviteAction::Create { place, uses, expires } => {
                command::invite::create(&place, uses, expires)
            }
            InviteAction::Revoke { place, invite } => command::invite::revoke(&place, &invite),
        },
        Command::Users { action } => match action {
            UsersAction::List { place, json } => command::users::list(&place, json),
            UsersAction::Show(user) => command::users::show(&user),
            UsersAction::Disable(user) => command::users::disable(&user),
            UsersAction::Enable(user) => command::users::enable(&user),
            UsersAction::Quota(quota) => command::quota::run(&quota),
            UsersAction::Delete { user, yes } => command::users::delete(&user, yes),
        },
        Command::Check(args) => command::check::run(&args),
        Command::Repair(args) => command::repair::run(&args),
        Command::Unfence(args) => command::unfence::run(&args),
        Command::Status(args) => command::status::run(&args),
        Command::History(args) => command::history::run(&args),
        Command::Version { json } => {
            command::version::run(json);
            Ok(())
        }
        Command::Database { action } => match action {
            DatabaseAction::Copy { place, to, to_password_file, switch } => {
                command::database::copy(&place, &to, to_password_file.as_deref(), switch)
            }
        },
        Command::Replica { action } => match action {
            ReplicaAction::Token { place } => command::replica::token(&place),
            ReplicaAction::List { place, json } => command::replica::list(&place, json),
            ReplicaAction::Remove { place, replica } => command::replica::remove(&place, &replica),
        },
        Command::Rejoin(args) => rejoin::run(&args),
        Command::MasterKey { action } => match action {
            MasterKeyAction::Show { place } => command::master_key::show(&place),
        },
        Command::Completions { shell } => {
            command::completions::run(shell);
            Ok(())
        }
        // Handled above, before the log of the short commands is set up.
        Command::Run(args) => run::run(&args),
    }
}
