//! `status`: how far the replica is.

use crate::args;
use crate::identity::{Replica, kind_name};
use crate::note::{Note, Notebook};
use coffer_protocol::Position;
use coffer_server::output::Page;
use coffer_server::scrub::State;
use coffer_server::{Code, Failure, Outcome, host, output};
use coffer_store::{Clock, Fence, Role, SystemClock};
use serde_json::json;

/// What the page is made of.
struct Facts {
    running: bool,
    replica: String,
    kind: &'static str,
    server_id: String,
    source: String,
    role: Role,
    fence: Fence,
    position: Position,
    /// What the scrub has noted.
    scrub: Option<State>,
    /// What the running replica has noted.
    note: Option<Note>,
}

/// Prints the state. Status 0: the replica runs; 3: it does not.
pub(crate) fn run(args: &args::Query) -> Outcome {
    let replica = Replica::load(&args.place.data, &host::environment())?;
    let facts = gather(&replica)?;
    if args.json {
        output::json(&facts.document());
    } else {
        output::line(&facts.page().text());
    }
    match facts.running {
        true => Ok(()),
        false => Err(Failure::new(Code::NotRunning, "the replica does not run").hint(format!(
            "Start it: coffer-replica run --data {}",
            replica.data.root().display()
        ))),
    }
}

fn gather(replica: &Replica) -> Outcome<Facts> {
    let running = host::is_held(&replica.data);
    let (position, role, fence) = host::block_on(async {
        let store = replica.open_admin().await?;
        let (role, fence) = (store.role(), store.fencing());
        let position = store.position().await;
        host::close(&store).await;
        Ok((position.map_err(|error| host::explain_store(&error))?, role, fence))
    })?;
    let note = Notebook::read(&replica.data).map(|mut note| {
        // What is durable is in the database; the note may be a moment old.
        note.applied = position.seq;
        note.connected &= running;
        note.filling = note.filling.filter(|_| running);
        note
    });
    let identity = &replica.identity;
    Ok(Facts {
        running,
        replica: identity.replica.to_string(),
        kind: kind_name(identity.kind),
        server_id: identity.server_id.to_string(),
        source: format!("{}:{}", identity.source.host, identity.source.port),
        role,
        fence,
        position,
        scrub: State::read(&replica.data),
        note,
    })
}

impl Facts {
    fn state(&self) -> String {
        let Some(note) = &self.note else {
            return if self.running { "starting" } else { "not running" }.to_owned();
        };
        match &note.filling {
            _ if !self.running => "not running".to_owned(),
            _ if self.role == Role::Primary => "serves as the primary".to_owned(),
            Some(filling) => filling.to_string(),
            None if note.connected => "follows".to_owned(),
            None if note.stuck => "stuck: it does not follow until somebody has acted".to_owned(),
            None if note.trouble.is_none() => "connecting to the source".to_owned(),
            None => "does not reach the source".to_owned(),
        }
    }

    fn page(&self) -> Page {
        let mut page = Page::default();
        page.add("replica", format!("{} ({})", self.replica, self.kind));
        let role = host::role_name(self.role, self.fence);
        page.add("role", format!("{role}, epoch {}", self.position.epoch));
        page.add("source", &*self.source);
        page.add("position", self.position.to_string());
        page.add("state", self.state());
        let unhealed = self.note.as_ref().filter(|_| self.running).map(|note| note.unhealed);
        page.add("scrub", State::text(self.scrub.as_ref(), SystemClock.now_millis(), unhealed));
        let Some(note) = &self.note else { return page };
        let (entries, seconds) = (note.lag_entries(), note.lag_seconds());
        let lag = match entries {
            0 => "none, as last heard".to_owned(),
            some => format!("{some} entries, {}, as last heard", output::duration(seconds)),
        };
        page.add("lag", lag);
        page.add("contact", note.contact_millis.map_or_else(|| "never".to_owned(), output::time));
        if let Some(trouble) = &note.trouble {
            page.add("trouble", trouble);
        }
        if self.running {
            let alarms = match note.alarms.as_slice() {
                [] => "none".to_owned(),
                some => some.join(", "),
            };
            page.add("alarms", alarms);
        }
        page
    }

    fn document(&self) -> serde_json::Value {
        let note = self.note.as_ref();
        json!({
            "running": self.running,
            "replica": self.replica,
            "kind": self.kind,
            "server_id": self.server_id,
            "source": self.source,
            "role": host::role_name(self.role, self.fence),
            "fenced": self.role == Role::Primary && self.fence != Fence::Open,
            "state": self.state(),
            "epoch": self.position.epoch,
            "seq": self.position.seq,
            "connected": note.is_some_and(|note| note.connected),
            "source_seq": note.map(|note| note.head),
            "lag_entries": note.map(Note::lag_entries),
            "lag_seconds": note.map(Note::lag_seconds),
            "contact_millis": note.and_then(|note| note.contact_millis),
            "filling": note.and_then(|note| note.filling),
            "trouble": note.and_then(|note| note.trouble.clone()),
            "scrub_finished_millis": self.scrub.as_ref().and_then(|scrub| scrub.finished_millis),
            "unhealed": note.filter(|_| self.running).map(|note| note.unhealed),
            "stuck": note.is_some_and(|note| note.stuck),
            "alarms": note.filter(|_| self.running).map(|note| &note.alarms),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Filling;

    fn facts(note: Option<Note>) -> Facts {
        Facts {
            running: true,
            replica: "07".repeat(16),
            kind: "keyless",
            server_id: "09".repeat(32),
            source: "files.example.org:7440".to_owned(),
            role: Role::Replica,
            fence: Fence::Open,
            position: Position { epoch: 1, seq: 40 },
            scrub: None,
            note,
        }
    }

    #[test]
    fn the_page_of_a_replica_that_follows() {
        let note = Note {
            connected: true,
            head: 42,
            applied: 40,
            head_millis: 10_000,
            applied_millis: 7_000,
            contact_millis: Some(0),
            ..Note::default()
        };
        let expected = "\
replica   07070707070707070707070707070707 (keyless)
role      replica, epoch 1
source    files.example.org:7440
position  1.40
state     follows
scrub     not everything was read yet; nothing is damaged or missing
lag       2 entries, 3 s, as last heard
contact   1970-01-01 00:00:00 UTC
alarms    none";
        assert_eq!(facts(Some(note)).page().text(), expected);
    }

    #[test]
    fn the_state_says_what_keeps_it() {
        let state = |note| facts(Some(note)).state();
        let filling = Filling { by_difference: false, rows: 5, of: 9, missing: None };
        let loading = Note { filling: Some(filling), ..Note::default() };
        assert_eq!(state(loading), "loading, 5 of about 9 rows");
        let stuck = Note { stuck: true, ..Note::default() };
        assert!(state(stuck).starts_with("stuck"));
        assert_eq!(state(Note::default()), "connecting to the source");
        let refused = Note { trouble: Some("connection refused".to_owned()), ..Note::default() };
        assert_eq!(state(refused), "does not reach the source");
        assert_eq!(facts(None).state(), "starting");
        let stopped = Facts { running: false, ..facts(Some(Note::default())) };
        assert_eq!(stopped.page().text().lines().nth(4), Some("state     not running"));
        assert_eq!(stopped.document()["alarms"], serde_json::Value::Null);
    }
}
