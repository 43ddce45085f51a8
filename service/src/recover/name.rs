//! Names of what comes back.

use coffer_protocol::limits::MAX_NAME_BYTES;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The name of a file that comes back beside another one: what it was called, when it
/// was written, and from the second attempt on a number.
pub(super) fn conflicted(name: &str, millis: i64, attempt: u32, with_extension: bool) -> String {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, ext)) if with_extension && !stem.is_empty() && !ext.is_empty() => {
            (stem, format!(".{ext}"))
        }
        _ => (name, String::new()),
    };
    let number = if attempt > 1 { format!(", {attempt}") } else { String::new() };
    let suffix = format!(" (conflicted copy from {}{number})", date(millis));
    let room = MAX_NAME_BYTES.saturating_sub(suffix.len());
    // An extension that leaves no room for a name is none.
    let (stem, extension) = match extension.len() < room / 2 {
        true => (stem, extension),
        false => (name, String::new()),
    };
    format!("{}{suffix}{extension}", shortened(stem, room - extension.len()))
}

/// As much of a text as fits, and no half of a character.
fn shortened(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// The day of a time, in UTC, as 2026-11-26.
fn date(millis: i64) -> String {
    // The calendar repeats every 146,097 days, 400 years; years begin in March.
    let days = millis.div_euclid(DAY_MILLIS) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (millis, text) in [
            (0, "1970-01-01"),
            (951_782_400_000, "2000-02-29"),
            (951_868_800_000, "2000-03-01"),
            (1_795_651_200_000, "2026-11-26"),
            (1_798_675_199_999, "2026-12-30"),
            (-1, "1969-12-31"),
        ] {
            assert_eq!(date(millis), text);
        }
    }

    #[test]
    fn a_name_keeps_its_extension_and_fits() {
        let name = |name: &str, attempt| conflicted(name, 0, attempt, true);
        assert_eq!(name("a.txt", 1), "a (conflicted copy from 1970-01-01).txt");
        assert_eq!(name("a.txt", 2), "a (conflicted copy from 1970-01-01, 2).txt");
        assert_eq!(name(".profile", 1), ".profile (conflicted copy from 1970-01-01)");
        assert_eq!(name("none", 1), "none (conflicted copy from 1970-01-01)");
        assert_eq!(conflicted("v1.0", 0, 1, false), "v1.0 (conflicted copy from 1970-01-01)");
        for long in ["ä".repeat(127), format!("{}.txt", "x".repeat(251)), "x.".repeat(127)] {
            let made = name(&long, 99);
            assert!(made.len() <= MAX_NAME_BYTES && made.contains("conflicted"), "{made}");
        }
        let extension = format!("a.{}", "x".repeat(250));
        assert!(name(&extension, 1).len() <= MAX_NAME_BYTES);
    }
}
