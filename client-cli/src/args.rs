//! The command line as it is typed: flags, commands and their help. Nothing
//! here does anything.

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use coffer_client::protocol::link::{Fingerprint, Link};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Remote paths start with '/', your own directory on the server.

Exit codes:
  0 ok            3 not found              6 server unreachable
  1 failed        4 conflict               7 integrity
  2 usage         5 sign-in needed or      8 partial: some items failed,
                    refused                  each is named

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
    /// How long to try again when the server is gone in the middle of the work
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
    /// Show server, account and storage
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

/// Which server.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// The link that `coffer-server link` prints
    #[arg(value_name = "LINK")]
    pub(crate) link: Link,
    /// User name
    #[arg(long, value_name = "NAME")]
    pub(crate) user: String,
    /// Trust this fingerprint, for a link without one
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) trust: Option<Fingerprint>,
}

/// Where the password comes from.
#[derive(Debug, Args)]
pub(crate) struct PasswordFile {
    /// File with the password in its first line; otherwise it is asked for
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[arg(env = "COFFER_PASSWORD_FILE", hide_env = true)]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Signup {
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) password: PasswordFile,
    /// E-mail address or telephone number, stored encrypted
    #[arg(long, value_name = "TEXT")]
    pub(crate) contact: Option<String>,
    /// New file for the recovery key; otherwise it is shown
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) recovery_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) password: PasswordFile,
    /// Sign in although the server shows an older state than before, because
    /// its operator has restored a backup
    #[arg(long)]
    pub(crate) accept_older: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Passwd {
    #[command(flatten)]
    pub(crate) password: PasswordFile,
    /// File with the new password in its first line; otherwise it is asked for
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) new_password_file: Option<PathBuf>,
    /// Also make a new recovery key; the old one stops working
    #[arg(long)]
    pub(crate) renew_recovery: bool,
    /// New file for the new recovery key; otherwise it is shown
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[arg(requires = "renew_recovery")]
    pub(crate) new_recovery_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    #[command(flatten)]
    pub(crate) server: Server,
    /// File with the recovery key; otherwise it is asked for
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) recovery_file: Option<PathBuf>,
    /// File with the new password in its first line; otherwise it is asked for
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[arg(env = "COFFER_PASSWORD_FILE", hide_env = true)]
    pub(crate) password_file: Option<PathBuf>,
    /// New file for the new recovery key; otherwise it is shown
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) new_recovery_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Delete the account and everything in it, for good
    Delete {
        #[command(flatten)]
        password: PasswordFile,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Mkdir {
    /// Also create missing directories above; one that is there is no error
    #[arg(long, short)]
    pub(crate) parents: bool,
    /// Remote directories
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Show sizes and times
    #[arg(long, short)]
    pub(crate) long: bool,
    /// List the whole tree, with full paths
    #[arg(long, short = 'R')]
    pub(crate) recursive: bool,
    /// Remote directory or file
    #[arg(value_name = "PATH", default_value = "/")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct OnePath {
    /// Remote file or directory
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct Find {
    /// Glob for the name, such as '*.jpg'; upper and lower case are the same
    pub(crate) pattern: String,
    /// Remote directory to search
    #[arg(value_name = "PATH", default_value = "/")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct Put {
    /// Copy what symbolic links inside directories point to, instead of
    /// leaving them out
    #[arg(long)]
    pub(crate) follow: bool,
    /// Leave remote files alone that are there already
    #[arg(long, short)]
    pub(crate) no_clobber: bool,
    /// Local files and directories
    #[arg(required = true, value_name = "LOCAL", value_hint = ValueHint::AnyPath)]
    pub(crate) local: Vec<PathBuf>,
    /// Remote directory to put them into, or the new name
    #[arg(value_name = "REMOTE")]
    pub(crate) remote: String,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Remote files and directories
    #[arg(required = true, value_name = "REMOTE")]
    pub(crate) remote: Vec<String>,
    /// Local directory to put them into, or the new name
    #[arg(value_name = "LOCAL", value_hint = ValueHint::AnyPath)]
    pub(crate) local: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// Only these bytes, counted from 0: 'FIRST-LAST' or 'FIRST-'
    #[arg(long, value_name = "RANGE", value_parser = parse_range)]
    pub(crate) range: Option<(u64, Option<u64>)>,
    /// An earlier version
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u64>,
    /// Remote file
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct Write {
    /// Only if the file is still at this revision (0: if it is not there)
    #[arg(long, value_name = "N")]
    pub(crate) if_revision: Option<u64>,
    /// Make it executable
    #[arg(long)]
    pub(crate) executable: bool,
    /// Remote file
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct Mv {
    /// Move a file that has the new name to the trash first
    #[arg(long)]
    pub(crate) replace: bool,
    /// Remote file or directory
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// Remote directory to move it into, or the new name
    #[arg(value_name = "TO")]
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct Cp {
    /// Accepted for habit: directories are always copied whole
    #[arg(long, short, hide = true)]
    pub(crate) recursive: bool,
    /// Remote file or directory
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// Remote directory to copy it into, or the new name
    #[arg(value_name = "TO")]
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// Also directories, with everything in them
    #[arg(long, short)]
    pub(crate) recursive: bool,
    /// Remote files and directories
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Trash {
    /// List what was deleted, newest first
    Ls,
    /// Put something back where it was
    Restore {
        /// Its id as listed, or the path it had
        #[arg(value_name = "ITEM")]
        item: String,
        /// Put it here instead
        #[arg(long, value_name = "PATH")]
        to: Option<String>,
    },
    /// Delete from the trash, for good
    Purge {
        /// Ids as listed, or paths
        #[arg(value_name = "ITEM", required_unless_present = "all", conflicts_with = "all")]
        items: Vec<String>,
        /// Everything in the trash
        #[arg(long)]
        all: bool,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Versions {
    /// Delete this earlier version, for good; may be repeated
    #[arg(long, value_name = "N")]
    pub(crate) purge: Vec<u64>,
    /// Delete all earlier versions, for good
    #[arg(long, conflicts_with = "purge")]
    pub(crate) purge_all: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Remote file
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The version, as `coffer versions` lists it
    #[arg(long, value_name = "N")]
    pub(crate) version: u64,
    /// Remote file
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
}

fn parse_range(text: &str) -> Result<(u64, Option<u64>), String> {
    let wrong = || "write it as FIRST-LAST or FIRST-, as in 0-99".to_owned();
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    let first: u64 = first.parse().map_err(|_| wrong())?;
    let last: Option<u64> = match last {
        "" => None,
        last => Some(last.parse().map_err(|_| wrong())?),
    };
    if last.is_some_and(|last| last < first) {
        return Err("the last byte comes before the first".to_owned());
    }
    Ok((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    fn parse(line: &str) -> Result<Command, ErrorKind> {
        let words = std::iter::once("coffer").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.command).map_err(|error| error.kind())
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    /// The help of every command, at a fixed width.
    fn all_help() -> String {
        fn add(command: &mut clap::Command, path: &str, out: &mut String) {
            let path = format!("{path} {}", command.get_name());
            let rule = "=".repeat(path.trim().len());
            let help = command.render_long_help().to_string();
            out.extend([path.trim(), "\n", &rule, "\n", &help, "\n"]);
            for child in command.get_subcommands_mut() {
                add(child, &path, out);
            }
        }
        let mut out = String::new();
        let mut command = Cli::command().term_width(100).version("0");
        command.build();
        add(&mut command, "", &mut out);
        let lines = out.lines().map(str::trim_end);
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }

    #[test]
    fn the_help_is_as_it_was_agreed() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/help.txt");
        let help = all_help();
        if std::env::var_os("COFFER_UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(path, &help).expect("the snapshot is written");
        }
        let agreed = std::fs::read_to_string(path).unwrap_or_default().replace('\r', "");
        assert!(
            help == agreed,
            "the help changed; look at it, then run with COFFER_UPDATE_SNAPSHOTS=1"
        );
    }

    #[test]
    fn the_last_of_several_paths_is_the_target() {
        let Ok(Command::Put(put)) = parse("put a b c /d") else { panic!("not put") };
        assert_eq!(put.local, ["a", "b", "c"].map(PathBuf::from));
        assert_eq!(put.remote, "/d");
        let Ok(Command::Get(get)) = parse("get /a /b d") else { panic!("not get") };
        assert_eq!(get.remote, ["/a", "/b"]);
        assert_eq!(get.local, PathBuf::from("d"));
        assert_eq!(parse("put a").err(), Some(ErrorKind::MissingRequiredArgument));
    }

    #[test]
    fn common_flags_may_stand_anywhere() {
        let words = ["coffer", "ls", "--json", "/a", "-q", "--profile", "work"];
        let cli = Cli::try_parse_from(words).expect("valid");
        assert!(cli.common.json && cli.common.quiet);
        assert_eq!(cli.common.profile, "work");
    }

    #[test]
    fn mistakes_are_usage_errors() {
        for (line, kind) in [
            ("frobnicate", ErrorKind::InvalidSubcommand),
            ("login nonsense --user a", ErrorKind::ValueValidation),
            ("login coffer://h:1/", ErrorKind::MissingRequiredArgument),
            ("trash purge", ErrorKind::MissingRequiredArgument),
            ("trash purge --all 00", ErrorKind::ArgumentConflict),
            ("cat /a --range 9-1", ErrorKind::ValueValidation),
            ("cat /a --range x", ErrorKind::ValueValidation),
            ("restore /a", ErrorKind::MissingRequiredArgument),
            ("passwd --new-recovery-file f", ErrorKind::MissingRequiredArgument),
            ("rm", ErrorKind::MissingRequiredArgument),
        ] {
            assert_eq!(parse(line).err(), Some(kind), "{line}");
        }
    }

    #[test]
    fn ranges_are_inclusive_and_may_be_open() {
        assert_eq!(parse_range("0-99"), Ok((0, Some(99))));
        assert_eq!(parse_range("5-"), Ok((5, None)));
        assert_eq!(parse_range("7-7"), Ok((7, Some(7))));
    }
}
