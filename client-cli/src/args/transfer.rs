//! Arguments of the commands that move contents.

use clap::{Args, Subcommand, ValueHint};
use std::num::NonZeroU64;
use std::path::PathBuf;

/// How fast contents may move.
#[derive(Debug, Default, Args)]
pub(crate) struct Pace {
    /// Move at most so many bytes a second, all streams together: '500K', '10M'
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) limit_rate: Option<NonZeroU64>,
}

/// Slower than this is a mistake in writing.
const LEAST_RATE: u64 = 1 << 10;

fn parse_rate(text: &str) -> Result<NonZeroU64, String> {
    let rate = coffer_client::human::parse_size(text).filter(|rate| *rate >= LEAST_RATE);
    let rate = rate.and_then(NonZeroU64::new);
    rate.ok_or_else(|| "write bytes a second, at least 1K, as in 500K or 10M".to_owned())
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
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// Local files and directories
    #[arg(required = true, value_name = "LOCAL", value_hint = ValueHint::AnyPath)]
    pub(crate) local: Vec<PathBuf>,
    /// Remote directory to put them into, or the new name
    #[arg(value_name = "REMOTE")]
    pub(crate) remote: String,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) pace: Pace,
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
    #[command(flatten)]
    pub(crate) pace: Pace,
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
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// Remote file
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
}

pub(super) fn parse_range(text: &str) -> Result<(u64, Option<u64>), String> {
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

#[derive(Debug, Subcommand)]
pub(crate) enum Uploads {
    /// List them: id, what has arrived, when the last of it came, name
    List,
    /// Give uploads up; what has arrived of them is deleted
    Cancel {
        /// Their ids, or the beginnings of them
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<String>,
        /// All of them
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}
