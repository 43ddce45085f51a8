//! All sessions of the service, by id.
//!
//! Guarantees: the number of sessions is bounded, in all and for each user; a
//! session without a connection ends; ended sessions leave the table.

use super::Session;
use crate::config::ServiceConfig;
use crate::fault::{Outcome, because, plain};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{SessionId, UserId};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

type Map = HashMap<SessionId, Arc<Session>>;

/// Sessions by id.
pub(crate) struct SessionTable {
    map: Mutex<Map>,
    most: usize,
    most_per_user: usize,
    most_connections_per_user: usize,
}

/// A connection's hold on its session; the last one to go ends it.
pub(crate) struct Attachment {
    session: Arc<Session>,
    table: Arc<SessionTable>,
}

impl Attachment {
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if self.session.connections.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.table.remove(&self.session);
        }
    }
}

impl SessionTable {
    pub(crate) fn new(config: &ServiceConfig) -> Arc<Self> {
        Arc::new(Self {
            map: Mutex::default(),
            most: config.max_sessions.max(1),
            most_per_user: config.max_sessions_per_user.max(1),
            most_connections_per_user: config.max_connections_per_user.max(1),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a new session with its first connection. A user who has too many
    /// loses the one idle for longest.
    pub(crate) fn insert(self: &Arc<Self>, session: Arc<Session>) -> Outcome<Attachment> {
        let crowded_out = {
            let mut map = self.lock();
            self.has_room(&map, session.user)?;
            let of_user = || map.values().filter(|other| other.user == session.user);
            let idlest = match of_user().count() >= self.most_per_user {
                true => of_user().min_by_key(|other| other.last_used()).cloned(),
                false => None,
            };
            if let Some(idlest) = &idlest {
                map.remove(&idlest.id);
            }
            if map.len() >= self.most {
                return Err(plain(ErrorCode::BUSY));
            }
            map.insert(session.id, Arc::clone(&session));
            idlest
        };
        if let Some(idlest) = crowded_out {
            idlest.end();
        }
        Ok(self.attach(session))
    }

    fn attach(self: &Arc<Self>, session: Arc<Session>) -> Attachment {
        session.connections.fetch_add(1, Ordering::AcqRel);
        Attachment { session, table: Arc::clone(self) }
    }

    /// Joins a connection that has proved that it belongs to the session.
    pub(crate) fn join(
        self: &Arc<Self>,
        id: &SessionId,
        exporter: &[u8; 32],
        mac: &[u8; 32],
        now: Duration,
    ) -> Outcome<Attachment> {
        let session = self.lock().get(id).cloned();
        let session = session.ok_or_else(|| plain(ErrorCode::SESSION_EXPIRED))?;
        session.verify_attach(exporter, mac)?;
        session.touch(now)?;
        let map = self.lock();
        self.has_room(&map, session.user)?;
        Ok(self.attach(session))
    }

    /// Refuses a connection beyond those that one user may have.
    fn has_room(&self, map: &Map, user: UserId) -> Outcome<()> {
        let of_user = map.values().filter(|session| session.user == user);
        let connections: usize =
            of_user.map(|session| session.connections.load(Ordering::Acquire)).sum();
        let most = self.most_connections_per_user;
        if connections < most {
            return Ok(());
        }
        let text = format!("{connections} connections are signed in as this user, of {most}");
        Err(because(ErrorCode::CONNECTION_LIMIT, text))
    }

    /// Uploads that a user has open, in all sessions.
    pub(crate) fn open_uploads(&self, user: UserId) -> usize {
        let map = self.lock();
        let of_user = map.values().filter(|session| session.user == user);
        of_user.map(|session| session.uploads.len()).sum()
    }

    /// Ends one session and forgets it.
    pub(crate) fn remove(&self, session: &Session) {
        session.end();
        self.lock().remove(&session.id);
    }

    /// Ends the sessions of a user, all but one.
    pub(crate) fn end_user(&self, user: UserId, except: Option<SessionId>) {
        self.end_where(|session| session.user == user && Some(session.id) != except);
    }

    /// Ends what has run out of time.
    pub(crate) fn sweep(&self, now: Duration) {
        self.end_where(|session| session.is_over(now));
    }

    /// Ends every session.
    pub(crate) fn end_all(&self) {
        self.end_where(|_| true);
    }

    fn end_where(&self, over: impl Fn(&Session) -> bool) {
        let ended: Vec<_> = {
            let mut map = self.lock();
            map.extract_if(|_, session| over(session)).map(|(_, session)| session).collect()
        };
        for session in ended {
            session.end();
        }
    }

    /// Every session at this moment.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.lock().values().cloned().collect()
    }

    /// Number of sessions.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }
}
