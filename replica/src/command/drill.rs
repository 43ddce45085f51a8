//! `drill`: restores what this machine holds into a scratch directory, and verifies it.
//!
//! Guarantees: the machine itself is not changed, and may go on working; the scratch
//! directory must be new or empty, and is removed in the end unless it is to be kept;
//! only what was ciphertext here is written there, with `--keep` also the files of the
//! directory that make a server of it.

use crate::args;
use crate::identity::Replica;
use coffer_server::config::{self, Config};
use coffer_server::data_dir::{self, DataDir};
use coffer_server::{Code, Failure, Outcome, database, host, output};
use coffer_store::{
    Clock, ClusterInit, DrillProgress, DrillReport, Environment, Extent, Store, SystemClock,
};
use serde_json::json;
use std::fs;
use std::io::{ErrorKind, IsTerminal};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Time between two signs of life.
const SAY: Duration = Duration::from_millis(200);

/// Drills and prints what came of it. Status 0: everything is as it should be; 7: not.
pub(crate) fn run(args: &args::Drill) -> Outcome {
    let replica = Replica::load(&args.place.data, &host::environment())?;
    let existed = inspect(&args.to)?;
    let begun = Instant::now();
    let outcome = host::block_on(drill(&replica, args));
    let complete = args.keep && args.all;
    let outcome = outcome.and_then(|report| {
        if complete {
            complete_directory(&replica, &args.to)?;
        }
        Ok(report)
    });
    if !args.keep || outcome.is_err() {
        remove(&args.to, existed);
    }
    let report = outcome?;
    match args.json {
        true => output::json(&document(&report, begun.elapsed(), args)),
        false => output::line(&text(&report, begun.elapsed(), args)),
    }
    match report.problem_count {
        0 => Ok(()),
        count => Err(Failure::new(Code::ProblemsFound, format!("{count} problems found"))
            .hint("Each line above says what could not be restored. Nothing was changed.")),
    }
}

