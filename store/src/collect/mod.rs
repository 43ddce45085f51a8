//! Getting rid of what nobody needs any more, without ever touching what
//! somebody does.
//!
//! - `garbage`: chunks that nothing refers to.
//! - `sweep`: files that no row names, and the trash of files.
//! - `expire`: users' trash, old versions and abandoned uploads, by the
//!   retention that the operator has configured.
//! - `ended`: shares past their time, and activity past its retention.
//!
//! The table at the top of the crate says what runs beside what, and what keeps
//! it apart.

mod ended;
mod expire;
mod garbage;
mod subtree;
mod sweep;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use expire::{Expired, Retention};
pub use garbage::{Applied, CollectLimits, Collected, Held};
pub use sweep::Swept;
