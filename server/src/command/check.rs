//! `check`: everything that is stored, compared with its hashes. Read-only.

use crate::args;
use crate::failure::{Code, Failure, Outcome};
use crate::install::{Installation, block_on, close};
use crate::{explain, output};
use coffer_store::{CheckOptions, CheckReport, Store};
use serde_json::json;
use std::io::IsTerminal;

/// Checks and prints what is wrong; the exit status tells.
pub(crate) fn run(args: &args::Check) -> Outcome {
    let installation = Installation::load(&args.place)?;
    block_on(async {
        let store = installation.open_admin().await?;
        let outcome = check(&store, args.quick, args.json).await;
        close(&store).await;
        outcome
    })
}

/// Checks a store and prints what is wrong.
pub async fn check(store: &Store, quick: bool, json: bool) -> Outcome {
    let options = CheckOptions { quick, ..CheckOptions::default() };
    let live = std::io::stderr().is_terminal() && !json;
    let progress = move |progress: coffer_store::CheckProgress| {
        if live {
            output::status(&format!("{}: {}", progress.stage, progress.done));
        }
    };
    let report = store.check(options, progress).await;
    if live {
        output::status(&"");
    }
    let report = report.map_err(|error| explain::store(&error))?;
    match json {
        true => print_json(&report),
        false => print(&report),
    }
    match report.counts.problems {
        0 => Ok(()),
        count => Err(Failure::new(Code::ProblemsFound, format!("{count} problems found"))
            .hint("Each line above says what to do. Nothing was changed.")),
    }
}

fn print(report: &CheckReport) {
    report.problems.iter().for_each(|problem| output::line(&problem));
    report.notes.iter().for_each(|note| output::line(&format!("note: {note}")));
    let counts = &report.counts;
    output::line(&format!(
        "{} rows, {} journal entries, {} references, {} chunks ({} read): {} problems, {} notes",
        counts.rows,
        counts.journal_entries,
        counts.references,
        counts.chunks,
        output::bytes(counts.bytes),
        counts.problems,
        counts.notes,
    ));
}

fn print_json(report: &CheckReport) {
    let problems: Vec<_> = report
        .problems
        .iter()
        .map(|problem| {
            json!({
                "kind": problem.kind.name(),
                "object": problem.object,
                "owner": problem.owner.map(|owner| owner.to_string()),
                "detail": problem.detail,
                "advice": problem.kind.advice(),
            })
        })
        .collect();
    let notes: Vec<_> = report.notes.iter().map(ToString::to_string).collect();
    let counts = &report.counts;
    output::json(&json!({
        "clean": report.is_clean(),
        "rows": counts.rows,
        "journal_entries": counts.journal_entries,
        "references": counts.references,
        "chunks": counts.chunks,
        "bytes": counts.bytes,
        "problem_count": counts.problems,
        "note_count": counts.notes,
        "problems": problems,
        "notes": notes,
    }));
}
