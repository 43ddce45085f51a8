//! Everything the server derives from its master key: tags and salts of user
//! names, sealed password verifiers, the half of a user's lock that is not the
//! password, and the secrets of deduplication.

use crate::account::SecretKind;
use crate::chunk::ChunkKey;
use crate::derive::{Expander, hmac, same, tag};
use crate::error::{CryptoError, Result};
use crate::master::MasterKey;
use crate::secret::{Key32, Key64};
use crate::siv::{self, Object};
use crate::user::user_name_key;
use std::hint::black_box;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a key check value.
const KCV_BYTES: usize = 32;

/// What the server keeps of a password or recovery key, and only sealed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Verifier {
    /// SHA-256(ClientKey).
    pub stored_key: [u8; 32],
    /// Makes the server's proof.
    pub server_key: [u8; 32],
}

/// The keys of one installation.
pub struct ServerSecret {
    check: Key32,
    pepper_auth: Key64,
    pepper_wrap: Key32,
    salt: Key32,
    tag: Key32,
    fake: Key32,
    text: Key32,
    dedup_chunk: Key32,
    dedup_fingerprint: Key32,
    anchor: Key32,
    epoch: Key32,
    member: Key32,
    work: Key32,
    device: Key32,
}

impl ServerSecret {
    /// Derives the keys; they differ between installations even under one master key.
    pub fn derive(master: &MasterKey, server_id: &[u8; 32]) -> Self {
        let expander = Expander::new(master.expose());
        let key32 = |label| expander.key32(label, &[server_id]);
        Self {
            check: key32("coffer/1/check"),
            pepper_auth: expander.key64("coffer/1/pepper-auth", &[server_id]),
            pepper_wrap: key32("coffer/1/pepper-wrap"),
            salt: key32("coffer/1/salt"),
            tag: key32("coffer/1/tag"),
            fake: key32("coffer/1/fake"),
            text: key32("coffer/1/text"),
            dedup_chunk: key32("coffer/1/dedup-chunk"),
            dedup_fingerprint: key32("coffer/1/dedup-fingerprint"),
            anchor: key32("coffer/1/anchor"),
            epoch: key32("coffer/1/epoch"),
            member: key32("coffer/1/member"),
            work: key32("coffer/1/work"),
            device: key32("coffer/1/device"),
        }
    }

    /// Proof that a promotion has taken place: an HMAC over the number of the epoch
    /// that it began, the last entry that the epochs before have in common with it,
    /// the chain's hash up to there, and who the new primary is: host, port,
    /// fingerprint of its authority. Whoever has the master key can check it.
    pub fn epoch_mac(
        &self,
        epoch: u64,
        fork: (u64, &[u8; 32]),
        primary: (&str, u16, &[u8; 32]),
    ) -> [u8; 32] {
        let (host, port, fingerprint) = primary;
        let parts: [&[u8]; 6] = [
            &epoch.to_be_bytes(),
            &fork.0.to_be_bytes(),
            fork.1,
            &port.to_be_bytes(),
            fingerprint,
            host.as_bytes(),
        ];
        tag(&self.epoch, "coffer/1/epoch-mac", &parts)
    }

    /// Checks an `epoch_mac` in constant time.
    pub fn verify_epoch(
        &self,
        epoch: u64,
        fork: (u64, &[u8; 32]),
        primary: (&str, u16, &[u8; 32]),
        mac: &[u8; 32],
    ) -> Result<()> {
        match same(&self.epoch_mac(epoch, fork, primary), mac) {
            true => Ok(()),
            false => Err(CryptoError::Integrity { what: "the proof of a promotion" }),
        }
    }

    /// Proof that a machine has the master key, bound to the TLS exporter of the
    /// connection on which it is shown.
    pub fn member_mac(&self, exporter: &[u8; 32]) -> [u8; 32] {
        tag(&self.member, "coffer/1/member-mac", &[exporter])
    }

    /// Checks a `member_mac` in constant time.
    pub fn verify_member(&self, exporter: &[u8; 32], mac: &[u8; 32]) -> Result<()> {
        match same(&self.member_mac(exporter), mac) {
            true => Ok(()),
            false => Err(CryptoError::Integrity { what: "the proof of a machine" }),
        }
    }

