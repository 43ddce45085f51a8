//! Tests over several modules; what concerns one function is tested beside it.

mod chunks;
mod golden;
mod names;
mod sealed;
mod shared;
mod sign_in;
mod texts;
mod vectors;
mod work;

use crate::account::AccountKeys;
use crate::chunk::ChunkKey;
use crate::grant::GrantBody;
use crate::identity::Identity;
use crate::manifest::{Manifest, ManifestEntry};
use crate::master::MasterKey;
use crate::meta::Meta;
use crate::node::{NodeKey, NodeKeys, NodeKind};
use crate::recovery::RecoveryKey;
use crate::secret::Key32;
use crate::server::ServerSecret;
use std::array::from_fn;

/// The fixed values of `golden/make_v1.py`: `first`, `first + 1` and so on.
fn counting<const N: usize>(first: u8) -> [u8; N] {
    from_fn(|index| first.wrapping_add(index as u8))
}

const USER_NAME: &str = "Zoë.Example";
const FILE_NAME: &str = "Gru\u{308}ße.TXT";
const EPOCH: u32 = 7;
const REVISION: u64 = 9;

fn server_id() -> [u8; 32] {
    counting(0x20)
}

fn user_id() -> [u8; 16] {
    counting(0x40)
}

fn parent_id() -> [u8; 16] {
    counting(0xb0)
}

fn child_id() -> [u8; 16] {
    counting(0xe0)
}

fn server() -> ServerSecret {
    ServerSecret::derive(&MasterKey::from_bytes(counting(0)), &server_id())
}

fn account() -> AccountKeys {
    let recovery = RecoveryKey::from_bytes(counting(0x70));
    AccountKeys::from_recovery(&recovery, &server_id(), USER_NAME)
}

fn root() -> Key32 {
    Key32::from_bytes(counting(0x50))
}

fn parent() -> NodeKeys {
    NodeKeys::derive(&NodeKey::from_bytes(counting(0x90)), &parent_id(), EPOCH)
}

fn child_key() -> NodeKey {
    NodeKey::from_bytes(counting(0xc0))
}

fn child() -> NodeKeys {
    NodeKeys::derive(&child_key(), &child_id(), EPOCH)
}

fn meta() -> Meta {
    Meta {
        size: 123_456_789,
        modified_millis: 1_700_000_000_000,
        created_millis: -1,
        written_millis: 1_800_000_000_000,
        executable: true,
        author: user_id(),
        content_hash: [0x55; 32],
        chunks: 118,
    }
}

fn recipient_id() -> [u8; 16] {
    counting(0x50)
}

fn owner() -> Identity {
    Identity::from_secret(Key32::from_bytes(counting(0x10)))
}

fn recipient() -> Identity {
    Identity::from_secret(Key32::from_bytes(counting(0x30)))
}

fn grant_body() -> GrantBody {
    GrantBody {
        share: counting(0xa0),
        node: child_id(),
        kind: NodeKind::File,
        owner: user_id(),
        recipient: recipient_id(),
        recipient_kind: 1,
        via: counting(0x60),
        mode: 2,
        key_epoch: EPOCH,
        created_millis: 1_800_000_000_000,
        expires_millis: Some(1_900_000_000_000),
    }
}

fn entry(number: u8, len: u32) -> ManifestEntry {
    ManifestEntry {
        blob_id: [number; 32],
        key: ChunkKey::from_bytes([number + 1; 32]),
        plain_hash: [number + 2; 32],
        len,
    }
}

fn entries() -> Vec<ManifestEntry> {
    vec![entry(1, 4 << 20), entry(4, 5)]
}

fn manifest() -> Manifest {
    Manifest::Chunks(entries())
}
