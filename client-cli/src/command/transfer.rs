//! Files and trees up and down, and single files through a pipe.

use super::tree::{destination, last_name, no_directory};
use super::{COLLISION, place};
use crate::app::App;
use crate::args::{Cat, Get, Put, Write};
use crate::exit::Failure;
use crate::{format, progress};
use coffer_client::protocol::message::tree::{Entry, Expect, Kind};
use coffer_client::protocol::{ErrorCode, Place};
use coffer_client::transfer::{
    LocalSource, RemoteSource, Report, StreamTarget, Tracker, Upload, check_local_name,
};
use coffer_client::{ByteRange, Client, ClientError, Exit};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;

/// Runs a transfer: draws its progress, and cancels it on Ctrl-C.
async fn watched<T>(
    app: &App,
    tracker: &Tracker,
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> T {
    let drawing = async {
        if app.out.draws() {
            progress::draw(tracker.subscribe()).await;
        }
        std::future::pending::<()>().await;
    };
    let interrupting = async {
        interrupted().await;
        cancel.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        outcome = work => outcome,
        () = drawing => unreachable!("drawing does not end"),
        () = interrupting => unreachable!("waiting does not end"),
    }
}

/// Waits for Ctrl-C, or for a polite request to end.
#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

pub(super) async fn put(app: &mut App, args: Put) -> Result<(), Failure> {
    let client = app.client().await?;
    let (base, sources) = plan_put(&client, &args).await?;
    let expect = if args.no_clobber { Expect::Absent } else { Expect::Anything };
    let upload = Upload { base, sources, follow_links: args.follow, expect };
    let (tracker, cancel) = (Tracker::new(), CancellationToken::new());
    let report = watched(app, &tracker, &cancel, client.upload(upload, &tracker, &cancel)).await;
    finish(app, report, "uploaded")
}

/// Where everything goes, by the habits of `cp -r`.
async fn plan_put(client: &Client, args: &Put) -> Result<(Place, Vec<LocalSource>), Failure> {
    let at = place(&args.remote)?;
    let there = client.find(&at).await?;
    if let Some(Entry { kind: Kind::Directory, .. }) = there {
        let sources = args.local.iter().map(|path| {
            let name = local_name(path)?;
            Ok(LocalSource { path: path.clone(), name })
        });
        return Ok((at, sources.collect::<Result<_, Failure>>()?));
    }
    let [path] = args.local.as_slice() else {
        return Err(match there {
            Some(_) => not_a_directory(&args.remote),
            None => no_directory(&args.remote),
        });
    };
    let is_dir = path.is_dir();
    if there.is_some() && is_dir {
        return Err(not_a_directory(&args.remote));
    }
    if args.remote.ends_with('/') && !is_dir {
        return Err(no_directory(&args.remote));
    }
    let Some((above, name)) = at.split_last() else { return Err(no_directory(&args.remote)) };
    match client.find(&above).await? {
        Some(Entry { kind: Kind::Directory, .. }) => {}
        Some(_) => return Err(not_a_directory(&args.remote)),
        None => return Err(no_directory(parent_of(&args.remote))),
    }
    let source = LocalSource { path: path.clone(), name: Some(name.to_owned()) };
    Ok((above, vec![source]))
}

fn parent_of(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some((above, _)) if !above.is_empty() => above,
        _ => "/",
    }
}

fn not_a_directory(path: &str) -> Failure {
    let code = ErrorCode::NOT_A_DIRECTORY.name();
    Failure::new(Exit::Failed, code, "it is a file, not a directory", "").about(path)
}

/// The name a local path gets in a directory; `None` for `.`, `..` and `/`:
/// their contents are meant.
fn local_name(path: &Path) -> Result<Option<String>, Failure> {
    let ends_with_dot = path.as_os_str().as_encoded_bytes().ends_with(b"/.");
    match path.file_name() {
        Some(name) if !ends_with_dot => match name.to_str() {
            Some(name) => Ok(Some(name.to_owned())),
            None => {
                let message = format!("the name of {} is not valid Unicode", path.display());
                Err(Failure::usage(message, "Give it a new name: put LOCAL /NAME."))
            }
        },
        _ => Ok(None),
    }
}

pub(super) async fn get(app: &mut App, args: Get) -> Result<(), Failure> {
    let sources = plan_get(&args)?;
    let client = app.client().await?;
    let (tracker, cancel) = (Tracker::new(), CancellationToken::new());
    let report = watched(app, &tracker, &cancel, client.download(sources, &tracker, &cancel)).await;
    finish(app, report, "downloaded")
}

