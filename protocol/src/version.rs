//! Protocol version and feature bits, and how both sides agree on them.

use bincode::{Decode, Encode};

/// The newest version this build speaks.
pub const CURRENT: u16 = 2;
/// The oldest version this build still speaks.
pub const OLDEST: u16 = 2;

/// Optional abilities; a side uses one only when both have announced it.
/// Unknown bits are kept and ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Features(pub u64);

impl Features {
    /// Further connections may join a signed-in session (`Request::Attach`).
    pub const ATTACH: Features = Features(1);

    /// Shares, groups, contacts, hints and activity (`Request::Share` to
    /// `Request::ListActivity`).
    pub const SHARING: Features = Features(1 << 1);

    /// Proof of work and known devices (`Request::AskWork` to `Request::AskDevice`).
    pub const WORK: Features = Features(1 << 2);

    /// Proofs for content that only others have (`Request::ProveContent`).
    pub const PROOFS: Features = Features(1 << 3);

    /// Everything this build can do.
    pub const SUPPORTED: Features =
        Features(Features::ATTACH.0 | Features::SHARING.0 | Features::WORK.0 | Features::PROOFS.0);

    /// The features both sides have.
    #[must_use]
    pub fn common(self, other: Features) -> Features {
        Features(self.0 & other.0)
    }

    /// Whether all bits of `wanted` are set.
    pub fn has(self, wanted: Features) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

/// Picks the version to speak: the newest both sides know.
pub fn negotiate(oldest: u16, newest: u16) -> Option<u16> {
    let version = newest.min(CURRENT);
    (version >= oldest.max(OLDEST)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_common_version_wins() {
        assert_eq!(negotiate(1, 1), None);
        assert_eq!(negotiate(1, 9), Some(CURRENT));
        assert_eq!(negotiate(CURRENT + 1, CURRENT + 3), None);
        assert_eq!(negotiate(0, 0), None);
    }

    #[test]
    fn unknown_features_are_ignored() {
        let theirs = Features(u64::MAX);
        assert_eq!(Features::SUPPORTED.common(theirs), Features::SUPPORTED);
        assert!(!Features(0).has(Features::ATTACH));
        assert!(Features::SUPPORTED.has(Features::SHARING));
        assert!(!Features::ATTACH.has(Features::SHARING));
    }
}
