//! Remote paths as people write them: `/photos/2026` in one's own tree,
//! `@anna/photos` in what anna shares, `@anna` for all of that, and `@` for
//! everything that others share.
//!
//! Guarantees: a text is either one of these or refused with the reason; what
//! is shown of a parsed path parses to the same path.

use crate::error::ClientError;
use coffer_protocol::Place;
use coffer_protocol::limits::MAX_USER_NAME_BYTES;
use coffer_protocol::place::PathError;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Why a text is not a remote path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadRemotePath {
    /// Neither in the own tree nor in somebody's.
    #[error("it starts neither with '/' nor with '@'")]
    NoStart,
    /// `@/name`.
    #[error("the user name behind '@' is missing")]
    NoOwner,
    /// No user can have this name.
    #[error("the user name behind '@' is longer than {MAX_USER_NAME_BYTES} bytes")]
    OwnerTooLong,
    /// A name in it, or how many there are.
    #[error("{0}")]
    Names(PathError),
}

/// A path in what somebody shares.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SharedPath {
    /// User name of the owner, as it was written.
    pub owner: String,
    /// Name of the shared file or directory.
    pub name: String,
    /// Names below it, outermost first.
    pub rest: Vec<String>,
}

/// A remote path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RemotePath {
    /// Names in the user's own tree, outermost first; none: the home directory.
    Own(Vec<String>),
    /// `@`: everything that others share with the user.
    Everyone,
    /// `@owner`: everything that this user shares with the user.
    Owner(String),
    /// `@owner/name/...`.
    Shared(SharedPath),
}

impl RemotePath {
    /// Reads a path. Repeated and trailing slashes are ignored, as in a shell.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        Self::read(text).map_err(|reason| ClientError::BadPath { path: text.to_owned(), reason })
    }

    fn read(text: &str) -> Result<Self, BadRemotePath> {
        if text.starts_with('/') {
            return names(text).map(Self::Own);
        }
        let shared = text.strip_prefix('@').ok_or(BadRemotePath::NoStart)?;
        let (owner, rest) = match shared.split_once('/') {
            Some((owner, _)) => (owner, &shared[owner.len()..]),
            None => (shared, "/"),
        };
        let mut rest = names(rest)?;
        if owner.is_empty() {
            return if rest.is_empty() { Ok(Self::Everyone) } else { Err(BadRemotePath::NoOwner) };
        }
        if owner.len() > MAX_USER_NAME_BYTES {
            return Err(BadRemotePath::OwnerTooLong);
        }
        let owner = owner.to_owned();
        if rest.is_empty() {
            return Ok(Self::Owner(owner));
        }
        let name = rest.remove(0);
        Ok(Self::Shared(SharedPath { owner, name, rest }))
    }

    /// The last name of a file or directory; `None` for the home directory and
    /// for paths that stand for several things.
    pub fn last_name(&self) -> Option<&str> {
        match self {
            Self::Own(names) => names.last().map(String::as_str),
            Self::Shared(SharedPath { name, rest, .. }) => {
                Some(rest.last().map_or(name.as_str(), String::as_str))
            }
            Self::Everyone | Self::Owner(_) => None,
        }
    }

    /// The path one name further up; `None` at the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::Own(names) => {
                let (_, above) = names.split_last()?;
                Some(Self::Own(above.to_vec()))
            }
            Self::Everyone => None,
            Self::Owner(_) => Some(Self::Everyone),
            Self::Shared(shared) => Some(match shared.rest.split_last() {
                Some((_, above)) => {
                    Self::Shared(SharedPath { rest: above.to_vec(), ..shared.clone() })
                }
                None => Self::Owner(shared.owner.clone()),
            }),
        }
    }

    /// The path one name further down.
    #[must_use]
    pub fn join(&self, name: impl Into<String>) -> Self {
        let name = name.into();
        match self.clone() {
            Self::Own(mut names) => {
                names.push(name);
                Self::Own(names)
            }
            Self::Everyone => Self::Owner(name),
            Self::Owner(owner) => Self::Shared(SharedPath { owner, name, rest: Vec::new() }),
            Self::Shared(mut shared) => {
                shared.rest.push(name);
                Self::Shared(shared)
            }
        }
    }
}