/// Where everything goes, by the habits of `cp -r`.
fn plan_get(args: &Get) -> Result<Vec<RemoteSource>, Failure> {
    let is_dir = args.local.is_dir();
    if args.remote.len() > 1 && !is_dir {
        let message = format!("{} is not a directory", args.local.display());
        return Err(Failure::usage(message, "Several things can only go into a directory."));
    }
    let source = |remote: &String| {
        let place = place(remote)?;
        let name = last_name(&place);
        let to: PathBuf = if is_dir && !name.is_empty() {
            check_local_name(name)?;
            args.local.join(name)
        } else {
            args.local.clone()
        };
        Ok(RemoteSource { place, shown: remote.clone(), to })
    };
    args.remote.iter().map(source).collect()
}

/// Names what was left out and what failed, and says what was done.
fn finish(app: &mut App, report: Report, verb: &str) -> Result<(), Failure> {
    if app.out.json {
        app.out.document(&document(&report))?;
    } else {
        remarks(app, &report);
        let failed = report.failed.items.len();
        let nothing_else = report.files == 0 && report.directories == 0;
        if !(nothing_else && failed == 1) && !(nothing_else && report.stopped.is_some()) {
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
    if let Some(machines) = report.machines {
        line.push_str("; durable on ");
        line.push_str(&format::count(machines.into(), "machine", "machines"));
    }
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

pub(super) async fn cat(app: &mut App, args: Cat) -> Result<(), Failure> {
    let at = place(&args.path)?;
    let client = app.client().await?;
    let range = args.range.map_or(ByteRange::ALL, |(start, last)| ByteRange {
        start,
        end: last.map(|last| last.saturating_add(1)),
    });
    let reader = client.open_file(&at, args.version).await?;
    reader.read_to(range, &mut tokio::io::stdout()).await?;
    Ok(())
}

pub(super) async fn write(app: &mut App, args: Write) -> Result<(), Failure> {
    let at = place(&args.path)?;
    let client = app.client().await?;
    let (to, shown) = match at.split_last() {
        None => return Err(ClientError::HomeDirectory.into()),
        Some((_, name)) => {
            let name = name.to_owned();
            match destination(&client, &args.path, &name).await? {
                (to, _) if to != at => {
                    let code = ErrorCode::IS_A_DIRECTORY.name();
                    let failure = Failure::new(Exit::Failed, code, "it is a directory", "");
                    return Err(failure.about(args.path));
                }
                found => found,
            }
        }
    };
    let expect = match args.if_revision {
        None => Expect::Anything,
        Some(0) => Expect::Absent,
        Some(revision) => Expect::Revision(revision),
    };
    let modified_millis = SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    let target = StreamTarget { to, modified_millis, executable: args.executable, expect };
    let (tracker, cancel) = (Tracker::new(), CancellationToken::new());
    let input = std::io::stdin();
    let work = client.upload_stream(input, target, &tracker, &cancel);
    let written = watched(app, &tracker, &cancel, work).await?;
    if written.case_collision {
        app.out.note(COLLISION);
    }
    if app.out.json {
        return app.out.document(&serde_json::json!({
            "path": shown,
            "node": written.node.to_string(),
            "revision": written.revision,
            "position": written.position.to_string(),
            "machines": written.machines,
        }));
    }
    app.out.done(format!("wrote {shown}, revision {}", written.revision))
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::transfer::Skip;

    #[test]
    fn names_follow_the_habits_of_cp() {
        let name = |path: &str| local_name(Path::new(path)).expect("Unicode");
        assert_eq!(name("a/b").as_deref(), Some("b"));
        assert_eq!(name("a/b/").as_deref(), Some("b"));
        for contents in [".", "..", "/", "a/.", "a/.."] {
            assert_eq!(name(contents), None, "{contents}");
        }
    }

    #[test]
    fn downloads_go_into_a_directory_or_become_what_was_typed() {
        let dir = tempfile::tempdir().expect("directory");
        let plan = |remote: &[&str], local: PathBuf| {
            let remote = remote.iter().map(|path| (*path).to_owned()).collect();
            let sources = plan_get(&Get { remote, local });
            sources.map(|found| found.into_iter().map(|source| source.to).collect::<Vec<_>>())
        };
        let new = dir.path().join("new");
        assert_eq!(plan(&["/a/b"], dir.path().into()).ok(), Some(vec![dir.path().join("b")]));
        assert_eq!(plan(&["/a/b"], new.clone()).ok(), Some(vec![new.clone()]));
        assert_eq!(plan(&["/"], dir.path().into()).ok(), Some(vec![dir.path().into()]));
        assert_eq!(plan(&["/a", "/b"], new).err().map(|failure| failure.exit), Some(2));
        assert!(plan(&["/.."], dir.path().into()).is_err());
    }

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

    #[test]
    fn a_path_has_a_directory_above_it() {
        assert_eq!(parent_of("/a/b/c"), "/a/b");
        assert_eq!(parent_of("/a"), "/");
        assert_eq!(parent_of("/a/b/"), "/a");
    }
}
