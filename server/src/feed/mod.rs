//! What replicas are given: the other side of `coffer-replica`.
//!
//! Guarantees: nothing is given to a connection that has not proved, bound to its
//! own TLS session, that it is a replica of this installation; strangers' attempts
//! are limited like sign-ups; a replica has one connection at a time, and its
//! requests are bounded by the same windows and budgets as those of clients.
//! Entries are given as they are in the journal, once they are durable here; chunks
//! and rows only after they were verified.

pub(crate) mod endpoints;
mod figures;
mod heal;
mod join;
mod mirror;
mod peer;
mod pull;
pub(crate) mod records;
mod rejoin;
mod report;
mod roll;
mod snapshots;
mod step_down;
mod upkeep;
mod visible;

pub(crate) use mirror::Mirrors;
#[cfg(test)]
pub(crate) use report::One;
pub(crate) use report::Report;

use crate::failure::Failure;
use crate::heard::Heard;
use crate::install::Installation;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::cluster::Endpoint;
use coffer_protocol::{Request, WireError};
use coffer_service::{Cluster, Hearing, LookUp, Machines, Service};
use coffer_store::{Store, StoreError};
use coffer_transport::{CloseReason, Incoming, Replier, ServerConnection};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio_util::sync::CancellationToken;

/// Result of everything that ends in an answer on the wire.
pub(crate) type Answer<T> = Result<T, WireError>;

/// Serves replicas. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Feed(Arc<Inner>);

struct Inner {
    installation: Arc<Installation>,
    store: Store,
    service: Service,
    mirrors: Arc<Mirrors>,
    snapshots: snapshots::Snapshots,
    visible: visible::Visible,
    roll: roll::Roll,
    /// This machine.
    own: Endpoint,
    /// The others know where the primary is.
    announced: AtomicBool,
    /// What was heard of the primary, on a machine that follows.
    heard: Option<Arc<Heard>>,
    asking: heal::Asking,
    stopping: CancellationToken,
    /// A newer epoch was shown to this machine.
    fenced: CancellationToken,
}

impl Cluster for Inner {
    fn hearing(&self) -> Option<Hearing> {
        self.heard.as_ref().map(|heard| heard.hearing())
    }

    fn machines(&self) -> LookUp<'_> {
        Box::pin(self.look_up())
    }
}

impl Inner {
    /// Which machines there are. Read anew each time, because those who are told
    /// remember it for as long as no entry follows.
    async fn look_up(&self) -> Answer<Machines> {
        let Self { store, installation, own, roll, .. } = self;
        let known = async {
            let looked = roll.look(store, &installation.secret).await?;
            endpoints::known(store, &installation.secret, own, &looked.records).await
        };
        let endpoints = known.await.map_err(|failure| failed(&failure))?;
        let timeline = store.timeline().await.map_err(|error| store_failed(&error))?;
        let proof = timeline.into_iter().next_back().map(|promotion| promotion.proof);
        Ok(Machines { endpoints, proof })
    }
}

impl Feed {
    /// A feed that also tells the service which replica has what, and which
    /// machines there are.
    pub(crate) fn new(
        installation: Arc<Installation>,
        store: Store,
        service: Service,
        (own, heard): (Endpoint, Option<Arc<Heard>>),
    ) -> Self {
        let mirrors = Arc::new(Mirrors::new(&installation.config.replication));
        service.set_mirror(Arc::clone(&mirrors) as Arc<_>);
        let asked = service.clone();
        let inner = Arc::new(Inner {
            installation,
            store,
            service,
            mirrors,
            snapshots: snapshots::Snapshots::default(),
            visible: visible::Visible::default(),
            roll: roll::Roll::default(),
            own,
            announced: AtomicBool::new(false),
            heard,
            asking: heal::Asking::default(),
            stopping: CancellationToken::new(),
            fenced: CancellationToken::new(),
        });
        asked.set_cluster(Arc::clone(&inner) as Arc<_>);
        Self(inner)
    }

    /// Whether this machine follows another one.
    fn follows(&self) -> bool {
        self.0.heard.is_some()
    }

    /// Which replica is how far.
    pub(crate) fn mirrors(&self) -> &Arc<Mirrors> {
        &self.0.mirrors
    }

    /// Whether a newer epoch was shown to this machine.
    fn is_fenced(&self) -> bool {
        self.0.fenced.is_cancelled()
    }

    /// Machines that others can connect to, the primary first.
    pub(crate) async fn endpoints(&self) -> Answer<Vec<Endpoint>> {
        self.0.look_up().await.map(|machines| machines.endpoints)
    }

    /// Tells all replicas that another machine is the primary.
    pub(crate) fn fence(&self) {
        self.0.fenced.cancel();
    }

    /// Tells all replicas to go.
    pub(crate) fn stop(&self) {
        self.0.stopping.cancel();
    }

    /// Serves the connection of a replica, or of a machine that wants to be one,
    /// until its end.
    pub(crate) async fn serve(
        &self,
        mut connection: ServerConnection,
        first: Incoming,
    ) -> Option<CloseReason> {
        let Incoming { request, reply, .. } = first;
        let admitted = self.0.service.admit_stranger(connection.peer.ip());
        let farewell = match (admitted, request) {
            (Err(error), _) => refuse(reply, error).await,
            (Ok(()), Request::Join(_) | Request::PeerHello(_)) if self.is_fenced() => {
                refuse(reply, fenced()).await
            }
            (Ok(()), Request::Join(join)) => self.join(&connection, join, reply).await,
            (Ok(()), Request::Rejoin(rejoin)) => self.rejoin(&mut connection, rejoin, reply).await,
            (Ok(()), Request::PeerHello(hello)) => self.peer(&mut connection, hello, reply).await,
            (Ok(()), _) => refuse(reply, out_of_order()).await,
        };
        connection.goaway(farewell);
        while let Some(incoming) = connection.next().await {
            refuse(incoming.reply, out_of_order()).await;
        }
        connection.close_reason()
    }
}

/// Answers with an error, which is also why the connection ends.
async fn refuse(reply: Replier, error: WireError) -> WireError {
    // Whoever has gone in the meantime needs no answer.
    let _ = reply.fail(error.clone()).await;
    error
}

fn out_of_order() -> WireError {
    WireError::new(
        ErrorCode::OUT_OF_ORDER,
        "This request does not fit here.",
        "Replica and source may be of different versions.",
    )
}

/// This machine was the primary, and another one has been promoted.
fn fenced() -> WireError {
    WireError::new(
        ErrorCode::FENCED,
        "This machine is not the primary any more.",
        "Follow the machine that was promoted.",
    )
}

fn over() -> WireError {
    WireError::new(ErrorCode::SHUTTING_DOWN, "The connection is over.", "").retry_after(1000)
}

/// The store could not answer; the reason is in the log.
fn store_failed(error: &StoreError) -> WireError {
    tracing::warn!(%error, "another machine cannot be answered");
    unavailable()
}

/// The same for a step that explains itself.
fn failed(failure: &Failure) -> WireError {
    tracing::warn!(reason = %failure, "another machine cannot be answered");
    unavailable()
}

fn unavailable() -> WireError {
    let code = ErrorCode::DATABASE_UNAVAILABLE;
    WireError::new(code, "The source cannot answer now.", "Its log says why.").retry_after(1000)
}
