//! Sets the log up: to the standard error output, as text or JSON.
//!
//! Guarantees: a line that cannot be written is lost and stops nobody.

use crate::config::{Log, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging for `run`.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let started = match log.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // A second start in one process (tests) keeps the first log.
    drop(started);
}

/// Starts logging for the short commands: warnings only.
pub fn start_quiet() {
    start(&Log { format: LogFormat::Text, level: "warn".to_owned() });
}
