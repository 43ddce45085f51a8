//! What a transfer did: counts, and a bounded list of everything that was left
//! out or failed, each with its name and reason.

use crate::error::ClientError;
use coffer_protocol::Position;

/// Most names kept in each list of a report; the counts go on.
pub const MAX_REPORTED: usize = 1000;

/// A list that keeps its first entries and counts the rest.
#[derive(Debug, Clone)]
pub struct Bounded<T> {
    /// The first `MAX_REPORTED` entries.
    pub items: Vec<T>,
    /// All entries there were.
    pub count: u64,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { items: Vec::new(), count: 0 }
    }
}

impl<T> Bounded<T> {
    /// Adds one.
    pub fn push(&mut self, item: T) {
        self.count += 1;
        if self.items.len() < MAX_REPORTED {
            self.items.push(item);
        }
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Why something was left out on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// A symbolic link inside a tree, and links are not followed.
    SymbolicLink,
    /// A link that leads back to a directory it is in.
    LinkLoop,
    /// A socket, pipe or device.
    SpecialFile,
    /// What an interrupted download left behind.
    PartialDownload,
}

impl Skip {
    /// The reason, for people.
    pub fn reason(self) -> &'static str {
        match self {
            Self::SymbolicLink => "symbolic link (use --follow to copy what it points to)",
            Self::LinkLoop => "symbolic link that leads back to a directory it is in",
            Self::SpecialFile => "not a regular file (socket, pipe or device)",
            Self::PartialDownload => "left behind by an interrupted download",
        }
    }
}

/// What a transfer did.
#[derive(Debug, Default)]
pub struct Report {
    /// Files transferred and verified.
    pub files: u64,
    /// Directories made, or found and adopted.
    pub directories: u64,
    /// Bytes of content in the files.
    pub bytes: u64,
    /// Left out on purpose.
    pub skipped: Bounded<(String, Skip)>,
    /// Failed, one entry a file.
    pub failed: Bounded<(String, ClientError)>,
    /// Written, but another name in the directory differs only in case or in
    /// the form of its letters: Windows and macOS cannot hold both.
    pub collisions: Bounded<String>,
    /// Why the transfer ended before its time.
    pub stopped: Option<ClientError>,
    /// Position of the newest write, for an upload.
    pub position: Option<Position>,
    /// Fewest machines that hold one of the writes, for an upload.
    pub machines: Option<u8>,
}

impl Report {
    /// Whether everything that was asked for was done.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.stopped.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_stops_growing_but_goes_on_counting() {
        let mut list = Bounded::default();
        assert!(list.is_empty());
        for number in 0..MAX_REPORTED + 5 {
            list.push(number);
        }
        assert_eq!(list.items.len(), MAX_REPORTED);
        assert_eq!(list.count, MAX_REPORTED as u64 + 5);
        assert!(!list.is_empty());
    }
}
