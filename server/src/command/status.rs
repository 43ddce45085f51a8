//! `status`: how the server is doing.

use crate::args;
use crate::command::version::VERSION;
use crate::data_dir::FORMAT;
use crate::failure::{Code, Failure, Outcome};
use crate::install::{Installation, block_on, close};
use crate::running::Running;
use crate::{database, explain, lock, output};
use coffer_service::admin;
use coffer_store::Store;
use serde_json::json;

const PAGE: u32 = 1000;

/// Counts over all accounts.
#[derive(Default)]
struct Totals {
    users: u64,
    nodes: u64,
    bytes: u64,
}

async fn totals(store: &Store) -> Outcome<Totals> {
    let mut totals = Totals::default();
    let mut after = None;
    loop {
        let page = store.users(after, PAGE).await.map_err(|error| explain::store(&error))?;
        for user in &page {
            let usage = store.usage(user.user).await.map_err(|error| explain::store(&error))?;
            totals.users += u64::from(!admin::is_deleted(user));
            totals.nodes += usage.nodes;
            totals.bytes += usage.bytes;
        }
        after = page.last().map(|user| user.user);
        if page.len() < PAGE as usize {
            return Ok(totals);
        }
    }
}

/// Prints the state. Status 0: the server runs; 3: it does not.
pub(crate) fn run(args: &args::Status) -> Outcome {
    let installation = Installation::load(&args.place)?;
    let held = lock::is_held(&installation.data);
    let running = Running::read(&installation.data).filter(|_| held);
    let (totals, position) = block_on(async {
        let store = installation.open_admin().await?;
        let totals = totals(&store).await;
        let position = store.position().await.map_err(|error| explain::store(&error));
        close(&store).await;
        Ok((totals?, position?))
    })?;
    let space = lock::space(&installation.data);
    let url = database::parse_url(&installation.config.database.url)?;
    let engine = database::engine_name(&url);
    if args.json {
        output::json(&json!({
            "running": held,
            "pid": running.as_ref().map(|running| running.pid),
            "listen": running.as_ref().map(|running| running.listen.to_string()),
            "since_millis": running.as_ref().map(|running| running.since_millis),
            "server_version": running.as_ref().map(|running| running.version.clone()),
            "version": VERSION,
            "data_format": FORMAT,
            "engine": engine,
            "server_id": installation.marker.server_id.to_string(),
            "epoch": position.epoch,
            "seq": position.seq,
            "users": totals.users,
            "nodes": totals.nodes,
            "bytes": totals.bytes,
            "disk_free_bytes": space.map(|space| space.free),
            "disk_total_bytes": space.map(|space| space.total),
            "sign_up": installation.config.sign_up,
        }));
    } else {
        match (&running, held) {
            (Some(running), _) => output::line(&format!(
                "server    running, process {}, listening on {} since {}",
                running.pid,
                running.listen,
                output::time(running.since_millis)
            )),
            (None, true) => output::line(&"server    starting, or the data directory is in use"),
            (None, false) => output::line(&"server    not running"),
        }
        output::line(&format!("version   {VERSION}, data format {FORMAT}, database {engine}"));
        output::line(&format!("users     {}", totals.users));
        output::line(&format!("files     {} (with directories and trash)", totals.nodes));
        output::line(&format!("stored    {} (all versions)", output::bytes(totals.bytes)));
        output::line(&format!("position  {position}"));
        if let Some(space) = space {
            let (free, total) = (output::bytes(space.free), output::bytes(space.total));
            output::line(&format!("disk      {free} free of {total}"));
        }
    }
    match held {
        true => Ok(()),
        false => Err(Failure::new(Code::NotRunning, "the server does not run").hint(format!(
            "Start it: coffer-server run --data {}",
            installation.data.root().display()
        ))),
    }
}
