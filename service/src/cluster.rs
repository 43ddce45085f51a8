//! Where this machine stands in its installation, and what follows from it for a
//! request.
//!
//! Guarantees: a machine that is not the primary refuses whatever would change
//! something before any work is done for it, and tries no write of its own; while
//! it has not got everything for the first time it serves nobody.

use crate::fault::{Outcome, plain};
use crate::rows::read_failed;
use crate::service::{Core, Service};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::cluster::{
    AwaitPosition, ClusterInfo, Endpoint, EpochProof, ServerRole,
};
use coffer_protocol::{Position, Request, UserId, WireError};
use coffer_store::Role;
use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for a position.
const LONGEST_AWAIT: Duration = Duration::from_millis(500);
/// Time between two looks at what was followed.
const LOOK: Duration = Duration::from_millis(100);

/// What a machine that follows has heard of the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hearing {
    /// The newest position of the primary, as last heard.
    pub head: Position,
    /// Time since everything was here that the primary had.
    pub behind: Duration,
    /// Whether everything was here that the primary had, at least once.
    pub ready: bool,
}

/// Knows the other machines of the installation.
pub trait Cluster: Send + Sync {
    /// What was heard of the primary; `None` on the primary.
    fn hearing(&self) -> Option<Hearing>;

    /// Looks up which machines there are, as of the newest entry or a later one.
    fn machines(&self) -> LookUp<'_>;
}

/// The machines of an installation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machines {
    /// Those that clients can connect to, the primary first.
    pub endpoints: Vec<Endpoint>,
    /// The promotion that began the present epoch.
    pub proof: Option<EpochProof>,
}

/// A look at the records of the machines.
pub type LookUp<'a> = Pin<Box<dyn Future<Output = Result<Machines, WireError>> + Send + 'a>>;

impl Core {
    /// Whether changes are made here.
    pub(crate) fn is_primary(&self) -> bool {
        self.store.role() == Role::Primary
    }

    fn hearing(&self) -> Option<Hearing> {
        self.cluster.get().and_then(|cluster| cluster.hearing())
    }

    /// Refuses what this machine does not do as what it is.
    pub(crate) fn permit(&self, request: &Request) -> Outcome<()> {
        match self.store.role() {
            Role::Primary => Ok(()),
            Role::Replica if self.hearing().is_none_or(|heard| heard.ready) => {
                match request.effect().changes() {
                    true => Err(plain(ErrorCode::READ_ONLY)),
                    false => Ok(()),
                }
            }
            Role::Replica | Role::Loading => Err(not_ready()),
        }
    }

    /// Which machines there are, and where this one stands. The list is at least as
    /// new as the position: clients ask again only when an entry has followed.
    pub(crate) async fn cluster_info(&self) -> Outcome<ClusterInfo> {
        let position = self.store.position().await.map_err(|error| read_failed(&error))?;
        let hearing = self.hearing().filter(|_| !self.is_primary());
        let behind = hearing.map_or(Duration::ZERO, |heard| heard.behind);
        let machines = match self.cluster.get() {
            Some(cluster) => cluster.machines().await?,
            None => Machines::default(),
        };
        Ok(ClusterInfo {
            role: if self.is_primary() { ServerRole::Primary } else { ServerRole::Standby },
            position,
            head: hearing.map_or(position, |heard| heard.head.max(position)),
            behind_millis: u64::try_from(behind.as_millis()).unwrap_or(u64::MAX),
            machines: self.holders(position),
            endpoints: machines.endpoints,
            proof: machines.proof,
        })
    }

    /// Waits until what a client has seen elsewhere is here.
    pub(crate) async fn await_position(&self, wanted: AwaitPosition) -> Outcome<()> {
        let here = self.store.position().await.map_err(|error| read_failed(&error))?;
        if here >= wanted.position {
            return Ok(());
        }
        let wait = Duration::from_millis(wanted.wait_millis.into()).min(LONGEST_AWAIT);
        tokio::select! {
            waited = timeout(wait, self.store.wait_for_position(wanted.position)) => match waited {
                Ok(reached) => reached.map_err(|error| read_failed(&error)),
                Err(_) => Err(plain(ErrorCode::BEHIND)),
            },
            () = self.stopping.cancelled() => Err(plain(ErrorCode::SHUTTING_DOWN)),
        }
    }

    /// Ends the sessions whose accounts are not what they were; `None`: of anybody.
    async fn look_at_accounts(&self, users: Option<&HashSet<UserId>>) {
        for session in self.sessions.all() {
            if users.is_none_or(|users| users.contains(&session.user)) {
                self.check_account(&session).await;
            }
        }
    }

    /// Sends away the connections of an epoch before this one.
    fn enter(&self, epoch: u64) {
        self.followed_epoch.send_if_modified(|followed| {
            let is_new = *followed < epoch;
            *followed = epoch.max(*followed);
            is_new
        });
    }

    /// What entries after this one mean for those who are signed in.
    async fn take_notice(&self, after: u64) {
        if self.sessions.len() == 0 {
            return;
        }
        match self.store.users_changed_after(after).await {
            Ok(Some(users)) if users.is_empty() => {}
            Ok(Some(users)) => self.look_at_accounts(Some(&users.into_iter().collect())).await,
            Ok(None) => self.look_at_accounts(None).await,
            Err(error) => {
                tracing::debug!(%error, "cannot look through what was followed");
                self.look_at_accounts(None).await;
            }
        }
        self.hub.refresh_all();
    }
}

impl Service {
    /// Asks this about the other machines; the first one stays.
    pub fn set_cluster(&self, cluster: Arc<dyn Cluster>) {
        // A second one is a mistake of the caller that changes nothing.
        let _ = self.core.cluster.set(cluster);
    }

    /// On a machine that follows: lets what was followed take effect at once, for
    /// ever. Sessions whose account has changed end; those that wait for hints are
    /// told to look again; connections of an epoch that is over end.
    pub async fn notice_followed(&self) {
        let core = &self.core;
        let mut seen = core.store.newest().seq;
        loop {
            match core.store.wait_for_entries(seen).await {
                Ok(position) => {
                    core.take_notice(seen).await;
                    core.enter(position.epoch);
                    seen = position.seq;
                }
                Err(error) => tracing::debug!(%error, "cannot wait for what is followed"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// On a machine that follows: everything may be another than it was, because the
    /// tables were filled anew. What sessions remember of contents is forgotten.
    pub async fn replaced(&self) {
        self.core.sessions.all().iter().for_each(|session| session.forget_contents());
        self.core.look_at_accounts(None).await;
        self.core.hub.refresh_all();
        self.core.enter(self.core.store.newest().epoch);
    }
}

fn not_ready() -> WireError {
    let text = "this machine follows the primary and has not got everything yet";
    WireError::new(ErrorCode::BEHIND, text, "connect to the primary, or try again in a while")
        .retry_after(1000)
}
