//! What files look like: a bigger look at one, and small pictures of many.
//!
//! Guarantees: the small pictures take a bounded amount of memory, only a few are on their
//! way at once, and what is shown at present is never given up for something else. None of
//! it is ever on a disk.

use super::{Problem, Row};
use crate::media::Media;
use crate::syntax::Line;
use coffer_client::protocol::NodeId;
use coffer_client::protocol::message::tree::Version;
use std::collections::HashMap;
use std::sync::Arc;

/// Small pictures on their way at once.
const MAX_RUNNING: usize = 3;
/// Most bytes of small pictures.
const MAX_BYTES: usize = 24 << 20;
/// Most files that something is remembered of.
const MAX_KNOWN: usize = 20_000;

/// A file as it was at a revision.
pub type Revision = (NodeId, u64);

/// The file of a row, as it is now.
pub fn revision_of(row: &Row) -> Revision {
    (row.entry.node, row.entry.revision)
}

/// Pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Red, green, blue, opacity; row by row from the top.
    pub rgba: Arc<Vec<u8>>,
}

/// The first page of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What it looks like.
    pub picture: Picture,
    /// Pages of the document.
    pub count: u32,
}

/// Why a file is not shown, although there is a preview for its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unshown {
    /// It is too large to be fetched for a look.
    TooLarge,
    /// It wants a password.
    Locked,
    /// It is damaged, or no such file.
    Broken,
    /// It takes more time or memory than it may.
    TooMuch,
}

/// What a file looks like.
#[derive(Clone, Debug)]
pub enum Preview {
    /// On its way.
    Loading,
    /// The beginning of a text.
    Text(Arc<Vec<Line>>),
    /// What a sound or film says of itself.
    Media(Box<Media>),
    /// A picture.
    Picture(Picture),
    /// The first page of a document.
    Page(Page),
    /// It could be shown in general.
    Unshown(Unshown),
    /// Nothing that can be shown.
    None,
    /// It could not be read.
    Failed(Problem),
}

/// A file that is looked at in front of the page.
#[derive(Clone, Debug)]
pub struct Quick {
    /// The file.
    pub row: Row,
    /// An old version of it, instead of what it is now.
    pub version: Option<Version>,
    /// What it looks like.
    pub preview: Preview,
}

impl Quick {
    /// The file as it is shown.
    pub fn of(&self) -> Revision {
        let old = self.version.as_ref().map(|version| version.revision);
        (self.row.entry.node, old.unwrap_or(self.row.entry.revision))
    }
}

/// What is known of a small picture.
#[derive(Debug)]
enum Thumb {
    /// On its way.
    Running,
    /// Here.
    Ready(Picture),
    /// There is no picture of the file.
    None,
    /// It could not be read; it is tried again with the next list.
    Unreadable,
}

/// Small pictures by file.
#[derive(Default)]
pub struct Thumbs {
    /// What is known, and when it was last wanted.
    known: HashMap<Revision, (Thumb, u64)>,
    /// What is shown and not asked for yet, the first last.
    waiting: Vec<Row>,
    running: usize,
    bytes: usize,
    clock: u64,
}

impl Thumbs {
    /// The small picture of a file, if it is here.
    pub fn get(&self, of: Revision) -> Option<&Picture> {
        match self.known.get(&of) {
            Some((Thumb::Ready(picture), _)) => Some(picture),
            _ => None,
        }
    }

    /// Whether nothing is known of a file, so that it is worth asking for.
    pub fn lacks(&self, row: &Row) -> bool {
        let of = revision_of(row);
        !self.known.contains_key(&of) && !self.waiting.iter().any(|row| revision_of(row) == of)
    }

    /// These are shown now: the ones that are to be fetched at once.
    pub fn want(&mut self, shown: Vec<Row>) -> Vec<Row> {
        self.clock += 1;
        for row in &shown {
            if let Some((_, wanted)) = self.known.get_mut(&revision_of(row)) {
                *wanted = self.clock;
            }
        }
        self.waiting = shown;
        self.waiting.retain(|row| !self.known.contains_key(&revision_of(row)));
        self.waiting.reverse();
        self.begin()
    }

