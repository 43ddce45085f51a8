//! `status`: how far the replica is.

use crate::args;
use crate::identity::{Replica, kind_name};
use crate::note::Notebook;
use coffer_server::{Code, Failure, Outcome, host, output};
use serde_json::json;

/// Prints the state. Status 0: the replica runs; 3: it does not.
pub(crate) fn run(args: &args::Query) -> Outcome {
    let replica = Replica::load(&args.place.data, &host::environment())?;
    let held = host::is_held(&replica.data);
    let position = host::block_on(async {
        let store = replica.open_admin().await?;
        let position = store.position().await;
        host::close(&store).await;
        position.map_err(|error| host::explain_store(&error))
    })?;
    let note = Notebook::read(&replica.data).map(|mut note| {
        // What is durable is in the database; the note may be a moment old.
        note.applied = position.seq;
        note.connected &= held;
        note.filling = note.filling.filter(|_| held);
        note
    });
    let identity = &replica.identity;
    let source = format!("{}:{}", identity.source.host, identity.source.port);
    if args.json {
        output::json(&json!({
            "running": held,
            "replica": identity.replica.to_string(),
            "kind": kind_name(identity.kind),
            "server_id": identity.server_id.to_string(),
            "source": source,
            "epoch": position.epoch,
            "seq": position.seq,
            "connected": note.as_ref().is_some_and(|note| note.connected),
            "source_seq": note.as_ref().map(|note| note.head),
            "lag_entries": note.as_ref().map(crate::note::Note::lag_entries),
            "lag_seconds": note.as_ref().map(crate::note::Note::lag_seconds),
            "contact_millis": note.as_ref().and_then(|note| note.contact_millis),
            "filling": note.as_ref().and_then(|note| note.filling),
            "trouble": note.as_ref().and_then(|note| note.trouble.clone()),
        }));
    } else {
        output::line(&format!("replica   {} ({})", identity.replica, kind_name(identity.kind)));
        output::line(&format!("source    {source}"));
        output::line(&format!("position  {position}"));
        if let Some(note) = &note {
            let contact = note.contact_millis.map_or_else(|| "never".to_owned(), output::time);
            let state = match (&note.filling, note.connected) {
                _ if !held => "not running".to_owned(),
                (Some(filling), _) => filling.to_string(),
                (None, true) => "follows".to_owned(),
                (None, false) => "does not reach the source".to_owned(),
            };
            output::line(&format!("state     {state}"));
            output::line(&format!(
                "lag       {} entries, {:.1} seconds (as last heard)",
                note.lag_entries(),
                note.lag_seconds()
            ));
            output::line(&format!("contact   {contact}"));
            if let Some(trouble) = &note.trouble {
                output::line(&format!("trouble   {trouble}"));
            }
        }
    }
    match held {
        true => Ok(()),
        false => Err(Failure::new(Code::NotRunning, "the replica does not run").hint(format!(
            "Start it: coffer-replica run --data {}",
            replica.data.root().display()
        ))),
    }
}
