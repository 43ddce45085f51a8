//! The command line of `coffer-replica`.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Mirrors a Coffer server onto this machine.
#[derive(Debug, Parser)]
#[command(name = "coffer-replica", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make this machine a replica, once, with a token of the source.
    Join(Join),
    /// Run the replica in the foreground.
    Run(Run),
    /// Give a keyless replica the master key: it becomes a standby.
    Unlock(Unlock),
    /// Follow another machine of the installation.
    Follow(Follow),
    /// Make this standby the primary.
    Promote(Promote),
    /// Say how far the replica is.
    Status(Query),
    /// Check everything that is stored, without changing it.
    Check(Check),
    /// Compare everything that is stored with its hashes, and heal what is damaged
    /// from the source. Nothing is deleted.
    Repair(Repair),
    /// Restore what is stored into a scratch directory, and verify it.
    Drill(Drill),
}

/// Where the replica is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Data directory of the replica.
    #[arg(long, value_name = "DIR", env = "COFFER_DATA")]
    pub(crate) data: PathBuf,
}

/// `join`
#[derive(Debug, Args)]
pub(crate) struct Join {
    /// Where the replica will be; a new or empty directory.
    #[command(flatten)]
    pub(crate) place: Place,
    /// Address and port under which this machine is reached.
    #[arg(long, value_name = "ADDR", env = "COFFER_LISTEN")]
    pub(crate) listen: String,
    /// Host, or host:port, under which others reach it, if that is another one.
    #[arg(long, value_name = "HOST", env = "COFFER_PUBLIC_HOST")]
    pub(crate) public_host: Option<String>,
    /// What `coffer-server replica token` printed.
    #[arg(long, value_name = "T", env = "COFFER_REPLICA_TOKEN", hide_env_values = true)]
    pub(crate) token: String,
    /// Take the master key as well: this machine will be able to take over.
    #[arg(long)]
    pub(crate) standby: bool,
    /// `sqlite` (in the data directory) or `mysql://user@host:port/name`.
    #[arg(long, value_name = "URL", env = "COFFER_DATABASE_URL")]
    pub(crate) database: Option<String>,
    /// File with the database password (or set `COFFER_DATABASE_PASSWORD`).
    #[arg(long, value_name = "FILE", env = "COFFER_DATABASE_PASSWORD_FILE")]
    pub(crate) database_password_file: Option<PathBuf>,
    /// What `coffer-server link` prints on the source.
    pub(crate) link: String,
}

/// `run`
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Where the replica is.
    #[command(flatten)]
    pub(crate) place: Place,
    /// How much to log: error, warn, info, debug, trace.
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// As primary: start although the database is older than what this machine had
    /// acknowledged.
    #[arg(long)]
    pub(crate) accept_rollback: bool,
}

/// `unlock`
#[derive(Debug, Args)]
pub(crate) struct Unlock {
    /// Where the replica is.
    #[command(flatten)]
    pub(crate) place: Place,
    /// The file `master.key` of the primary, or what the recovery sheet says.
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key: PathBuf,
}

/// `follow`
#[derive(Debug, Args)]
pub(crate) struct Follow {
    /// Where the replica is.
    #[command(flatten)]
    pub(crate) place: Place,
    /// What `coffer-server link` prints on the machine to follow.
    pub(crate) link: String,
}

/// `promote`
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// Where the replica is.
    #[command(flatten)]
    pub(crate) place: Place,
    /// Promote although entries may be lost that the primary has acknowledged.
    #[arg(long)]
    pub(crate) accept_loss: bool,
    /// As one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `status`
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// Where the replica is.
    #[command(flatten)]
    pub(crate) place: Place,
    /// As one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `check`
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Where the replica is.
    #[command(flatten)]
    pub(crate) place: Place,
    /// Look at rows, references and file sizes; do not read the contents.
    #[arg(long)]
    pub(crate) quick: bool,
    /// As one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `repair`
#[derive(Debug, Args)]
pub(crate) struct Repair {
    /// Where the replica is.
    #[command(flatten)]
    pub(crate) place: Place,
    /// Look at rows, entries and file sizes; do not read the contents.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Heal also when very much is damaged at once. First find out why it is.
    #[arg(long)]
    pub(crate) accept_many: bool,
}

/// `drill`
#[derive(Debug, Args)]
pub(crate) struct Drill {
    /// Where the replica is.
    #[command(flatten)]
    pub(crate) place: Place,
    /// Where to restore to: a new or empty directory.
    #[arg(long, value_name = "SCRATCH")]
    pub(crate) to: PathBuf,
    /// All rows, and the contents of so many versions of files, chosen by chance.
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "all")]
    pub(crate) sample: usize,
    /// Everything.
    #[arg(long)]
    pub(crate) all: bool,
    /// Leave the copy; with `--all` on a standby, with all that makes a server of it.
    #[arg(long)]
    pub(crate) keep: bool,
    /// As one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
