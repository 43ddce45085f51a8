//! Sign-in: the SCRAM exchange (RFC 5802) over a hash of everything that was
//! said and of the TLS exporter of this very connection.
//!
//! ```text
//! auth    = SHA-256(label || server id || secret kind || client nonce || salt || KDF id
//!                   || iterations || server nonce || exporter || user name)
//! proof   = ClientKey xor HMAC(StoredKey, auth)
//! unlock  = SIV(HKDF(salt = auth, ClientKey, "unlock"); unlock key; auth)
//! answer  = HMAC(ServerKey, auth)
//! attach  = HKDF(salt = auth, ClientKey, "attach")
//! ```
//!
//! A proof is worth nothing on another connection, a copy of the database does
//! not let anyone make one, and the unlocking key can only be read by a server
//! that has just checked the proof.

use crate::account::{AccountKeys, Kdf, SecretKind, stored_key};
use crate::derive::{Expander, hmac, same, tag};
use crate::error::{CryptoError, Result};
use crate::secret::{Key32, Key64};
use crate::server::Verifier;
use crate::siv::{self, IV_BYTES, Object};
use crate::user::user_name_key;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Bytes of the sealed unlocking key on the wire.
const UNLOCK_BYTES: usize = IV_BYTES + 32;

/// Everything a sign-in is bound to.
#[derive(Clone, Copy)]
pub struct AuthFields<'a> {
    /// The installation.
    pub server_id: &'a [u8; 32],
    /// As typed, normalised.
    pub user_name: &'a str,
    /// Which secret is proved.
    pub secret_kind: SecretKind,
    /// Client's random bytes.
    pub client_nonce: &'a [u8; 32],
    /// Salt the server answered.
    pub salt: &'a [u8; 32],
    /// Derivation the server asked for.
    pub kdf: Kdf,
    /// Server's random bytes.
    pub server_nonce: &'a [u8; 32],
    /// TLS exporter of this connection.
    pub exporter: &'a [u8; 32],
}

/// Hash over all of it; both sides compute it on their own.
pub fn auth_message(fields: &AuthFields<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"coffer/1/auth-message\0");
    hash.update(fields.server_id);
    hash.update([fields.secret_kind as u8]);
    hash.update(fields.client_nonce);
    hash.update(fields.salt);
    hash.update([fields.kdf.id]);
    hash.update(fields.kdf.iterations.to_be_bytes());
    hash.update(fields.server_nonce);
    hash.update(fields.exporter);
    hash.update(user_name_key(fields.user_name).as_bytes());
    hash.finalize().into()
}

/// What the client sends, and keeps.
pub struct ClientFinish {
    /// Proof of the secret.
    pub proof: [u8; 32],
    /// The unlocking key, sealed for a server that can check the proof.
    pub unlock: [u8; UNLOCK_BYTES],
    /// Lets further connections join the session.
    pub attach_key: Key32,
}

/// What the server has after a good proof.
pub struct ServerFinish {
    /// Unlocks the user's root key.
    pub unlock: Key32,
    /// Proves to the client that this server knows the account.
    pub signature: [u8; 32],
    /// Checks further connections that join the session.
    pub attach_key: Key32,
}

fn session_keys(auth: &[u8; 32], client_key: &[u8; 32]) -> (Key64, Key32) {
    let expander = Expander::extract(auth, client_key);
    (expander.key64("coffer/1/unlock", &[]), expander.key32("coffer/1/attach", &[]))
}

fn xor(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    std::array::from_fn(|index| left[index] ^ right[index])
}

/// Makes the client's proof.
pub fn client_finish(keys: &AccountKeys, auth: &[u8; 32]) -> ClientFinish {
    let client_key = keys.client_key();
    let mask = hmac(&stored_key(client_key.expose()), &[auth]);
    let (seal_key, attach_key) = session_keys(auth, client_key.expose());
    let plain = keys.unlock_key().expose();
    let sealed = siv::seal_bare(&seal_key, Object::Unlock, &[auth], plain);
    let mut unlock = [0; UNLOCK_BYTES];
    unlock.copy_from_slice(&sealed);
    ClientFinish { proof: xor(client_key.expose(), &mask), unlock, attach_key }
}

