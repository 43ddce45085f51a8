//! A signed-in session.
//!
//! Guarantees: keys live only here; a session ends when it was idle for too
//! long, when it is too old, at sign-out, when its last connection goes, and
//! when the account's credentials change elsewhere; at its end every key is
//! dropped (and wiped) at once, and no request gets any further key.

mod table;
mod vault;

pub(crate) use table::{Attachment, SessionTable};
pub(crate) use vault::OpenedGrant;

use crate::fault::{Outcome, plain};
use crate::transfer::reading::OpenManifests;
use crate::transfer::upload::Uploads;
use coffer_crypto::{Identity, Key32, NodeKeys, scram};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{NodeId, SessionId, UserId};
use coffer_store::{NodeRow, ShareRow};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vault::Vault;

/// How long a session may live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    /// Without a request.
    pub(crate) idle: Duration,
    /// In any case.
    pub(crate) max: Duration,
}

/// Who signs in, and with what.
pub(crate) struct Opening {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) home: NodeId,
    pub(crate) version: u32,
    pub(crate) recovery: bool,
    pub(crate) root: Key32,
    pub(crate) attach: Key32,
    pub(crate) identity: Identity,
}

/// A signed-in session.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) home: NodeId,
    /// Uploads in progress.
    pub(crate) uploads: Uploads,
    /// Chunk lists of files being read.
    pub(crate) manifests: OpenManifests,
    version: AtomicU32,
    recovery: AtomicBool,
    lifetime: Lifetime,
    born: Duration,
    last_used_millis: AtomicU64,
    connections: AtomicUsize,
    vault: Mutex<Option<Vault>>,
    /// Fires at the end of the session: streams and long requests stop.
    ended: CancellationToken,
}

