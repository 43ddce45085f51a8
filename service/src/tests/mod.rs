//! Tests of the service over a real store, mostly without a transport.

mod access;
mod access_trash;
mod access_writes;
mod accounts;
mod damage;
mod foreign;
mod guest;
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
