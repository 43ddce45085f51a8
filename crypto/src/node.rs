//! Keys of the tree. Every file and directory has a random key of its own,
//! wrapped by its parent's; names, metadata and chunk lists are sealed with
//! sub-keys, and every record is bound to the place it belongs to: a record
//! that was moved, swapped or given another kind, epoch or revision does not open.

use crate::derive::{Expander, tag};
use crate::error::{CryptoError, Result};
use crate::manifest::Manifest;
use crate::meta::Meta;
use crate::name::{fold, nfc, read_name};
use crate::secret::{Key32, Key64, random};
use crate::siv::{self, Object};
use zeroize::Zeroizing;

/// Id of a node.
pub type NodeId16 = [u8; 16];

/// Bytes of random salt in front of a sealed manifest.
const SALT_BYTES: usize = 16;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum NodeKind {
    /// A file.
    File = 1,
    /// A directory.
    Directory = 2,
}

/// The random key of one node.
pub struct NodeKey(Key32);

impl NodeKey {
    /// Draws a key for a new node.
    pub fn generate() -> Result<Self> {
        Key32::generate().map(Self)
    }

    /// A key out of a grant that has opened.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Key32::from_bytes(bytes))
    }

    /// The bytes, for a grant.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

fn home_lock(root: &Key32) -> Key64 {
    Expander::new(root.expose()).key64("coffer/1/home", &[])
}

/// Wraps the key of a user's home directory under the user's root key.
pub fn wrap_home(root: &Key32, node: &NodeKey, node_id: &NodeId16, epoch: u32) -> Vec<u8> {
    let ad: [&[u8]; 3] = [node_id, &[NodeKind::Directory as u8], &epoch.to_be_bytes()];
    siv::seal(&home_lock(root), Object::HomeKey, &ad, node.0.expose())
}

/// Unwraps the key of a home directory.
pub fn unwrap_home(
    root: &Key32,
    wrapped: &[u8],
    node_id: &NodeId16,
    epoch: u32,
) -> Result<NodeKey> {
    let ad: [&[u8]; 3] = [node_id, &[NodeKind::Directory as u8], &epoch.to_be_bytes()];
    let plain = siv::open_array(&home_lock(root), Object::HomeKey, &ad, wrapped)?;
    Ok(NodeKey(Key32::from_bytes(*plain)))
}

/// The sub-keys of one node, derived from its key, id and key epoch.
pub struct NodeKeys {
    name: Key64,
    lookup: Key32,
    child: Key64,
    meta: Key64,
    manifest: Key32,
    activity: Key64,
}

impl NodeKeys {
    /// Derives the sub-keys.
    pub fn derive(node: &NodeKey, node_id: &NodeId16, epoch: u32) -> Self {
        let expander = Expander::new(node.0.expose());
        let context: [&[u8]; 2] = [node_id, &epoch.to_be_bytes()];
        Self {
            name: expander.key64("coffer/1/name", &context),
            lookup: expander.key32("coffer/1/lookup", &context),
            child: expander.key64("coffer/1/child", &context),
            meta: expander.key64("coffer/1/meta", &context),
            manifest: expander.key32("coffer/1/manifest", &context),
            activity: expander.key64("coffer/1/activity", &context),
        }
    }

    /// Wraps the key of a child of this directory, whose id is `parent_id`.
    pub fn wrap_child(
        &self,
        parent_id: &NodeId16,
        child: &NodeKey,
        child_id: &NodeId16,
        kind: NodeKind,
        epoch: u32,
    ) -> Vec<u8> {
        let ad: [&[u8]; 4] = [parent_id, child_id, &[kind as u8], &epoch.to_be_bytes()];
        siv::seal(&self.child, Object::NodeKey, &ad, child.0.expose())
    }

    /// Unwraps the key of a child.
    pub fn unwrap_child(
        &self,
        parent_id: &NodeId16,
        wrapped: &[u8],
        child_id: &NodeId16,
        kind: NodeKind,
        epoch: u32,
    ) -> Result<NodeKey> {
        let ad: [&[u8]; 4] = [parent_id, child_id, &[kind as u8], &epoch.to_be_bytes()];
        let plain = siv::open_array(&self.child, Object::NodeKey, &ad, wrapped)?;
        Ok(NodeKey(Key32::from_bytes(*plain)))
    }

    /// Finds a name in this directory; names with one NFC form share it.
    pub fn lookup_tag(&self, name: &str) -> [u8; 32] {
        tag(&self.lookup, "coffer/1/lookup-tag", &[nfc(name).as_bytes()])
    }

    /// Equal for names that Windows or macOS could not hold side by side.
    pub fn fold_tag(&self, name: &str) -> [u8; 32] {
        tag(&self.lookup, "coffer/1/fold-tag", &[fold(name).as_bytes()])
    }

