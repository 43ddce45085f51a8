//! The command line as it is typed: flags, commands and their help. Nothing
//! here does anything.

mod account;
mod history;
mod share;
mod transfer;
mod tree;

#[cfg(test)]
mod tests;

pub(crate) use account::{Account, Login, Passwd, Recover, Server, Signup};
pub(crate) use history::{Recovered, Restore, Trash, Versions};
pub(crate) use share::{Activity, Contact, Group, Leave, Mode, Share, Shares, Unshare};
#[cfg(test)]
pub(crate) use transfer::Pace;
pub(crate) use transfer::{Cat, Get, Put, Uploads, Write};
pub(crate) use tree::{Cp, Find, Ls, Mkdir, Mv, OnePath, Rm};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Remote paths start with '/', your own directory on the server, or with
'@owner/name', what another user shares with you; `coffer ls @` lists that.

Exit codes:
  0 ok            3 not found              6 server unreachable
  1 failed        4 conflict               7 integrity
  2 usage         5 sign-in needed or      8 partial: some items failed,
                    refused                  each is named
                                           9 not allowed

Environment:
  COFFER_HOME           directory for profiles and keys
  COFFER_PROFILE        the same as --profile
  COFFER_PASSWORD_FILE  the same as --password-file
  COFFER_RETRY_FOR      the same as --retry-for
  COFFER_LOG            log filter for standard error, such as 'debug'";

/// Keeps files and directory trees on a Coffer server, encrypted.
#[derive(Debug, Parser)]
#[command(name = "coffer", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Print JSON: one document, or one per line where there may be many
    #[arg(long, global = true, help_heading = "Common options")]
    pub(crate) json: bool,
    /// Print only results that were asked for, and errors
    #[arg(long, short, global = true, help_heading = "Common options")]
    pub(crate) quiet: bool,
    /// Account to use, when there is more than one
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = "default",
        env = "COFFER_PROFILE",
        hide_env = true,
        help_heading = "Common options"
    )]
    pub(crate) profile: String,
    /// How long to try again when the server is gone; reading goes on from a standby
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(..=86_400),
        env = "COFFER_RETRY_FOR",
        hide_env = true,
        help_heading = "Common options"
    )]
    pub(crate) retry_for: u64,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create an account, and sign in
    Signup(Signup),
    /// Sign in
    Login(Login),
    /// Sign out, and delete the saved keys
    Logout,
    /// Show the account
    Whoami,
    /// Change the password
    Passwd(Passwd),
    /// Set a new password with the recovery key
    Recover(Recover),
    /// Manage the account
    #[command(subcommand)]
    Account(Account),
    /// Create directories
    Mkdir(Mkdir),
    /// List a directory
    Ls(Ls),
    /// Show all about a file or directory
    Stat(OnePath),
    /// Find files and directories by name
    Find(Find),
    /// Upload files and directories
    Put(Put),
    /// Download files and directories
    Get(Get),
    /// Write a file to standard output
    Cat(Cat),
    /// Write standard input to a file
    Write(Write),
    /// Move or rename
    Mv(Mv),
    /// Copy on the server
    Cp(Cp),
    /// Move files and directories to the trash
    Rm(Rm),
    /// List, restore or purge what was deleted
    #[command(subcommand)]
    Trash(Trash),
    /// List or purge the versions of a file
    Versions(Versions),
    /// Bring an earlier version of a file back
    Restore(Restore),
    /// List or cancel uploads that are not finished
    #[command(subcommand)]
    Uploads(Uploads),
    /// List what came back after a change of servers, and what did not
    Recovered(Recovered),
    /// Share a file or directory with a user or a group, or change the share
    Share(Share),
    /// Take a share back
    Unshare(Unshare),
    /// List what you share, and what others share with you
    Shares(Shares),
    /// Give up something that is shared with you
    Leave(Leave),
    /// Manage groups of users to share with
    #[command(subcommand)]
    Group(Group),
    /// Show or confirm the safety number that you and another user have
    Contact(Contact),
    /// Print what happens to your files and those shared with you, until Ctrl-C
    Watch,
    /// Show who did what, newest first
    Activity(Activity),
    /// Show server, account and storage, and which machines answer
    Status,
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write the manual pages into a directory
    #[command(hide = true)]
    Man {
        /// The directory
        dir: PathBuf,
    },
}
