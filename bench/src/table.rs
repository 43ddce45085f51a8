//! The table: medians, and the ratio of Coffer to each peer.

use crate::measure::Sample;
use crate::{Peer, Work};
use std::fmt::Write as _;

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Renders Markdown.
pub(crate) fn render(works: &[Work], peers: &[Box<dyn Peer>], samples: &[Sample]) -> String {
    let mut out = String::from(
        "\n| work | who | seconds, median | best | Coffer / it | client CPU s, MiB | server CPU s, MiB |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for work in works {
        for part in ["", "stat", "mkdir"] {
            let of = |peer: &str| -> Vec<&Sample> {
                let matches = |s: &&Sample| s.work == *work && s.part == part && s.peer == peer;
                samples.iter().filter(matches).collect()
            };
            let seconds = |peer| median(of(peer).iter().map(|sample| sample.seconds).collect());
            let ours = seconds("coffer");
            for peer in peers {
                row(&mut out, &format!("{work:?} {part}"), peer.name(), &of(peer.name()), ours);
            }
        }
    }
    out.push_str("\nWhat each promises when it says \"done\":\n");
    for peer in peers {
        let _ = writeln!(out, "- {}: {}", peer.name(), peer.promise());
    }
    out
}

fn row(out: &mut String, work: &str, peer: &str, samples: &[&Sample], ours: Option<f64>) {
    let values =
        |of: fn(&Sample) -> f64| samples.iter().map(|sample| of(sample)).collect::<Vec<_>>();
    let Some(seconds) = median(values(|sample| sample.seconds)) else { return };
    let best = values(|sample| sample.seconds).into_iter().fold(f64::INFINITY, f64::min);
    let ratio = ours.map_or("-".to_owned(), |ours| format!("{:.2}", ours / seconds));
    let client_cpu = median(values(|sample| sample.client_cpu)).unwrap_or(0.0);
    let server_cpu = median(values(|sample| sample.server_cpu)).unwrap_or(0.0);
    let client = samples.iter().map(|sample| sample.client_mib).max().unwrap_or(0);
    let server = samples.iter().map(|sample| sample.server_mib).max().unwrap_or(0);
    let _ = writeln!(
        out,
        "| {work} | {peer} | {seconds:.3} | {best:.3} | {ratio} | {client_cpu:.2}, {client} | {server_cpu:.2}, {server} |"
    );
}
