//! Tests of the service over a real store, mostly without a transport.

mod accounts;
mod damage;
mod foreign;
mod harness;
mod model;
mod repeat;
mod sessions;
mod sharing;
mod transfers;
mod tree_model;
mod trees;
mod user;
mod versions;
mod walks;
mod wire;
