//! What was written at a machine that was the primary, after another one had taken its
//! place.

use crate::app::App;
use crate::args::Recovered;
use crate::exit::Failure;
use crate::format;
use coffer_client::Client;
use coffer_client::protocol::message::recovered::{DivergedEntry, DivergedPage, Happened};
use serde::Serialize;
use std::time::{Duration, Instant};

/// How long a command waits for the server, which works through it while somebody is
/// signed in.
const PATIENCE: Duration = Duration::from_mins(1);
/// The same where it is only a remark.
const REMARK: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// A write in JSON.
#[derive(Serialize)]
struct View<'a> {
    id: String,
    what: &'static str,
    back: bool,
    written: Option<String>,
    written_millis: i64,
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    other: &'a str,
}

/// The word for scripts, and what a person is told.
fn words(happened: Happened) -> (&'static str, &'static str) {
    match happened {
        Happened::FileBack => ("file-back", "came back"),
        Happened::DirectoryBack => ("directory-back", "came back"),
        Happened::FileLost => ("file-lost", "written, and not to be had any more"),
        Happened::Deleted => ("deleted", "not done again: deleted"),
        Happened::Purged => ("purged", "not done again: deleted for good"),
        Happened::VersionPurged => ("version-purged", "not done again: version deleted"),
        Happened::Moved => ("moved", "not done again: renamed or moved"),
        Happened::Restored => ("restored", "not done again: restored from the trash"),
        Happened::Shared => ("shared", "not done again: shared"),
        Happened::Unshared => ("unshared", "not done again: share taken back"),
        Happened::GroupChanged => ("group-changed", "not done again: group changed"),
        Happened::GroupDeleted => ("group-deleted", "not done again: group deleted"),
        Happened::ContactChanged => ("contact-changed", "not done again: contact changed"),
        Happened::AccountChanged => ("account-changed", "not done again: account changed"),
    }
}

/// A short name of a write: epoch, number of the entry, number in it.
fn short_id(id: &[u8; 32]) -> String {
    let number = |from: usize, to: usize| {
        id[from..to].iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))
    };
    format!("{}-{}-{}", number(0, 8), number(8, 16), number(16, 20))
}

fn path(entry: &DivergedEntry) -> Option<String> {
    (!entry.names.is_empty()).then(|| format!("/{}", entry.names.join("/")))
}

pub(super) async fn recovered(app: &mut App, args: Recovered) -> Result<(), Failure> {
    let client = app.client().await?;
    let counts = settled(&client, PATIENCE).await?;
    if args.dismiss_all {
        let count = client.dismiss_all_recovered().await?;
        return dismissed(app, count);
    }
    if !args.dismiss.is_empty() {
        return dismiss(app, &client, &args.dismiss).await;
    }
    let mut pages = client.recovered();
    while let Some(page) = pages.next_page().await? {
        for entry in &page.entries {
            show(app, entry)?;
        }
    }
    if counts.waiting > 0 {
        let waiting = format::count(counts.waiting, "write is", "writes are");
        app.out.note(format!(
            "{waiting} still being worked through; if that does not end, the storage allowance \
             may be used up"
        ));
    }
    if counts.returned + counts.listed + counts.lost + counts.waiting == 0 {
        app.out.note("nothing: no write was left behind when the server changed");
    }
    Ok(())
}

fn show(app: &mut App, entry: &DivergedEntry) -> Result<(), Failure> {
    let (what, told) = words(entry.happened);
    let id = short_id(&entry.id);
    if app.out.json {
        return app.out.document(&View {
            id,
            what,
            back: entry.node.is_some(),
            written: format::timestamp(entry.written_millis),
            written_millis: entry.written_millis,
            path: path(entry),
            node: entry.node.map(|node| node.to_string()),
            other: &entry.other,
        });
    }
    let time = format::time(entry.written_millis);
    let path = path(entry).unwrap_or_default();
    let other = match (entry.happened, entry.other.as_str()) {
        (_, "") => String::new(),
        (Happened::Moved, name) => format!(" -> {name}"),
        (Happened::Shared | Happened::Unshared, with) => format!(" (with {with})"),
        (_, other) => format!(" {other}"),
    };
    app.out.line(format!("{id:<12}  {time}  {told:<34}  {path}{other}"))
}

async fn dismiss(app: &mut App, client: &Client, wanted: &[String]) -> Result<(), Failure> {
    let mut found = Vec::new();
    let mut pages = client.recovered();
    while let Some(page) = pages.next_page().await? {
        let ids = page.entries.iter().map(|entry| entry.id);
        found.extend(ids.filter(|id| wanted.contains(&short_id(id))));
    }
    let count = client.dismiss_recovered(&found).await?;
    dismissed(app, count)
}

fn dismissed(app: &mut App, count: u64) -> Result<(), Failure> {
    if app.out.json {
        return app.out.document(&serde_json::json!({ "dismissed": count }));
    }
    let count = format::count(count, "entry", "entries");
    app.out.done(format!("{count} taken off the list"))
}

/// How many there are, once the server has worked through what waits, or nothing
/// happens any more.
async fn settled(client: &Client, patience: Duration) -> Result<DivergedPage, Failure> {
    let begun = Instant::now();
    let mut counts = client.count_recovered().await?;
    let mut stuck = 0;
    while counts.waiting > 0 && stuck < 8 && begun.elapsed() < patience {
        tokio::time::sleep(LOOK).await;
        let now = client.count_recovered().await?;
        stuck = if now.waiting < counts.waiting { 0 } else { stuck + 1 };
        counts = now;
    }
    Ok(counts)
}

/// Says after a sign-in that there is something to look at. A server that does not know
/// the question has nothing to say.
pub(super) async fn remark(app: &App, client: &Client) {
    let Ok(counts) = settled(client, REMARK).await else { return };
    let back = counts.returned;
    let others = counts.listed + counts.lost;
    if back > 0 {
        let back =
            format::count(back, "file or directory that was", "files and directories that were");
        app.out.note(format!(
            "{back} written before the change of servers came back: coffer recovered"
        ));
    }
    if others > 0 {
        let others = format::count(others, "other change", "other changes");
        app.out.note(format!(
            "{others} made before the change of servers were not made again: coffer recovered"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ids_say_epoch_entry_and_number() {
        let mut id = [0xff; 32];
        id[..8].copy_from_slice(&1_u64.to_be_bytes());
        id[8..16].copy_from_slice(&70_000_u64.to_be_bytes());
        id[16..20].copy_from_slice(&3_u32.to_be_bytes());
        assert_eq!(short_id(&id), "1-70000-3");
    }
}
