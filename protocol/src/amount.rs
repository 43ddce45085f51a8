//! Amounts of bytes as people write them: `500K`, `1.5 GiB`, `10MB`.
//!
//! Guarantees: letters stand for powers of 1024; what is no amount is refused, not
//! guessed.

/// Letters of the powers of 1024.
const LETTERS: &str = "KMGTP";

/// Reads a number of bytes: digits, perhaps with a fraction, and a letter, which `B` or
/// `iB` may follow.
pub fn parse(text: &str) -> Option<u64> {
    let upper = text.trim().to_ascii_uppercase();
    let plain = upper.strip_suffix('B').unwrap_or(&upper);
    let plain = plain.strip_suffix('I').unwrap_or(plain);
    let letter = plain.chars().last().and_then(|last| LETTERS.find(last));
    let (number, power) = match letter {
        Some(at) => (&plain[..plain.len() - 1], at + 1),
        None => (plain, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let unit = 1_u128 << (10 * power);
    let whole: u128 = whole.parse::<u64>().ok()?.into();
    let part: u128 = format!("{fraction:0<6}").parse().ok()?;
    u64::try_from(whole * unit + part * unit / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_amounts_in_many_ways() {
        for (text, bytes) in [
            ("0", 0),
            ("7", 7),
            ("10M", 10 << 20),
            ("10MB", 10 << 20),
            (" 50GiB ", 50 << 30),
            ("1.5k", 1536),
            ("2tb", 2 << 40),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in
            ["", "M", "B", "-1", "1e3", "1.2.3", "5X", "1 M", "99999999P", "none", "1.0000001G"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
