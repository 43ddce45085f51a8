//! The trash.

use super::{COLLISION, remote};
use crate::app::App;
use crate::args::Trash;
use crate::exit::Failure;
use crate::views::{self, TrashView};
use crate::{format, secret};
use coffer_client::protocol::message::tree::TrashEntry;
use coffer_client::protocol::{ErrorCode, NodeId};
use coffer_client::{Client, Exit};

/// Fewest digits that can stand for an id.
const MIN_ID_DIGITS: usize = 4;

pub(super) async fn trash(app: &mut App, args: Trash) -> Result<(), Failure> {
    let client = app.client().await?;
    match args {
        Trash::Ls { path } => list(app, &client, path.as_deref()).await,
        Trash::Restore { item, to } => restore(app, &client, &item, to).await,
        Trash::Purge { items, all, yes } => purge(app, &client, &items, all, yes).await,
    }
}

async fn list(app: &mut App, client: &Client, path: Option<&str>) -> Result<(), Failure> {
    let at = path.map(remote).transpose()?;
    let mut pages = match &at {
        None => client.trash(),
        Some(at) => client.trash_in(at)?,
    };
    if app.out.json {
        app.out.raw("{\"entries\":[")?;
    }
    let (mut first, mut damaged) = (true, Vec::new());
    while let Some(page) = pages.next_page().await? {
        for entry in &page.entries {
            if app.out.json {
                if !std::mem::take(&mut first) {
                    app.out.raw(",")?;
                }
                app.out.document(&TrashView::new(entry))?;
            } else {
                app.out.line(views::trash_line(entry))?;
            }
        }
        damaged.extend(page.damaged.iter().map(ToString::to_string));
    }
    for id in &damaged {
        app.out.note(format!("damaged: entry {id} was altered or damaged, and is not shown"));
    }
    if app.out.json {
        let damaged: serde_json::Value = damaged.into();
        app.out.raw(&format!("],\"damaged\":{damaged}}}\n"))?;
    }
    Ok(())
}

/// An id, the beginning of one, or the path that something had. Of several
/// with one path, the one that was deleted last.
async fn resolve(client: &Client, item: &str) -> Result<NodeId, Failure> {
    if let Some(node) = NodeId::parse_hex(item) {
        return Ok(node);
    }
    let path = item.starts_with('/').then(|| item.trim_end_matches('/'));
    let is_prefix = item.len() >= MIN_ID_DIGITS && item.chars().all(|c| c.is_ascii_hexdigit());
    if path.is_none() && !is_prefix {
        let hint = "Name it by its id or by the path it had, as `coffer trash ls` lists them.";
        return Err(Failure::usage(format!("'{item}' is neither an id nor a path"), hint));
    }
    let prefix = item.to_ascii_lowercase();
    let matches = |entry: &TrashEntry| match path {
        Some(path) => views::trash_path(entry) == path,
        None => entry.entry.node.to_string().starts_with(&prefix),
    };
    let mut found = None;
    let mut pages = client.trash();
    while let Some(page) = pages.next_page().await? {
        for entry in page.entries.iter().filter(|entry| matches(entry)) {
            if path.is_some() {
                return Ok(entry.entry.node);
            }
            if found.replace(entry.entry.node).is_some() {
                let message = format!("several ids in the trash begin with '{item}'");
                return Err(Failure::usage(message, "Give more of it."));
            }
        }
    }
    found.ok_or_else(|| {
        let hint = "`coffer trash ls` lists what is there.";
        let code = ErrorCode::NOT_FOUND.name();
        Failure::new(Exit::NotFound, code, "it is not in the trash", hint).about(item)
    })
}

async fn restore(
    app: &mut App,
    client: &Client,
    item: &str,
    to: Option<String>,
) -> Result<(), Failure> {
    let to_path = to.as_deref().map(remote).transpose()?;
    let node = resolve(client, item).await?;
    let target = match &to_path {
        Some(path) => Some(client.resolve(path).await?),
        None => None,
    };
    let written = client.restore_trash(node, target).await.map_err(|error| {
        let exists = error.wire_code() == Some(ErrorCode::EXISTS);
        let mut failure = Failure::from(error);
        if exists && failure.hint.is_empty() {
            failure.hint = String::from("Put it somewhere else with --to PATH.");
        }
        failure
    })?;
    if written.case_collision {
        app.out.note(COLLISION);
    }
    if app.out.json {
        let node = written.node.to_string();
        return app.out.document(&serde_json::json!({ "restored": node, "to": to }));
    }
    match to {
        Some(to) => app.out.done(format!("restored to {to}")),
        None => app.out.done("restored where it was"),
    }
}

async fn purge(
    app: &mut App,
    client: &Client,
    items: &[String],
    all: bool,
    yes: bool,
) -> Result<(), Failure> {
    let mut nodes = Vec::with_capacity(items.len());
    for item in items {
        nodes.push(resolve(client, item).await?);
    }
    let question = if all {
        "This deletes everything in the trash, for good. Go on?"
    } else {
        "This deletes it for good. Go on?"
    };
    secret::confirm_final(question, yes)?;
    let count = match all {
        true => client.purge_all_trash().await?,
        false => client.purge_trash(&nodes).await?,
    };
    if app.out.json {
        return app.out.document(&serde_json::json!({ "purged": count }));
    }
    app.out.done(format!("{} deleted for good", format::count(count, "entry", "entries")))
}
