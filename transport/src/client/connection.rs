//! A client's connection.
//!
//! Guarantees: clones share one connection, which ends when the last is
//! dropped; calls run side by side and may be dropped at any await, which the
//! server is told; a dropped call keeps its place in the window until the
//! server has answered it.

use super::error::{CallError, Closed, ConnectError};
use super::open::{self, Opened, Target};
use super::shared::Shared;
use crate::config::ClientConfig;
use crate::link::{FrameReader, OutFrame, SHUTDOWN, Writer};
use crate::payload::Payload;
use bytes::Bytes;
use coffer_protocol::codec;
use coffer_protocol::frame::{FrameKind, FrameLimits};
use coffer_protocol::limits::{MAX_PAYLOAD_BYTES, MAX_REQUESTS_IN_FLIGHT, WINDOW_BYTES};
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::Answered;
use coffer_protocol::message::{Welcome, Window};
use coffer_protocol::{Request, Response, WireError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::ReadHalf;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

/// Frames that may wait besides those of requests.
const SPARE_QUEUE: usize = 16;

/// A connection to a server. Clones share it.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
    about: Arc<About>,
}

/// What stays the same, and the hold that keeps the connection open.
struct About {
    exporter: [u8; 32],
    welcome: Welcome,
    seen: Fingerprint,
    call: Duration,
    shared: Arc<Shared>,
}

impl Drop for About {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl Connection {
    /// Connects. Without a pin in `target` this ends in
    /// `ConnectError::NotPinned`, before anything was sent.
    pub async fn open(target: &Target, agent: &str) -> Result<Self, ConnectError> {
        Self::open_with(target, agent, ClientConfig::default()).await
    }

    /// Connects with bounds of one's own.
    pub async fn open_with(
        target: &Target,
        agent: &str,
        config: ClientConfig,
    ) -> Result<Self, ConnectError> {
        let opened = open::open(target, agent, &config).await?;
        Ok(Self::start(opened, config))
    }

    fn start(opened: Opened, config: ClientConfig) -> Self {
        let Opened { tls, exporter, welcome, seen } = opened;
        let (read, write) = tokio::io::split(tls);
        let window = capped(welcome.window);
        // While the server takes nothing: the cancellation of every request it
        // has, and as many requests that it has not, with their cancellations.
        let capacity = 3 * window.requests as usize + SPARE_QUEUE;
        let (writer, outbox) = Writer::new(write, config.timing.clone(), capacity);
        let shared = Arc::new(Shared::new(window, outbox));
        let task = Arc::clone(&shared);
        let writer = tokio::spawn(async move {
            let end = writer.run(task.abort.clone()).await;
            task.end(&task.goaway().unwrap_or_else(|| end.into()));
        });
        let reader = FrameReader::new(read, config.timing);
        tokio::spawn(run(reader, writer, Arc::clone(&shared)));
        let call = config.call;
        let about = About { exporter, welcome, seen, call, shared: Arc::clone(&shared) };
        Self { shared, about: Arc::new(about) }
    }

    /// Channel binding of the TLS connection.
    pub fn exporter(&self) -> &[u8; 32] {
        &self.about.exporter
    }

    /// What the server said about itself.
    pub fn welcome(&self) -> &Welcome {
        &self.about.welcome
    }

    /// Number of the newest journal entry that any answer on this connection may
    /// show; 0 before the first that says so. The epoch is that of the welcome.
    pub fn as_of(&self) -> u64 {
        self.shared.as_of.load(Ordering::Relaxed)
    }

    /// The authority the server proved; equal to the pin.
    pub fn seen_fingerprint(&self) -> Fingerprint {
        self.about.seen
    }

    /// Sends a request and waits for its answer. Dropping the future cancels it.
    pub async fn call(
        &self,
        request: Request,
        payload: impl Into<Payload> + Send,
    ) -> Result<(Response, Bytes), CallError> {
        let too_large = |text: String| CallError::TooLarge(text);
        let body = codec::encode(&request).map_err(|error| too_large(error.to_string()))?;
        drop(request);
        let answer = timeout(self.about.call, self.exchange(body, payload.into()));
        answer.await.unwrap_or(Err(CallError::Timeout))
    }