impl Session {
    pub(crate) fn new(
        opening: Opening,
        lifetime: Lifetime,
        cached_keys: usize,
        now: Duration,
    ) -> Self {
        let Opening { root, attach, identity, .. } = opening;
        Self {
            id: opening.id,
            user: opening.user,
            home: opening.home,
            uploads: Uploads::default(),
            manifests: OpenManifests::default(),
            version: AtomicU32::new(opening.version),
            recovery: AtomicBool::new(opening.recovery),
            lifetime,
            born: now,
            last_used_millis: AtomicU64::new(now.as_millis() as u64),
            connections: AtomicUsize::new(0),
            vault: Mutex::new(Some(Vault::new(root, attach, identity, cached_keys))),
            ended: CancellationToken::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vault>> {
        self.vault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_vault<T>(&self, use_it: impl FnOnce(&mut Vault) -> T) -> Outcome<T> {
        self.lock().as_mut().map(use_it).ok_or_else(|| plain(ErrorCode::SESSION_EXPIRED))
    }

    /// Ends the session: from here on nobody gets a key.
    pub(crate) fn end(&self) {
        self.ended.cancel();
        *self.lock() = None;
        self.uploads.clear();
        self.manifests.clear();
    }

    /// Lets go of what is remembered of contents.
    pub(crate) fn forget_contents(&self) {
        self.manifests.clear();
    }

    /// Whether the session has ended, or has just run out of time.
    pub(crate) fn is_over(&self, now: Duration) -> bool {
        let idle = now.saturating_sub(self.last_used());
        let over = idle >= self.lifetime.idle || now.saturating_sub(self.born) >= self.lifetime.max;
        if over {
            self.end();
        }
        self.ended.is_cancelled()
    }

    /// A request arrived: refuses it when the session is over.
    pub(crate) fn touch(&self, now: Duration) -> Outcome<()> {
        if self.is_over(now) {
            return Err(plain(ErrorCode::SESSION_EXPIRED));
        }
        self.last_used_millis.store(now.as_millis() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn last_used(&self) -> Duration {
        Duration::from_millis(self.last_used_millis.load(Ordering::Relaxed))
    }

    /// Fires when the session ends.
    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// Version of the credentials the session stands on.
    pub(crate) fn version(&self) -> u32 {
        self.version.load(Ordering::Relaxed)
    }

    /// Whether the recovery key opened it and no new password was set yet.
    pub(crate) fn is_recovery(&self) -> bool {
        self.recovery.load(Ordering::Relaxed)
    }

    /// New credentials were set in this session.
    pub(crate) fn renewed(&self, version: u32) {
        self.version.store(version, Ordering::Relaxed);
        self.recovery.store(false, Ordering::Relaxed);
    }

    /// Uses the root key.
    pub(crate) fn with_root<T>(&self, use_it: impl FnOnce(&Key32) -> T) -> Outcome<T> {
        self.with_vault(|vault| use_it(vault.root()))
    }

    /// The user's key pair, for as long as one piece of work takes.
    pub(crate) fn identity(&self) -> Outcome<Arc<Identity>> {
        self.with_vault(|vault| Arc::clone(vault.identity()))
    }

    /// What a grant has given, if it was opened from this very row before.
    pub(crate) fn grant_of(&self, row: &ShareRow) -> Outcome<Option<OpenedGrant>> {
        self.with_vault(|vault| vault.grant(row))
    }

    /// Keeps what a grant has given for later.
    pub(crate) fn remember_grant(&self, opened: OpenedGrant) -> Outcome<()> {
        self.with_vault(|vault| vault.put_grant(opened))
    }

    /// Checks the proof of a further connection.
    pub(crate) fn verify_attach(&self, exporter: &[u8; 32], mac: &[u8; 32]) -> Outcome<()> {
        self.with_vault(|vault| {
            scram::verify_attach(vault.attach(), &self.id.0, exporter, mac).is_ok()
        })?
        .then_some(())
        .ok_or_else(|| plain(ErrorCode::SIGN_IN_REFUSED))
    }

    /// Keys of a node, if they were opened from this very record before.
    pub(crate) fn keys_of(&self, row: &NodeRow) -> Outcome<Option<Arc<NodeKeys>>> {
        self.with_vault(|vault| vault.get(row))
    }

    /// Keys of the home directory, if it was opened before.
    pub(crate) fn home_keys(&self) -> Outcome<Option<Arc<NodeKeys>>> {
        self.with_vault(|vault| vault.by_id(self.home))
    }

    /// Opens the home directory.
    pub(crate) fn open_home(&self, row: &NodeRow) -> Outcome<Arc<NodeKeys>> {
        self.with_vault(|vault| vault.open_home(row))?
    }

    /// Keeps a node's keys for later.
    pub(crate) fn remember(&self, row: &NodeRow, keys: &Arc<NodeKeys>) -> Outcome<()> {
        self.with_vault(|vault| vault.put(row, keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_crypto::identity;

    fn session(now: Duration) -> Session {
        let root = Key32::from_bytes([4; 32]);
        let (public, sealed) = identity::generate(&root, &[2; 16]).expect("random bytes");
        let opening = Opening {
            id: SessionId([1; 16]),
            user: UserId([2; 16]),
            home: NodeId([3; 16]),
            version: 1,
            recovery: false,
            identity: identity::open(&root, &[2; 16], &sealed, &public).expect("own seal"),
            root,
            attach: Key32::from_bytes([5; 32]),
        };
        let lifetime = Lifetime { idle: Duration::from_mins(15), max: Duration::from_hours(12) };
        Session::new(opening, lifetime, 8, now)
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_mins(minutes)
    }

    #[test]
    fn an_idle_session_ends_and_gives_no_key() {
        let session = session(minutes(100));
        assert!(session.touch(minutes(114)).is_ok());
        assert!(session.touch(minutes(128)).is_ok());
        assert!(session.with_root(|_| ()).is_ok());
        let refused = session.touch(minutes(143)).expect_err("idle");
        assert_eq!(refused.code, ErrorCode::SESSION_EXPIRED);
        assert!(session.with_root(|_| ()).is_err());
        assert!(session.touch(minutes(129)).is_err(), "an end is final");
    }

    #[test]
    fn a_busy_session_ends_after_twelve_hours() {
        let session = session(Duration::ZERO);
        for minute in 0..719 {
            assert!(session.touch(minutes(minute)).is_ok(), "minute {minute}");
        }
        assert!(session.touch(minutes(720)).is_err());
    }
}
