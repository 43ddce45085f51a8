//! `status`: how the server is doing, and what of it is on other machines.

mod mirroring;

use crate::args;
use crate::command::version::VERSION;
use crate::data_dir::FORMAT;
use crate::failure::{Code, Failure, Outcome};
use crate::feed::{Report, records};
use crate::install::{Installation, block_on, close};
use crate::output::{self, Page};
use crate::running::Running;
use crate::scrub::State;
use crate::totals::Totals;
use crate::{database, explain, lock};
use coffer_store::{Clock, Fence, JournalHead, Role, Store, SystemClock};
use mirroring::Mirroring;
use serde_json::json;

/// A note of the server that is older says nothing about now.
const FRESH_MILLIS: i64 = 10_000;

/// What the page is made of.
struct Facts {
    installation: Installation,
    held: bool,
    running: Option<Running>,
    totals: Totals,
    role: Role,
    fence: Fence,
    head: JournalHead,
    mirroring: Mirroring,
}

/// What a machine is, as it is shown.
pub fn role_name(role: Role, fence: Fence) -> &'static str {
    match (role, fence) {
        (Role::Primary, Fence::Open) => "primary",
        (Role::Primary, Fence::SteppedDown) => "primary that has stepped down",
        (Role::Primary, Fence::NewerEpoch) => "fenced",
        (Role::Replica, _) => "replica",
        (Role::Loading, _) => "replica, being loaded",
    }
}

/// Prints the state. Status 0: the server runs; 3: it does not.
pub(crate) fn run(args: &args::Status) -> Outcome {
    let facts = gather(Installation::load(&args.place)?)?;
    if args.json {
        output::json(&facts.document()?);
    } else {
        output::line(&facts.page()?.text());
    }
    match facts.held {
        true => Ok(()),
        false => Err(Failure::new(Code::NotRunning, "the server does not run").hint(format!(
            "Start it: coffer-server run --data {}",
            facts.installation.data.root().display()
        ))),
    }
}

fn gather(installation: Installation) -> Outcome<Facts> {
    let held = lock::is_held(&installation.data);
    let running = Running::read(&installation.data).filter(|_| held);
    let fresh = SystemClock.now_millis().saturating_sub(FRESH_MILLIS);
    let report = Report::read(&installation.data).filter(|report| held && report.millis >= fresh);
    let (totals, role, fence, head, replicas) = block_on(async {
        let store = installation.open_admin().await?;
        let found = async {
            let replicas = replicas(&installation, &store).await?;
            let head = store.journal_head().await.map_err(|error| explain::store(&error))?;
            // What is being loaded cannot be counted.
            let totals = match store.role() {
                Role::Loading => Totals::default(),
                _ => Totals::read(&store).await?,
            };
            Ok((totals, store.role(), store.fencing(), head, replicas))
        };
        let found = found.await;
        close(&store).await;
        found
    })?;
    let mode = installation.config.replication.mode.name();
    let mirroring = Mirroring { mode, report, replicas };
    Ok(Facts { installation, held, running, totals, role, fence, head, mirroring })
}

async fn replicas(installation: &Installation, store: &Store) -> Outcome<Vec<records::Record>> {
    match store.role() {
        Role::Loading => Ok(Vec::new()),
        _ => records::all(store, &installation.secret).await,
    }
}

impl Facts {
    fn engine(&self) -> Outcome<&'static str> {
        let url = database::parse_url(&self.installation.config.database.url)?;
        Ok(database::engine_name(&url))
    }

    fn document(&self) -> Outcome<serde_json::Value> {
        let running = self.running.as_ref();
        let space = lock::space(&self.installation.data);
        let mut document = json!({
            "running": self.held,
            "pid": running.map(|running| running.pid),
            "listen": running.map(|running| running.listen.to_string()),
            "since_millis": running.map(|running| running.since_millis),
            "server_version": running.map(|running| running.version.clone()),
            "version": VERSION,
            "data_format": FORMAT,
            "engine": self.engine()?,
            "server_id": self.installation.marker.server_id.to_string(),
            "role": role_name(self.role, self.fence),
            "fenced": self.role == Role::Primary && self.fence != Fence::Open,
            "epoch": self.head.position.epoch,
            "seq": self.head.position.seq,
            "users": self.totals.users,
            "nodes": self.totals.nodes,
            "bytes": self.totals.bytes,
            "stored_bytes": self.totals.stored.bytes,
            "stored_chunks": self.totals.stored.chunks,
            "ratio": self.totals.ratio(),
            "disk_free_bytes": space.map(|space| space.free),
            "disk_total_bytes": space.map(|space| space.total),
            "sign_up": self.installation.config.sign_up,
        });
        let scrub = State::read(&self.installation.data);
        document["scrub_finished_millis"] =
            json!(scrub.as_ref().and_then(|scrub| scrub.finished_millis));
        document["unhealed"] = json!(self.mirroring.report.as_ref().map(|report| report.unhealed));
        self.mirroring.document(&mut document);
        Ok(document)
    }

    fn page(&self) -> Outcome<Page> {
        let mut page = Page::default();
        page.add("server", self.state());
        page.add(
            "version",
            format!("{VERSION}, data format {FORMAT}, database {}", self.engine()?),
        );
        let role = role_name(self.role, self.fence);
        page.add("role", format!("{role}, epoch {}", self.head.position.epoch));
        page.add("position", self.head.position.to_string());
        page.add("users", self.totals.users.to_string());
        page.add("files", format!("{} (with directories and trash)", self.totals.nodes));
        page.add("stored", self.totals.text());
        if let Some(space) = lock::space(&self.installation.data) {
            let (free, total) = (output::bytes(space.free), output::bytes(space.total));
            page.add("disk", format!("{free} free of {total}"));
        }
        let scrub = State::read(&self.installation.data);
        let unhealed = self.mirroring.report.as_ref().map(|report| report.unhealed);
        let now = SystemClock.now_millis();
        page.add("scrub", State::text(scrub.as_ref(), now, unhealed));
        self.mirroring.show(&mut page);
        Ok(page)
    }

    fn state(&self) -> String {
        match (&self.running, self.held) {
            (Some(running), _) => format!(
                "running, process {}, listening on {} since {}",
                running.pid,
                running.listen,
                output::time(running.since_millis)
            ),
            (None, true) => "starting, or the data directory is in use".to_owned(),
            (None, false) => "not running".to_owned(),
        }
    }
}
