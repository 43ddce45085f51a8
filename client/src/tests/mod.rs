//! Behaviour of the library against a server without a network.

mod accounts;
mod errors;
mod failover;
mod machines;
mod moving;
mod reading;
mod sessions;
mod sharing;
mod trees;
mod watching;
mod working;
