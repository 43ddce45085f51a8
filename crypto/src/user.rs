//! User names and passwords as typed, brought into the one form that keys are
//! derived from.

use crate::error::{CryptoError, Result};
use crate::name::fold;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Largest user name, in UTF-8 bytes.
const MAX_USER_NAME_BYTES: usize = 64;
/// Password length in UTF-8 bytes.
const MIN_PASSWORD_BYTES: usize = 10;
const MAX_PASSWORD_BYTES: usize = 1024;
/// NFC makes a text at most three times as long in UTF-8.
const NFC_GROWTH: usize = 3;

/// Brings a user name into NFC and checks it: 1 to 64 bytes of letters, digits,
/// `.`, `_`, `-` and `@`, beginning with a letter or digit. Case is kept; keys,
/// tags and salts are the same for names that differ only in case.
pub fn normalize_user_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.len() > MAX_USER_NAME_BYTES * NFC_GROWTH {
        return Err(CryptoError::BadInput("a user name has at most 64 bytes"));
    }
    let name: String = name.nfc().collect();
    if name.len() > MAX_USER_NAME_BYTES {
        return Err(CryptoError::BadInput("a user name has at most 64 bytes"));
    }
    let Some(first) = name.chars().next() else {
        return Err(CryptoError::BadInput("the user name is empty"));
    };
    if !first.is_alphanumeric() {
        return Err(CryptoError::BadInput("a user name begins with a letter or a digit"));
    }
    if !name.chars().all(|c| c.is_alphanumeric() || "._-@".contains(c)) {
        return Err(CryptoError::BadInput(
            "a user name is made of letters, digits, '.', '_', '-' and '@'",
        ));
    }
    Ok(name)
}

/// The form of a user name that goes into every derivation.
pub(crate) fn user_name_key(name: &str) -> String {
    fold(name)
}

fn is_other_space(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// Brings a password into the form that a key is derived from (RFC 8265,
/// `OpaqueString`): every space is U+0020, NFC, no control characters, 10 to 1024
/// bytes.
pub fn normalize_password(password: &str) -> Result<Zeroizing<String>> {
    if password.len() > MAX_PASSWORD_BYTES * NFC_GROWTH {
        return Err(CryptoError::BadInput("a password has at most 1024 bytes"));
    }
    if password.chars().any(char::is_control) {
        return Err(CryptoError::BadInput("a password has no control characters"));
    }
    // Room for everything at once: growing would leave copies behind.
    let mut out = Zeroizing::new(String::with_capacity(password.len() * NFC_GROWTH));
    out.extend(password.chars().map(|c| if is_other_space(c) { ' ' } else { c }).nfc());
    match out.len() {
        0..MIN_PASSWORD_BYTES => Err(CryptoError::BadInput("a password has at least 10 bytes")),
        MIN_PASSWORD_BYTES..=MAX_PASSWORD_BYTES => Ok(out),
        _ => Err(CryptoError::BadInput("a password has at most 1024 bytes")),
    }
}
