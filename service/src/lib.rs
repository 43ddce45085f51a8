//! Serves client sessions over a store: sign-up and sign-in, the tree,
//! transfers.
//!
//! Guarantees: keys and plaintext exist only here and only while a user is
//! signed in (`session`); everything stored is sealed by `coffer-crypto` before
//! the store sees it; every read is verified before a byte of it leaves; every
//! access is checked against the signed-in user; every change is one commit,
//! repeatable by its operation id; queues, caches, pages and batches are
//! bounded. Logs hold ids and codes, no names.

mod access;
mod account;
pub mod admin;
mod allowance;
mod answer;
mod cluster;
mod config;
mod cx;
mod deed;
mod dispatch;
mod epoch;
mod fault;
mod janitor;
mod limiter;
mod link;
mod mirror;
mod op;
mod pages;
mod quota;
mod recent;
mod recover;
mod room;
mod rows;
mod serve;
mod service;
mod session;
mod share;
mod time;
mod traffic;
mod transfer;
mod tree;
mod work;

#[cfg(test)]
mod tests;

pub use allowance::Allowance;
pub use cluster::{Cluster, Hearing, LookUp, Machines};
pub use config::{InstantUpload, Rate, Rates, ServiceConfig, SignupPolicy, Work};
pub use link::Link;
pub use mirror::{Mirror, Mirroring, NotMirrored};
pub use quota::{Limit, Quota, quota_key};
pub use serve::Served;
pub use service::Service;
pub use traffic::Traffic;
