//! Shares: give, take back, leave, list.

use super::contact::introduce;
use super::remote;
use crate::app::App;
use crate::args::{self, Leave, Share, Shares, Unshare};
use crate::exit::Failure;
use crate::format;
use crate::views::share::{self, ShareView, Side};
use coffer_client::protocol::message::share::{Mode, Recipient, ShareEntry};
use coffer_client::{Client, Exit, RemotePath, ShareLister, ShareScope};
use serde_json::json;

/// Rows whose columns are aligned with each other.
const ROWS_ALIGNED: usize = 10_000;

/// How the JSON document of a list begins; not before there is one.
const OPENING: &str = "{\"shares\":[";

fn recipient(who: String, group: bool) -> Recipient {
    if group { Recipient::Group(who) } else { Recipient::User(who) }
}

pub(super) async fn share(app: &mut App, args: Share) -> Result<(), Failure> {
    let at = remote(&args.path)?;
    let client = app.client().await?;
    let mode = match args.mode {
        args::Mode::Read => Mode::Read,
        args::Mode::Write => Mode::Write,
    };
    let with = recipient(args.who, args.group);
    let shared = client.share(&at, with, mode, args.expires).await?;
    if app.out.json {
        let contacts = shared.new_contacts.iter().map(share::ContactView::new);
        return app.out.document(&json!({
            "shared": ShareView::new(&shared.share, Side::ByMe),
            "new_contacts": contacts.collect::<Vec<_>>(),
            "position": shared.position.to_string(),
            "machines": shared.machines,
        }));
    }
    let entry = &shared.share;
    let until = entry.expires_millis.map(|end| format!(", until {}", format::time(end)));
    app.out.done(format!(
        "shared {at} with {}: {}{}",
        share::recipient(&entry.with),
        share::mode(entry.mode),
        until.unwrap_or_default()
    ))?;
    introduce(app, &client, &shared.new_contacts)
}

pub(super) async fn unshare(app: &mut App, args: Unshare) -> Result<(), Failure> {
    let at = remote(&args.path)?;
    let client = app.client().await?;
    let with = recipient(args.who.clone(), args.group);
    let changed = client.unshare(&at, with.clone()).await?;
    if app.out.json {
        return app.out.document(&json!({
            "unshared": at.to_string(),
            "with": args.who,
            "group": args.group,
            "position": changed.position.to_string(),
            "machines": changed.machines,
        }));
    }
    app.out.done(format!("{at} is no longer shared with {}", share::recipient(&with)))
}

pub(super) async fn leave(app: &mut App, args: Leave) -> Result<(), Failure> {
    let at = remote(&args.path)?;
    let RemotePath::Shared(shared) = at.clone() else {
        let message = format!("'{}' is not something that is shared with you", args.path);
        return Err(Failure::usage(message, "Name it as `coffer ls @` lists it."));
    };
    if !shared.rest.is_empty() {
        let message = "only what is shared itself can be given up, not something in it";
        let hint =
            format!("Leave all of it with `coffer leave @{}/{}`.", shared.owner, shared.name);
        return Err(Failure::usage(message, hint).about(args.path));
    }
    let client = app.client().await?;
    let changed = client.leave(&shared.owner, &shared.name).await?;
    if app.out.json {
        return app.out.document(&json!({
            "left": at.to_string(),
            "position": changed.position.to_string(),
            "machines": changed.machines,
        }));
    }
    app.out.done(format!("{at} is no longer shared with you"))
}

pub(super) async fn shares(app: &mut App, args: Shares) -> Result<(), Failure> {
    let path = args.path.as_deref().map(remote).transpose()?;
    let client = app.client().await?;
    let mut list = List::default();
    match path {
        None => {
            if !args.with_me {
                list.pages(app, client.shares(ShareScope::ByMe)?, Side::ByMe).await?;
            }
            if !args.by_me {
                list.pages(app, client.shares(ShareScope::WithMe)?, Side::WithMe).await?;
            }
        }
        Some(path @ RemotePath::Own(_)) => {
            list.pages(app, client.shares(ShareScope::Of(path))?, Side::ByMe).await?;
        }
        Some(path) => list.received(app, &client, &path).await?,
    }
    list.end(app)
}

