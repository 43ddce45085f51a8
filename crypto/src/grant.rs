//! Grants: the key of a shared node, sealed by its owner to a recipient.
//!
//! HPKE (RFC 9180) in auth mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
//! AES-256-GCM. Nobody but the owner (or the recipient, to himself) could have
//! sealed it, nobody but the recipient opens it, and everything that the row of
//! the share says is the `info` of the key schedule: an altered row does not open.
//!
//! ```text
//! sealed:                          info (the body):
//! 0   1   version  1               0    8   "CF", version 1, type 7, suite 2, 0, 0, 0
//! 1   1   suite    2               8    16  share
//! 2   32  encapsulated key         24   16  node
//! 34  ..  ciphertext:              40   1   kind
//!         32  key of the node      41   16  owner
//!         ..  name, padded         57   16  recipient
//! ..  16  tag                      73   1   kind of recipient
//!                                  74   16  group through which, or zeros
//!                                  90   1   mode
//!                                  91   4   key epoch
//!                                  95   8   created, milliseconds since 1970
//!                                  103  9   0 and zeros, or 1 and the end
//! ```
//!
//! Auth mode does not protect a recipient whose own private key is known to an
//! attacker: with it, grants of anyone to him can be made (RFC 9180, 9.1.1).

use crate::error::{CryptoError, Result};
use crate::identity::Identity;
use crate::name::{check_name, pad32, read_name, unpad32};
use crate::node::{NodeKey, NodeKind};
use crate::secret::random;
use crate::siv::{self, Object};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{Infallible, TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use zeroize::Zeroizing;

/// Bytes of an encapsulated key.
const ENCAPPED_BYTES: usize = 32;
const KEY_BYTES: usize = 32;
pub(crate) const INFO_BYTES: usize = 112;
const BROKEN: CryptoError = Object::Grant.broken();

type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;
type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type EncappedKey = <X25519HkdfSha256 as Kem>::EncappedKey;

/// What the row of a share says. A grant opens with the very body that it was
/// sealed with, and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantBody {
    /// The share.
    pub share: [u8; 16],
    /// What is shared.
    pub node: [u8; 16],
    /// File or directory.
    pub kind: NodeKind,
    /// User who shares.
    pub owner: [u8; 16],
    /// User, or group, with whom.
    pub recipient: [u8; 16],
    /// 1: the recipient is a user; 2: a group, and the grant is the owner's own.
    pub recipient_kind: u8,
    /// Group through which the recipient has the share; zeros: directly.
    pub via: [u8; 16],
    /// 1: read; 2: also write.
    pub mode: u8,
    /// Epoch of the node's key.
    pub key_epoch: u32,
    /// When it was first shared, milliseconds since 1970.
    pub created_millis: i64,
    /// When it ends by itself, milliseconds since 1970.
    pub expires_millis: Option<i64>,
}

impl GrantBody {
    /// What the grant is bound to.
    pub(crate) fn info(&self) -> [u8; INFO_BYTES] {
        let (ends, end) = (self.expires_millis.is_some(), self.expires_millis.unwrap_or(0));
        let fields: [&[u8]; 13] = [
            &Object::Grant.header(),
            &self.share,
            &self.node,
            &[self.kind as u8],
            &self.owner,
            &self.recipient,
            &[self.recipient_kind],
            &self.via,
            &[self.mode],
            &self.key_epoch.to_be_bytes(),
            &self.created_millis.to_be_bytes(),
            &[u8::from(ends)],
            &end.to_be_bytes(),
        ];
        let mut info = [0; INFO_BYTES];
        let mut rest = info.as_mut_slice();
        for field in fields {
            let (place, behind) = rest.split_at_mut(field.len());
            place.copy_from_slice(field);
            rest = behind;
        }
        info
    }
}

/// The random bytes of one encapsulation, drawn beforehand: HPKE takes no
/// generator that can fail.
struct Drawn(Option<Zeroizing<[u8; 32]>>);

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> std::result::Result<(), Infallible> {
        let bytes = self.0.take().expect("an encapsulation draws one key pair");
        out.copy_from_slice(bytes.as_slice());
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

fn public(bytes: &[u8; 32]) -> PublicKey {
    PublicKey::from_bytes(bytes).expect("a public key has 32 bytes")
}

fn private(identity: &Identity) -> PrivateKey {
    PrivateKey::from_bytes(identity.secret().expose()).expect("a private key has 32 bytes")
}

/// Seals the key and the name of a shared node to the public key of a recipient.
/// Refuses a public key with which no secret can be agreed (a point of low order).
pub fn seal_grant(
    owner: &Identity,
    recipient_public: &[u8; 32],
    body: &GrantBody,
    key: &NodeKey,
    name: &str,
) -> Result<Vec<u8>> {
    seal_with(Zeroizing::new(random()?), owner, recipient_public, body, key, name)
}

pub(crate) fn seal_with(
    drawn: Zeroizing<[u8; 32]>,
    owner: &Identity,
    recipient_public: &[u8; 32],
    body: &GrantBody,
    key: &NodeKey,
    name: &str,
) -> Result<Vec<u8>> {
    if check_name(name).is_err() {
        return Err(CryptoError::BadInput("a shared file or directory needs a proper name"));
    }
    let name = pad32(name.as_bytes());
    let mut plain = Zeroizing::new(Vec::with_capacity(KEY_BYTES + name.len()));
    plain.extend_from_slice(key.bytes());
    plain.extend_from_slice(&name);
    let (encapped, ciphertext) =
        hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Auth((private(owner), public(&owner.public))),
            &public(recipient_public),
            &body.info(),
            &plain,
            &[],
            &mut Drawn(Some(drawn)),
        )
        .map_err(|_| CryptoError::BadInput("the other user's public key cannot be used"))?;
    Ok(siv::prefixed(Object::Grant, &[&encapped.to_bytes(), &ciphertext]))
}

/// Opens a grant: the key and the name of what is shared. `owner_public` is the
/// key that the recipient knows the owner by, not one that came with the grant.
pub fn open_grant(
    recipient: &Identity,
    owner_public: &[u8; 32],
    body: &GrantBody,
    sealed: &[u8],
) -> Result<(NodeKey, String)> {
    let (encapped, ciphertext) =
        siv::strip_prefix(Object::Grant, sealed)?.split_at_checked(ENCAPPED_BYTES).ok_or(BROKEN)?;
    let plain = hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Auth(public(owner_public)),
        &private(recipient),
        &EncappedKey::from_bytes(encapped).map_err(|_| BROKEN)?,
        &body.info(),
        ciphertext,
        &[],
    )
    .map(Zeroizing::new)
    .map_err(|_| BROKEN)?;
    let (key, name) = plain.split_first_chunk::<KEY_BYTES>().ok_or(BROKEN)?;
    let name = unpad32(name).and_then(read_name).ok_or(BROKEN)?;
    Ok((NodeKey::from_bytes(*key), name))
}
