//! Changes to the tree: create, move, copy, delete.

use super::outcome::Outcomes;
use super::{COLLISION, remote};
use crate::app::App;
use crate::args::{Cp, Mkdir, Mv, Rm};
use crate::exit::Failure;
use crate::{format, views};
use coffer_client::protocol::message::tree::{DeleteItem, Entry, Expect, Kind};
use coffer_client::protocol::{ErrorCode, Place};
use coffer_client::{Client, ClientError, CopyReport, Exit, Moved, RemotePath, Source};
use serde::Serialize;

pub(super) async fn mkdir(app: &mut App, args: Mkdir) -> Result<(), Failure> {
    let client = app.client().await?;
    let mut outcomes = Outcomes::default();
    let mut created = Vec::new();
    for path in &args.paths {
        match client.mkdir(path, args.parents).await {
            Ok(node) => {
                outcomes.done();
                created.push(Node { path, node: node.to_string() });
            }
            Err(error) => outcomes.failed(path, error.into())?,
        }
    }
    if app.out.json {
        let failed = outcomes.failures();
        let machines = client.durable_on();
        let document =
            serde_json::json!({ "created": created, "failed": failed, "machines": machines });
        app.out.document(&document)?;
    }
    outcomes.finish(app)
}

#[derive(Serialize)]
struct Node<'a> {
    path: &'a str,
    node: String,
}

/// Where something goes: into a directory that is there, under its own name;
/// otherwise it becomes what was typed.
pub(super) async fn destination(
    client: &Client,
    typed: &str,
    name: &str,
) -> Result<(RemotePath, String), Failure> {
    let at = remote(typed)?;
    let there = client.find(&at).await.map_err(|error| Failure::from(error).about_entry(typed))?;
    match there {
        Some(Entry { kind: Kind::Directory, .. }) => {
            Ok((at.join(name), views::join(typed, &[], name)))
        }
        _ if typed.len() > 1 && typed.ends_with('/') => Err(no_directory(typed)),
        _ => Ok((at, typed.to_owned())),
    }
}

/// The error for a target that has to be a directory.
pub(super) fn no_directory(path: &str) -> Failure {
    let hint = format!("Create it with `coffer mkdir -p {path}`.");
    let code = ErrorCode::NOT_FOUND.name();
    Failure::new(Exit::NotFound, code, "there is no such directory", hint).about(path)
}

/// The name of the one thing that a command moves or copies.
fn name_of(path: &RemotePath) -> Result<&str, Failure> {
    path.last_name().ok_or_else(|| match path {
        RemotePath::Own(_) => Failure::new(
            Exit::Failed,
            "home-directory",
            "that cannot be done to the home directory itself",
            "Name what is in it, as in `/photos`.",
        ),
        several => ClientError::ManyThings { path: several.to_string() }.into(),
    })
}

pub(super) async fn mv(app: &mut App, args: Mv) -> Result<(), Failure> {
    let from = remote(&args.from)?;
    let client = app.client().await?;
    let (to, shown) = destination(&client, &args.to, name_of(&from)?).await?;
    let moved = client.relocate(&from, &to, args.replace).await.map_err(|error| {
        let exists = error.wire_code() == Some(ErrorCode::EXISTS);
        let mut failure = Failure::from(error);
        if exists {
            failure.hint =
                String::from("Add --replace to move a file that has the name to the trash first.");
        }
        failure
    })?;
    let written = match moved {
        Moved::Renamed(written) => written,
        Moved::Copied { report, source } => {
            return moved_across(app, &args.from, &shown, &report, source);
        }
    };
    if written.case_collision {
        app.out.note(COLLISION);
    }
    if app.out.json {
        let node = written.node.to_string();
        let moved = serde_json::json!({
            "from": args.from,
            "to": shown,
            "node": node,
            "machines": written.machines,
        });
        return app.out.document(&moved);
    }
    let durable = format::durable(Some(written.machines));
    app.out.done(format!("moved {} to {shown}{durable}", args.from))
}