/// Checks the server's answer. Before this the client believes nothing.
pub fn verify_server(keys: &AccountKeys, auth: &[u8; 32], signature: &[u8; 32]) -> Result<()> {
    match same(&hmac(keys.server_key().expose(), &[auth]), signature) {
        true => Ok(()),
        false => Err(CryptoError::Integrity { what: "the server's proof" }),
    }
}

/// Checks a client's proof and opens the unlocking key. A proof that is wrong
/// costs the same work as one that is right, and fails at the end.
pub fn server_finish(
    verifier: &Verifier,
    auth: &[u8; 32],
    proof: &[u8; 32],
    unlock: &[u8; UNLOCK_BYTES],
) -> Result<ServerFinish> {
    let mask = Zeroizing::new(hmac(&verifier.stored_key, &[auth]));
    let client_key = Zeroizing::new(xor(proof, &mask));
    let proved = same(&stored_key(&client_key), &verifier.stored_key);
    let (seal_key, attach_key) = session_keys(auth, &client_key);
    let opened = siv::open_bare(&seal_key, Object::Unlock, &[auth], unlock);
    let signature = hmac(&verifier.server_key, &[auth]);
    match opened {
        Ok(plain) if proved && plain.len() == 32 => Ok(ServerFinish {
            unlock: Key32::filled(|out| out.copy_from_slice(&plain)),
            signature,
            attach_key,
        }),
        _ => Err(CryptoError::Integrity { what: "the proof of the password" }),
    }
}

/// Proof that a connection belongs to a session: bound to its own TLS exporter,
/// so it cannot be carried to another connection.
pub fn attach_mac(attach_key: &Key32, session_id: &[u8; 16], exporter: &[u8; 32]) -> [u8; 32] {
    tag(attach_key, "coffer/1/attach-mac", &[session_id, exporter])
}

/// Checks an `attach_mac` in constant time.
pub fn verify_attach(
    attach_key: &Key32,
    session_id: &[u8; 16],
    exporter: &[u8; 32],
    mac: &[u8; 32],
) -> Result<()> {
    match same(&attach_mac(attach_key, session_id, exporter), mac) {
        true => Ok(()),
        false => Err(CryptoError::Integrity { what: "the proof of the session" }),
    }
}

/// Proof that a connection is a replica's, from the secret that it got when it
/// joined: bound to the TLS exporter of the connection, so that it cannot be
/// carried to another one.
pub fn peer_mac(secret: &Key32, replica: &[u8; 16], exporter: &[u8; 32]) -> [u8; 32] {
    tag(secret, "coffer/1/peer-mac", &[replica, exporter])
}

/// Checks a `peer_mac` in constant time.
pub fn verify_peer(
    secret: &Key32,
    replica: &[u8; 16],
    exporter: &[u8; 32],
    mac: &[u8; 32],
) -> Result<()> {
    match same(&peer_mac(secret, replica, exporter), mac) {
        true => Ok(()),
        false => Err(CryptoError::Integrity { what: "the proof of the replica" }),
    }
}

#[cfg(test)]
mod peer_tests {
    use super::*;

    #[test]
    fn a_replica_is_proved_on_its_own_connection_only() {
        let secret = Key32::from_bytes([1; 32]);
        let mac = peer_mac(&secret, &[2; 16], &[3; 32]);
        assert!(verify_peer(&secret, &[2; 16], &[3; 32], &mac).is_ok());
        let other = Key32::from_bytes([4; 32]);
        assert!(verify_peer(&other, &[2; 16], &[3; 32], &mac).is_err());
        assert!(verify_peer(&secret, &[5; 16], &[3; 32], &mac).is_err());
        assert!(verify_peer(&secret, &[2; 16], &[6; 32], &mac).is_err());
        assert_ne!(mac, attach_mac(&secret, &[2; 16], &[3; 32]), "another purpose, another tag");
    }
}
