//! One client's connection, after the handshake.
//!
//! Guarantees: `next` can be dropped at any await without losing a frame;
//! while a window is full nothing more is read; when it returns `None` the
//! connection is over, every request's token has fired and `close_reason`
//! says why.

use super::close::{CloseReason, Fault};
use super::replier::{Replier, error_frame};
use super::shared::{Holds, Shared};
use super::standing::Standing;
use crate::config::ServerConfig;
use crate::link::{FrameReader, OutFrame, Writer};
use crate::payload::Payload;
use bytes::Bytes;
use coffer_protocol::codec;
use coffer_protocol::frame::{FrameHeader, FrameKind};
use coffer_protocol::version::Features;
use coffer_protocol::{ErrorCode, Request, WireError};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, ReadHalf};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// Frames that may wait besides one answer for each request.
const SPARE_QUEUE: usize = 16;
/// After a fault, input is still read for so long, and up to so many bytes, so
/// that the farewell is not lost to a TCP reset.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 1 << 20;

/// A request as it came in.
pub struct Incoming {
    /// Its id, unique among the open requests of the connection.
    pub id: u32,
    /// What is asked.
    pub request: Request,
    /// Raw bytes behind it.
    pub payload: Bytes,
    /// Fires when the client no longer wants the answer, and when the connection ends.
    pub cancelled: CancellationToken,
    /// Answers it.
    pub reply: Replier,
}

/// A signed-in or not yet signed-in client.
pub struct ServerConnection {
    reader: FrameReader<ReadHalf<TlsStream<TcpStream>>>,
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    /// What the request that is being read holds already.
    pending: Holds,
    sign_in_until: Instant,
    drain: Duration,
    drain_until: Option<Instant>,
    /// Channel binding of the TLS connection.
    pub exporter: [u8; 32],
    /// The client's address.
    pub peer: SocketAddr,
    /// Program and version as the client says, made printable; for the log.
    pub agent: String,
    /// What both sides can do.
    pub features: Features,
    /// The epoch that the client was told; positions on this connection are of it.
    pub epoch: u64,
}

/// What the handshake learned.
pub(super) struct Opened {
    pub(super) tls: TlsStream<TcpStream>,
    pub(super) exporter: [u8; 32],
    pub(super) peer: SocketAddr,
    pub(super) agent: String,
    pub(super) features: Features,
    pub(super) epoch: u64,
}

/// A clone-able hold on a connection for those who do not read it.
#[derive(Clone)]
pub struct ConnectionHandle {
    shared: Arc<Shared>,
}

impl ConnectionHandle {
    /// Signed in: from here on large frames and the whole window are allowed.
    /// To be called before the answer to the sign-in is sent.
    pub fn raise_limits(&self) {
        self.shared.raise();
    }

    /// All connections of one user have the same number from here on, and share what one
    /// user may hold.
    pub fn belongs_to(&self, user: u64) {
        self.shared.set_user(user);
    }

    /// Tells the client to go away: no further request is accepted, what is in
    /// flight is finished, then the connection closes.
    pub fn goaway(&self, error: WireError) {
        self.shared.say_goodbye(error);
    }

    /// Ends the connection at once.
    pub fn abort(&self) {
        self.shared.end(CloseReason::Aborted);
        self.shared.abort.cancel();
    }

    /// Waits until the connection has ended.
    pub async fn ended(&self) {
        self.shared.ended.cancelled().await;
    }

    /// Waits until the client has signed in (`raise_limits`); for ever if it never does.
    pub async fn signed_in(&self) {
        self.shared.signed_in.cancelled().await;
    }

    /// Requests without an answer.
    pub fn open_requests(&self) -> usize {
        self.shared.open_requests()
    }

    /// Bytes of requests without an answer.
    pub fn request_bytes(&self) -> usize {
        self.shared.requests.window.in_use()
    }

    /// Bytes of answers that have not left.
    pub fn response_bytes(&self) -> usize {
        self.shared.responses.window.in_use()
    }
}

