//! What the service asks about the other machines of the installation.
//!
//! Guarantees: an answer never counts a machine that has not made the commit
//! durable.

use coffer_protocol::Position;
use std::future::Future;
use std::pin::Pin;

/// The wait for other machines was given up where the configuration allows no
/// answer without them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotMirrored;

/// A wait that ends with the number of machines, this one included.
pub type Mirroring<'a> = Pin<Box<dyn Future<Output = Result<u8, NotMirrored>> + Send + 'a>>;

/// Knows which machines hold what.
pub trait Mirror: Send + Sync {
    /// Machines that hold everything up to a position now, this one included.
    fn holders(&self, position: Position) -> u8;

    /// The same for a commit that was just made, after the wait that the
    /// configuration asks for.
    fn mirrored(&self, position: Position) -> Mirroring<'_>;

    /// The last entry that every machine has; `u64::MAX` while there is no other.
    fn level(&self) -> u64;
}
