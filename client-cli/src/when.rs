//! Times as people type them: a date, a time of a day, or a span.
//!
//! Dates and times without an offset are those of this computer's time zone. A
//! date alone lasts to its end where something ends, and counts from its
//! beginning where something begins. A day in a span has 24 hours.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What was typed.
enum Typed {
    Day(Date),
    Time(Timestamp),
    Span(SignedDuration),
}

/// The time at which something ends, milliseconds since 1970.
pub(crate) fn until(text: &str) -> Result<i64, String> {
    until_from(text, Timestamp::now(), &TimeZone::system())
}

/// The time from which something counts, milliseconds since 1970.
pub(crate) fn since(text: &str) -> Result<i64, String> {
    since_from(text, Timestamp::now(), &TimeZone::system())
}

fn until_from(text: &str, now: Timestamp, zone: &TimeZone) -> Result<i64, String> {
    let end = match read(text, zone).ok_or_else(wrong)? {
        Typed::Day(day) => {
            day.tomorrow().and_then(|next| next.to_zoned(zone.clone())).map(|end| end.timestamp())
        }
        Typed::Time(time) => Ok(time),
        Typed::Span(span) => now.checked_add(span),
    };
    let end = end.map_err(|_| "it is too far away".to_owned())?;
    if end <= now { Err("it is in the past".to_owned()) } else { Ok(end.as_millisecond()) }
}

fn since_from(text: &str, now: Timestamp, zone: &TimeZone) -> Result<i64, String> {
    let begin = match read(text, zone).ok_or_else(wrong)? {
        Typed::Day(day) => day.to_zoned(zone.clone()).map(|begin| begin.timestamp()),
        Typed::Time(time) => Ok(time),
        Typed::Span(span) => now.checked_sub(span),
    };
    begin.map(Timestamp::as_millisecond).map_err(|_| "it is too far away".to_owned())
}

fn wrong() -> String {
    "write a date, a time or a span, as in 2026-12-31, 2026-12-31T18:00, 7d or 12h".to_owned()
}

fn read(text: &str, zone: &TimeZone) -> Option<Typed> {
    if let Some(span) = span(text) {
        return Some(Typed::Span(span));
    }
    if !text.contains([':', 'T', 't']) {
        return text.parse().ok().map(Typed::Day);
    }
    // With an offset, or else as the clock on the wall shows it.
    let exact = text.parse().ok();
    let local = || {
        let time: DateTime = text.parse().ok()?;
        Some(time.to_zoned(zone.clone()).ok()?.timestamp())
    };
    exact.or_else(local).map(Typed::Time)
}

/// `90s`, `30m`, `12h`, `7d`, `2w`.
fn span(text: &str) -> Option<SignedDuration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds: i64 = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        _ => return None,
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    Some(SignedDuration::from_secs(number.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-06-15 12:00 in a zone two hours east.
    fn here() -> (Timestamp, TimeZone) {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        ("2026-06-15T10:00Z".parse().expect("a time"), zone)
    }

    fn shown(millis: Result<i64, String>) -> String {
        let time = |millis| Timestamp::from_millisecond(millis).expect("in range").to_string();
        millis.map_or_else(|error| error, time)
    }

    #[test]
    fn ends_are_dates_times_and_spans_from_now() {
        let (now, zone) = here();
        for (text, end) in [
            ("2026-12-31", "2026-12-31T22:00:00Z"),
            ("2026-06-15", "2026-06-15T22:00:00Z"),
            ("2026-12-31T18:00", "2026-12-31T16:00:00Z"),
            ("2026-12-31 18:00", "2026-12-31T16:00:00Z"),
            ("2026-12-31T18:00:00Z", "2026-12-31T18:00:00Z"),
            ("2026-12-31T18:00-05:00", "2026-12-31T23:00:00Z"),
            ("7d", "2026-06-22T10:00:00Z"),
            ("12h", "2026-06-15T22:00:00Z"),
            ("2w", "2026-06-29T10:00:00Z"),
            ("2026-06-14", "it is in the past"),
            ("2026-06-15T11:59", "it is in the past"),
            ("0s", "it is in the past"),
            ("99999999999w", "it is too far away"),
        ] {
            assert_eq!(shown(until_from(text, now, &zone)), end, "{text}");
        }
    }

    #[test]
    fn beginnings_are_dates_times_and_spans_before_now() {
        let (now, zone) = here();
        for (text, begin) in [
            ("2026-06-15", "2026-06-14T22:00:00Z"),
            ("2026-06-01T08:30", "2026-06-01T06:30:00Z"),
            ("90s", "2026-06-15T09:58:30Z"),
            ("30m", "2026-06-15T09:30:00Z"),
        ] {
            assert_eq!(shown(since_from(text, now, &zone)), begin, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let (now, zone) = here();
        for text in [
            "",
            "d",
            "7",
            "7y",
            "-7d",
            "+7d",
            "7 d",
            "tomorrow",
            "2026-13-01",
            "2026-02-30",
            "18:00",
        ] {
            assert_eq!(until_from(text, now, &zone).err(), Some(wrong()), "{text}");
        }
    }
}
