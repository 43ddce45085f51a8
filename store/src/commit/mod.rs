//! The one way to write: a commit, made durable by the one writer thread.

#[cfg(test)]
mod faults;
mod group;
mod preconditions;
mod types;
mod worker;
mod writer;

pub(crate) use group::Prepared;
pub use types::{Commit, CommitError, Committed, OpKey, Precondition};
pub(crate) use writer::{Maintenance, Writer, WriterSetup};
