//! How the server ends.

use super::signals::Signals;
use super::{Ended, Server, role, supervisor};
use crate::failure::{Code, Failure, Outcome};
use crate::running::Running;
use std::time::Duration;

/// Answers that say "uncertain" get this long to leave after a failed flush.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Requests in progress get this long when the role has changed: clients ask again.
const LAST_REQUESTS: Duration = Duration::from_secs(1);
/// What the drain is given beyond its own limit.
const SLACK: Duration = Duration::from_secs(2);

/// The store has logged the details.
const STORE_STOPPED: &str = "a flush failed, and the store has stopped";

/// Why the server ends.
#[derive(Debug)]
pub(super) enum Reason {
    /// It was told to.
    Signal(&'static str),
    /// A command has made the machine something else.
    RoleChanged,
    /// A flush failed: what was being written is uncertain.
    Poisoned(String),
}

/// Waits for a reason to end.
pub(super) async fn wait(signals: &mut Signals, server: &Server) -> Reason {
    tokio::select! {
        signal = signals.next() => Reason::Signal(signal),
        () = role::changed(&server.store, &server.duty, &server.service) => Reason::RoleChanged,
        () = server.store.wait_poisoned() => Reason::Poisoned(STORE_STOPPED.to_owned()),
        reason = server.keeper.broken() => Reason::Poisoned(reason),
    }
}

/// Ends the server.
pub(super) async fn stop(server: &Server, reason: Reason, signals: &mut Signals) -> Outcome<Ended> {
    server.accepting.cancel();
    match reason {
        Reason::Poisoned(reason) => {
            supervisor::stopping("a flush failed");
            tokio::time::sleep(LAST_WORDS).await;
            Running::remove(&server.installation.data);
            Err(poisoned(reason))
        }
        Reason::Signal(name) => {
            tracing::info!(signal = name, "stopping");
            supervisor::stopping("finishing requests in progress");
            let limit = Duration::from_secs(server.installation.config.shutdown_seconds);
            drain(server, signals, limit).await;
            finish(server).await?;
            tracing::info!("stopped");
            Ok(Ended::Stopped)
        }
        Reason::RoleChanged => {
            tracing::info!("the role of this machine has changed; starting again");
            drain(server, signals, LAST_REQUESTS).await;
            finish(server).await?;
            Ok(Ended::RoleChanged)
        }
    }
}

fn poisoned(reason: String) -> Failure {
    Failure::new(Code::Poisoned, reason).hint(
        "What was being written is uncertain, and clients ask again. Start the server again; look \
         at the disk and the system log.",
    )
}

/// Lets requests in progress finish, up to the limit or a second signal.
async fn drain(server: &Server, signals: &mut Signals, limit: Duration) {
    let limit = limit + SLACK;
    server.connections.close();
    let all = async {
        server.service.shutdown().await;
        // Last: replicas confirm what was finished just now.
        server.feed.stop();
        server.connections.wait().await;
    };
    tokio::select! {
        () = all => {}
        () = tokio::time::sleep(limit) => {
            tracing::warn!(open = server.connections.len(), "connections were given up");
        }
        name = signals.next() => tracing::warn!(signal = name, "not waiting any longer"),
    }
}

/// Flushes and leaves everything in order.
async fn finish(server: &Server) -> Outcome {
    server.upkeep.cancel();
    server.tasks.close();
    server.tasks.wait().await;
    let anchored = match server.duty.follows() {
        true => Ok(()),
        false => server.keeper.write().await,
    };
    let closed = server.store.shutdown().await;
    Running::remove(&server.installation.data);
    if server.store.is_poisoned() {
        return Err(poisoned(STORE_STOPPED.to_owned()));
    }
    closed.map_err(|error| crate::explain::store(&error))?;
    match anchored {
        Err(failure) if failure.code == Code::Poisoned => return Err(failure),
        Err(failure) => tracing::warn!(reason = %failure, "cannot write the anchor"),
        Ok(()) => {}
    }
    Ok(())
}
