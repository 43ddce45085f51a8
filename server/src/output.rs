//! The only place that writes to the standard output and error streams, apart
//! from the log.
//!
//! Guarantees: a reader that went away (`| head`) ends nothing with a panic.

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

/// Writes one line of results.
pub fn line(text: &impl Display) {
    let mut out = std::io::stdout().lock();
    // Nobody reads any more: there is nothing to be done about it.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Writes one JSON document on one line.
pub fn json(value: &serde_json::Value) {
    line(value);
}

/// Writes one line for the person at the terminal, beside the results.
pub fn note(text: &impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Rewrites the line of progress on a terminal.
pub fn status(text: &impl Display) {
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "\r\x1b[K{text}").and_then(|()| out.flush());
}

/// Writes an error.
pub fn error(text: &impl Display) {
    note(text);
}

/// A time for people, in UTC.
pub fn time(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .map_or_else(|_| "?".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A number of bytes for people.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut whole, mut rest, mut unit) = (count, 0, 0);
    while whole >= 1024 && unit + 1 < UNITS.len() {
        rest = whole % 1024;
        whole /= 1024;
        unit += 1;
    }
    match unit {
        0 => format!("{whole} B"),
        _ => format!("{whole}.{} {}", rest * 10 / 1024, UNITS[unit]),
    }
}

/// A time that has passed, for people.
pub fn duration(seconds: f64) -> String {
    // Negative and odd numbers become 0.
    match Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs() {
        less @ 0..120 => format!("{less} s"),
        less @ 120..7_200 => format!("{} min", less / 60),
        less @ 7_200..172_800 => format!("{} h", less / 3_600),
        more => format!("{} days", more / 86_400),
    }
}

/// Lines for people: a label, and what is said, one below the other.
#[derive(Debug, Default)]
pub struct Page(Vec<(&'static str, String)>);

impl Page {
    /// Adds a line; one without a label goes on with what was said before.
    pub fn add(&mut self, label: &'static str, text: impl Into<String>) {
        self.0.push((label, text.into()));
    }

    /// The whole text.
    pub fn text(&self) -> String {
        let width = self.0.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        let line = |(label, text): &(&str, String)| format!("{label:<width$}  {text}");
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_for_people() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(u64::MAX), "16383.9 PiB");
        let times = [0.4, 119.0, 120.0, 7_199.0, 7_200.0, 172_800.0, f64::NAN].map(duration);
        assert_eq!(times, ["0 s", "119 s", "2 min", "119 min", "2 h", "2 days", "0 s"]);
        assert_eq!(time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(i64::MAX), "?");
    }
}