impl ServerConnection {
    pub(super) fn start(
        opened: Opened,
        config: &ServerConfig,
        standing: Arc<dyn Standing>,
    ) -> Self {
        let Opened { tls, exporter, peer, agent, features, epoch } = opened;
        let (read, write) = tokio::io::split(tls);
        let timing = config.timing.clone();
        let capacity = config.window.requests.max(1) as usize + SPARE_QUEUE;
        let drain = timing.drain;
        let (writer, outbox) = Writer::new(write, timing.clone(), capacity);
        let shared = Arc::new(Shared::new(config, outbox, standing));
        let task = Arc::clone(&shared);
        let writer = tokio::spawn(async move {
            let end = writer.run(task.abort.clone()).await;
            task.end(end.into());
        });
        Self {
            reader: FrameReader::new(read, timing),
            shared,
            writer: Some(writer),
            pending: Holds::default(),
            sign_in_until: Instant::now() + config.sign_in,
            drain,
            drain_until: None,
            exporter,
            peer,
            agent,
            features,
            epoch,
        }
    }

    /// A handle that outlives this borrow.
    pub fn handle(&self) -> ConnectionHandle {
        ConnectionHandle { shared: Arc::clone(&self.shared) }
    }

    /// Signed in: see `ConnectionHandle::raise_limits`.
    pub fn raise_limits(&self) {
        self.shared.raise();
    }

    /// Says goodbye: see `ConnectionHandle::goaway`.
    pub fn goaway(&self, error: WireError) {
        self.shared.say_goodbye(error);
    }

