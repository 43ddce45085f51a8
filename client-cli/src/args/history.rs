//! Arguments of the commands about the trash and earlier versions.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Trash {
    /// List what was deleted, newest first
    #[command(visible_alias = "list")]
    Ls {
        /// Only what was deleted inside this remote directory, which may be one
        /// that is shared with you
        #[arg(value_name = "PATH")]
        path: Option<String>,
    },
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
pub(crate) struct Recovered {
    /// Take this entry off the list; what came back stays. May be repeated
    #[arg(long, value_name = "ID")]
    pub(crate) dismiss: Vec<String>,
    /// Take all entries off the list
    #[arg(long, conflicts_with = "dismiss")]
    pub(crate) dismiss_all: bool,
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
