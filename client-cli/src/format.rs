//! Counts and names as people read them; sizes and times come from the client library.

use jiff::Timestamp;
use std::borrow::Cow;

pub(crate) use coffer_client::human::{duration, size, speed, time};

/// A time for programs (RFC 3339, UTC).
pub(crate) fn timestamp(millis: i64) -> Option<String> {
    Timestamp::from_millisecond(millis).ok().map(|time| time.to_string())
}

/// A number with its noun: `1 file`, `2 files`, `12,345 files`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {}", if number == 1 { one } else { many })
}

/// A text without characters that command a terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() || is_reordering(c);
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_harmful(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Changes the order in which letters are shown.
fn is_reordering(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How the end of a line says on how many machines what was written is; nothing if
/// nothing was.
pub(crate) fn durable(machines: Option<u8>) -> String {
    machines.map_or_else(String::new, |machines| {
        format!("; durable on {}", count(machines.into(), "machine", "machines"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_for_programs_are_in_utc() {
        assert_eq!(timestamp(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(timestamp(i64::MIN), None);
    }

    #[test]
    fn counts_read_well() {
        assert_eq!(count(1, "file", "files"), "1 file");
        assert_eq!(count(1_234_567, "file", "files"), "1,234,567 files");
    }

    #[test]
    fn names_cannot_command_the_terminal() {
        assert_eq!(printable("naïve – name"), "naïve – name");
        assert_eq!(printable("a\u{1b}]0;x\u{7}b"), "a\\u{1b}]0;x\\u{7}b");
        assert_eq!(printable("exe\u{202e}txt"), "exe\\u{202e}txt");
    }
}
