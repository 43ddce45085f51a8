//! Coffer client library: sign up and in, keep a session alive, work on the
//! tree, share it with others, move files.
//!
//! Guarantees: nothing a server says is believed before it has proved that it
//! knows the account; no write is sent twice under two operation ids; every
//! byte of content handed out has the hash it was stored with; the password is
//! never written anywhere. Runs on Linux, macOS and Windows.

pub mod checking;
pub mod client;
pub mod cluster;
pub mod error;
pub mod home;
pub mod human;
pub mod ids;
pub mod path;
pub mod retry;
pub mod transfer;

mod account;
mod device;
mod dialer;
mod keys;
mod link;
mod opening;
mod ops;
mod place;
mod profile;
mod rate;
mod resolve;
mod session;
mod signin;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use account::{NewAccount, SignUp};
pub use checking::Checking;
pub use client::{Client, ClientOptions};
pub use cluster::{Cluster, KnownMachine, Machine};
pub use error::{ClientError, Exit};
pub use home::Home;
pub use ops::{
    copy::{CopyFailure, CopyReport},
    events::{ActivityLister, Notice, Watcher},
    list::{Lister, Listing, Walker},
    people::Groups,
    read::{ByteRange, FileReader},
    recovered::RecoveredLister,
    relocate::{Moved, Source},
    share::{ShareLister, ShareScope, SharedWithMe, path_of_share},
    trash::TrashLister,
    versions::VersionLister,
};
pub use path::{BadRemotePath, RemotePath, SharedPath};
pub use place::{Spot, ToPlace};
pub use profile::Profile;
pub use retry::Policy;
pub use session::{Answer, Reach, Sighting};

pub use coffer_crypto::{WeakPassword, check_strength};

/// The words of the protocol: places, entries, error codes, limits, links.
pub use coffer_protocol as protocol;
