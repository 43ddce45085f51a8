//! Shares, groups and contacts.
//!
//! Guarantees: only the owner shares, and only with people whose key is the one
//! that was pinned; whatever gives or takes a share raises the row revision of
//! its node in the same commit, so that a rename, which seals the grants anew,
//! never brings back what was taken; a row of a share that was edited does not
//! open; names of other people are told to those who know them already.

mod by_me;
mod contact;
mod grant;
mod group;
mod group_shares;
mod list;
mod names;
mod own;
mod people;
mod roots;
mod roster;
mod rows;
mod shares;
mod take_back;
