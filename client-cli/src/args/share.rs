//! Arguments of the commands about sharing: shares, groups, contacts, and what
//! happens to shared things.

use crate::when;
use clap::{Args, Subcommand, ValueEnum};

/// What a share allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// List, download, see versions
    Read,
    /// Also create, write, rename, move within, delete and restore
    Write,
}

#[derive(Debug, Args)]
pub(crate) struct Share {
    /// Remote file or directory of yours
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// User name; with --group, the name of a group of yours
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
    /// What they may do
    #[arg(value_name = "MODE", value_enum)]
    pub(crate) mode: Mode,
    /// When it ends by itself: a date (its end), a time, or a span from now, as
    /// in 2026-12-31, 2026-12-31T18:00, 7d or 12h
    #[arg(long, value_name = "T", value_parser = when::until)]
    pub(crate) expires: Option<i64>,
    /// Share with a group
    #[arg(long)]
    pub(crate) group: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Unshare {
    /// Remote file or directory of yours
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// User name; with --group, the name of a group of yours
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
    /// Take it back from a group
    #[arg(long)]
    pub(crate) group: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Shares {
    /// Only what others share with you
    #[arg(long, conflicts_with = "by_me")]
    pub(crate) with_me: bool,
    /// Only what you share
    #[arg(long)]
    pub(crate) by_me: bool,
    /// Only this: a file or directory of yours, '@owner', or '@owner/name'
    #[arg(value_name = "PATH", conflicts_with_all = ["with_me", "by_me"])]
    pub(crate) path: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Leave {
    /// What is shared with you, as '@owner/name'
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    /// Make a group
    Create {
        /// Its name; only you see it
        #[arg(value_name = "NAME")]
        name: String,
        /// User names
        #[arg(value_name = "USER")]
        users: Vec<String>,
    },
    /// Take users in: what is shared with the group is theirs, too
    Add {
        /// The group
        #[arg(value_name = "NAME")]
        name: String,
        /// User names
        #[arg(value_name = "USER", required = true)]
        users: Vec<String>,
    },
    /// Take users out: what only the group gave them is gone
    Remove {
        /// The group
        #[arg(value_name = "NAME")]
        name: String,
        /// User names
        #[arg(value_name = "USER", required = true)]
        users: Vec<String>,
    },
    /// Give a group another name
    Rename {
        /// The group
        #[arg(value_name = "NAME")]
        name: String,
        /// Its new name
        #[arg(value_name = "NEW")]
        new: String,
    },
    /// Delete a group, and every share with it
    Delete {
        /// The group
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// List your groups and who is in them
    #[command(visible_alias = "ls")]
    List,
}

#[derive(Debug, Args)]
pub(crate) struct Contact {
    /// User name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Accept the safety number after comparing it
    #[arg(long)]
    pub(crate) confirm: bool,
    /// Do not ask
    #[arg(long, short, requires = "confirm")]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Activity {
    /// Remote file or directory, with everything in it; otherwise everything,
    /// also what is shared with you
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// Nothing older: a date (its beginning), a time, or a span before now, as
    /// in 2026-12-31, 2026-12-31T18:00, 7d or 12h
    #[arg(long, value_name = "T", value_parser = when::since)]
    pub(crate) since: Option<i64>,
}
