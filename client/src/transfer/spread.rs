//! Spreads what a large download asks for over the primary and the standbys.
//!
//! Guarantees: a standby is never the only one that is asked: whatever it cannot
//! answer, does not answer in time or answers with damage is asked of the primary;
//! what may have changed is asked only of a standby that has everything that was
//! seen before; the reader verifies all of it as ever.

use super::caller::Caller;
use super::sources::Sources;
use crate::client::Client;
use crate::cluster::Machine;
use crate::error::ClientError;
use crate::rate::RateLimits;
use crate::session::Live;
use bytes::Bytes;
use coffer_protocol::{ErrorCode, Request, Response, ServerId};
use std::convert::Infallible;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;
use tokio::time::timeout;

/// A download that has moved this much is worth signing in elsewhere.
pub(super) const WORTH_BYTES: u64 = 16 << 20;

/// A caller that has other machines to ask.
pub(crate) trait Spreads: Caller {
    /// One of them.
    type Other: Sync + Send;

    /// Signs in to the others; those that serve.
    fn join_others(&self) -> impl Future<Output = Vec<Self::Other>> + Send;

    /// Asks one of them, once.
    fn ask_other(
        &self,
        other: &Self::Other,
        request: Request,
    ) -> impl Future<Output = Result<(Response, Bytes), ClientError>> + Send;
}

/// A standby, and the session there, which is opened again when it was lost.
pub(crate) struct Standby {
    machine: Machine,
    live: Mutex<Arc<Live>>,
}

impl Spreads for Client {
    type Other = Standby;

    async fn join_others(&self) -> Vec<Standby> {
        let session = &self.inner.session;
        let joins = session.standbys().into_iter().map(|machine| session.join(machine));
        let joined = futures_util::future::join_all(joins).await;
        let standbys = joined.into_iter().flatten();
        standbys
            .map(|live| Standby { machine: live.machine.clone(), live: Mutex::new(live) })
            .collect()
    }

    async fn ask_other(
        &self,
        other: &Standby,
        request: Request,
    ) -> Result<(Response, Bytes), ClientError> {
        let session = &self.inner.session;
        let live = Arc::clone(&other.live.lock().unwrap_or_else(PoisonError::into_inner));
        match session.call_standby(&live, request.clone()).await {
            Err(error) if error.is_session_end() => {
                let live = session.join(other.machine.clone()).await?;
                *other.live.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&live);
                session.call_standby(&live, request).await
            }
            outcome => outcome,
        }
    }
}

/// See the module.
pub(crate) struct Spread<'a, C: Spreads> {
    caller: &'a C,
    sources: Mutex<Sources>,
    others: OnceLock<Vec<C::Other>>,
    moved: AtomicU64,
    is_worth_it: Notify,
}

impl<'a, C: Spreads> Spread<'a, C> {
    pub(crate) fn new(caller: &'a C) -> Self {
        Self {
            caller,
            sources: Mutex::new(Sources::new()),
            others: OnceLock::new(),
            moved: AtomicU64::new(0),
            is_worth_it: Notify::new(),
        }
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs in to the others once that is worth it. To be polled beside the
    /// transfer; never ends.
    pub(crate) async fn join_when_worth_it(&self) -> Infallible {
        self.is_worth_it.notified().await;
        let others = self.caller.join_others().await;
        tracing::debug!(others = others.len(), "the download is spread");
        let count = others.len();
        if self.others.set(others).is_ok() {
            let mut sources = self.sources();
            for _ in 0..count {
                sources.add();
            }
        }
        std::future::pending().await
    }

    fn moved(&self, bytes: usize) {
        let before = self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
        if before < WORTH_BYTES && before + bytes as u64 >= WORTH_BYTES {
            self.is_worth_it.notify_one();
        }
    }

    /// What the chosen machine answers, if it is not the primary and answers well.
    async fn elsewhere(&self, number: usize, request: &Request) -> Option<(Response, Bytes)> {
        let other = self.others.get()?.get(number.checked_sub(1)?)?;
        let longest = self.sources().longest_wait();
        let outcome = timeout(longest, self.caller.ask_other(other, request.clone())).await;
        match outcome {
            Ok(Ok(answer)) if is_whole(&answer.0) => Some(answer),
            // Not there, or damaged: for this once.
            Ok(Ok(_)) => None,
            Ok(Err(error)) if is_about_content(&error) => None,
            Ok(Err(error)) => {
                tracing::debug!(code = error.code(), "a standby is left out of the download");
                self.sources().leave_out(number);
                None
            }
            Err(_) => {
                tracing::debug!("a standby that is too slow is left out of the download");
                self.sources().leave_out(number);
                None
            }
        }
    }
}

/// Whether nothing of a batch is missing for a reason that another machine may not
/// have.
fn is_whole(response: &Response) -> bool {
    let Response::BatchRead(batch) = response else { return true };
    let mut failed = batch.files.iter().filter_map(|file| file.as_ref().err());
    failed.all(|error| error.code == ErrorCode::TOO_LARGE)
}

fn is_about_content(error: &ClientError) -> bool {
    let code = error.wire_code();
    code == Some(ErrorCode::BEHIND) || code.is_some_and(|code| (300..500).contains(&code.0))
}

/// An answer that is owed; when nobody waits for it any more, it is not.
struct Owed<'a, 'b, C: Spreads> {
    spread: &'a Spread<'b, C>,
    number: usize,
    begun: Instant,
    is_good: bool,
}

impl<C: Spreads> Owed<'_, '_, C> {
    /// The machine that was asked does not answer; the primary is asked instead.
    fn pass_to_primary(&mut self) {
        let mut sources = self.spread.sources();
        sources.answered(self.number, None);
        (self.number, self.begun) = (sources.ask_primary(), Instant::now());
    }
}

impl<C: Spreads> Drop for Owed<'_, '_, C> {
    fn drop(&mut self) {
        let took = self.is_good.then(|| self.begun.elapsed());
        self.spread.sources().answered(self.number, took);
    }
}

impl<C: Spreads> Caller for Spread<'_, C> {
    async fn call(
        &self,
        request: Request,
        payload: Bytes,
    ) -> Result<(Response, Bytes), ClientError> {
        if !matches!(request, Request::ReadChunk(_) | Request::ReadFiles(_)) {
            return self.caller.call(request, payload).await;
        }
        let number = self.sources().choose();
        let mut owed = Owed { spread: self, number, begun: Instant::now(), is_good: false };
        if number > 0 {
            if let Some(answer) = self.elsewhere(number, &request).await {
                owed.is_good = true;
                self.moved(answer.1.len());
                return Ok(answer);
            }
            owed.pass_to_primary();
        }
        let answer = self.caller.call(request, payload).await?;
        owed.is_good = true;
        self.moved(answer.1.len());
        Ok(answer)
    }

    fn server_id(&self) -> ServerId {
        self.caller.server_id()
    }

    fn limits(&self) -> &RateLimits {
        self.caller.limits()
    }
}