    /// A value to store, by which a wrong master key is noticed. It says nothing
    /// about the other keys.
    pub fn check_value(&self) -> [u8; 32] {
        *self.check.expose()
    }

    /// Salt of a user name; the same function for names that exist and for
    /// names that do not.
    pub fn salt(&self, user_name: &str) -> [u8; 32] {
        tag(&self.salt, "coffer/1/user-salt", &[user_name_key(user_name).as_bytes()])
    }

    /// Index of a user name in the database. Case does not matter.
    pub fn user_tag(&self, user_name: &str) -> [u8; 32] {
        tag(&self.tag, "coffer/1/user-tag", &[user_name_key(user_name).as_bytes()])
    }

    /// Index of an invitation code in the database. Case, spaces and hyphens do
    /// not matter.
    pub fn invite_tag(&self, code: &str) -> [u8; 32] {
        let code: String = code
            .chars()
            .filter(|c| *c != '-' && !c.is_whitespace())
            .map(|c| c.to_ascii_uppercase())
            .collect();
        tag(&self.tag, "coffer/1/invite-tag", &[code.as_bytes()])
    }

    /// Index of the token with which a machine becomes a replica.
    pub fn replica_token_tag(&self, token: &[u8; 32]) -> [u8; 32] {
        tag(&self.tag, "coffer/1/replica-token-tag", &[token])
    }

    /// A verifier that no password satisfies, for a name without an account. It
    /// stays the same from one attempt to the next, and costs what opening a
    /// real one costs.
    pub fn fake_verifier(&self, user_name: &str, kind: SecretKind) -> Verifier {
        let name = user_name_key(user_name);
        let context: [&[u8]; 2] = [&[kind as u8], name.as_bytes()];
        let bytes = Expander::new(self.fake.expose()).key64("coffer/1/fake-verifier", &context);
        let verifier = split_verifier(bytes.expose());
        black_box(self.seal_verifier(&verifier, &[0; 16], kind, 0));
        verifier
    }

    /// Seals a verifier for the database.
    pub fn seal_verifier(
        &self,
        verifier: &Verifier,
        user_id: &[u8; 16],
        kind: SecretKind,
        version: u32,
    ) -> Vec<u8> {
        let mut plain = Zeroizing::new([0; 64]);
        plain[..32].copy_from_slice(&verifier.stored_key);
        plain[32..].copy_from_slice(&verifier.server_key);
        let ad: [&[u8]; 3] = [user_id, &[kind as u8], &version.to_be_bytes()];
        siv::seal(&self.pepper_auth, Object::Verifier, &ad, plain.as_slice())
    }

    /// Opens a verifier.
    pub fn open_verifier(
        &self,
        sealed: &[u8],
        user_id: &[u8; 16],
        kind: SecretKind,
        version: u32,
    ) -> Result<Verifier> {
        let ad: [&[u8]; 3] = [user_id, &[kind as u8], &version.to_be_bytes()];
        let plain = siv::open_array(&self.pepper_auth, Object::Verifier, &ad, sealed)?;
        Ok(split_verifier(&plain))
    }

    /// The lock of a user's root key: it takes the unlocking key and the master
    /// key to make it, so a copy of the database cannot be guessed against.
    fn root_lock(
        &self,
        unlock: &Key32,
        user_id: &[u8; 16],
        kind: SecretKind,
        version: u32,
    ) -> (Key64, Key32) {
        let expander = Expander::extract(self.pepper_wrap.expose(), unlock.expose());
        let context: [&[u8]; 3] = [user_id, &[kind as u8], &version.to_be_bytes()];
        (
            expander.key64("coffer/1/root-wrap", &context),
            expander.key32("coffer/1/root-check", &context),
        )
    }

    /// Wraps a user's root key: key check value, then the sealed key.
    pub fn wrap_root(
        &self,
        root: &Key32,
        unlock: &Key32,
        user_id: &[u8; 16],
        kind: SecretKind,
        version: u32,
    ) -> Vec<u8> {
        let (lock, check) = self.root_lock(unlock, user_id, kind, version);
        let ad: [&[u8]; 3] = [user_id, &[kind as u8], &version.to_be_bytes()];
        let sealed = siv::seal_bare(&lock, Object::RootKey, &ad, root.expose());
        siv::prefixed(Object::RootKey, &[check.expose(), &sealed])
    }

