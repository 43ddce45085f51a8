//! Tests of the service over a real store, mostly without a transport.

mod access;
mod access_drafts;
mod access_trash;
mod access_writes;
mod accounts;
mod damage;
mod deeds;
mod deeds_watch;
mod foreign;
mod guest;
mod harness;
mod model;
mod repeat;
mod sessions;
mod sharing;
mod sharing_damage;
mod sharing_groups;
mod sharing_many;
mod sharing_people;
mod transfers;
mod tree_model;
mod trees;
mod user;
mod versions;
mod walks;
mod wire;
