//! Contents of files: in batches, in chunks, and out again.

pub(crate) mod batch;
pub(crate) mod content;
mod copy;
pub(crate) mod destination;
mod lease;
pub(crate) mod offer;
mod pending;
pub(crate) mod proof;
pub(crate) mod reading;
pub(crate) mod reserve;
mod sending;
mod small;
pub(crate) mod upload;