fn names(path: &str) -> Result<Vec<String>, BadRemotePath> {
    Place::parse(path).map(|place| place.names).map_err(BadRemotePath::Names)
}

impl FromStr for RemotePath {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        Self::parse(text)
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = |f: &mut fmt::Formatter<'_>, names: &[String]| {
            names.iter().try_for_each(|name| write!(f, "/{name}"))
        };
        match self {
            Self::Own(names) if names.is_empty() => f.write_str("/"),
            Self::Own(names) => below(f, names),
            Self::Everyone => f.write_str("@"),
            Self::Owner(owner) => write!(f, "@{owner}"),
            Self::Shared(SharedPath { owner, name, rest }) => {
                write!(f, "@{owner}/{name}")?;
                below(f, rest)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shared(owner: &str, name: &str, rest: &[&str]) -> RemotePath {
        let rest = rest.iter().map(|name| (*name).to_owned()).collect();
        RemotePath::Shared(SharedPath { owner: owner.to_owned(), name: name.to_owned(), rest })
    }

    #[test]
    fn paths_say_whose_tree_they_are_in() {
        let own =
            |names: &[&str]| RemotePath::Own(names.iter().map(|name| (*name).to_owned()).collect());
        for (text, path) in [
            ("/", own(&[])),
            ("/a//b c/", own(&["a", "b c"])),
            ("/@anna", own(&["@anna"])),
            ("@", RemotePath::Everyone),
            ("@/", RemotePath::Everyone),
            ("@anna", RemotePath::Owner("anna".to_owned())),
            ("@anna//", RemotePath::Owner("anna".to_owned())),
            ("@anna/docs", shared("anna", "docs", &[])),
            ("@anna//docs/x/", shared("anna", "docs", &["x"])),
            ("@anna@example.org/docs", shared("anna@example.org", "docs", &[])),
        ] {
            assert_eq!(RemotePath::read(text), Ok(path), "{text}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_with_the_reason() {
        let long = format!("@{}/x", "o".repeat(MAX_USER_NAME_BYTES + 1));
        let deep = format!("@anna{}", "/x".repeat(256));
        for (text, reason) in [
            ("", BadRemotePath::NoStart),
            ("a/b", BadRemotePath::NoStart),
            ("@/x", BadRemotePath::NoOwner),
            (&long, BadRemotePath::OwnerTooLong),
            ("@anna/../ben", BadRemotePath::Names(PathError::DotName)),
            ("@anna/.", BadRemotePath::Names(PathError::DotName)),
            ("/a/..", BadRemotePath::Names(PathError::DotName)),
            (&deep, BadRemotePath::Names(PathError::TooDeep)),
        ] {
            assert_eq!(RemotePath::read(text), Err(reason), "{text}");
        }
        let error = RemotePath::parse("a").expect_err("no path").to_string();
        assert_eq!(error, "'a' is not a remote path: it starts neither with '/' nor with '@'");
    }

    #[test]
    fn paths_go_up_and_down() {
        let path = RemotePath::parse("@anna/docs/x").expect("a path");
        assert_eq!(path.last_name(), Some("x"));
        let docs = path.parent().expect("a parent");
        assert_eq!((docs.to_string().as_str(), docs.last_name()), ("@anna/docs", Some("docs")));
        let anna = docs.parent().expect("a parent");
        assert_eq!((&anna, anna.last_name()), (&RemotePath::Owner("anna".to_owned()), None));
        assert_eq!(anna.join("docs").join("x"), path);
        assert_eq!(anna.parent(), Some(RemotePath::Everyone));
        assert_eq!(RemotePath::Everyone.parent(), None);
        assert_eq!(RemotePath::Own(Vec::new()).parent(), None);
    }

    proptest! {
        #[test]
        fn what_is_shown_parses_to_the_same(text in "[@/]{0,2}[a-z./@]{0,12}") {
            if let Ok(path) = RemotePath::read(&text) {
                prop_assert_eq!(RemotePath::read(&path.to_string()), Ok(path));
            }
        }
    }
}