    /// Why the connection ended; `None` while it stands.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.shared.reason().cloned()
    }

    /// The next request; `None` when the connection is over. To be called again
    /// at once: the connection is only read, and only notices cancellations
    /// and its own end, while this is awaited.
    pub async fn next(&mut self) -> Option<Incoming> {
        loop {
            match self.step().await {
                Ok(Some(incoming)) => return Some(incoming),
                Ok(None) => {}
                Err(reason) => {
                    self.finish(reason).await;
                    return None;
                }
            }
        }
    }

    /// Reads and handles one frame, or notices that it is time to end.
    async fn step(&mut self) -> Result<Option<Incoming>, CloseReason> {
        self.announce_goodbye();
        let shared = Arc::clone(&self.shared);
        let sign_in_until = self.sign_in_until;
        let drain_until = self.drain_until;
        tokio::select! {
            biased;
            () = shared.ended.cancelled() => Err(CloseReason::Aborted),
            () = shared.goodbye.cancelled(), if drain_until.is_none() => Ok(None),
            reason = drained(&shared, drain_until), if drain_until.is_some() => Err(reason),
            read = self.read_frame() => read,
            () = tokio::time::sleep_until(sign_in_until), if !shared.is_raised() => {
                if shared.is_raised() { Ok(None) } else { Err(CloseReason::NoSignIn) }
            }
        }
    }

    /// Sends `Goaway`, once, when the server has said goodbye.
    fn announce_goodbye(&mut self) {
        if self.drain_until.is_some() || !self.shared.goodbye.is_cancelled() {
            return;
        }
        self.drain_until = Some(Instant::now() + self.drain);
        if let Some(error) = self.shared.farewell()
            && let Ok(body) = codec::encode(error)
            && let Ok(frame) = OutFrame::new(FrameKind::Goaway, 0, body, Payload::Empty)
        {
            // A full queue: the connection closes without the announcement.
            self.shared.outbox.send(frame);
        }
    }

    async fn read_frame(&mut self) -> Result<Option<Incoming>, CloseReason> {
        let shared = Arc::clone(&self.shared);
        let header = self.reader.header(|| shared.limits()).await?;
        if header.kind != FrameKind::Request {
            self.control(header).await?;
            return Ok(None);
        }
        if header.request_id == 0 {
            return Err(Fault::RequestId.into());
        }
        self.admit(header).await?;
        let payload = self.reader.rest().await?;
        let request = self.reader.with_body(codec::decode::<Request>);
        let holds = std::mem::take(&mut self.pending);
        let Some(cancelled) = shared.enter(header.request_id) else {
            return Err(Fault::RequestId.into());
        };
        let id = header.request_id;
        let reply = Replier::new(id, shared, cancelled.clone(), holds);
        match request {
            Ok(request) if self.drain_until.is_none() => {
                return Ok(Some(Incoming { id, request, payload, cancelled, reply }));
            }
            Ok(_) => reply.refuse(&stopping()),
            Err(error) => reply.refuse(&malformed(&error)),
        }
        Ok(None)
    }

    /// Takes a place and room for the request whose header was read; while
    /// there is none the rest of it stays in the network.
    async fn admit(&mut self, header: FrameHeader) -> Result<(), CloseReason> {
        let bytes = header.body_len as usize + header.payload_len as usize;
        if self.pending.slot.is_some() && self.pending.request.bytes >= bytes {
            return Ok(());
        }
        if self.pending.slot.is_none() {
            let slots = Arc::clone(&self.shared.slots);
            let slot = slots.acquire_owned().await.map_err(|_| CloseReason::Aborted)?;
            self.pending.slot = Some(slot);
        }
        let room = &mut self.pending.request;
        self.shared
            .requests
            .cover(self.shared.user(), room, bytes)
            .await
            .ok_or(CloseReason::Aborted)?;
        self.reader.restart_clock();
        Ok(())
    }

    async fn control(&mut self, header: FrameHeader) -> Result<(), CloseReason> {
        if header.body_len > 0 || header.payload_len > 0 {
            return Err(Fault::ControlWithData.into());
        }
        match header.kind {
            FrameKind::Cancel => self.shared.cancel(header.request_id),
            FrameKind::Ping => self.shared.outbox.pong(header.request_id),
            FrameKind::Pong => {}
            _ => return Err(Fault::UnexpectedKind.into()),
        }
        self.reader.rest().await?;
        Ok(())
    }

    /// Ends the connection: tells the client, lets the writer finish what is
    /// queued (it has a deadline of its own) and gives everything back.
    async fn finish(&mut self, reason: CloseReason) {
        let told = reason.farewell();
        let lost = matches!(reason, CloseReason::Client | CloseReason::Lost(_));
        self.shared.end(reason);
        self.pending = Holds::default();
        if let Some(error) = &told {
            self.shared.outbox.send(error_frame(0, error));
        }
        if lost {
            self.shared.abort.cancel();
        }
        self.shared.outbox.close();
        let Some(mut writer) = self.writer.take() else { return };
        if timeout(self.drain, &mut writer).await.is_err() {
            self.shared.abort.cancel();
        }
        if told.is_some() {
            let mut input = self.reader.io().take(LINGER_BYTES);
            let mut nowhere = tokio::io::sink();
            let discard = tokio::io::copy(&mut input, &mut nowhere);
            // Whatever the client still does, the connection is over.
            let _ = timeout(LINGER, discard).await;
        }
    }
}

impl Drop for ServerConnection {
    fn drop(&mut self) {
        self.shared.end(CloseReason::Aborted);
        self.shared.abort.cancel();
    }
}

/// Waits until every answer has left, or until the time for it is over.
async fn drained(shared: &Shared, until: Option<Instant>) -> CloseReason {
    let all = shared.slots.acquire_many(shared.all_slots());
    let late = until.unwrap_or_else(Instant::now);
    match tokio::time::timeout_at(late, all).await {
        Ok(_) => CloseReason::Goodbye,
        Err(_) => CloseReason::Undrained,
    }
}

fn stopping() -> WireError {
    let hint = "Try again in a moment.";
    WireError::new(ErrorCode::SHUTTING_DOWN, "The server is stopping.", hint).retry_after(1000)
}

fn malformed(error: &codec::CodecError) -> WireError {
    let hint = "Client and server may be of different versions.";
    WireError::new(ErrorCode::MALFORMED, error.to_string(), hint)
}
