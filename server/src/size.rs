//! Amounts as people write them: `50G`, `1.5T`, `none`.
//!
//! Guarantees: letters stand for powers of 1024; what is no amount is refused, not
//! guessed.

use coffer_protocol::amount;

/// The word for no limit.
pub(crate) const NONE: &str = "none";

/// Reads a number of bytes, as `coffer_protocol::amount` does, also with a blank before
/// the unit.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    amount::parse(&format!("{}{unit}", number.trim_end()))
}

/// The text is neither `none` nor an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoAmount;

/// Reads a limit; `None`: there is none.
pub(crate) fn parse_limit(text: &str) -> Result<Option<u64>, NoAmount> {
    match text.trim() {
        NONE => Ok(None),
        number => parse(number).map(Some).ok_or(NoAmount),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_amounts_in_many_ways() {
        for (text, bytes) in [
            ("0", 0),
            ("50G", 50 << 30),
            (" 50 GiB ", 50 << 30),
            ("1.5k", 1536),
            ("2tb", 2 << 40),
            ("1048577", 1_048_577),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in ["", "G", "-1", "1e3", "1.2.3", "50 X", "99999999P", "none", "1.0000001G"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse_limit("none"), Ok(None));
        assert_eq!(parse_limit("1K"), Ok(Some(1024)));
        assert_eq!(parse_limit("much"), Err(NoAmount));
    }
}
