//! A user's X25519 key pair. The private half is sealed under the root key; the
//! public half is recomputed at every sign-in, so a swapped one is noticed.

use crate::derive::{Expander, same};
use crate::error::Result;
use crate::secret::{Key32, Key64};
use crate::siv::{self, Object};
use x25519_dalek::{PublicKey, StaticSecret};

/// An opened key pair. The private half stays in this crate; it is wiped when the
/// pair is dropped, so a session may hold it for as long as it lasts.
pub struct Identity {
    secret: Key32,
    /// Public half.
    pub public: [u8; 32],
}

impl Identity {
    /// The private half, for the key agreement of a grant.
    pub(crate) fn secret(&self) -> &Key32 {
        &self.secret
    }
}

#[cfg(test)]
impl Identity {
    pub(crate) fn from_secret(secret: Key32) -> Self {
        Self { public: public_of(&secret), secret }
    }
}

fn seal_key(root: &Key32) -> Key64 {
    Expander::new(root.expose()).key64("coffer/1/identity", &[])
}

pub(crate) fn public_of(secret: &Key32) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*secret.expose())).to_bytes()
}

/// Makes a key pair: the public half and the sealed private half.
pub fn generate(root: &Key32, user_id: &[u8; 16]) -> Result<([u8; 32], Vec<u8>)> {
    let secret = Key32::generate()?;
    Ok((public_of(&secret), seal(root, user_id, &secret)))
}

pub(crate) fn seal(root: &Key32, user_id: &[u8; 16], secret: &Key32) -> Vec<u8> {
    siv::seal(&seal_key(root), Object::Identity, &[user_id], secret.expose())
}

/// Opens a key pair and compares its public half with the one on record.
pub fn open(
    root: &Key32,
    user_id: &[u8; 16],
    sealed: &[u8],
    expected_public: &[u8; 32],
) -> Result<Identity> {
    let plain = siv::open_array::<32>(&seal_key(root), Object::Identity, &[user_id], sealed)?;
    let secret = Key32::from_bytes(*plain);
    let public = public_of(&secret);
    match same(&public, expected_public) {
        true => Ok(Identity { secret, public }),
        false => Err(Object::Identity.broken()),
    }
}
