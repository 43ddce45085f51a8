//! Sizes, times and durations as people read and write them.

pub use coffer_protocol::amount::parse as parse_size;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

/// A size in the unit that fits: `0 B`, `999 B`, `1.5 KiB`, `12 MiB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = 0;
    let mut value = bytes as f64;
    // 1023.95 would be shown as 1024.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else if value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

/// Speed in bytes a second.
#[expect(clippy::cast_sign_loss, reason = "a speed is not negative")]
pub fn speed(bytes_per_second: f64) -> String {
    format!("{}/s", size(bytes_per_second.max(0.0) as u64))
}

/// A time in the zone of this computer, to the minute.
pub fn time(millis: i64) -> String {
    time_in(millis, TimeZone::system())
}

fn time_in(millis: i64, zone: TimeZone) -> String {
    match Timestamp::from_millisecond(millis) {
        Ok(time) => time.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => "?".to_owned(),
    }
}

/// A time span as `0:07`, `12:30`, `1:05:09`, or `3 d 4 h`.
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs() + u64::from(span.subsec_millis() >= 500);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match hours {
        0 => format!("{minutes}:{:02}", seconds % 60),
        1..48 => format!("{hours}:{minutes:02}:{:02}", seconds % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_with_a_letter() {
        for (text, bytes) in
            [("10M", 10 << 20), ("1.5k", 1536), (" 2G ", 2 << 30), ("7", 7), ("0", 0)]
        {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in ["", "M", "-1", "1e3", "1.2.3", "5X", "99999999P", "ten", "1 M", "1.0000001G"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_have_the_unit_that_fits() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10 << 10, "10 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (1 << 30, "1.0 GiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn times_are_shown_in_their_zone() {
        assert_eq!(time_in(0, TimeZone::UTC), "1970-01-01 00:00");
        assert_eq!(time_in(1_790_000_000_000, TimeZone::UTC), "2026-09-21 14:13");
        assert_eq!(time_in(i64::MAX, TimeZone::UTC), "?");
    }

    #[test]
    fn durations_read_well() {
        let shown = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(
            [shown(7), shown(750), shown(3909), shown(273_600)],
            ["0:07", "12:30", "1:05:09", "3 d 4 h"]
        );
    }
}
