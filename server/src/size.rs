//! Amounts as people write them: `50G`, `1.5T`, `none`.
//!
//! Guarantees: letters stand for powers of 1024; what is no amount is refused, not
//! guessed.

/// Letters of the powers of 1024.
const LETTERS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];
/// The word for no limit.
pub(crate) const NONE: &str = "none";

/// Reads a number of bytes: digits, perhaps with a fraction, and a letter. `B` or
/// `iB` may follow the letter.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let upper = text.trim().to_ascii_uppercase();
    let plain = upper.strip_suffix('B').unwrap_or(&upper);
    let plain = plain.strip_suffix('I').unwrap_or(plain);
    let power = LETTERS.iter().position(|letter| plain.ends_with(*letter)).map_or(0, |at| at + 1);
    let number = if power == 0 { plain } else { &plain[..plain.len() - 1] };
    let (whole, fraction) = number.trim_end().split_once('.').unwrap_or((number.trim_end(), ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let unit = 1_u128 << (10 * power);
    let whole: u128 = whole.parse::<u64>().ok()?.into();
    let part: u128 = format!("{fraction:0<6}").parse().ok()?;
    u64::try_from(whole * unit + part * unit / 1_000_000).ok()
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