/// Says what became of a move between the trees of different users.
fn moved_across(
    app: &mut App,
    from: &str,
    to: &str,
    report: &CopyReport,
    source: Source,
) -> Result<(), Failure> {
    name_failures(app, from, report);
    if app.out.json {
        let original = if matches!(source, Source::Trashed) { "trashed" } else { "kept" };
        let mut document = copy_document(from, to, report);
        document["original"] = original.into();
        app.out.document(&document)?;
    }
    match source {
        Source::Trashed if app.out.json => Ok(()),
        Source::Trashed => app.out.done(format!(
            "moved {from} to {to} as a copy ({}); the original is in its owner's trash",
            format::count(report.files, "file", "files")
        )),
        Source::CopyIncomplete => {
            app.out.note(format!("{from} stays, because not all of it could be copied to {to}"));
            Err(Failure::partial())
        }
        Source::Refused(error) => {
            let mut failure = Failure::from(error);
            failure.message = format!(
                "it was copied to {to}, but the original stays, because it could not be deleted: {}",
                failure.message
            );
            Err(failure.about(from))
        }
    }
}

pub(super) async fn cp(app: &mut App, args: Cp) -> Result<(), Failure> {
    let from = remote(&args.from)?;
    let client = app.client().await?;
    let (to, shown) = destination(&client, &args.to, name_of(&from)?).await?;
    let report = client.copy(&from, &to, Expect::Anything).await?;
    name_failures(app, &args.from, &report);
    if app.out.json {
        let mut document = copy_document(&args.from, &shown, &report);
        document["machines"] = client.durable_on().into();
        app.out.document(&document)?;
    } else {
        app.out.done(format!(
            "copied {} ({}) from {} to {shown}{}",
            format::count(report.files, "file", "files"),
            format::size(report.bytes),
            args.from,
            format::durable(client.durable_on())
        ))?;
    }
    if report.failed == 0 { Ok(()) } else { Err(Failure::partial()) }
}

fn name_failures(app: &App, from: &str, report: &CopyReport) {
    for failure in &report.failures {
        let path = views::join(from, &failure.names, "");
        app.out.note(format!("error: {}: {}", path.trim_end_matches('/'), failure.error));
    }
}

fn copy_document(from: &str, to: &str, report: &CopyReport) -> serde_json::Value {
    let named = report.failures.iter().map(|failure| {
        serde_json::json!({
            "path": failure.names.join("/"),
            "code": failure.error.code(),
            "message": failure.error.to_string(),
        })
    });
    let named: Vec<_> = named.collect();
    serde_json::json!({
        "from": from,
        "to": to,
        "files": report.files,
        "directories": report.directories,
        "bytes": report.bytes,
        "failed_count": report.failed,
        "failed": named,
    })
}

pub(super) async fn rm(app: &mut App, args: Rm) -> Result<(), Failure> {
    let client = app.client().await?;
    let mut outcomes = Outcomes::default();
    let mut wanted = Vec::new();
    for path in &args.paths {
        match delete_item(&client, path, args.recursive).await {
            Ok(item) => wanted.push((path, item)),
            Err(failure) => outcomes.failed(path, failure)?,
        }
    }
    let items: Vec<DeleteItem> = wanted.iter().map(|(_, item)| item.clone()).collect();
    let deleted = client.delete(&items, args.recursive).await?;
    let mut gone = Vec::new();
    for ((path, _), outcome) in wanted.into_iter().zip(deleted) {
        match outcome {
            Ok(node) => {
                outcomes.done();
                gone.push(Node { path, node: node.to_string() });
            }
            Err(error) => outcomes.failed(path, ClientError::from(error).into())?,
        }
    }
    if app.out.json {
        let failed = outcomes.failures();
        let machines = client.durable_on();
        let document =
            serde_json::json!({ "deleted": gone, "failed": failed, "machines": machines });
        app.out.document(&document)?;
    } else {
        for Node { path, node } in &gone {
            app.out.done(format!("deleted {path}; undo with: coffer trash restore {node}"))?;
        }
    }
    outcomes.finish(app)
}

/// What is there now is what the wish is based on.
async fn delete_item(client: &Client, path: &str, recursive: bool) -> Result<DeleteItem, Failure> {
    let at = remote(path)?;
    let entry = client.stat(&at).await?;
    if entry.kind == Kind::Directory && !recursive {
        return Err(Failure::new(
            Exit::Failed,
            ErrorCode::IS_A_DIRECTORY.name(),
            "it is a directory",
            "Add -r to delete it with everything in it.",
        ));
    }
    let revision = (entry.kind == Kind::File).then_some(entry.revision);
    // By its id, so that it is surely the thing that was looked at.
    let place = if at.last_name().is_none() { Place::home() } else { Place::node(entry.node) };
    Ok(DeleteItem { place, revision })
}