    async fn exchange(
        &self,
        body: Vec<u8>,
        payload: Payload,
    ) -> Result<(Response, Bytes), CallError> {
        let bytes = payload.len();
        let frame = OutFrame::new(FrameKind::Request, 0, body, payload)
            .map_err(|error| CallError::TooLarge(error.to_string()))?;
        let place = self.shared.place(bytes).await?;
        let (id, answer) = self.shared.enter(place)?;
        if !self.shared.outbox.send(frame.with_id(id)) {
            return Err(self.shared.why().into());
        }
        let mut guard = CancelOnDrop { shared: &self.shared, id, armed: true };
        let answer = answer.await;
        guard.armed = false;
        answer.unwrap_or_else(|_| Err(self.shared.why().into()))
    }

    /// Why the connection ended; `None` while it stands.
    pub fn closed(&self) -> Option<Closed> {
        self.shared.closed()
    }

    /// Whether new calls can be made: the connection stands, and the server
    /// has not said goodbye.
    pub fn is_open(&self) -> bool {
        self.shared.closed().is_none() && self.shared.goaway().is_none()
    }

    /// Waits until the connection has ended.
    pub async fn ended(&self) -> Closed {
        self.shared.ended.cancelled().await;
        self.shared.why()
    }

    /// Closes the connection; open calls end with `Closed::Local`.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        self.shared.finished.cancelled().await;
    }

    /// Requests without an answer.
    pub fn open_requests(&self) -> usize {
        self.shared.open_requests()
    }

    /// Payload bytes of requests without an answer.
    pub fn request_bytes(&self) -> usize {
        self.shared.request_bytes()
    }
}

/// The window that is used: what the server grants, within the protocol's
/// bounds and with room for one largest request.
fn capped(window: Window) -> Window {
    Window {
        requests: window.requests.clamp(1, MAX_REQUESTS_IN_FLIGHT),
        bytes: window.bytes.clamp(MAX_PAYLOAD_BYTES as u32, WINDOW_BYTES),
    }
}

/// Tells the server when nobody waits for an answer any more.
struct CancelOnDrop<'a> {
    shared: &'a Shared,
    id: u32,
    armed: bool,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if self.armed {
            // An ended connection needs no cancellation.
            self.shared.outbox.send(OutFrame::empty(FrameKind::Cancel, self.id));
        }
    }
}

type Reader = FrameReader<ReadHalf<TlsStream<TcpStream>>>;

/// The reader task: runs until the connection ends, from whichever side.
async fn run(mut reader: Reader, writer: JoinHandle<()>, shared: Arc<Shared>) {
    let reason = tokio::select! {
        biased;
        () = shared.stop.cancelled() => Closed::Local,
        reason = read_frames(&mut reader, &shared) => shared.goaway().unwrap_or(reason),
    };
    shared.end(&reason);
    if reason == Closed::Local {
        shared.outbox.close();
        // A server that does not take the farewell is left without it.
        let _ = timeout(SHUTDOWN, writer).await;
    }
    shared.abort.cancel();
    shared.finished.cancel();
}

async fn read_frames(reader: &mut Reader, shared: &Shared) -> Closed {
    loop {
        match read_frame(reader, shared).await {
            Ok(()) => {}
            Err(reason) => return reason,
        }
    }
}

async fn read_frame(reader: &mut Reader, shared: &Shared) -> Result<(), Closed> {
    let header = reader.header(|| FrameLimits::SIGNED_IN).await?;
    let payload = reader.rest().await?;
    let id = header.request_id;
    let unreadable = |error: codec::CodecError| Closed::Protocol(error.to_string());
    let answer = match header.kind {
        FrameKind::Response => reader
            .with_body(codec::decode::<Answered>)
            .map(|Answered { as_of, response }| {
                shared.as_of.fetch_max(as_of, Ordering::Relaxed);
                (response, payload)
            })
            .map_err(|error| CallError::BadAnswer(error.to_string())),
        FrameKind::Error => {
            let error = reader.with_body(codec::decode::<WireError>).map_err(unreadable)?;
            if id == 0 {
                return Err(Closed::Refused(error));
            }
            Err(CallError::Wire(error))
        }
        FrameKind::Goaway => {
            let error = reader.with_body(codec::decode::<WireError>).map_err(unreadable)?;
            shared.going_away(error);
            return Ok(());
        }
        FrameKind::Ping | FrameKind::Pong if header.body_len + header.payload_len > 0 => {
            return Err(Closed::Protocol("a control frame that carries data".to_owned()));
        }
        FrameKind::Ping => {
            shared.outbox.pong(id);
            return Ok(());
        }
        FrameKind::Pong => return Ok(()),
        _ => return Err(Closed::Protocol("a frame that only a client sends".to_owned())),
    };
    match shared.answer(id, answer) {
        true => Ok(()),
        false => Err(Closed::Protocol("an answer to nothing that was asked".to_owned())),
    }
}
