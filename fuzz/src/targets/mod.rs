//! The targets: one for every decoder of bytes from outside.
//!
//! A target returns what the decoder said. Beside not panicking it holds the
//! decoder to its word: what was accepted is encoded again and must come back
//! the same, and a sealed object must not open once a byte of it has changed.

mod chunk;
mod config;
mod frame;
mod golden;
mod journal;
mod keys;
mod link;
mod manifest;
mod message;
mod names;
mod sealed;

/// Accepted, or refused with this text.
pub(crate) type Outcome = Result<(), String>;

/// One decoder.
pub(crate) struct Target {
    /// Name on the command line.
    pub(crate) name: &'static str,
    /// Pieces that mean something to the decoder.
    pub(crate) words: &'static [&'static [u8]],
    /// Inputs that are accepted.
    pub(crate) corpus: fn() -> Vec<Vec<u8>>,
    /// Runs the decoder.
    pub(crate) run: fn(&[u8]) -> Outcome,
}

/// Every target.
pub(crate) static ALL: &[Target] = &[
    frame::TARGET,
    message::REQUEST,
    message::RESPONSE,
    message::HELLO,
    message::WELCOME,
    message::WIRE_ERROR,
    link::TARGET,
    manifest::TARGET,
    chunk::TARGET,
    sealed::TARGET,
    keys::TARGET,
    names::NAMES,
    names::PASSWORDS,
    journal::TARGET,
    config::TARGET,
];

/// The text of an error.
fn refused(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Text of an input; bytes that are not UTF-8 become replacement characters.
fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}
