//! The commands that end by themselves.

pub(crate) mod check;
pub(crate) mod drill;
pub(crate) mod follow;
pub(crate) mod join;
pub(crate) mod promote;
pub(crate) mod repair;
pub(crate) mod status;
pub(crate) mod unlock;