    fn begin(&mut self) -> Vec<Row> {
        let mut begun = Vec::new();
        while self.running < MAX_RUNNING
            && let Some(row) = self.waiting.pop()
        {
            self.known.insert(revision_of(&row), (Thumb::Running, self.clock));
            self.running += 1;
            begun.push(row);
        }
        begun
    }

    /// One has come: a picture, none, or not readable. Those that are to be fetched next.
    pub fn got(&mut self, of: Revision, outcome: Result<Option<Picture>, ()>) -> Vec<Row> {
        if let Some((thumb @ Thumb::Running, _)) = self.known.get_mut(&of) {
            self.running -= 1;
            *thumb = match outcome {
                Ok(Some(picture)) => {
                    self.bytes += picture.rgba.len();
                    Thumb::Ready(picture)
                }
                Ok(None) => Thumb::None,
                Err(()) => Thumb::Unreadable,
            };
        }
        self.make_room();
        self.begin()
    }

    /// Gives up what was not shown for longest.
    fn make_room(&mut self) {
        if self.bytes <= MAX_BYTES && self.known.len() <= MAX_KNOWN {
            return;
        }
        let old = self.known.iter().filter(|(_, (thumb, wanted))| {
            *wanted < self.clock && !matches!(thumb, Thumb::Running)
        });
        let mut old: Vec<_> = old.map(|(of, (_, wanted))| (*wanted, *of)).collect();
        old.sort_unstable();
        for (_, of) in old {
            if self.bytes <= MAX_BYTES / 2 && self.known.len() <= MAX_KNOWN / 2 {
                return;
            }
            if let Some((Thumb::Ready(picture), _)) = self.known.remove(&of) {
                self.bytes -= picture.rgba.len();
            }
        }
    }

    /// What could not be read is worth another try.
    pub fn forget_failures(&mut self) {
        self.known.retain(|_, (thumb, _)| !matches!(thumb, Thumb::Unreadable));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::folder::tests::row;
    use coffer_client::protocol::message::tree::Kind;

    fn rows(numbers: std::ops::Range<usize>) -> Vec<Row> {
        numbers.map(|number| row(&format!("{number}.png"), Kind::File, 1, 1)).collect()
    }

    fn picture(bytes: usize) -> Picture {
        Picture { width: bytes / 4, height: 1, rgba: Arc::new(vec![0; bytes]) }
    }

    #[test]
    fn few_are_fetched_at_once_and_only_what_is_still_shown() {
        let mut thumbs = Thumbs::default();
        let begun = thumbs.want(rows(0..10));
        assert_eq!(begun, rows(0..3), "the first ones first");
        assert!(!thumbs.lacks(&begun[0]) && !thumbs.lacks(&rows(9..10)[0]));
        assert_eq!(thumbs.want(rows(20..22)), [], "three are on their way");
        assert!(thumbs.lacks(&rows(9..10)[0]), "what was scrolled away is not fetched");
        let next = thumbs.got(revision_of(&begun[0]), Ok(Some(picture(4))));
        assert_eq!(next, rows(20..21));
        assert!(thumbs.get(revision_of(&begun[0])).is_some());
        thumbs.got(revision_of(&begun[1]), Err(()));
        thumbs.got(revision_of(&begun[2]), Ok(None));
        thumbs.forget_failures();
        assert!(thumbs.lacks(&begun[1]) && !thumbs.lacks(&begun[2]));
    }

    #[test]
    fn memory_is_bounded_and_what_is_shown_stays() {
        let mut thumbs = Thumbs::default();
        let size = MAX_BYTES / 8;
        for number in 0..20 {
            let one = vec![rows(0..20).remove(number)];
            assert_eq!(thumbs.want(one.clone()), one);
            thumbs.got(revision_of(&one[0]), Ok(Some(picture(size))));
            assert!(thumbs.bytes <= MAX_BYTES);
            assert!(thumbs.get(revision_of(&one[0])).is_some());
        }
        assert!(thumbs.get(revision_of(&rows(0..1)[0])).is_none());
        // A second answer for the same file changes nothing.
        let before = thumbs.bytes;
        thumbs.got(revision_of(&rows(19..20)[0]), Ok(Some(picture(size))));
        assert_eq!((thumbs.bytes, thumbs.running), (before, 0));
    }
}
