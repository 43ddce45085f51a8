//! What happens while the user looks on, and the record of what has happened.

use super::{PAGE_ENTRIES, answer};
use crate::client::Client;
use crate::error::ClientError;
use crate::path::RemotePath;
use crate::place::{Spot, ToPlace};
use crate::retry::Attempts;
use coffer_protocol::message::event::{ActivityPage, Event, ListActivity, Watch};
use coffer_protocol::{ErrorCode, Place, Request, Retry};
use std::collections::VecDeque;
use std::time::Duration;

/// How long one request waits for something to happen, in milliseconds. Shorter
/// than the longest the server allows, and than any time-out on the way.
const WAIT_MILLIS: u32 = 25_000;

/// What a `Watcher` has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Look at everything (again): the watch has just begun, or hints were lost.
    Refresh,
    /// Something has happened.
    Event(Box<Event>),
}

/// Waits for hints that something has changed. It survives lost connections and
/// ended sessions by beginning again, and says so with `Notice::Refresh`, which
/// is also the first thing it says.
pub struct Watcher {
    client: Client,
    /// `None`: the next request begins a watch.
    after: Option<u64>,
    waiting: VecDeque<Event>,
    failing: Option<Attempts>,
}

impl Watcher {
    /// Waits for the next notice. Dropping the future loses nothing. An error
    /// is one that the client's policy does not retry, or not any more; asking
    /// again begins again.
    pub async fn next(&mut self) -> Result<Notice, ClientError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Notice::Event(Box::new(event)));
            }
            match self.poll().await {
                Ok(true) => return Ok(Notice::Refresh),
                Ok(false) => {}
                Err(error) => {
                    self.after = None;
                    let wait = self.pause(&error);
                    let Some(wait) = wait else {
                        self.failing = None;
                        return Err(error);
                    };
                    tracing::debug!(code = error.code(), ?wait, "the watch begins again");
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Asks once; says whether everything has to be looked at.
    async fn poll(&mut self) -> Result<bool, ClientError> {
        let request = Watch { after: self.after, wait_millis: WAIT_MILLIS };
        let events = answer!(self.client.ask(Request::Watch(request)).await?, Events, "watch")?;
        let begins = self.after.is_none();
        self.after = Some(events.next);
        self.failing = None;
        self.waiting.extend(events.events);
        Ok(begins || events.refresh)
    }

    /// How long to wait before beginning again; `None`: the error stands.
    fn pause(&mut self, error: &ClientError) -> Option<Duration> {
        // A new session does not know where the one before was.
        let is_forgotten = error.wire_code() == Some(ErrorCode::BAD_CURSOR);
        if !error.is_transient() && !error.is_session_end() && !is_forgotten {
            return None;
        }
        let asked = match error {
            ClientError::Wire(error) => error.retry,
            _ => Retry::Never,
        };
        let policy = self.client.options().policy;
        self.failing.get_or_insert_with(|| Attempts::new(policy)).next_wait(asked)
    }
}

/// The pages of the record of who did what, newest first.
pub struct ActivityLister {
    client: Client,
    spot: Option<Spot>,
    since_millis: Option<i64>,
    cursor: Option<[u8; 16]>,
    ended: bool,
}

impl ActivityLister {
    /// The next page; `None` at the end. A page may be empty. After an error
    /// the same page is asked for again.
    pub async fn next_page(&mut self) -> Result<Option<ActivityPage>, ClientError> {
        if self.ended {
            return Ok(None);
        }
        let (client, since_millis, cursor) = (&self.client, self.since_millis, self.cursor);
        let ask = async |place: Option<Place>| {
            let request = ListActivity { place, since_millis, cursor, limit: PAGE_ENTRIES };
            answer!(client.ask(Request::ListActivity(request)).await?, Activity, "list-activity")
        };
        let page = match &self.spot {
            None => ask(None).await?,
            Some(spot) => {
                let (place, page) = self
                    .client
                    .at(spot, async |place: Place| Ok((place.clone(), ask(Some(place)).await?)))
                    .await?;
                self.spot = Some(Spot::Place(place));
                page
            }
        };
        if page.next.is_some() && page.next == self.cursor {
            return Err(ClientError::UnexpectedAnswer { asked: "list-activity" });
        }
        self.ended = page.next.is_none();
        self.cursor = page.next;
        Ok(Some(page))
    }
}

impl Client {
    /// Watches what the user can see. Nothing is asked before `Watcher::next`.
    pub fn watch(&self) -> Watcher {
        Watcher { client: self.clone(), after: None, waiting: VecDeque::new(), failing: None }
    }

    /// Who did what to things that are the user's or shared with the user:
    /// everywhere, or to `of` and what is below it; nothing older than
    /// `since_millis` (milliseconds since 1970).
    pub fn activity(
        &self,
        of: Option<&RemotePath>,
        since_millis: Option<i64>,
    ) -> Result<ActivityLister, ClientError> {
        let spot = of.map(ToPlace::to_spot).transpose()?;
        Ok(ActivityLister { client: self.clone(), spot, since_millis, cursor: None, ended: false })
    }
}
