//! The command line of `coffer-server`.

use crate::config::SignUp;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The Coffer server: an encrypted file server of your own.
#[derive(Debug, Parser)]
#[command(name = "coffer-server", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new server: data directory, configuration, keys, database.
    Init(Init),
    /// Run the server in the foreground.
    Run(Run),
    /// Print the connection link for people who want to use this server.
    Link(Link),
    /// Manage invitations.
    Invite {
        /// What to do.
        #[command(subcommand)]
        action: InviteAction,
    },
    /// Manage user accounts.
    Users {
        /// What to do.
        #[command(subcommand)]
        action: UsersAction,
    },
    /// Check everything that is stored, without changing it.
    Check(Check),
    /// Compare everything that is stored with its hashes, and heal what is damaged
    /// from a replica. Nothing is deleted.
    Repair(Repair),
    /// Say how the server is doing.
    Status(Status),
    /// Show what was stored and done over time.
    History(History),
    /// Let a primary go on that had stopped for a promotion which was given up.
    Unfence(Unfence),
    /// Print version, protocol and format numbers.
    Version {
        /// As one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Manage the database.
    Database {
        /// What to do.
        #[command(subcommand)]
        action: DatabaseAction,
    },
    /// Manage replicas: machines that mirror everything.
    Replica {
        /// What to do.
        #[command(subcommand)]
        action: ReplicaAction,
    },
    /// Make an old primary a standby of the machine that has taken its place.
    Rejoin(Rejoin),
    /// Manage the master key.
    MasterKey {
        /// What to do.
        #[command(subcommand)]
        action: MasterKeyAction,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Where the installation is.
#[derive(Clone, Debug, Args)]
pub struct Place {
    /// Data directory of the server.
    #[arg(long, value_name = "DIR", env = "COFFER_DATA")]
    pub data: PathBuf,
}

/// `init`
#[derive(Debug, Args)]
pub struct Init {
    /// Where the installation will be.
    #[command(flatten)]
    pub place: Place,
    /// Address and port to listen on; port 0 picks a free one now, for good.
    #[arg(long, value_name = "ADDR", env = "COFFER_LISTEN")]
    pub listen: Option<String>,
    /// `sqlite` (in the data directory) or `mysql://user@host:port/name`.
    #[arg(long, value_name = "URL", env = "COFFER_DATABASE_URL")]
    pub database: Option<String>,
    /// File with the database password (or set `COFFER_DATABASE_PASSWORD`).
    #[arg(long, value_name = "FILE", env = "COFFER_DATABASE_PASSWORD_FILE")]
    pub database_password_file: Option<PathBuf>,
    /// Who may make an account.
    #[arg(long, value_enum, env = "COFFER_SIGN_UP")]
    pub signup: Option<SignUp>,
    /// Host, or host:port, under which people reach this server.
    #[arg(long, value_name = "HOST", env = "COFFER_PUBLIC_HOST")]
    pub public_host: Option<String>,
}

/// `run`
#[derive(Debug, Args)]
pub struct Run {
    /// Where the installation is.
    #[command(flatten)]
    pub place: Place,
    /// Listen here instead of where the configuration says; port 0 picks a free one.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// How much to log: error, warn, info, debug, trace.
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Set any key of the configuration, as in `--set limits.connections=100`.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Start although the database is older than what this server had acknowledged.
    #[arg(long)]
    pub accept_rollback: bool,
}

/// `rejoin`
#[derive(Debug, Args)]
pub struct Rejoin {
    /// Where the installation is.
    #[command(flatten)]
    pub place: Place,
    /// Connection link of the new primary, as `coffer-server link` prints it there.
    #[arg(value_name = "LINK")]
    pub link: String,
}

/// `link`
#[derive(Debug, Args)]
pub struct Link {
    /// Where the installation is.
    #[command(flatten)]
    pub place: Place,
    /// Make a new invitation and put it into the link.
    #[arg(long)]
    pub invite: bool,
    /// How many accounts the invitation is good for.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "invite",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub uses: u32,
    /// After how many days the invitation expires.
    #[arg(long, value_name = "DAYS", default_value_t = 7, requires = "invite",
          value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub expires: u32,
    /// As one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `invite ...`
#[derive(Debug, Subcommand)]
pub enum InviteAction {
    /// List the invitations that are still good.
    List {
        /// Where the installation is.
        #[command(flatten)]
        place: Place,
        /// As one JSON document per line.
        #[arg(long)]
        json: bool,
    },
    /// Make an invitation and print its code.
    Create {
        /// Where the installation is.
        #[command(flatten)]
        place: Place,
        /// How many accounts it is good for.
        #[arg(long, value_name = "N", default_value_t = 1,
              value_parser = clap::value_parser!(u32).range(1..=100_000))]
        uses: u32,
        /// After how many days it expires.
        #[arg(long, value_name = "DAYS", default_value_t = 7,
              value_parser = clap::value_parser!(u32).range(1..=3650))]
        expires: u32,
    },
    /// Make an invitation worthless.
    Revoke {
        /// Where the installation is.
        #[command(flatten)]
        place: Place,
        /// The code, or the number that `invite list` shows.
        invite: String,
    },
}

