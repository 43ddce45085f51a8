//! Earlier versions of files.

use super::{COLLISION, remote};
use crate::app::App;
use crate::args::{Restore, Versions};
use crate::exit::Failure;
use crate::views::{self, VersionView};
use crate::{format, secret};

pub(super) async fn versions(app: &mut App, args: Versions) -> Result<(), Failure> {
    let at = remote(&args.path)?;
    let client = app.client().await?;
    if args.purge_all || !args.purge.is_empty() {
        let question = "This deletes earlier versions for good. Go on?";
        secret::confirm_final(question, args.yes)?;
        let count = client.purge_versions(&at, &args.purge).await?;
        if app.out.json {
            let machines = client.durable_on();
            let document = serde_json::json!({ "purged": count, "machines": machines });
            return app.out.document(&document);
        }
        let versions = format::count(count, "version", "versions");
        let durable = format::durable(client.durable_on());
        return app.out.done(format!("{versions} deleted for good{durable}"));
    }
    let mut pages = client.versions(&at)?;
    let (mut first, mut damaged) = (true, Vec::new());
    while let Some(page) = pages.next_page().await? {
        if app.out.json && first {
            let path = serde_json::Value::from(args.path.as_str());
            app.out.raw(&format!("{{\"path\":{path},\"versions\":["))?;
        }
        for version in &page.versions {
            if !app.out.json {
                app.out.line(views::version_line(version))?;
                continue;
            }
            if !std::mem::take(&mut first) {
                app.out.raw(",")?;
            }
            app.out.document(&VersionView::new(version))?;
        }
        damaged.extend(page.damaged);
    }
    for revision in &damaged {
        app.out.note(format!("damaged: version {revision} was altered or damaged"));
    }
    if app.out.json {
        let damaged: serde_json::Value = damaged.into();
        app.out.raw(&format!("],\"damaged\":{damaged}}}\n"))?;
    }
    Ok(())
}

pub(super) async fn restore(app: &mut App, args: Restore) -> Result<(), Failure> {
    let at = remote(&args.path)?;
    let client = app.client().await?;
    let written = client.restore_version(&at, args.version).await?;
    if written.case_collision {
        app.out.note(COLLISION);
    }
    if app.out.json {
        return app.out.document(&serde_json::json!({
            "path": args.path,
            "restored": args.version,
            "revision": written.revision,
            "machines": written.machines,
        }));
    }
    app.out.done(format!(
        "version {} of {} is back, as revision {}{}",
        args.version,
        args.path,
        written.revision,
        format::durable(Some(written.machines))
    ))
}