    /// Seals the name of a child of this directory, as typed, its length rounded
    /// up to 32 bytes. The name has passed `check_name`.
    pub fn seal_name(
        &self,
        parent_id: &NodeId16,
        name: &str,
        child_id: &NodeId16,
        kind: NodeKind,
        epoch: u32,
    ) -> Vec<u8> {
        let ad: [&[u8]; 4] = [parent_id, child_id, &[kind as u8], &epoch.to_be_bytes()];
        siv::seal_padded(&self.name, Object::Name, &ad, name.as_bytes())
    }

    /// Opens the name of a child. A caller that found the row by a tag compares
    /// `lookup_tag` of the result with it before it trusts the row.
    pub fn open_name(
        &self,
        parent_id: &NodeId16,
        sealed: &[u8],
        child_id: &NodeId16,
        kind: NodeKind,
        epoch: u32,
    ) -> Result<String> {
        let ad: [&[u8]; 4] = [parent_id, child_id, &[kind as u8], &epoch.to_be_bytes()];
        let name = siv::open_padded(&self.name, Object::Name, &ad, sealed)?;
        read_name(&name).ok_or(Object::Name.broken())
    }

    /// Seals the metadata of this node.
    pub fn seal_meta(
        &self,
        meta: &Meta,
        node_id: &NodeId16,
        kind: NodeKind,
        epoch: u32,
        revision: u64,
    ) -> Vec<u8> {
        let ad: [&[u8]; 4] =
            [node_id, &[kind as u8], &epoch.to_be_bytes(), &revision.to_be_bytes()];
        siv::seal(&self.meta, Object::Meta, &ad, &meta.encode())
    }

    /// Opens the metadata of this node.
    pub fn open_meta(
        &self,
        sealed: &[u8],
        node_id: &NodeId16,
        kind: NodeKind,
        epoch: u32,
        revision: u64,
    ) -> Result<Meta> {
        let ad: [&[u8]; 4] =
            [node_id, &[kind as u8], &epoch.to_be_bytes(), &revision.to_be_bytes()];
        Meta::decode(&*siv::open_array(&self.meta, Object::Meta, &ad, sealed)?)
    }

    fn manifest_key(&self, salt: &[u8], node_id: &NodeId16, revision: u64) -> Key64 {
        Expander::extract(salt, self.manifest.expose())
            .key64("coffer/1/manifest-seal", &[node_id, &revision.to_be_bytes()])
    }

    /// Seals the chunk list of one revision of this file, behind a random salt.
    pub fn seal_manifest(
        &self,
        manifest: &Manifest,
        node_id: &NodeId16,
        revision: u64,
    ) -> Result<Vec<u8>> {
        Ok(self.seal_manifest_with(&random()?, &manifest.encode()?, node_id, revision))
    }

    pub(crate) fn seal_manifest_with(
        &self,
        salt: &[u8; SALT_BYTES],
        encoded: &[u8],
        node_id: &NodeId16,
        revision: u64,
    ) -> Vec<u8> {
        let key = self.manifest_key(salt, node_id, revision);
        let ad: [&[u8]; 3] = [salt, node_id, &revision.to_be_bytes()];
        siv::prefixed(
            Object::Manifest,
            &[salt, &siv::seal_bare(&key, Object::Manifest, &ad, encoded)],
        )
    }

    /// Opens the chunk list of one revision of this file.
    pub fn open_manifest(
        &self,
        sealed: &[u8],
        node_id: &NodeId16,
        revision: u64,
    ) -> Result<Manifest> {
        let (salt, sealed) = siv::strip_prefix(Object::Manifest, sealed)?
            .split_at_checked(SALT_BYTES)
            .ok_or(Object::Manifest.broken())?;
        let key = self.manifest_key(salt, node_id, revision);
        let ad: [&[u8]; 3] = [salt, node_id, &revision.to_be_bytes()];
        let plain = siv::open_bare(&key, Object::Manifest, &ad, sealed)?;
        Manifest::decode(&plain).map_err(|error| match error {
            CryptoError::BadInput(_) => Object::Manifest.broken(),
            other => other,
        })
    }

    /// Seals a record of what was done to this node: whoever has the node's key
    /// can read it, its owner and those it is shared with. Its length is rounded
    /// up to 32 bytes.
    pub fn seal_activity(&self, activity: &[u8; 16], node_id: &NodeId16, plain: &[u8]) -> Vec<u8> {
        siv::seal_padded(&self.activity, Object::Activity, &[activity, node_id], plain)
    }

    /// Opens a record of what was done to this node.
    pub fn open_activity(
        &self,
        activity: &[u8; 16],
        node_id: &NodeId16,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        siv::open_padded(&self.activity, Object::Activity, &[activity, node_id], sealed)
    }
}
