//! Whom this machine follows, and whom it could follow instead.
//!
//! Guarantees: the source is what the file `coffer-replica` says, and what a command
//! writes there is noticed while the replica runs; another machine is followed only
//! when the source is gone or is not what it was, and only one that is the primary
//! of an epoch that is at least this machine's; every machine is known by the
//! fingerprint that a source has named.

use super::Trouble;
use crate::identity::Identity;
use crate::source::{self, SourceError};
use coffer_protocol::ErrorCode;
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::cluster::{Endpoint, ServerRole};
use coffer_server::data_dir;
use coffer_transport::Target;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// The machines that the source has named last.
const FILE: &str = "endpoints";
/// Most of them that are kept.
const MOST: usize = 64;
/// A source that cannot be reached for this long is gone.
const GONE: Duration = Duration::from_secs(3);
/// Longest wait for another machine.
const PROBE: Duration = Duration::from_secs(3);
/// Time between two looks at what a command has written.
const LOOK: Duration = Duration::from_secs(1);

/// A machine, as the file has it. Bytes are hexadecimal.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
struct Known {
    host: String,
    port: u16,
    fingerprint: String,
}

impl Known {
    fn target(&self) -> Option<Target> {
        let pin = HEXLOWER.decode(self.fingerprint.as_bytes()).ok()?.try_into().ok()?;
        Some(Target { host: self.host.clone(), port: self.port, pin: Some(Fingerprint(pin)) })
    }
}

struct State {
    source: Target,
    /// Since when it cannot be reached.
    lost: Option<Instant>,
}

/// The source, and the others.
pub(crate) struct Sources {
    root: PathBuf,
    state: Mutex<State>,
}

impl Sources {
    /// Begins with the source that a directory names.
    pub(crate) fn new(root: &Path, identity: &Identity) -> Self {
        let state = Mutex::new(State { source: identity.source.clone(), lost: None });
        Self { root: root.to_owned(), state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Consistent between any two statements of its users.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom to follow now.
    pub(super) fn source(&self) -> Target {
        if let Ok(identity) = Identity::read(&self.root) {
            let mut state = self.state();
            if state.source != identity.source {
                let Target { host, port, .. } = &identity.source;
                tracing::info!(host, port, "another machine is followed from now on");
                *state = State { source: identity.source, lost: None };
            }
        }
        self.state().source.clone()
    }

    /// Waits until a command has named another source.
    pub(super) async fn changed(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let named = Identity::read(&self.root).map(|identity| identity.source);
            if named.is_ok_and(|named| named != self.state().source) {
                return;
            }
        }
    }

    /// The source has let this machine in, and names the machines that there are.
    pub(super) fn reached(&self, endpoints: &[Endpoint]) {
        self.state().lost = None;
        let known: Vec<Known> = endpoints
            .iter()
            .take(MOST)
            .map(|one| Known {
                host: one.host.clone(),
                port: one.port,
                fingerprint: HEXLOWER.encode(&one.fingerprint),
            })
            .collect();
        if known.is_empty() || known == self.known() {
            return;
        }
        let bytes = serde_json::to_vec_pretty(&known).unwrap_or_default();
        if let Err(failure) = data_dir::write(&self.root.join(FILE), &bytes) {
            tracing::warn!(reason = %failure, "cannot write down which machines there are");
        }
    }

    fn known(&self) -> Vec<Known> {
        let bytes = data_dir::read_bytes(&self.root.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Following has ended. If the source is gone or is not what it was, the primary
    /// is looked for among the other machines, and followed from then on. Whether there
    /// is another source now.
    pub(super) async fn failed(&self, trouble: &Trouble, epoch: u64) -> bool {
        if !self.is_gone(trouble) {
            return false;
        }
        let source = self.source();
        let found = self.look_for_primary(&source, epoch).await;
        let Some((found, target)) = found else { return false };
        let Ok(identity) = Identity::read(&self.root) else { return false };
        // A command may have been quicker.
        if identity.source != source {
            return true;
        }
        let Target { host, port, .. } = &target;
        tracing::warn!(host, port, epoch = found, "the source is gone; the primary is followed");
        let next = Identity { source: target.clone(), ..identity };
        if let Err(failure) = next.write(&self.root) {
            tracing::warn!(reason = %failure, "cannot write down whom to follow");
            return false;
        }
        *self.state() = State { source: target, lost: None };
        true
    }

    fn is_gone(&self, trouble: &Trouble) -> bool {
        let mut state = self.state();
        match trouble {
            Trouble::Source(SourceError::Lost(_)) => {
                state.lost.get_or_insert_with(Instant::now).elapsed() >= GONE
            }
            Trouble::Source(SourceError::Refused(error)) => error.code == ErrorCode::FENCED,
            _ => false,
        }
    }

    /// The primary of the newest epoch among the other machines.
    async fn look_for_primary(&self, source: &Target, epoch: u64) -> Option<(u64, Target)> {
        let mut best: Option<(u64, Target)> = None;
        for target in self.known().iter().filter_map(Known::target) {
            if target == *source {
                continue;
            }
            let Ok(Ok(connection)) = timeout(PROBE, source::open(&target)).await else { continue };
            let welcome = connection.welcome();
            let newest = best.as_ref().map_or(epoch, |(best, _)| best + 1);
            if welcome.role == ServerRole::Primary && welcome.epoch >= newest {
                best = Some((welcome.epoch, target));
            }
            connection.close().await;
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_protocol::message::peer::{Joined, ReplicaKind};
    use coffer_protocol::{ReplicaId, ServerId};

    fn target(host: &str) -> Target {
        Target { host: host.to_owned(), port: 7440, pin: Some(Fingerprint([5; 32])) }
    }

    fn identity(host: &str) -> Identity {
        let joined = Joined {
            server_id: ServerId([1; 32]),
            replica: ReplicaId([2; 16]),
            secret: [3; 32],
            check_value: [4; 32],
            master_key: None,
        };
        Identity::new(&joined, ReplicaKind::Keyless, target(host))
    }

    #[test]
    fn what_a_command_writes_is_followed_and_what_a_source_names_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        identity("one").write(dir.path()).unwrap();
        let sources = Sources::new(dir.path(), &identity("one"));
        assert_eq!(sources.source(), target("one"));
        identity("two").write(dir.path()).unwrap();
        assert_eq!(sources.source(), target("two"));
        std::fs::remove_file(dir.path().join("coffer-replica")).unwrap();
        assert_eq!(sources.source(), target("two"), "what is known stays");
        let endpoint = Endpoint {
            host: "three".to_owned(),
            port: 7440,
            fingerprint: [5; 32],
            role: ServerRole::Primary,
        };
        sources.reached(&[endpoint]);
        sources.reached(&[]);
        let known: Vec<_> = sources.known().iter().filter_map(Known::target).collect();
        assert_eq!(known, [target("three")]);
    }

    #[test]
    fn a_source_is_gone_after_a_while_or_when_it_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let sources = Sources::new(dir.path(), &identity("one"));
        let lost = Trouble::Source(SourceError::Lost("no".to_owned()));
        assert!(!sources.is_gone(&lost));
        sources.state().lost = Instant::now().checked_sub(GONE);
        assert!(sources.is_gone(&lost));
        let refused = |code| {
            Trouble::Source(SourceError::Refused(coffer_protocol::WireError::new(code, "", "")))
        };
        assert!(sources.is_gone(&refused(ErrorCode::FENCED)));
        assert!(!sources.is_gone(&refused(ErrorCode::BUSY)));
    }
}
