//! What a request of a signed-in user is carried out with.

use crate::fault::{Outcome, plain};
use crate::rows::{node_failed, read_failed};
use crate::service::Core;
use crate::session::Session;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{NodeId, Position, UserId};
use coffer_store::{NodeRow, Store, UserRow, VersionRow};
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

    /// A node's record; one that is not the user's does not exist.
    pub(crate) async fn row(&self, node: NodeId) -> Outcome<NodeRow> {
        let row = self.store().node(node).await.map_err(|error| node_failed(node, &error))?;
        row.filter(|row| row.owner == self.user()).ok_or_else(|| plain(ErrorCode::NOT_FOUND))
    }

    /// A version of one of the user's files.
    pub(crate) async fn version(&self, node: NodeId, revision: u64) -> Outcome<VersionRow> {
        let row = self.store().version(node, revision).await;
        row.map_err(|error| node_failed(node, &error))?
            .filter(|row| row.owner == self.user())
            .ok_or_else(|| plain(ErrorCode::NO_SUCH_VERSION))
    }

    /// The user's own account.
    pub(crate) async fn account(&self) -> Outcome<UserRow> {
        let row = self.store().user(self.user()).await.map_err(|error| read_failed(&error))?;
        row.ok_or_else(|| plain(ErrorCode::SESSION_EXPIRED))
    }

    /// The name of a user, to show; empty when there is none (any more).
    pub(crate) async fn name_of(&self, user: UserId) -> String {
        let row = self.store().user(user).await.ok().flatten();
        row.and_then(|row| self.core.user_name(&row).ok()).unwrap_or_default()
    }
}
