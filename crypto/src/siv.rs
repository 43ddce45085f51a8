//! Small sealed objects: AES-256-SIV (RFC 5297) with a vector of associated data,
//! and the header that every sealed object of this crate is bound to.
//!
//! The first associated-data field of every object is an 8-byte header:
//! `"CF" || version 1 || object type || suite 1 || 0 || 0 || 0`. Of it, an object
//! that is stored carries version and suite in front of the SIV output, so that
//! a later version can tell what it reads; the type is known from the place.
//!
//! ```text
//! 0  1   version  1
//! 1  1   suite    1: AES-256-SIV (2 is HPKE, in the module `grant`)
//! 2  16  synthetic IV, which is also the tag
//! 18 ..  ciphertext, as long as the plaintext
//! ```

use crate::error::{CryptoError, Result};
use crate::name::{pad32, unpad32};
use crate::secret::Key64;
use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use zeroize::Zeroizing;

/// Format version of every sealed object.
pub(crate) const VERSION: u8 = 1;
/// AES-256-SIV.
const SUITE: u8 = 1;
/// HPKE in auth mode with X25519, HKDF-SHA-256 and AES-256-GCM.
pub(crate) const SUITE_HPKE: u8 = 2;
/// Synthetic IV of AES-SIV.
pub(crate) const IV_BYTES: usize = 16;

/// What a sealed object is; part of its header.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Object {
    Name = 1,
    NodeKey = 2,
    Meta = 3,
    RootKey = 4,
    Identity = 5,
    Verifier = 6,
    Grant = 7,
    Manifest = 8,
    Unlock = 9,
    Text = 10,
    HomeKey = 11,
    Group = 12,
    Contact = 13,
    Activity = 14,
}

impl Object {
    /// Name for error messages.
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Name => "a file name",
            Self::NodeKey => "the key of a file or directory",
            Self::Meta => "the metadata of a file or directory",
            Self::RootKey => "the root key of a user",
            Self::Identity => "the identity key of a user",
            Self::Verifier => "the password verifier of a user",
            Self::Grant => "the key of something shared",
            Self::Manifest => "the chunk list of a file",
            Self::Unlock => "the unlocking key of a sign-in",
            Self::Text => "a sealed text of the server",
            Self::HomeKey => "the key of a home directory",
            Self::Group => "a group",
            Self::Contact => "a contact",
            Self::Activity => "a record of activity",
        }
    }

    const fn suite(self) -> u8 {
        match self {
            Self::Grant => SUITE_HPKE,
            _ => SUITE,
        }
    }

    /// What every object of this type is bound to, before its own fields.
    pub(crate) const fn header(self) -> [u8; 8] {
        [b'C', b'F', VERSION, self as u8, self.suite(), 0, 0, 0]
    }

    pub(crate) const fn broken(self) -> CryptoError {
        CryptoError::Integrity { what: self.what() }
    }
}

fn associated<'a>(header: &'a [u8; 8], fields: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut all: Vec<&[u8]> = Vec::with_capacity(fields.len() + 1);
    all.push(header);
    all.extend(fields);
    all
}

/// Seals without the stored prefix, for bytes whose version the protocol fixes.
pub(crate) fn seal_bare(key: &Key64, object: Object, ad: &[&[u8]], plain: &[u8]) -> Vec<u8> {
    let header = object.header();
    Aes256Siv::new(key.expose().into())
        .encrypt(associated(&header, ad), plain)
        .expect("AES-SIV takes 126 fields, and no object has more than 6")
}

/// Opens what `seal_bare` made.
pub(crate) fn open_bare(
    key: &Key64,
    object: Object,
    ad: &[&[u8]],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let header = object.header();
    Aes256Siv::new(key.expose().into())
        .decrypt(associated(&header, ad), sealed)
        .map(Zeroizing::new)
        .map_err(|_| object.broken())
}

/// Seals a stored object.
pub(crate) fn seal(key: &Key64, object: Object, ad: &[&[u8]], plain: &[u8]) -> Vec<u8> {
    prefixed(object, &[&seal_bare(key, object, ad, plain)])
}

/// Seals bytes of any length, rounded up to a multiple of 32.
pub(crate) fn seal_padded(key: &Key64, object: Object, ad: &[&[u8]], plain: &[u8]) -> Vec<u8> {
    seal(key, object, ad, &pad32(plain))
}

/// Takes the stored prefix off, or refuses a version that is not known.
pub(crate) fn strip_prefix(object: Object, sealed: &[u8]) -> Result<&[u8]> {
    match sealed {
        [VERSION, suite, rest @ ..] if *suite == object.suite() => Ok(rest),
        [_, _, ..] => Err(CryptoError::UnknownVersion { what: object.what() }),
        _ => Err(object.broken()),
    }
}

/// Puts the stored prefix in front of the parts of an object.
pub(crate) fn prefixed(object: Object, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 2);
    out.extend([VERSION, object.suite()]);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// Opens a stored object.
pub(crate) fn open(
    key: &Key64,
    object: Object,
    ad: &[&[u8]],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    open_bare(key, object, ad, strip_prefix(object, sealed)?)
}

/// Opens what `seal_padded` made.
pub(crate) fn open_padded(
    key: &Key64,
    object: Object,
    ad: &[&[u8]],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let mut plain = open(key, object, ad, sealed)?;
    let length = unpad32(&plain).ok_or(object.broken())?.len();
    plain.truncate(length);
    Ok(plain)
}

/// Opens a stored object whose plaintext has exactly `N` bytes.
pub(crate) fn open_array<const N: usize>(
    key: &Key64,
    object: Object,
    ad: &[&[u8]],
    sealed: &[u8],
) -> Result<Zeroizing<[u8; N]>> {
    let plain = open(key, object, ad, sealed)?;
    let mut out = Zeroizing::new([0; N]);
    if plain.len() != N {
        return Err(object.broken());
    }
    out.copy_from_slice(&plain);
    Ok(out)
}
