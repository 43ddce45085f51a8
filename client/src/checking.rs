//! Work that a server asks for before it goes on: doing it beside the conversation.
//!
//! Guarantees: the work is done off the runtime, and stops when nobody waits for it any
//! more; several requests that wait for the same work have it done once; a server that
//! never asks, or does not know of it, costs nothing. A device that is known says so
//! together with the first request, without a wait of its own.

use crate::error::ClientError;
use crate::link::{Link, ask};
use crate::ops::{answer, done};
use bytes::Bytes;
use coffer_crypto::ownership;
use coffer_crypto::work::{self, Challenge};
use coffer_protocol::limits::MAX_WORK_BITS;
use coffer_protocol::message::Welcome;
use coffer_protocol::message::work::{DeviceToken, Purpose, WorkChallenge, WorkProof};
use coffer_protocol::version::Features;
use coffer_protocol::{ErrorCode, Request, Response, WireError};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Mutex, watch};

/// Pieces of work for one request: a server that wants more wants too much.
const ROUNDS: usize = 4;

/// Whether work is being done for a server at this moment: for whoever wants to show
/// it. Clones show the same.
#[derive(Clone, Debug)]
pub struct Checking(watch::Sender<usize>);

impl Default for Checking {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Checking {
    /// Pieces of work that are being done, now and whenever that changes.
    pub fn subscribe(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }

    fn begin(&self) -> Busy<'_> {
        self.0.send_modify(|count| *count += 1);
        Busy { checking: self, stop: Arc::default() }
    }
}

/// One piece of work; it ends with this.
struct Busy<'a> {
    checking: &'a Checking,
    stop: Arc<AtomicBool>,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.checking.0.send_modify(|count| *count -= 1);
    }
}

/// A connection on which whatever work is asked for is done.
pub(crate) struct Working {
    inner: Arc<dyn Link>,
    checking: Checking,
    /// What makes this device known, until it was said.
    device: std::sync::Mutex<Option<DeviceToken>>,
    /// Pieces of work that were done here.
    proved: Mutex<usize>,
}

impl Working {
    pub(crate) fn new(
        inner: Arc<dyn Link>,
        checking: Checking,
        device: Option<DeviceToken>,
    ) -> Self {
        let device = std::sync::Mutex::new(device);
        Self { inner, checking, device, proved: Mutex::new(0) }
    }

    async fn converse(
        &self,
        request: Request,
        payload: Bytes,
    ) -> Result<(Response, Bytes), ClientError> {
        let again = purpose_of(&request).map(|purpose| (purpose, request.clone(), payload.clone()));
        let Some((purpose, request_again, payload_again)) = again else {
            return self.inner.call(request, payload).await;
        };
        let mut seen = self.proved().await;
        let (introduced, mut outcome) =
            join(self.introduce(), self.inner.call(request, payload)).await;
        if introduced && is(&outcome, &[ErrorCode::WORK_NEEDED, ErrorCode::RATE_LIMITED]) {
            // The two may have been looked at in the other order.
            outcome = self.inner.call(request_again.clone(), payload_again.clone()).await;
        }
        for _ in 0..ROUNDS {
            if !is(&outcome, &[ErrorCode::WORK_NEEDED]) {
                break;
            }
            seen = self.work(purpose, seen).await?;
            outcome = self.inner.call(request_again.clone(), payload_again.clone()).await;
        }
        outcome
    }

    /// Turns a nonce for proofs of content into the key that it stands for on this very
    /// connection, which whoever makes the proofs does not know.
    fn bind(&self, response: Response) -> Response {
        match response {
            Response::Unproven(mut unproven) => {
                unproven.nonce = ownership::proof_key(&unproven.nonce, self.exporter());
                Response::Unproven(unproven)
            }
            other => other,
        }
    }

    async fn proved(&self) -> usize {
        // Whoever is at it holds the lock; what is asked then waits for the result.
        *self.proved.lock().await
    }

    /// Says that the device is known, once; whether it is.
    async fn introduce(&self) -> bool {
        let token = {
            let mut device = self.device.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            device.take()
        };
        let Some(token) = token else { return false };
        match ask(self.inner.as_ref(), Request::KnowDevice(token)).await {
            Ok(_) => true,
            Err(error) => {
                tracing::debug!(code = error.code(), "the device is not known there");
                false
            }
        }
    }

    /// Does one piece of work, unless another request has done so since `seen`.
    async fn work(&self, purpose: Purpose, seen: usize) -> Result<usize, ClientError> {
        let mut proved = self.proved.lock().await;
        if *proved == seen {
            self.prove(purpose).await?;
            *proved += 1;
        }
        Ok(*proved)
    }

    async fn prove(&self, purpose: Purpose) -> Result<(), ClientError> {
        let busy = self.checking.begin();
        let link = self.inner.as_ref();
        let response = ask(link, Request::AskWork(purpose)).await?;
        let WorkChallenge { challenge } = answer!(response, Work, "ask-work")?;
        let difficulty = Challenge::read(&challenge).map_or(u8::MAX, |read| read.difficulty);
        if difficulty > MAX_WORK_BITS {
            return Err(too_much());
        }
        let (exporter, stop) = (*link.exporter(), Arc::clone(&busy.stop));
        let search = move || work::solve(&exporter, &challenge, &stop);
        let solved = tokio::task::spawn_blocking(search).await;
        let nonces = solved.ok().flatten().ok_or(ClientError::Interrupted)?;
        let response = ask(link, Request::ProveWork(WorkProof { challenge, nonces })).await?;
        done(&response, "prove-work")
    }
}

fn too_much() -> ClientError {
    let text = "the server asks for more work than a client does";
    WireError::new(ErrorCode::BAD_WORK, text, "Tell the person who runs the server.").into()
}

fn is(outcome: &Result<(Response, Bytes), ClientError>, codes: &[ErrorCode]) -> bool {
    let code = outcome.as_ref().err().and_then(ClientError::wire_code);
    code.is_some_and(|code| codes.contains(&code))
}

/// What work may be asked for with this request, if any.
fn purpose_of(request: &Request) -> Option<Purpose> {
    match request {
        Request::LoginStart(_) => Some(Purpose::SignIn),
        Request::SignupStart(_) | Request::SignupFinish(_) => Some(Purpose::SignUp),
        Request::PutFiles(_) | Request::PutChunk(_) | Request::OfferContent(_) => {
            Some(Purpose::Upload)
        }
        _ => None,
    }
}

impl Link for Working {
    fn welcome(&self) -> &Welcome {
        self.inner.welcome()
    }

    fn exporter(&self) -> &[u8; 32] {
        self.inner.exporter()
    }

    fn is_open(&self) -> bool {
        self.inner.is_open()
    }

    fn as_of(&self) -> u64 {
        self.inner.as_of()
    }

    fn call(
        &self,
        request: Request,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<(Response, Bytes), ClientError>> {
        async move {
            let answered = match self.welcome().features.has(Features::WORK) {
                true => self.converse(request, payload).await,
                false => self.inner.call(request, payload).await,
            };
            answered.map(|(response, payload)| (self.bind(response), payload))
        }
        .boxed()
    }
}
