//! What happens, and what has happened.

use super::attend::interrupted;
use super::remote;
use crate::app::App;
use crate::args::Activity;
use crate::exit::Failure;
use crate::format;
use crate::views::deed::{self, ActivityView, EventView};
use coffer_client::protocol::ErrorCode;
use coffer_client::{Exit, Notice, Watcher};

/// Prints events until the user has seen enough, which is no failure.
pub(super) async fn watch(app: &mut App) -> Result<(), Failure> {
    let client = app.client().await?;
    let watcher = client.watch();
    tokio::select! {
        outcome = print(app, watcher) => outcome,
        () = interrupted() => Ok(()),
    }
}

async fn print(app: &mut App, mut watcher: Watcher) -> Result<(), Failure> {
    let mut begun = false;
    loop {
        match watcher.next().await? {
            Notice::Refresh if app.out.json => {
                app.out.document(&serde_json::json!({ "refresh": true }))?;
            }
            Notice::Refresh if begun => {
                app.out.line("some events may be missing here: look at everything again")?;
            }
            Notice::Refresh => app.out.note("watching; end with Ctrl-C"),
            Notice::Event(event) if app.out.json => app.out.document(&EventView::new(&event))?,
            Notice::Event(event) => app.out.line(deed::event_line(&event))?,
        }
        begun = true;
        app.out.flush()?;
    }
}

pub(super) async fn activity(app: &mut App, args: Activity) -> Result<(), Failure> {
    let of = args.path.as_deref().map(remote).transpose()?;
    let client = app.client().await?;
    let mut pages = client.activity(of.as_ref(), args.since)?;
    let mut damaged: u64 = 0;
    while let Some(page) = pages.next_page().await? {
        for record in &page.records {
            if app.out.json {
                app.out.document(&ActivityView::new(record))?;
            } else {
                app.out.line(deed::activity_line(record))?;
            }
        }
        damaged += u64::from(page.damaged);
        app.out.flush()?;
    }
    if damaged == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Integrity,
        ErrorCode::INTEGRITY.name(),
        format!("{} not open", format::count(damaged, "record does", "records do")),
        "Tell the operator, who can run `coffer-server check`.",
    ))
}
