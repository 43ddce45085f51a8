//! `Client`: a signed-in user's view of the server. Cheap to clone; clones
//! share the session and its connections.

use crate::checking::Checking;
use crate::cluster::Cluster;
use crate::device;
use crate::dialer;
use crate::error::ClientError;
use crate::home::Home;
use crate::keys;
use crate::profile::Profile;
use crate::rate::RateLimits;
use crate::resolve::Meanings;
use crate::retry::Policy;
use crate::session::{Reach, Session, Sighting};
use bytes::Bytes;
use coffer_crypto::ContentHasher;
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::cluster::ClusterInfo;
use coffer_protocol::{Hash32, Request, Response, ServerId};
use std::num::NonZeroU64;
use std::sync::Arc;
use tokio::sync::watch;

/// Everything a client is made from, apart from the account.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Where profiles are kept.
    pub home: Home,
    /// The profile in use.
    pub profile: String,
    /// Program name and version, for the server's log.
    pub agent: String,
    /// How long requests are tried again.
    pub policy: Policy,
    /// A fingerprint that the user has confirmed, for a link without one.
    pub trust: Option<Fingerprint>,
    /// Sign in even though the server shows an older state than before; for
    /// when the operator has restored a backup.
    pub accept_older: bool,
    /// Shows whether work is being done that a server has asked for.
    pub checking: Checking,
}

impl ClientOptions {
    /// Options for interactive use of a profile.
    pub fn new(home: Home, profile: impl Into<String>) -> Self {
        Self {
            home,
            profile: profile.into(),
            agent: concat!("coffer-client ", env!("CARGO_PKG_VERSION")).to_owned(),
            policy: Policy::INTERACTIVE,
            trust: None,
            accept_older: false,
            checking: Checking::default(),
        }
    }
}

/// A signed-in user's view of the server.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) session: Arc<Session>,
    pub(crate) options: ClientOptions,
    /// What `@owner/name` was found to mean.
    pub(crate) meanings: Meanings,
    pub(crate) limits: RateLimits,
    server_id: ServerId,
}

impl Client {
    /// Signs in with the saved keys of the profile.
    pub async fn resume(options: &ClientOptions) -> Result<Self, ClientError> {
        let none = || ClientError::NotSignedIn { profile: options.profile.clone() };
        let profile = Profile::load(&options.home, &options.profile)?.ok_or_else(none)?;
        let keys =
            keys::load(&options.home, &options.profile, profile.server_id)?.ok_or_else(none)?;
        let cluster = Cluster::load(&options.home, &options.profile, profile.server_id)?;
        let dialer = dialer::dialer(options);
        let session = Session::new(dialer, options.policy, keys, profile, cluster);
        let client = Self::of(session, options);
        client.inner.session.begin().await?;
        Ok(client)
    }

    pub(crate) fn of(session: Arc<Session>, options: &ClientOptions) -> Self {
        let server_id = session.profile().server_id;
        let (options, meanings) = (options.clone(), Meanings::default());
        let limits = RateLimits::default();
        Self { inner: Arc::new(Inner { session, options, meanings, limits, server_id }) }
    }

    /// Asks. A request that may be repeated is, with the same op id, when the
    /// connection is lost or the server asks for it; within the policy.
    pub async fn call(
        &self,
        request: Request,
        payload: Bytes,
    ) -> Result<(Response, Bytes), ClientError> {
        self.inner.session.call(request, payload).await
    }

    /// Asks without a payload, for an answer without one.
    pub async fn ask(&self, request: Request) -> Result<Response, ClientError> {
        self.call(request, Bytes::new()).await.map(|(response, _)| response)
    }

    /// Spreads calls over this many connections from now on (1 to 8).
    pub async fn set_connections(&self, connections: usize) -> Result<(), ClientError> {
        self.inner.session.set_connections(connections).await
    }

    /// Lets contents go up with so many bytes a second from now on, all transfers of this
    /// client and its clones together, also those that run; `None`: as fast as it goes.
    pub fn limit_uploads(&self, bytes_per_second: Option<NonZeroU64>) {
        self.inner.limits.up.set(bytes_per_second);
    }

    /// The same for contents that come down.
    pub fn limit_downloads(&self, bytes_per_second: Option<NonZeroU64>) {
        self.inner.limits.down.set(bytes_per_second);
    }

    /// The limits as they are now: up and down.
    pub fn rate_limits(&self) -> (Option<NonZeroU64>, Option<NonZeroU64>) {
        (self.inner.limits.up.get(), self.inner.limits.down.get())
    }

    /// The options it was made with.
    pub fn options(&self) -> &ClientOptions {
        &self.inner.options
    }

    /// What is remembered of server and account, as of now.
    pub fn profile(&self) -> Profile {
        self.inner.session.profile()
    }

    /// Fewest machines that hold one of the writes that this client was confirmed;
    /// `None` before the first.
    pub fn durable_on(&self) -> Option<u8> {
        self.inner.session.weakest()
    }

    /// The installation.
    pub fn server_id(&self) -> ServerId {
        self.inner.server_id
    }

    /// Hash of a chunk, or of a small file as a whole.
    pub fn plain_hash(&self, data: &[u8]) -> Hash32 {
        Hash32(coffer_crypto::chunk::plain_hash(self.server_id().as_bytes(), data))
    }

    /// Hashes the chunks of a file, in order.
    pub fn content_hasher(&self) -> ContentHasher {
        ContentHasher::new(self.server_id().as_bytes())
    }

    /// Which machine serves the session, now and whenever that changes.
    pub fn reach(&self) -> watch::Receiver<Reach> {
        self.inner.session.reach()
    }

    /// The machines of the installation, as far as is known.
    pub fn cluster(&self) -> Cluster {
        self.inner.session.cluster()
    }

    /// What the machine that serves the session says of the installation, and
    /// whether each machine answers. A machine that was the primary is told of the
    /// promotion, should it not know.
    pub async fn look_around(&self) -> (Option<ClusterInfo>, Vec<Sighting>) {
        self.inner.session.look_around().await
    }

    /// Writes down what the session has learned: the newest position that was seen,
    /// so that the next session is never shown an older state, and the machines. To
    /// be called when the work is done.
    pub async fn remember(&self) -> Result<(), ClientError> {
        self.inner.session.settle().await;
        let ClientOptions { home, profile: name, .. } = self.options();
        let mut profile = self.profile();
        let stored = Profile::load(home, name)?;
        // Signed in to something else, or deleted, by another process meanwhile.
        let Some(stored) = stored.filter(|stored| stored.same_account(&profile)) else {
            return Ok(());
        };
        if device::is_due(home, name)
            && let Some(token) = self.inner.session.ask_device().await
        {
            device::save(home, name, &token)?;
        }
        let cluster = self.cluster();
        if !cluster.same_list(&Cluster::load(home, name, profile.server_id)?) {
            cluster.save(home, name)?;
        }
        if stored.epoch > profile.epoch {
            // Another process has found a newer primary.
            profile.set_machine(stored.machine());
        }
        profile.raise(stored.epoch, stored.position);
        if profile == stored { Ok(()) } else { profile.save(home, name) }
    }
}
