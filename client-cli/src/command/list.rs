//! Directories, trees and single entries.

use super::{received, remote};
use crate::app::App;
use crate::args::{Find, Ls, OnePath};
use crate::exit::Failure;
use crate::format;
use crate::views::{self, EntryView};
use coffer_client::protocol::message::tree::{Entry, Kind};
use coffer_client::protocol::{ErrorCode, NodeId};
use coffer_client::{Client, RemotePath, ToPlace};

/// Most entries of a directory that are sorted; beyond that they come as the
/// server sends them, so that memory does not grow.
const MAX_SORTED: usize = 100_000;

pub(super) async fn ls(app: &mut App, args: Ls) -> Result<(), Failure> {
    let at = remote(&args.path)?;
    let client = app.client().await?;
    let several = matches!(at, RemotePath::Everyone | RemotePath::Owner(_));
    if args.recursive {
        return search(app, &client, &at, &args.path, None, args.long).await;
    }
    if several {
        return received::ls(app, &client, &at, args.long).await;
    }
    match list(app, &client, &at, &args).await {
        Err(failure) if failure.code == ErrorCode::NOT_A_DIRECTORY.name() => {
            let entry = client.stat(&at).await?;
            let mut listing = Listing::begin(app, &args)?;
            listing.show(app, vec![entry])?;
            Listing::end(app, &[])
        }
        other => other,
    }
}

async fn list(app: &mut App, client: &Client, at: &RemotePath, args: &Ls) -> Result<(), Failure> {
    let mut pages = client.list(at)?;
    let (mut waiting, mut damaged) = (Vec::new(), Vec::new());
    let mut listing: Option<Listing> = None;
    while let Some(page) = pages.next_page().await? {
        waiting.extend(page.entries);
        damaged.extend(page.damaged);
        if waiting.len() >= MAX_SORTED {
            let listing = match &mut listing {
                Some(listing) => listing,
                none => none.insert(Listing::begin(app, args)?),
            };
            listing.show(app, std::mem::take(&mut waiting))?;
        }
    }
    let mut listing = match listing {
        Some(listing) => listing,
        None => Listing::begin(app, args)?,
    };
    listing.show(app, waiting)?;
    Listing::end(app, &damaged)
}

/// A listing that is written piece by piece.
struct Listing {
    long: bool,
    first: bool,
}

impl Listing {
    fn begin(app: &mut App, args: &Ls) -> Result<Self, Failure> {
        if app.out.json {
            let path = serde_json::Value::from(args.path.as_str());
            app.out.raw(&format!("{{\"path\":{path},\"entries\":["))?;
        }
        Ok(Self { long: args.long, first: true })
    }

    fn show(&mut self, app: &mut App, mut entries: Vec<Entry>) -> Result<(), Failure> {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        for entry in &entries {
            if app.out.json {
                if !std::mem::take(&mut self.first) {
                    app.out.raw(",")?;
                }
                app.out.document(&EntryView::new(entry, None))?;
            } else if self.long {
                app.out.line(views::long_line(entry, &entry.name))?;
            } else {
                app.out.line(views::short_line(entry, &entry.name))?;
            }
        }
        Ok(())
    }

    fn end(app: &mut App, damaged: &[NodeId]) -> Result<(), Failure> {
        if app.out.json {
            let ids: Vec<String> = damaged.iter().map(ToString::to_string).collect();
            app.out.raw(&format!("],\"damaged\":{}}}\n", serde_json::Value::from(ids)))?;
        }
        report_damaged(app, damaged)
    }
}

/// Entries that do not open are named by their ids; the rest was shown.
pub(super) fn report_damaged(app: &App, damaged: &[NodeId]) -> Result<(), Failure> {
    if damaged.is_empty() {
        return Ok(());
    }
    for node in damaged {
        app.out.note(format!("damaged: entry {node} was altered or damaged, and is not shown"));
    }
    Err(Failure::new(
        coffer_client::Exit::Integrity,
        ErrorCode::INTEGRITY.name(),
        format!("{} not open", format::count(damaged.len() as u64, "entry does", "entries do")),
        "Tell the operator, who can run `coffer-server check`.",
    ))
}

