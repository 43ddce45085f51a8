//! Directories and files by their names.

pub(crate) mod create;
mod cursor;
mod dirs;
mod list;
mod lookup;
pub(crate) mod node;
pub(crate) mod purge;
pub(crate) mod relocate;
pub(crate) mod resolve;
mod trash;
mod trash_in;
pub(crate) mod versions;
mod walk;
