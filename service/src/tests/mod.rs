//! Tests of the service over a real store, mostly without a transport.

mod accounts;
mod damage;
mod foreign;
mod harness;
mod model;
mod repeat;
mod sessions;
mod transfers;
mod trees;
mod walks;
mod wire;
