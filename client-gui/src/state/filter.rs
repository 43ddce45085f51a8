//! What of a search is shown.

use super::Row;
use crate::kind::{self, FileKind};
use coffer_client::RemotePath;
use std::time::SystemTime;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
const MIB: u64 = 1 << 20;

/// Where is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// In the directory on the page, and below.
    #[default]
    Here,
    /// In all of the user's own files.
    Mine,
    /// In what others share with the user.
    Shared,
    /// In both.
    Everywhere,
}

impl Scope {
    /// All of them, in the order they are offered.
    pub const ALL: [Self; 4] = [Self::Here, Self::Mine, Self::Shared, Self::Everywhere];

    /// Where to search when the user is in this directory.
    pub fn bases(self, here: &RemotePath) -> Vec<RemotePath> {
        let mine = || RemotePath::Own(Vec::new());
        match self {
            Self::Here => vec![here.clone()],
            Self::Mine => vec![mine()],
            Self::Shared => vec![RemotePath::Everyone],
            Self::Everywhere => vec![mine(), RemotePath::Everyone],
        }
    }
}

/// Kinds of things, as people think of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Directories.
    Folders,
    /// Texts and PDF.
    Documents,
    /// Pictures.
    Pictures,
    /// Sound and film.
    Media,
    /// Everything else.
    Others,
}

impl Sort {
    /// All of them, in the order they are offered.
    pub const ALL: [Self; 5] =
        [Self::Folders, Self::Documents, Self::Pictures, Self::Media, Self::Others];

    fn of(row: &Row) -> Self {
        if row.is_dir() {
            return Self::Folders;
        }
        match kind::of(&row.entry.name) {
            FileKind::Text | FileKind::Code | FileKind::Pdf => Self::Documents,
            FileKind::Picture => Self::Pictures,
            FileKind::Film | FileKind::Sound => Self::Media,
            FileKind::Archive | FileKind::Other => Self::Others,
        }
    }
}

/// Sizes of files; directories have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bulk {
    /// Below a mebibyte.
    Small,
    /// Up to a hundred of them.
    Middle,
    /// Bigger.
    Big,
}

impl Bulk {
    /// All of them, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Small, Self::Middle, Self::Big];

    fn holds(self, row: &Row) -> bool {
        let bulk = match row.entry.size {
            size if size < MIB => Self::Small,
            size if size <= 100 * MIB => Self::Middle,
            _ => Self::Big,
        };
        !row.is_dir() && bulk == self
    }
}

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Where.
    pub scope: Scope,
    /// Which kind; `None`: any.
    pub sort: Option<Sort>,
    /// Changed within so many days; `None`: whenever.
    pub days: Option<u16>,
    /// How big; `None`: any size.
    pub bulk: Option<Bulk>,
}

impl Filter {
    /// Days that are offered.
    pub const DAYS: [u16; 4] = [1, 7, 30, 365];

    /// Whether something is shown.
    pub fn admits(self, row: &Row) -> bool {
        self.admits_at(row, now_millis())
    }

    fn admits_at(self, row: &Row, now_millis: i64) -> bool {
        let since = |days: u16| now_millis.saturating_sub(i64::from(days) * DAY_MILLIS);
        self.sort.is_none_or(|sort| Sort::of(row) == sort)
            && self.days.is_none_or(|days| row.entry.modified_millis >= since(days))
            && self.bulk.is_none_or(|bulk| bulk.holds(row))
    }

    /// Whether something is left out of what was found.
    pub fn leaves_out(self) -> bool {
        self.sort.is_some() || self.days.is_some() || self.bulk.is_some()
    }
}

fn now_millis() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::folder::tests::row;
    use coffer_client::protocol::message::tree::Kind;

    #[test]
    fn each_filter_leaves_out_what_it_should() {
        let now = 400 * DAY_MILLIS;
        let rows = [
            row("dir", Kind::Directory, 0, now),
            row("plan.md", Kind::File, 10, now - 2 * DAY_MILLIS),
            row("sun.png", Kind::File, 2 * MIB, now - 100 * DAY_MILLIS),
            row("film.mkv", Kind::File, 200 * MIB, now - DAY_MILLIS / 2),
            row("x.bin", Kind::File, 100 * MIB, 0),
        ];
        let shown = |filter: Filter| {
            let shown = rows.iter().filter(|row| filter.admits_at(row, now));
            shown.map(|row| row.entry.name.as_str()).collect::<Vec<_>>().join(" ")
        };
        let any = Filter::default();
        assert_eq!(shown(any), "dir plan.md sun.png film.mkv x.bin");
        let sorts = Sort::ALL.map(|sort| shown(Filter { sort: Some(sort), ..any }));
        assert_eq!(sorts, ["dir", "plan.md", "sun.png", "film.mkv", "x.bin"]);
        let days = Filter::DAYS.map(|days| shown(Filter { days: Some(days), ..any }));
        let wanted = ["dir film.mkv", "dir plan.md film.mkv"];
        assert_eq!(days[..2], wanted);
        assert_eq!(days[3], "dir plan.md sun.png film.mkv");
        let bulks = Bulk::ALL.map(|bulk| shown(Filter { bulk: Some(bulk), ..any }));
        assert_eq!(bulks, ["plan.md", "sun.png x.bin", "film.mkv"]);
        let both = Filter { sort: Some(Sort::Media), bulk: Some(Bulk::Small), ..any };
        assert_eq!(shown(both), "");
    }
}
