//! `history`: what was stored and done over time.

use crate::args;
use crate::failure::Outcome;
use crate::history::{History, Sample};
use crate::install::Installation;
use crate::output;
use crate::totals::ratio;
use coffer_store::{Clock as _, SystemClock};
use serde_json::json;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Prints the samples of the last days, the oldest first.
pub(crate) fn run(args: &args::History) -> Outcome {
    let installation = Installation::load(&args.place)?;
    let history = History::read(&installation.data);
    let since = SystemClock.now_millis().saturating_sub(i64::from(args.days) * DAY_MILLIS);
    if !args.json {
        output::line(&format!(
            "{:<23}  {:>6}  {:>9}  {:>10}  {:>10}  {:>6}  {:>10}  {:>8}  {:>8}  {:>9}  {:>10}  {:>10}",
            "time",
            "users",
            "files",
            "logical",
            "stored",
            "ratio",
            "free",
            "sessions",
            "writes",
            "requests",
            "received",
            "sent"
        ));
    }
    let mut before = None;
    for sample in history.samples() {
        // What came before the first sample is not known.
        let writes = before.map_or(0, |seq| sample.seq.saturating_sub(seq));
        before = Some(sample.seq);
        if sample.millis >= since {
            match args.json {
                true => output::json(&document(sample, writes)),
                false => output::line(&line(sample, writes)),
            }
        }
    }
    Ok(())
}

fn document(sample: &Sample, writes: u64) -> serde_json::Value {
    let mut document = json!(sample);
    document["writes"] = json!(writes);
    document["ratio"] = json!(ratio(sample.bytes, sample.stored_bytes));
    document
}

fn line(sample: &Sample, writes: u64) -> String {
    let ratio = ratio(sample.bytes, sample.stored_bytes);
    format!(
        "{:<23}  {:>6}  {:>9}  {:>10}  {:>10}  {:>6}  {:>10}  {:>8}  {:>8}  {:>9}  {:>10}  {:>10}",
        output::time(sample.millis),
        sample.users,
        sample.nodes,
        output::bytes(sample.bytes),
        output::bytes(sample.stored_bytes),
        ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
        output::bytes(sample.free_bytes),
        sample.sessions,
        writes,
        sample.requests,
        output::bytes(sample.received_bytes),
        output::bytes(sample.sent_bytes),
    )
}
