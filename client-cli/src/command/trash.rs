//! The trash.

use super::{COLLISION, remote};
use crate::app::App;
use crate::args::Trash;
use crate::exit::Failure;
use crate::views::{self, TrashView};
use crate::{format, secret};
use coffer_client::protocol::message::tree::TrashEntry;
use coffer_client::protocol::{ErrorCode, NodeId};
use coffer_client::{Client, Exit, RemotePath, SharedPath};

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
    let (mut pages, base) = match &at {
        None => (client.trash(), "/".to_owned()),
        Some(at) => (client.trash_in(at)?, at.to_string()),
    };
    let mut next = pages.next_page().await?;
    if app.out.json {
        app.out.raw("{\"entries\":[")?;
    }
    let (mut first, mut damaged) = (true, Vec::new());
    while let Some(page) = next {
        for entry in &page.entries {
            if app.out.json {
                if !std::mem::take(&mut first) {
                    app.out.raw(",")?;
                }
                app.out.document(&TrashView::new(entry, &base))?;
            } else {
                app.out.line(views::trash_line(entry, &base))?;
            }
        }
        damaged.extend(page.damaged.iter().map(ToString::to_string));
        next = pages.next_page().await?;
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
    let found = if item.starts_with(['/', '@']) {
        by_path(client, &remote(item)?).await?
    } else if item.len() >= MIN_ID_DIGITS && item.chars().all(|c| c.is_ascii_hexdigit()) {
        by_prefix(client, item).await?
    } else {
        let hint = "Name it by its id or by the path it had, as `coffer trash ls` lists them.";
        return Err(Failure::usage(format!("'{item}' is neither an id nor a path"), hint));
    };
    found.ok_or_else(|| {
        let hint = "`coffer trash ls` lists what is there.";
        let code = ErrorCode::NOT_FOUND.name();
        Failure::new(Exit::NotFound, code, "it is not in the trash", hint).about(item)
    })
}

async fn by_path(client: &Client, path: &RemotePath) -> Result<Option<NodeId>, Failure> {
    let (mut pages, base) = match path {
        RemotePath::Shared(shared) => {
            let root = SharedPath { rest: Vec::new(), ..shared.clone() };
            let root = RemotePath::Shared(root);
            (client.trash_in(&root)?, root.to_string())
        }
        _ => (client.trash(), "/".to_owned()),
    };
    let wanted = path.to_string();
    while let Some(page) = pages.next_page().await? {
        let is_it = |entry: &&TrashEntry| views::trash_path(entry, &base) == wanted;
        if let Some(entry) = page.entries.iter().find(is_it) {
            return Ok(Some(entry.entry.node));
        }
    }
    Ok(None)
}

async fn by_prefix(client: &Client, item: &str) -> Result<Option<NodeId>, Failure> {
    let prefix = item.to_ascii_lowercase();
    let mut found = None;
    let mut pages = client.trash();
    while let Some(page) = pages.next_page().await? {
        for entry in &page.entries {
            let node = entry.entry.node;
            if node.to_string().starts_with(&prefix) && found.replace(node).is_some() {
                let message = format!("several ids in the trash begin with '{item}'");
                return Err(Failure::usage(message, "Give more of it."));
            }
        }
    }
    Ok(found)
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
    let machines = written.machines;
    if app.out.json {
        let node = written.node.to_string();
        let document = serde_json::json!({ "restored": node, "to": to, "machines": machines });
        return app.out.document(&document);
    }
    let durable = format::durable(Some(machines));
    match to {
        Some(to) => app.out.done(format!("restored to {to}{durable}")),
        None => app.out.done(format!("restored where it was{durable}")),
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
    let machines = client.durable_on();
    if app.out.json {
        let document = serde_json::json!({ "purged": count, "machines": machines });
        return app.out.document(&document);
    }
    let entries = format::count(count, "entry", "entries");
    app.out.done(format!("{entries} deleted for good{}", format::durable(machines)))
}
