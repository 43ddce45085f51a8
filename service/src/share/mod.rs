//! Shares, groups and contacts.

mod contact;
mod grant;
mod group;
mod list;
mod shares;
