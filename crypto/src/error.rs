//! What can go wrong. An integrity failure is opaque on purpose: it names the
//! kind of object and nothing about why it did not open.

use thiserror::Error;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, CryptoError>;

/// Why an operation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The object does not open: damaged, altered, moved, or the key is not its key.
    #[error("{what} does not open: it is damaged, was altered, or the key is not the right one")]
    Integrity {
        /// Kind of object.
        what: &'static str,
    },
    /// A format version, object type or suite that this program does not know.
    #[error("{what} has a format that this version of Coffer does not know")]
    UnknownVersion {
        /// Kind of object.
        what: &'static str,
    },
    /// Input of the user or of the other side that cannot be used; the text says why.
    #[error("{0}")]
    BadInput(&'static str),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Random,
}