/// What a walk came to.
#[derive(Default)]
pub(super) struct Found {
    /// Entries that do not open.
    pub(super) damaged: Vec<NodeId>,
}

impl Found {
    pub(super) fn add(&mut self, other: Self) {
        self.damaged.extend(other.damaged);
    }
}

/// Prints one entry with its whole path. JSON: on a line of its own.
pub(super) fn show(app: &mut App, entry: &Entry, path: String, long: bool) -> Result<(), Failure> {
    if app.out.json {
        app.out.document(&EntryView::new(entry, Some(path)))
    } else if long {
        app.out.line(views::long_line(entry, &path))
    } else {
        app.out.line(views::short_line(entry, &path))
    }
}

/// Prints a tree, or what of it matches, as it comes.
pub(super) async fn walk(
    app: &mut App,
    client: &Client,
    at: &impl ToPlace,
    path: &str,
    pattern: Option<&str>,
    long: bool,
) -> Result<Found, Failure> {
    let mut pages = client.walk(at, pattern)?;
    let mut damaged = Vec::new();
    while let Some(page) = pages.next_page().await? {
        for found in &page.entries {
            let full = views::join(path, &found.above, &found.entry.name);
            show(app, &found.entry, full, long)?;
        }
        damaged.extend(page.damaged);
        app.out.flush()?;
    }
    Ok(Found { damaged })
}

/// Walks through a tree, or through all that is shared under a path.
async fn search(
    app: &mut App,
    client: &Client,
    at: &RemotePath,
    path: &str,
    pattern: Option<&str>,
    long: bool,
) -> Result<(), Failure> {
    if matches!(at, RemotePath::Everyone | RemotePath::Owner(_)) {
        return received::walk(app, client, at, pattern, long).await;
    }
    let found = walk(app, client, at, path, pattern, long).await?;
    report_damaged(app, &found.damaged)
}

pub(super) async fn find(app: &mut App, args: Find) -> Result<(), Failure> {
    let at = args.path.as_deref().map(remote).transpose()?;
    let client = app.client().await?;
    let pattern = Some(args.pattern.as_str());
    if let (Some(at), Some(path)) = (&at, &args.path) {
        return search(app, &client, at, path, pattern, false).await;
    }
    let own = search(app, &client, &RemotePath::Own(Vec::new()), "/", pattern, false).await;
    let damaged = |failure: &Failure| failure.code == ErrorCode::INTEGRITY.name();
    if own.as_ref().is_err_and(|failure| !damaged(failure)) {
        return own;
    }
    received::walk(app, &client, &RemotePath::Everyone, pattern, false).await.and(own)
}

pub(super) async fn stat(app: &mut App, args: OnePath) -> Result<(), Failure> {
    let at = remote(&args.path)?;
    let client = app.client().await?;
    let entry = client.stat(&at).await?;
    if app.out.json {
        return app.out.document(&EntryView::new(&entry, Some(args.path)));
    }
    let mut lines = vec![("path", args.path), ("kind", views::kind(entry.kind).to_owned())];
    if entry.kind == Kind::File {
        lines.push(("size", format!("{} ({} bytes)", format::size(entry.size), entry.size)));
        lines.push(("executable", if entry.executable { "yes" } else { "no" }.to_owned()));
        lines.push(("content", entry.content_hash.to_string()));
    }
    if let RemotePath::Shared(shared) = at {
        lines.push(("owner", shared.owner));
    }
    lines.push(("modified", format::time(entry.modified_millis)));
    lines.push(("created", format::time(entry.created_millis)));
    lines.push(("revision", entry.revision.to_string()));
    let machines = format::count(entry.machines.into(), "machine", "machines");
    lines.push(("durable", format!("on {machines}")));
    lines.push(("id", entry.node.to_string()));
    for (label, value) in lines {
        app.out.line(format!("{label:<12} {value}"))?;
    }
    Ok(())
}