/// Whether the directory exists; refuses one that holds something.
fn inspect(to: &Path) -> Outcome<bool> {
    match fs::read_dir(to).map(|mut entries| entries.next().is_some()) {
        Ok(false) => Ok(true),
        Ok(true) => {
            let message = format!("{} is not empty", to.display());
            Err(Failure::new(Code::DirectoryNotEmpty, message)
                .hint("Choose an empty or new directory. Nothing was changed."))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => {
            let message = format!("cannot read {}: {error}", to.display());
            Err(Failure::new(Code::DirectoryUnwritable, message)
                .hint("Check the path, and owner and rights of the directory."))
        }
    }
}

async fn drill(replica: &Replica, args: &args::Drill) -> Outcome<DrillReport> {
    let source = replica.open_admin().await?;
    let restored = async {
        let scratch = scratch(replica, &args.to).await?;
        let extent = if args.all { Extent::All } else { Extent::Sample(args.sample) };
        let said = Mutex::new(None::<Instant>);
        let live = std::io::stderr().is_terminal() && !args.json;
        let tell = |progress: DrillProgress| say(live, &said, progress);
        let report = source.drill(&scratch, extent, &tell).await;
        if live {
            output::status(&"");
        }
        let closed = scratch.shutdown().await;
        let report = report.map_err(|error| host::explain_store(&error))?;
        closed.map_err(|error| host::explain_store(&error))?;
        Ok(report)
    };
    let outcome = restored.await;
    host::close(&source).await;
    outcome
}

/// An empty store, always on `SQLite`.
async fn scratch(replica: &Replica, to: &Path) -> Outcome<Store> {
    let settings = database::store_config(&DataDir::new(to), &Config::default())?;
    let cluster = ClusterInit {
        server_id: replica.identity.server_id,
        check_value: replica.identity.check_value,
        created_millis: SystemClock.now_millis(),
    };
    let explain = |error| host::explain_store(&error);
    Store::create_replica(&settings, cluster).await.map_err(explain)?;
    Store::open(settings, Environment::system()).await.map_err(explain)
}

fn say(live: bool, said: &Mutex<Option<Instant>>, progress: DrillProgress) {
    let mut said = said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !live || said.is_some_and(|said| said.elapsed() < SAY) {
        return;
    }
    *said = Some(Instant::now());
    let DrillProgress { rows, of, contents, bytes } = progress;
    let bytes = output::bytes(bytes);
    output::status(&format!("{rows} of about {of} rows, {contents} contents ({bytes})"));
}

fn remove(to: &Path, existed: bool) {
    let removed = match existed {
        false => fs::remove_dir_all(to),
        true => super::join::empty(to),
    };
    if let Err(error) = removed
        && error.kind() != ErrorKind::NotFound
    {
        output::note(&format!("note: cannot remove the copy in {}: {error}", to.display()));
    }
}

/// Files of this directory that a server needs beside its store.
fn complete_directory(replica: &Replica, to: &Path) -> Outcome {
    let (from, to) = (&replica.data, DataDir::new(to));
    let marker = from.marker_path();
    if !marker.exists() {
        output::note(&"note: this replica is keyless, so the copy cannot be run as a server");
        return Ok(());
    }
    coffer_store::durable::create_dirs_durable(&to.tls())
        .map_err(|error| data_dir::write_failure(to.root(), &error))?;
    for entry in
        fs::read_dir(from.tls()).map_err(|error| Failure::io("read", from.root(), &error))?
    {
        let entry = entry.map_err(|error| Failure::io("read", from.root(), &error))?;
        let bytes = data_dir::read_bytes(&entry.path())?;
        data_dir::write(&to.tls().join(entry.file_name()), &bytes)?;
    }
    let mut config = replica.config.clone();
    config.database = config::Database::default();
    config.master_key_file = None;
    data_dir::write(&to.config_path(), config::render(&config)?.as_bytes())?;
    let key =
        zeroize::Zeroizing::new(data_dir::read_bytes(&from.master_key_path(&replica.config))?);
    data_dir::write(&to.master_key_path(&config), &key)?;
    replica.identity.write(to.root())?;
    data_dir::write(&to.marker_path(), &data_dir::read_bytes(&marker)?)
}

fn text(report: &DrillReport, took: Duration, args: &args::Drill) -> String {
    let mut lines: Vec<String> = Vec::new();
    for problem in &report.problems {
        let owner = problem.owner.as_ref().map_or(String::new(), |owner| format!(" of {owner}"));
        lines.push(format!("{}: {}{owner}: {}", problem.kind, problem.object, problem.detail));
    }
    let unnamed = report.problem_count - report.problems.len() as u64;
    if unnamed > 0 {
        lines.push(format!("{unnamed} more problems"));
    }
    let what = if args.all { "all" } else { "a sample of" };
    lines.push(format!(
        "restored {} rows and the contents of {what} {} versions ({} chunks, {}) as of {} in \
         {:.1} s: {} problems",
        report.rows,
        report.versions,
        report.chunks,
        output::bytes(report.bytes),
        report.position,
        took.as_secs_f64(),
        report.problem_count
    ));
    if args.keep {
        lines.push(format!("the copy is in {}", args.to.display()));
    }
    lines.join("\n")
}

fn document(report: &DrillReport, took: Duration, args: &args::Drill) -> serde_json::Value {
    let problems = report.problems.iter().map(|problem| {
        json!({
            "kind": problem.kind,
            "object": problem.object,
            "owner": problem.owner,
            "detail": problem.detail,
        })
    });
    json!({
        "position": report.position.to_string(),
        "rows": report.rows,
        "versions": report.versions,
        "chunks": report.chunks,
        "bytes": report.bytes,
        "seconds": took.as_secs_f64(),
        "all": args.all,
        "kept": args.keep,
        "problem_count": report.problem_count,
        "problems": problems.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Place;
    use coffer_store::DrillProblem;

    #[test]
    fn the_report_names_what_could_not_be_restored() {
        let args = args::Drill {
            place: Place { data: "/r".into() },
            to: "/s".into(),
            sample: 100,
            all: false,
            keep: true,
            json: false,
        };
        let problem = DrillProblem {
            kind: "chunk-missing",
            object: "version 3 of node 07".to_owned(),
            owner: Some("09".to_owned()),
            detail: "chunk 05 cannot be restored".to_owned(),
        };
        let report = DrillReport {
            rows: 12,
            versions: 2,
            chunks: 5,
            bytes: 2048,
            problem_count: 2,
            problems: vec![problem],
            ..DrillReport::default()
        };
        let expected = "\
chunk-missing: version 3 of node 07 of 09: chunk 05 cannot be restored
1 more problems
restored 12 rows and the contents of a sample of 2 versions (5 chunks, 2.0 KiB) as of 0.0 in 1.5 s: 2 problems
the copy is in /s";
        assert_eq!(text(&report, Duration::from_millis(1_500), &args), expected);
        let document = document(&report, Duration::from_secs(1), &args);
        assert_eq!(document["problems"][0]["kind"], "chunk-missing");
        assert_eq!(document["problem_count"], 2);
    }

    #[test]
    fn a_directory_that_holds_something_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(matches!(inspect(dir.path()), Ok(true)));
        assert!(matches!(inspect(&dir.path().join("new")), Ok(false)));
        fs::write(dir.path().join("file"), "x").expect("a file");
        let refused = inspect(dir.path()).map_err(|failure| failure.code);
        assert_eq!(refused.err(), Some(Code::DirectoryNotEmpty));
        remove(dir.path(), true);
        assert!(matches!(inspect(dir.path()), Ok(true)));
    }
}