    /// Unwraps a user's root key. The check value is compared first, so that a
    /// wrapped key opens under one lock only.
    pub fn unwrap_root(
        &self,
        wrapped: &[u8],
        unlock: &Key32,
        user_id: &[u8; 16],
        kind: SecretKind,
        version: u32,
    ) -> Result<Key32> {
        let (lock, check) = self.root_lock(unlock, user_id, kind, version);
        let (stored, sealed) = siv::strip_prefix(Object::RootKey, wrapped)?
            .split_at_checked(KCV_BYTES)
            .ok_or(Object::RootKey.broken())?;
        if !same(stored, check.expose()) {
            return Err(Object::RootKey.broken());
        }
        let ad: [&[u8]; 3] = [user_id, &[kind as u8], &version.to_be_bytes()];
        let plain = siv::open_bare(&lock, Object::RootKey, &ad, sealed)?;
        match plain.len() {
            32 => Ok(Key32::filled(|out| out.copy_from_slice(&plain))),
            _ => Err(Object::RootKey.broken()),
        }
    }

    /// Does the work of `unwrap_root` for a sign-in that has already failed, so
    /// that failing takes as long as succeeding.
    pub fn fake_unwrap(&self, unlock: &Key32) {
        let kind = SecretKind::Password;
        let (lock, check) = self.root_lock(unlock, &[0; 16], kind, 0);
        let ad: [&[u8]; 3] = [&[0; 16], &[kind as u8], &[0; 4]];
        black_box(same(check.expose(), &[0; KCV_BYTES]));
        black_box(siv::open_bare(&lock, Object::RootKey, &ad, &[0; 48]).is_ok());
    }

    /// Seals a text of the server (user names, contacts, private keys of the
    /// installation) under a key of its own for each `label`; its length is
    /// rounded up to 32 bytes.
    pub fn seal_text(&self, label: &'static str, text: &[u8], id: &[u8; 16]) -> Vec<u8> {
        let ad: [&[u8]; 2] = [label.as_bytes(), id];
        siv::seal_padded(&self.text_key(label), Object::Text, &ad, text)
    }

    /// Opens a text of the server.
    pub fn open_text(
        &self,
        label: &'static str,
        sealed: &[u8],
        id: &[u8; 16],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let ad: [&[u8]; 2] = [label.as_bytes(), id];
        siv::open_padded(&self.text_key(label), Object::Text, &ad, sealed)
    }

    fn text_key(&self, label: &str) -> Key64 {
        Expander::new(self.text.expose()).key64("coffer/1/text-key", &[label.as_bytes()])
    }

    /// Key of a chunk of 64 KiB or more: the same for the same contents, within
    /// one installation.
    pub fn dedup_key(&self, len: u32, plain_hash: &[u8; 32]) -> ChunkKey {
        ChunkKey::convergent(hmac(self.dedup_chunk.expose(), &[&len.to_be_bytes(), plain_hash]))
    }

    /// Index of such a chunk: says nothing about its contents without the master key.
    pub fn dedup_fingerprint(&self, len: u32, plain_hash: &[u8; 32]) -> [u8; 32] {
        hmac(self.dedup_fingerprint.expose(), &[&len.to_be_bytes(), plain_hash])
    }

    /// Authenticates a challenge for proof of work.
    pub(crate) fn work_mac(&self, exporter: &[u8; 32], body: &[u8]) -> [u8; 32] {
        tag(&self.work, "coffer/1/work-mac", &[exporter, body])
    }

    /// Authenticates what makes a device known.
    pub(crate) fn device_mac(&self, body: &[u8]) -> [u8; 32] {
        tag(&self.device, "coffer/1/device-mac", &[body])
    }

    /// Authenticates the newest position of the installation, kept outside the database.
    pub fn anchor_mac(&self, bytes: &[u8]) -> [u8; 32] {
        tag(&self.anchor, "coffer/1/anchor-mac", &[bytes])
    }
}

fn split_verifier(bytes: &[u8; 64]) -> Verifier {
    let mut verifier = Verifier { stored_key: [0; 32], server_key: [0; 32] };
    verifier.stored_key.copy_from_slice(&bytes[..32]);
    verifier.server_key.copy_from_slice(&bytes[32..]);
    verifier
}
