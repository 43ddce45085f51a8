//! What a user keeps about others: groups and contacts, sealed under the user's
//! root key, so that nobody else can read or make them.
//!
//! A group is bound to its owner, its id and its revision, a contact to its owner
//! and the tag of the name it stands for: what was moved to another row, or put
//! back from an older revision of a group, does not open. An older contact of the
//! same name does; the chain of the journal shows that it was put back.

use crate::derive::Expander;
use crate::error::Result;
use crate::secret::{Key32, Key64};
use crate::siv::{self, Object};
use zeroize::Zeroizing;

fn lock(root: &Key32, label: &str) -> Key64 {
    Expander::new(root.expose()).key64(label, &[])
}

/// Seals a group of `owner`; its length is rounded up to 32 bytes.
pub fn seal_group(
    root: &Key32,
    owner: &[u8; 16],
    group: &[u8; 16],
    revision: u64,
    plain: &[u8],
) -> Vec<u8> {
    let ad: [&[u8]; 3] = [owner, group, &revision.to_be_bytes()];
    siv::seal_padded(&lock(root, "coffer/1/group"), Object::Group, &ad, plain)
}

/// Opens a group of `owner`.
pub fn open_group(
    root: &Key32,
    owner: &[u8; 16],
    group: &[u8; 16],
    revision: u64,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let ad: [&[u8]; 3] = [owner, group, &revision.to_be_bytes()];
    siv::open_padded(&lock(root, "coffer/1/group"), Object::Group, &ad, sealed)
}

/// Seals a contact of `owner`, found by `tag`; its length is rounded up to 32 bytes.
pub fn seal_contact(root: &Key32, owner: &[u8; 16], tag: &[u8; 32], plain: &[u8]) -> Vec<u8> {
    siv::seal_padded(&lock(root, "coffer/1/contact"), Object::Contact, &[owner, tag], plain)
}

/// Opens a contact of `owner`.
pub fn open_contact(
    root: &Key32,
    owner: &[u8; 16],
    tag: &[u8; 32],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    siv::open_padded(&lock(root, "coffer/1/contact"), Object::Contact, &[owner, tag], sealed)
}
