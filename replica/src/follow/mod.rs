//! Following the source, for ever: three stages that work at the same time, with
//! a bounded number of batches between them. One asks for entries, one for the
//! chunks that they bring, one makes both durable.
//!
//! Guarantees: what is durable here is told to the source at once, and nothing
//! else is; whatever fails, the next attempt begins where the store is; nothing is
//! applied to a history that has parted from the source's.

mod apply;
mod fetch;
mod fill;
mod pull;
mod sources;

pub(crate) use fill::Resync;
pub(crate) use sources::Sources;

use crate::heal;
use crate::identity::Identity;
use crate::note::Notebook;
use crate::source::{self, SourceError};
use coffer_protocol::error::Retry;
use coffer_protocol::message::peer::{Course, Progress};
use coffer_protocol::{Position, Request};
use coffer_server::host::Serving;
use coffer_store::{Clock, FollowError, Store, StoreError, SystemClock};
use coffer_transport::Connection;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// First and longest pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Pause after what a person has to look at.
const STUCK_PAUSE: Duration = Duration::from_secs(30);
/// Batches between two stages.
const WAITING: usize = 2;

/// Why following ended.
pub(super) enum Trouble {
    /// The source is away, or busy: try again.
    Source(SourceError),
    /// The store is: try again.
    Store(String),
    /// Trying again will not help before a person has looked.
    Stuck(String),
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<FollowError> for Trouble {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Store(error) => Self::Store(error.to_string()),
            FollowError::NeedChunk(_) => Self::Store(error.to_string()),
            other => Self::Stuck(other.to_string()),
        }
    }
}

/// A replica at work.
pub(crate) struct Follower {
    pub(crate) identity: Identity,
    pub(crate) sources: Sources,
    pub(crate) store: Store,
    pub(crate) notebook: Arc<Notebook>,
    pub(crate) resync: Arc<Resync>,
    /// Those who serve here, on a standby.
    pub(crate) serving: Option<Serving>,
}

impl Follower {
    /// Follows for ever.
    pub(crate) async fn run(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = Instant::now();
            let ended = self.session().await;
            self.notebook.note().connected = false;
            let Err(trouble) = ended else {
                // It has been filled, or is to be.
                pause = FIRST_PAUSE;
                continue;
            };
            if begun.elapsed() > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            let wait = match &trouble {
                Trouble::Source(SourceError::Refused(error)) if error.retry == Retry::Never => {
                    STUCK_PAUSE
                }
                Trouble::Source(_) | Trouble::Store(_) => pause,
                Trouble::Stuck(_) => STUCK_PAUSE,
            };
            self.tell(&trouble);
            let elsewhere = self.sources.failed(&trouble, self.store.newest().epoch).await;
            if elsewhere || timeout(wait, self.sources.changed()).await.is_ok() {
                pause = FIRST_PAUSE;
                continue;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The source stands here, as it has just said.
    fn heard(&self, head: Position, head_millis: Option<i64>) {
        self.notebook.heard(head, head_millis, SystemClock.now_millis());
        if let Some(serving) = &self.serving {
            serving.heard(head);
        }
    }

    /// Says what keeps the replica from following, once for each reason.
    fn tell(&self, trouble: &Trouble) {
        let text = match trouble {
            Trouble::Source(error) => error.to_string(),
            Trouble::Store(text) | Trouble::Stuck(text) => text.clone(),
        };
        let mut note = self.notebook.note();
        if note.trouble.as_ref() == Some(&text) {
            return;
        }
        if matches!(trouble, Trouble::Stuck(_)) {
            tracing::error!(reason = text, "the replica cannot follow");
        } else {
            tracing::warn!(reason = text, "the replica does not follow for now");
        }
        note.trouble = Some(text);
        note.stuck = matches!(trouble, Trouble::Stuck(_));
    }

    /// One connection, from its beginning to its end. Without trouble it ends when this
    /// machine was filled and has to say where it stands now.
    async fn session(&self) -> Result<(), Trouble> {
        let head = self.store.journal_head().await?;
        let connection = source::open(&self.sources.source()).await?;
        let key = self.serving.as_ref().map(|serving| &serving.installation().secret);
        let welcome = source::greet(&connection, &self.identity, &head, key).await?;
        if welcome.course == Course::Fork {
            return Err(Trouble::Stuck(format!(
                "entry {} is another one at the source: the histories have parted",
                head.position
            )));
        }
        self.sources.reached(&welcome.endpoints);
        self.heard(welcome.head, None);
        {
            let mut note = self.notebook.note();
            note.connected = true;
            (note.trouble, note.stuck) = (None, false);
            note.applied = head.position.seq;
            note.applied_millis = head.committed_millis.unwrap_or(note.applied_millis);
        }
        if let Some(how) = self.way(welcome.course, head.position.seq) {
            return self.fill(&connection, how).await;
        }
        tracing::info!(from = %head.position, head = %welcome.head, "following");
        let after = head.position.seq;
        let (pulled, to_fetch) = mpsc::channel(WAITING);
        let (fetched, to_apply) = mpsc::channel(WAITING);
        let progress = watch::Sender::new(Progress { received: after, flushed: after });
        let compare = || self.resync.ask();
        let Err(trouble) = tokio::select! {
            ended = self.pull(&connection, after, pulled, &progress) => ended,
            ended = fetch::run(&self.store, &connection, to_fetch, fetched) => ended,
            ended = self.apply(to_apply, &progress) => ended,
            ended = report(&connection, progress.subscribe()) => ended,
            ended = heal::run(&self.store, &connection, &compare) => ended.map_err(Trouble::from),
            () = self.resync.asked() => return Ok(()),
            () = self.sources.changed() => return Ok(()),
        };
        Err(trouble)
    }
}

/// Tells the source how far this machine is, the newest state only.
async fn report(
    connection: &Connection,
    mut progress: watch::Receiver<Progress>,
) -> Result<std::convert::Infallible, Trouble> {
    loop {
        if progress.changed().await.is_err() {
            // Cannot be: the session has the sender for longer.
            std::future::pending::<()>().await;
        }
        let newest = *progress.borrow_and_update();
        source::ask(connection, Request::Progress(newest)).await?;
    }
}
