//! The published vectors of the stored formats, which have fixed keys: an input
//! that fails today fails in the next run, too.

use coffer_crypto::node::unwrap_home;
use coffer_crypto::{GrantBody, Key32, MasterKey, NodeKeys, NodeKind, Result, ServerSecret};
use data_encoding::HEXLOWER;

const VECTORS: &str = include_str!("../../../crypto/golden/v1.txt");

pub(super) const SERVER: [u8; 32] = counting(0x20);
pub(super) const USER: [u8; 16] = counting(0x40);
pub(super) const PARENT: [u8; 16] = counting(0xb0);
pub(super) const CHILD: [u8; 16] = counting(0xe0);
pub(super) const GROUP: [u8; 16] = counting(0x60);
pub(super) const TAG: [u8; 32] = counting(0x80);
pub(super) const RECORD: [u8; 16] = counting(0xd0);
pub(super) const KIND: NodeKind = NodeKind::File;
pub(super) const EPOCH: u32 = 7;

const fn counting<const N: usize>(first: u8) -> [u8; N] {
    let mut out = [0; N];
    let mut index = 0;
    while index < N {
        out[index] = first.wrapping_add(index as u8);
        index += 1;
    }
    out
}

/// A vector as it stands in the file.
pub(super) fn text(name: &str) -> &'static str {
    let found = VECTORS.lines().filter_map(|line| line.split_once(" = "));
    found.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value).unwrap_or_default()
}

/// The bytes of vectors, one behind the other.
pub(super) fn bytes(names: &[&str]) -> Vec<u8> {
    names
        .iter()
        .flat_map(|name| HEXLOWER.decode(text(name).as_bytes()).unwrap_or_default())
        .collect()
}

/// The server's keys.
pub(super) fn server() -> Result<ServerSecret> {
    let master = MasterKey::parse_file_text(text("master.file-text"))?;
    Ok(ServerSecret::derive(&master, &SERVER))
}

/// The user's root key.
pub(super) fn root() -> Key32 {
    Key32::from_bytes(counting(0x50))
}

/// The keys of the directory.
pub(super) fn parent() -> Result<NodeKeys> {
    let key = unwrap_home(&root(), &bytes(&["home.key"]), &PARENT, EPOCH)?;
    Ok(NodeKeys::derive(&key, &PARENT, EPOCH))
}

/// The keys of the file in it.
pub(super) fn child() -> Result<NodeKeys> {
    let key = parent()?.unwrap_child(&PARENT, &bytes(&["node.key"]), &CHILD, KIND, EPOCH)?;
    Ok(NodeKeys::derive(&key, &CHILD, EPOCH))
}

/// What the user's own grant, for a group, was sealed with.
pub(super) fn own_grant() -> GrantBody {
    GrantBody {
        share: counting(0xa0),
        node: CHILD,
        kind: KIND,
        owner: USER,
        recipient: GROUP,
        recipient_kind: 2,
        via: [0; 16],
        mode: 1,
        key_epoch: EPOCH,
        created_millis: 1_800_000_000_000,
        expires_millis: None,
    }
}
