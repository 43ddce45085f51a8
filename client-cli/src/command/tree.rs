//! Changes to the tree: create, move, copy, delete.

use super::outcome::Outcomes;
use super::{COLLISION, place};
use crate::app::App;
use crate::args::{Cp, Mkdir, Mv, Rm};
use crate::exit::Failure;
use crate::{format, views};
use coffer_client::protocol::message::tree::{DeleteItem, Entry, Expect, Kind};
use coffer_client::protocol::{ErrorCode, NodeId, Place};
use coffer_client::{Client, CopyReport, Exit};
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
        app.out.document(&serde_json::json!({ "created": created, "failed": failed }))?;
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
) -> Result<(Place, String), Failure> {
    let at = place(typed)?;
    match client.find(&at).await? {
        Some(Entry { kind: Kind::Directory, .. }) if name.is_empty() => Err(Failure::new(
            Exit::Failed,
            "home-directory",
            "that cannot be done to the home directory itself",
            "Name what is in it, as in `/photos`.",
        )),
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

/// The last name of a remote path.
pub(super) fn last_name(place: &Place) -> &str {
    place.names.last().map_or("", String::as_str)
}

pub(super) async fn mv(app: &mut App, args: Mv) -> Result<(), Failure> {
    let from = place(&args.from)?;
    let client = app.client().await?;
    let (to, shown) = destination(&client, &args.to, last_name(&from)).await?;
    let written = client.rename(&from, &to, args.replace).await.map_err(|error| {
        let exists = error.wire_code() == Some(ErrorCode::EXISTS);
        let mut failure = Failure::from(error);
        if exists {
            failure.hint =
                String::from("Add --replace to move a file that has the name to the trash first.");
        }
        failure
    })?;
    if written.case_collision {
        app.out.note(COLLISION);
    }
    if app.out.json {
        let node = written.node.to_string();
        let moved = serde_json::json!({ "from": args.from, "to": shown, "node": node });
        return app.out.document(&moved);
    }
    app.out.done(format!("moved {} to {shown}", args.from))
}

pub(super) async fn cp(app: &mut App, args: Cp) -> Result<(), Failure> {
    let from = place(&args.from)?;
    let client = app.client().await?;
    let (to, shown) = destination(&client, &args.to, last_name(&from)).await?;
    let report = client.copy(&from, &to, Expect::Anything).await?;
    for failure in &report.failures {
        let path = views::join(&args.from, &failure.names, "");
        app.out.note(format!("error: {}: {}", path.trim_end_matches('/'), failure.error));
    }
    if app.out.json {
        copy_document(app, &args.from, &shown, &report)?;
    } else {
        app.out.done(format!(
            "copied {} ({}) from {} to {shown}",
            format::count(report.files, "file", "files"),
            format::size(report.bytes),
            args.from
        ))?;
    }
    if report.failed == 0 { Ok(()) } else { Err(Failure::partial()) }
}

fn copy_document(app: &mut App, from: &str, to: &str, report: &CopyReport) -> Result<(), Failure> {
    let named = report.failures.iter().map(|failure| {
        serde_json::json!({
            "path": failure.names.join("/"),
            "code": failure.error.code(),
            "message": failure.error.to_string(),
        })
    });
    let named: Vec<_> = named.collect();
    app.out.document(&serde_json::json!({
        "from": from,
        "to": to,
        "files": report.files,
        "directories": report.directories,
        "bytes": report.bytes,
        "failed_count": report.failed,
        "failed": named,
    }))
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
            Err(error) => outcomes.failed(path, coffer_client::ClientError::from(error).into())?,
        }
    }
    if app.out.json {
        let failed = outcomes.failures();
        app.out.document(&serde_json::json!({ "deleted": gone, "failed": failed }))?;
    } else {
        for Node { path, node } in &gone {
            app.out.done(format!("deleted {path}; undo with: coffer trash restore {node}"))?;
        }
    }
    outcomes.finish(app)
}

/// What is there now is what the wish is based on.
async fn delete_item(client: &Client, path: &str, recursive: bool) -> Result<DeleteItem, Failure> {
    let entry = client.stat(path).await?;
    if entry.kind == Kind::Directory && !recursive {
        return Err(Failure::new(
            Exit::Failed,
            ErrorCode::IS_A_DIRECTORY.name(),
            "it is a directory",
            "Add -r to delete it with everything in it.",
        ));
    }
    let revision = (entry.kind == Kind::File).then_some(entry.revision);
    Ok(DeleteItem { place: by_node(&entry, place(path)?), revision })
}

/// By its id, so that it is surely the thing that was looked at.
fn by_node(entry: &Entry, typed: Place) -> Place {
    match typed.names.is_empty() {
        true => typed,
        false => Place::node(NodeId(entry.node.0)),
    }
}