/// `users ...`
#[derive(Debug, Subcommand)]
pub enum UsersAction {
    /// List the accounts.
    List {
        /// Where the installation is.
        #[command(flatten)]
        place: Place,
        /// As one JSON document per line.
        #[arg(long)]
        json: bool,
    },
    /// Show one account.
    Show(OneUser),
    /// End a user's sessions and refuse sign-in, until `enable`.
    Disable(OneUser),
    /// Let a disabled user in again.
    Enable(OneUser),
    /// Set how much a user may store; without an amount, say it.
    Quota(UserQuota),
    /// Delete an account and everything in it, for good.
    Delete {
        /// Which user.
        #[command(flatten)]
        user: OneUser,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// One user of an installation.
#[derive(Debug, Args)]
pub struct OneUser {
    /// Where the installation is.
    #[command(flatten)]
    pub place: Place,
    /// User name, or the id that `users list` shows.
    pub user: String,
    /// As one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `users quota`
#[derive(Debug, Args)]
pub struct UserQuota {
    /// Which user.
    #[command(flatten)]
    pub user: OneUser,
    /// Bytes of all versions, with the trash: an amount such as 50G, `none`, or
    /// `default` for what the configuration says.
    #[arg(value_name = "AMOUNT")]
    pub bytes: Option<String>,
    /// Number of files and directories, with the trash: a number, `none` or `default`.
    #[arg(long, value_name = "NUMBER")]
    pub files: Option<String>,
}

/// `check`
#[derive(Debug, Args)]
pub struct Check {
    /// Where the installation is.
    #[command(flatten)]
    pub place: Place,
    /// Look at rows, references and file sizes; do not read the contents.
    #[arg(long)]
    pub quick: bool,
    /// As one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `repair`
#[derive(Debug, Args)]
pub struct Repair {
    /// Where the installation is.
    #[command(flatten)]
    pub place: Place,
    /// Look at rows, entries and file sizes; do not read the contents.
    #[arg(long)]
    pub quick: bool,
    /// Heal also when very much is damaged at once. First find out why it is.
    #[arg(long)]
    pub accept_many: bool,
}

/// `status`
#[derive(Debug, Args)]
pub struct Status {
    /// Where the installation is.
    #[command(flatten)]
    pub place: Place,
    /// As one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `history`
#[derive(Debug, Args)]
pub struct History {
    /// Where the installation is.
    #[command(flatten)]
    pub place: Place,
    /// How far back.
    #[arg(long, value_name = "DAYS", default_value_t = 7,
          value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// As one JSON document per line.
    #[arg(long)]
    pub json: bool,
}

/// `unfence`
#[derive(Debug, Args)]
pub struct Unfence {
    /// Where the installation is.
    #[command(flatten)]
    pub place: Place,
    /// Do not insist on asking every standby: you know that none has been promoted.
    #[arg(long)]
    pub none_promoted: bool,
}

/// `database ...`
#[derive(Debug, Subcommand)]
pub enum DatabaseAction {
    /// Copy the database to another engine, verify the copy, and say how to switch.
    Copy {
        /// Where the installation is.
        #[command(flatten)]
        place: Place,
        /// The new database: `mysql://user@host:port/name`, or `sqlite`.
        #[arg(long, value_name = "URL")]
        to: String,
        /// File with the password of the new database.
        #[arg(long, value_name = "FILE")]
        to_password_file: Option<PathBuf>,
        /// Change coffer.toml to the new database when the copy has verified.
        #[arg(long)]
        switch: bool,
    },
}

/// `replica ...`
#[derive(Debug, Subcommand)]
pub enum ReplicaAction {
    /// Print a token with which one machine can become a replica, within an hour.
    Token {
        /// Where the installation is.
        #[command(flatten)]
        place: Place,
    },
    /// List the replicas and how far they are.
    List {
        /// Where the installation is.
        #[command(flatten)]
        place: Place,
        /// As one JSON document per line.
        #[arg(long)]
        json: bool,
    },
    /// Forget a replica: it gets nothing any more, and nothing waits for it.
    Remove {
        /// Where the installation is.
        #[command(flatten)]
        place: Place,
        /// The id that `replica list` shows, or the beginning of it.
        replica: String,
    },
}

/// `master-key ...`
#[derive(Debug, Subcommand)]
pub enum MasterKeyAction {
    /// Print the recovery sheet of the master key again.
    Show {
        /// Where the installation is.
        #[command(flatten)]
        place: Place,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn invite_options_need_an_invite() {
        assert!(
            Cli::try_parse_from(["coffer-server", "link", "--data", "d", "--uses", "2"]).is_err()
        );
        let parsed = Cli::try_parse_from([
            "coffer-server",
            "link",
            "--data",
            "d",
            "--invite",
            "--uses",
            "2",
        ]);
        assert!(parsed.is_ok());
    }
}
