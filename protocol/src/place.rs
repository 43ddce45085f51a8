//! How a request names a file or directory: a starting point and the names
//! below it. A client that knows a node id starts there and saves look-ups.

use crate::id::NodeId;
use crate::limits::{MAX_NAME_BYTES, MAX_PATH_DEPTH};
use bincode::{Decode, Encode};
use thiserror::Error;

/// Where the names of a `Place` start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Base {
    /// The signed-in user's own directory.
    Home,
    /// A node the user has been told about, live or in the trash.
    Node(NodeId),
}

/// A file or directory: `names` walked down from `base`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Place {
    /// Starting point.
    pub base: Base,
    /// Names below it, outermost first; empty means the base itself.
    pub names: Vec<String>,
}

/// Why a text is not a remote path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// Remote paths are absolute.
    #[error("a remote path starts with '/'")]
    NotAbsolute,
    /// `.` and `..` have no meaning on the server.
    #[error("'.' and '..' cannot be used in a remote path")]
    DotName,
    /// One name is longer than a name may be.
    #[error("a name in the path is longer than {MAX_NAME_BYTES} bytes")]
    NameTooLong,
    /// The path is deeper than a path may be.
    #[error("the path is deeper than {MAX_PATH_DEPTH} names")]
    TooDeep,
}

impl Place {
    /// The user's own directory.
    pub const fn home() -> Self {
        Self { base: Base::Home, names: Vec::new() }
    }

    /// A node by id.
    pub const fn node(node: NodeId) -> Self {
        Self { base: Base::Node(node), names: Vec::new() }
    }

    /// One name inside a directory given by id.
    pub fn child(parent: NodeId, name: impl Into<String>) -> Self {
        Self { base: Base::Node(parent), names: vec![name.into()] }
    }

    /// Parses a remote path such as `/photos/2026`. Repeated and trailing
    /// slashes are ignored, as in a shell.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        let rest = path.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
        let names: Vec<String> =
            rest.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if names.len() > MAX_PATH_DEPTH {
            return Err(PathError::TooDeep);
        }
        for name in &names {
            if name == "." || name == ".." {
                return Err(PathError::DotName);
            }
            if name.len() > MAX_NAME_BYTES {
                return Err(PathError::NameTooLong);
            }
        }
        Ok(Self { base: Base::Home, names })
    }

    /// The place one name further down.
    #[must_use]
    pub fn join(&self, name: impl Into<String>) -> Self {
        let mut names = self.names.clone();
        names.push(name.into());
        Self { base: self.base, names }
    }

    /// Splits off the last name: the directory and the name in it.
    pub fn split_last(&self) -> Option<(Self, &str)> {
        let (last, above) = self.names.split_last()?;
        Some((Self { base: self.base, names: above.to_vec() }, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_parse_as_in_a_shell() {
        let names = |path: &str| Place::parse(path).map(|place| place.names);
        assert_eq!(names("/"), Ok(vec![]));
        assert_eq!(names("/a//b c/"), Ok(vec!["a".into(), "b c".into()]));
        assert_eq!(names("a"), Err(PathError::NotAbsolute));
        assert_eq!(names(""), Err(PathError::NotAbsolute));
        assert_eq!(names("/a/../b"), Err(PathError::DotName));
        assert_eq!(names(&format!("/{}", "x".repeat(256))), Err(PathError::NameTooLong));
        assert_eq!(names(&"/x".repeat(256)), Err(PathError::TooDeep));
    }

    #[test]
    fn the_last_name_splits_off() {
        let place = Place::parse("/a/b").expect("valid");
        assert_eq!(place.split_last(), Some((Place::parse("/a").expect("valid"), "b")));
        assert_eq!(Place::home().split_last(), None);
    }
}
