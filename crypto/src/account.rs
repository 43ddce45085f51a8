//! What a client makes of a password or a recovery key: the key that proves it
//! and the key that unlocks the user's data.
//!
//! ```text
//! MK     = PBKDF2-HMAC-SHA-512(password, salt, iterations, 64)
//! auth   = HKDF-Expand(MK, "auth"   || server id || user name)
//! unlock = HKDF-Expand(MK, "unlock" || server id || user name)
//! ```
//!
//! A recovery key is random already and takes the place of MK, with labels of
//! its own. The user name enters in its case-folded form.

use crate::derive::{Expander, tag};
use crate::error::{CryptoError, Result};
use crate::recovery::RecoveryKey;
use crate::secret::Key32;
use crate::user::{normalize_password, user_name_key};
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Which of a user's two secrets something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SecretKind {
    /// The password.
    Password = 1,
    /// The recovery key.
    Recovery = 2,
}

/// How a password becomes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kdf {
    /// 1: PBKDF2-HMAC-SHA-512.
    pub id: u8,
    /// Iterations.
    pub iterations: u32,
}

/// What this version asks of every password.
pub const KDF: Kdf = Kdf { id: 1, iterations: 600_000 };
/// More than this would only keep a client busy.
const MAX_ITERATIONS: u32 = 10_000_000;

impl Kdf {
    /// Refuses what a server must not ask for: an unknown function, too little
    /// work to protect the password, or so much that the client would hang.
    pub fn accept(self) -> Result<()> {
        if self.id != KDF.id {
            return Err(CryptoError::UnknownVersion {
                what: "the password function of the server",
            });
        }
        match self.iterations {
            0..600_000 => Err(CryptoError::BadInput(
                "the server asks for weaker password protection than is safe; do not sign in to it",
            )),
            600_000..=MAX_ITERATIONS => Ok(()),
            _ => Err(CryptoError::BadInput("the server asks for unreasonable password work")),
        }
    }
}

/// The two keys a password (or recovery key) stands for.
pub struct AccountKeys {
    auth: Key32,
    unlock: Key32,
}

/// What the server is given of one secret at sign-up.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct CredentialParts {
    /// SHA-256(ClientKey): checks a proof.
    pub stored_key: [u8; 32],
    /// Makes the server's own proof.
    pub server_key: [u8; 32],
    /// With the server's secret, unlocks the user's root key.
    pub unlock_key: [u8; 32],
}

impl AccountKeys {
    /// Derives the keys from a password as typed. Takes the better part of a second.
    pub fn from_password(
        password: &str,
        salt: &[u8; 32],
        kdf: Kdf,
        server_id: &[u8; 32],
        user_name: &str,
    ) -> Result<Self> {
        kdf.accept()?;
        let password = normalize_password(password)?;
        let mut stretched = Zeroizing::new([0; 64]);
        pbkdf2::pbkdf2_hmac::<Sha512>(
            password.as_bytes(),
            salt,
            kdf.iterations,
            stretched.as_mut_slice(),
        );
        let labels = ["coffer/1/auth", "coffer/1/unlock"];
        Ok(Self::expand(stretched.as_slice(), labels, server_id, user_name))
    }

    /// Derives the keys from a recovery key.
    pub fn from_recovery(recovery: &RecoveryKey, server_id: &[u8; 32], user_name: &str) -> Self {
        let labels = ["coffer/1/recovery-auth", "coffer/1/recovery-unlock"];
        Self::expand(recovery.expose(), labels, server_id, user_name)
    }

    fn expand(key: &[u8], labels: [&str; 2], server_id: &[u8; 32], user_name: &str) -> Self {
        let expander = Expander::new(key);
        let name = user_name_key(user_name);
        let context: [&[u8]; 2] = [server_id, name.as_bytes()];
        let [auth, unlock] = labels.map(|label| expander.key32(label, &context));
        Self { auth, unlock }
    }

    /// The keys as bytes, for a file that only their user can read.
    pub fn to_saved(&self) -> Zeroizing<[u8; 64]> {
        let mut out = Zeroizing::new([0; 64]);
        out[..32].copy_from_slice(self.auth.expose());
        out[32..].copy_from_slice(self.unlock.expose());
        out
    }

    /// Reads what `to_saved` wrote.
    pub fn from_saved(saved: &[u8; 64]) -> Self {
        let (auth, unlock) = saved.split_at(32);
        Self {
            auth: Key32::filled(|out| out.copy_from_slice(auth)),
            unlock: Key32::filled(|out| out.copy_from_slice(unlock)),
        }
    }

    /// What the server needs to know, at sign-up.
    pub fn credential(&self) -> CredentialParts {
        CredentialParts {
            stored_key: stored_key(self.client_key().expose()),
            server_key: *self.server_key().expose(),
            unlock_key: *self.unlock.expose(),
        }
    }

    pub(crate) fn client_key(&self) -> Key32 {
        Key32::from_bytes(tag(&self.auth, "coffer/1/client", &[]))
    }

    pub(crate) fn server_key(&self) -> Key32 {
        Key32::from_bytes(tag(&self.auth, "coffer/1/server", &[]))
    }

    pub(crate) fn unlock_key(&self) -> &Key32 {
        &self.unlock
    }
}

/// What the server keeps of a client key.
pub(crate) fn stored_key(client_key: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(client_key).into()
}
