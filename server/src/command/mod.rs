//! The commands that end by themselves.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod database;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod invite;
pub(crate) mod link;
pub(crate) mod master_key;
pub(crate) mod quota;
pub(crate) mod repair;
pub(crate) mod replica;
pub(crate) mod status;
pub(crate) mod unfence;
pub(crate) mod users;
pub(crate) mod version;
