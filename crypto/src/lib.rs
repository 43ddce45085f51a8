//! The cryptography of Coffer: passwords, keys, names, metadata, chunks,
//! manifests and grants (format version 1).
//!
//! Guarantees: nothing here opens a socket, touches a file or reads a clock;
//! the only outside thing is the operating system's random generator. Every
//! layout is fixed-width, big-endian and written by hand. Nothing is decrypted
//! before it is authenticated by the caller's key, no input makes a function
//! panic, and types that hold a secret have no `Debug`, no `Clone` and no serde,
//! and are wiped when they are dropped.
//!
//! `docs/security.md` says what this protects against, and what it does not.

pub mod account;
pub mod chunk;
pub mod contact;
mod derive;
pub mod device;
mod error;
pub mod grant;
pub mod identity;
pub mod manifest;
pub mod master;
pub mod meta;
pub mod name;
pub mod node;
pub mod ownership;
pub mod recovery;
pub mod safety;
pub mod scram;
pub mod secret;
pub mod server;
mod siv;
pub mod strength;
#[cfg(test)]
mod tests;
mod text;
pub mod user;
pub mod work;

pub use account::{AccountKeys, CredentialParts, KDF, Kdf, SecretKind};
pub use chunk::{ChunkKey, ContentHasher, SealedChunk};
pub use contact::{open_contact, open_group, seal_contact, seal_group};
pub use error::{CryptoError, Result};
pub use grant::{GrantBody, open_grant, seal_grant};
pub use identity::Identity;
pub use manifest::{Manifest, ManifestEntry, SegmentRef};
pub use master::MasterKey;
pub use meta::Meta;
pub use name::{NameError, check_name};
pub use node::{NodeKey, NodeKeys, NodeKind};
pub use recovery::RecoveryKey;
pub use safety::safety_number;
pub use scram::{AuthFields, ClientFinish, ServerFinish};
pub use secret::{Key32, Key64};
pub use server::{ServerSecret, Verifier};
pub use strength::{WeakPassword, check_strength};
pub use user::{normalize_password, normalize_user_name};
