//! What a transfer came to: a summary, everything that was left out or failed
//! by name, and the exit code.

use super::COLLISION;
use crate::app::App;
use crate::exit::Failure;
use crate::format;
use coffer_client::ClientError;
use coffer_client::transfer::Report;

/// Names what was left out and what failed, and says what was done.
pub(super) fn finish(app: &mut App, report: Report, verb: &str) -> Result<(), Failure> {
    if app.out.json {
        app.out.document(&document(&report))?;
    } else {
        remarks(app, &report);
        let nothing_done = report.files == 0 && report.directories == 0;
        let is_said = report.failed.count == 1 || report.stopped.is_some();
        if !(nothing_done && is_said) {
            app.out.done(summary(&report, verb))?;
        }
    }
    end(app, report)
}

fn summary(report: &Report, verb: &str) -> String {
    let mut line = format!(
        "{verb} {} ({})",
        format::count(report.files, "file", "files"),
        format::size(report.bytes)
    );
    if report.directories > 0 {
        line.push_str(" in ");
        line.push_str(&format::count(report.directories, "directory", "directories"));
    }
    line.push_str(&format::durable(report.machines));
    line
}

fn remarks(app: &App, report: &Report) {
    for (name, why) in &report.skipped.items {
        app.out.note(format!("skipped: {name}: {}", why.reason()));
    }
    let unnamed = report.skipped.count - report.skipped.items.len() as u64;
    if unnamed > 0 {
        app.out.note(format!("skipped: {unnamed} more"));
    }
    for name in &report.collisions.items {
        app.out.note(format!("{COLLISION}: {name}"));
    }
}

/// The failure that the report comes to.
fn end(app: &App, report: Report) -> Result<(), Failure> {
    let Report { mut failed, stopped, files, directories, .. } = report;
    let only = files == 0 && directories == 0 && failed.count == 1 && stopped.is_none();
    if only && let Some((name, error)) = failed.items.pop() {
        return Err(about(name, error));
    }
    let unnamed = failed.count - failed.items.len() as u64;
    if !app.out.json {
        for (name, error) in failed.items {
            app.out.failure(&about(name, error));
        }
        if unnamed > 0 {
            app.out.note(format!("error: {unnamed} more failed"));
        }
    }
    match stopped {
        Some(error) => Err(error.into()),
        None if failed.count > 0 => Err(Failure::partial()),
        None => Ok(()),
    }
}

/// Names the file, unless the error does.
fn about(name: String, error: ClientError) -> Failure {
    match error {
        ClientError::Io { .. } | ClientError::LocalChanged { .. } => error.into(),
        other => Failure::from(other).about(name),
    }
}

fn document(report: &Report) -> serde_json::Value {
    let skipped = report
        .skipped
        .items
        .iter()
        .map(|(path, why)| serde_json::json!({ "path": path, "reason": why.reason() }));
    let failed = report.failed.items.iter().map(|(path, error)| {
        serde_json::json!({
            "path": path,
            "code": error.code(),
            "message": error.to_string(),
            "hint": error.hint(),
        })
    });
    serde_json::json!({
        "files": report.files,
        "directories": report.directories,
        "bytes": report.bytes,
        "machines": report.machines,
        "position": report.position.map(|position| position.to_string()),
        "skipped_count": report.skipped.count,
        "skipped": skipped.collect::<Vec<_>>(),
        "failed_count": report.failed.count,
        "failed": failed.collect::<Vec<_>>(),
        "case_collisions": report.collisions.items,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::transfer::Skip;

    #[test]
    fn the_document_of_a_transfer_names_everything() {
        let mut report = Report { files: 2, bytes: 10, machines: Some(1), ..Report::default() };
        report.skipped.push(("/l".to_owned(), Skip::SymbolicLink));
        report.failed.push(("/f".to_owned(), ClientError::Random));
        let json = document(&report);
        assert_eq!(json["files"], 2);
        assert_eq!(json["skipped"][0]["path"], "/l");
        assert_eq!(json["failed"][0]["code"], "no-randomness");
        assert_eq!(json["failed_count"], 1);
        assert_eq!(summary(&report, "uploaded"), "uploaded 2 files (10 B); durable on 1 machine");
    }
}
