//! `run`: one program for a directory, whatever the machine is: a keyless replica,
//! a standby, or the primary that it has become.
//!
//! Guarantees: a standby and a primary are run by the code of the server; what the
//! machine is, the database says; `listening on ADDR` is printed once for each
//! start; a stop finishes the transaction in progress and ends with status 0; after
//! a failed flush the process ends with status 70.

use crate::figures::Figures;
use crate::follow::{Follower, Sources};
use crate::identity::Identity;
use crate::note::Notebook;
use crate::{args, keyless};
use coffer_protocol::message::peer::ReplicaKind;
use coffer_server::Outcome;
use coffer_server::args::Place;
use coffer_server::config::{Config, Overrides};
use coffer_server::data_dir::DataDir;
use coffer_server::host::{self, Installation, Options, Server};
use coffer_store::{Clock, Store, SystemClock};
use std::sync::Arc;
use std::time::Duration;

/// Time between two notes of how far the replica is.
const NOTE: Duration = Duration::from_millis(250);

/// Runs the directory until the process is told to stop.
pub(crate) fn run(args: &args::Run) -> Outcome {
    host::settle_memory();
    let root = &args.place.data;
    let mut overrides = host::environment();
    overrides.flag("--log-level", "log.level", args.log_level.clone());
    let options = Options { accept_rollback: args.accept_rollback, may_follow: true };
    // The directory of a primary that never was a replica is run as well.
    if !Identity::exists(root) && DataDir::new(root).marker_path().exists() {
        return serve(args, &overrides, options, None);
    }
    let identity = Identity::read(root)?;
    match identity.kind {
        ReplicaKind::Keyless => keyless::run(root, &overrides),
        ReplicaKind::Standby => serve(args, &overrides, options, Some(identity)),
    }
}

fn serve(
    args: &args::Run,
    overrides: &Overrides,
    options: Options,
    identity: Option<Identity>,
) -> Outcome {
    let place = Place { data: args.place.data.clone() };
    let installation = Installation::load_with(&place, overrides)?;
    host::start_log(&installation.config.log);
    host::run_installation(installation, options, |server| {
        if let Some(identity) = identity {
            follow(server, identity);
        }
    })
}

/// Starts what makes a standby follow.
fn follow(server: &Server, identity: Identity) {
    let Some(serving) = server.serving() else { return };
    let (store, installation) = (serving.store().clone(), Arc::clone(serving.installation()));
    let notebook = Arc::new(Notebook::default());
    {
        let mut note = notebook.note();
        note.pid = std::process::id();
        note.since_millis = SystemClock.now_millis();
        note.applied = store.newest().seq;
    }
    let follower = Follower {
        sources: Sources::new(installation.data.root(), &identity),
        identity,
        store,
        notebook: Arc::clone(&notebook),
        resync: Arc::default(),
        serving: Some(serving),
    };
    let noted = follower.store.clone();
    server.spawn(async move { follower.run().await });
    server.spawn(async move {
        keep_notes(&installation.data, &installation.config, &noted, &notebook).await;
    });
}

/// Writes the note a last time when it goes: what was heard just before a stop says
/// what a promotion may lose.
struct LastNote<'a> {
    data: &'a DataDir,
    notebook: &'a Notebook,
}

impl Drop for LastNote<'_> {
    fn drop(&mut self) {
        self.notebook.note().connected = false;
        self.notebook.write(self.data);
    }
}

/// Writes the note for the command `status` until it is dropped, and then once more.
pub(crate) async fn keep_notes(
    data: &DataDir,
    config: &Config,
    store: &Store,
    notebook: &Notebook,
) {
    let _last = LastNote { data, notebook };
    let mut figures = Figures::new(config);
    let mut ticks = tokio::time::interval(NOTE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let unhealed = store.unhealed().total() as u64;
        {
            let mut note = notebook.note();
            note.unhealed = unhealed;
            figures.show(&mut note, SystemClock.now_millis());
        }
        notebook.write(data);
    }
}