/// A list of shares that is written piece by piece.
#[derive(Default)]
struct List {
    rows: Vec<[String; 5]>,
    shown: u64,
    damaged: Vec<String>,
}

impl List {
    async fn pages(
        &mut self,
        app: &mut App,
        mut pages: ShareLister,
        side: Side,
    ) -> Result<(), Failure> {
        while let Some(page) = pages.next_page().await? {
            for share in &page.shares {
                self.add(app, share, side)?;
            }
            self.damaged.extend(page.damaged.iter().map(ToString::to_string));
        }
        Ok(())
    }

    /// What one owner shares with the user, or one thing of it.
    async fn received(
        &mut self,
        app: &mut App,
        client: &Client,
        path: &RemotePath,
    ) -> Result<(), Failure> {
        let owner = match path {
            RemotePath::Shared(shared) => {
                if !shared.rest.is_empty() {
                    let message = "it is inside something that is shared with you";
                    let hint = format!("Ask about @{}/{}.", shared.owner, shared.name);
                    return Err(Failure::usage(message, hint).about(path.to_string()));
                }
                let found = client.find_shared(&shared.owner, &shared.name).await?;
                return self.add(app, &found, Side::WithMe);
            }
            RemotePath::Owner(owner) => Some(owner.as_str()),
            RemotePath::Everyone | RemotePath::Own(_) => None,
        };
        let found = client.shared_with_me(owner).await?;
        for share in &found.shares {
            self.add(app, share, Side::WithMe)?;
        }
        self.damaged.extend(found.damaged.iter().map(ToString::to_string));
        Ok(())
    }

    fn add(&mut self, app: &mut App, share: &ShareEntry, side: Side) -> Result<(), Failure> {
        self.shown += 1;
        if app.out.json {
            app.out.raw(if self.shown == 1 { OPENING } else { "," })?;
            return app.out.document(&ShareView::new(share, side));
        }
        self.rows.push(share::share_row(share, side));
        if self.rows.len() >= ROWS_ALIGNED { self.flush(app) } else { Ok(()) }
    }

    fn flush(&mut self, app: &mut App) -> Result<(), Failure> {
        let headings = ["WHAT", "WHO", "MODE", "SINCE", "UNTIL"].map(str::to_owned);
        self.rows.insert(0, headings);
        let lines = share::table(&self.rows);
        self.rows.clear();
        lines.into_iter().try_for_each(|line| app.out.line(line))
    }

    fn end(mut self, app: &mut App) -> Result<(), Failure> {
        if !self.rows.is_empty() {
            self.flush(app)?;
        }
        if app.out.json {
            if self.shown == 0 {
                app.out.raw(OPENING)?;
            }
            let damaged = serde_json::Value::from(self.damaged.clone());
            app.out.raw(&format!("],\"damaged\":{damaged}}}\n"))?;
        } else if self.shown == 0 && self.damaged.is_empty() {
            app.out.note("nothing is shared");
        }
        damaged_shares(app, &self.damaged)
    }
}

/// Shares that do not open are named by their ids; the rest was shown.
pub(super) fn damaged_shares(app: &App, damaged: &[String]) -> Result<(), Failure> {
    if damaged.is_empty() {
        return Ok(());
    }
    for id in damaged {
        app.out.note(format!("damaged: share {id} was altered or damaged, and gives no access"));
    }
    let count = format::count(damaged.len() as u64, "share does", "shares do");
    Err(Failure::new(
        Exit::Integrity,
        coffer_client::protocol::ErrorCode::INTEGRITY.name(),
        format!("{count} not open"),
        "Ask the owner to share it again; tell the operator, who can run `coffer-server check`.",
    ))
}
