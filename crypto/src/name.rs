//! Names of files and directories: what is allowed, and the two forms that tags
//! are made of.
//!
//! A name is stored as typed. It is found by its NFC form, so a name typed on
//! macOS and on Linux is one name; its folded form tells which names Windows and
//! macOS could not hold side by side.

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Largest name, in UTF-8 bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// Sealed texts are a multiple of this long.
const PAD: usize = 32;
/// Marks the end of a padded text.
const PAD_MARK: u8 = 0x80;

/// Why a name cannot be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// No characters.
    #[error("a name cannot be empty")]
    Empty,
    /// `.` and `..` mean something else everywhere.
    #[error("\".\" and \"..\" cannot be names")]
    Dots,
    /// `/` separates names.
    #[error("a name cannot contain \"/\"")]
    Slash,
    /// NUL, line breaks, escape sequences and the like.
    #[error("a name cannot contain control characters such as line breaks")]
    Control,
    /// Characters that make a name read backwards.
    #[error("a name cannot contain characters that change the direction of writing")]
    Direction,
    /// Longer than file systems hold.
    #[error("a name cannot be longer than 255 bytes")]
    TooLong,
}

/// Checks a name as typed.
pub fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong);
    }
    if name == "." || name == ".." {
        return Err(NameError::Dots);
    }
    for c in name.chars() {
        match c {
            '/' => return Err(NameError::Slash),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => return Err(NameError::Direction),
            // Line and paragraph separators break lines like control characters do.
            '\u{2028}' | '\u{2029}' => return Err(NameError::Control),
            c if c.is_control() => return Err(NameError::Control),
            _ => {}
        }
    }
    Ok(())
}

/// The form a name is found by.
pub(crate) fn nfc(name: &str) -> String {
    name.nfc().collect()
}

/// The form in which names that differ only in case or in the form of their
/// letters are equal: NFKC, every letter to its capital and back, NFKC.
pub(crate) fn fold(name: &str) -> String {
    let once = |text: &str| -> String {
        let upper = text.nfkc().flat_map(char::to_uppercase);
        upper.flat_map(char::to_lowercase).nfkc().collect()
    };
    // A second round settles the few letters whose capital decomposes further.
    once(&once(name))
}

/// A name out of a sealed object; `None` when nothing would have sealed it.
pub(crate) fn read_name(bytes: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(bytes).ok()?;
    check_name(name).is_ok().then(|| name.to_owned())
}

/// Appends the end mark and zeros up to a multiple of 32 bytes.
pub(crate) fn pad32(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() + PAD));
    out.extend_from_slice(text);
    out.push(PAD_MARK);
    let padded = out.len().next_multiple_of(PAD);
    out.resize(padded, 0);
    out
}

/// Takes the padding off; `None` when it is not what `pad32` makes.
pub(crate) fn unpad32(padded: &[u8]) -> Option<&[u8]> {
    let end = padded.iter().rposition(|byte| *byte != 0)?;
    let whole = padded.len().is_multiple_of(PAD) && padded.len() - end <= PAD;
    (whole && padded[end] == PAD_MARK).then(|| &padded[..end])
}
