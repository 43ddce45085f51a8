//! `version`: what this program speaks and writes.

use crate::data_dir::FORMAT;
use crate::output;
use coffer_protocol::version::{CURRENT, OLDEST};
use serde_json::json;

/// Program version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints the numbers.
pub(crate) fn run(as_json: bool) {
    if as_json {
        output::json(&json!({
            "version": VERSION,
            "protocol": { "oldest": OLDEST, "newest": CURRENT },
            "data_format": FORMAT,
        }));
        return;
    }
    output::line(&format!("coffer-server {VERSION}"));
    output::line(&format!("protocol      {OLDEST} to {CURRENT}"));
    output::line(&format!("data format   {FORMAT}"));
}
