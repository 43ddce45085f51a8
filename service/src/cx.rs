//! What a request of a signed-in user is carried out with.

use crate::fault::{Outcome, plain};
use crate::rows::{node_failed, read_failed};
use crate::service::Core;
use crate::session::Session;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{Position, UserId};
use coffer_store::{NodeRow, Store, USER_ACTIVE, UserRow, VersionRow};
use std::sync::Arc;

/// A signed-in request: the service and the session it belongs to.
#[derive(Clone)]
pub(crate) struct Cx {
    pub(crate) core: Arc<Core>,
    pub(crate) session: Arc<Session>,
}

impl Cx {
    pub(crate) fn store(&self) -> &Store {
        &self.core.store
    }

    pub(crate) fn user(&self) -> UserId {
        self.session.user
    }

    /// Time to show.
    pub(crate) fn millis(&self) -> i64 {
        self.core.ticks.millis()
    }

    /// Newest committed position.
    pub(crate) async fn position(&self) -> Outcome<Position> {
        self.store().position().await.map_err(|error| read_failed(&error))
    }

    /// A version of a file whose record is at hand.
    pub(crate) async fn version(&self, file: &NodeRow, revision: u64) -> Outcome<VersionRow> {
        let row = self.store().version(file.node, revision).await;
        row.map_err(|error| node_failed(file.node, &error))?
            .filter(|row| row.owner == file.owner)
            .ok_or_else(|| plain(ErrorCode::NO_SUCH_VERSION))
    }

    /// The user's own account. The session ends when there is none any more, as
    /// another process or, on a standby, another machine may have decided.
    pub(crate) async fn account(&self) -> Outcome<UserRow> {
        let row = self.store().user(self.user()).await.map_err(|error| read_failed(&error))?;
        row.filter(|row| row.state == USER_ACTIVE).ok_or_else(|| {
            self.core.sessions.remove(&self.session);
            plain(ErrorCode::SESSION_EXPIRED)
        })
    }

    /// The name of a user, to show; empty when there is none (any more).
    pub(crate) async fn name_of(&self, user: UserId) -> String {
        let row = self.store().user(user).await.ok().flatten();
        row.and_then(|row| self.core.user_name(&row).ok()).unwrap_or_default()
    }
}
