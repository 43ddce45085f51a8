//! The handshake: TLS, then `Hello` and `Welcome`, under one deadline.

use super::connection::{Opened, ServerConnection};
use super::standing::Standing;
use crate::config::ServerConfig;
use crate::link::{FrameReader, ReadError};
use crate::tls::{self, ServerIdentity, TlsSetupError};
use coffer_protocol::codec;
use coffer_protocol::frame::{FrameHeader, FrameKind, FrameLimits};
use coffer_protocol::limits::FRAME_HEADER_BYTES;
use coffer_protocol::message::{Hello, Welcome};
use coffer_protocol::version::{CURRENT, Features, OLDEST, negotiate};
use coffer_protocol::{ErrorCode, ServerId, WireError};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Longest agent text that is kept.
const MAX_AGENT_BYTES: usize = 64;

/// What the server says about itself in `Welcome`.
#[derive(Clone)]
pub struct Greeting {
    /// The installation.
    pub server_id: ServerId,
    /// Program name and version.
    pub agent: String,
    /// What may change.
    pub standing: Arc<dyn Standing>,
}

/// Why a connection did not come about.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// TLS failed, or the network did.
    #[error("handshake failed: {0}")]
    Handshake(#[from] io::Error),
    /// The client was too slow.
    #[error("no handshake in time")]
    Timeout,
    /// The client does not speak the protocol over TLS.
    #[error("the client does not ask for this protocol")]
    NoAlpn,
    /// The first frame is not a `Hello`.
    #[error("not a client of this protocol: {0}")]
    NotHello(String),
    /// No version in common.
    #[error("the client speaks versions {oldest} to {newest}, this server {OLDEST} to {CURRENT}")]
    Version {
        /// Oldest the client speaks.
        oldest: u16,
        /// Newest the client speaks.
        newest: u16,
    },
}

/// Accepts connections. Cheap to clone.
#[derive(Clone)]
pub struct ServerTransport {
    acceptor: TlsAcceptor,
    greeting: Greeting,
    config: ServerConfig,
}

impl ServerTransport {
    /// A transport that shows `identity` and greets with `greeting`.
    pub fn new(
        identity: &ServerIdentity,
        greeting: Greeting,
        config: ServerConfig,
    ) -> Result<Self, TlsSetupError> {
        let acceptor = TlsAcceptor::from(tls::server_config(identity)?);
        Ok(Self { acceptor, greeting, config })
    }

    /// Makes a connection out of an accepted socket.
    pub async fn accept(
        &self,
        socket: TcpStream,
        peer: SocketAddr,
    ) -> Result<ServerConnection, AcceptError> {
        let opened = timeout(self.config.timing.handshake, self.open(socket, peer))
            .await
            .map_err(|_| AcceptError::Timeout)??;
        Ok(ServerConnection::start(opened, &self.config, Arc::clone(&self.greeting.standing)))
    }

    async fn open(&self, socket: TcpStream, peer: SocketAddr) -> Result<Opened, AcceptError> {
        socket.set_nodelay(true)?;
        let mut tls = self.acceptor.accept(socket).await?;
        if tls.get_ref().1.alpn_protocol() != Some(tls::ALPN) {
            return Err(AcceptError::NoAlpn);
        }
        let exporter = tls::exporter(tls.get_ref().1).map_err(io::Error::other)?;
        let hello = self.read_hello(&mut tls).await?;
        let Some(version) = negotiate(hello.oldest, hello.newest) else {
            let body = encoded(&unsupported())?;
            write_frame(&mut tls, FrameKind::Error, &body).await?;
            tls.shutdown().await?;
            return Err(AcceptError::Version { oldest: hello.oldest, newest: hello.newest });
        };
        let welcome = Welcome {
            version,
            features: Features::SUPPORTED,
            server_id: self.greeting.server_id,
            epoch: self.greeting.standing.epoch(),
            role: self.greeting.standing.role(),
            agent: self.greeting.agent.clone(),
            window: self.config.window,
        };
        write_frame(&mut tls, FrameKind::Welcome, &encoded_welcome(&welcome)?).await?;
        let features = Features::SUPPORTED.common(hello.features);
        let (agent, epoch) = (printable(&hello.agent), welcome.epoch);
        Ok(Opened { tls, exporter, peer, agent, features, epoch })
    }

    async fn read_hello(&self, tls: &mut TlsStream<TcpStream>) -> Result<Hello, AcceptError> {
        let mut reader = FrameReader::new(tls, self.config.timing.clone());
        let refused = |error: ReadError| match error {
            ReadError::Io(error) => AcceptError::Handshake(error),
            other => AcceptError::NotHello(other.to_string()),
        };
        let header = reader.header(|| FrameLimits::BEFORE_SIGN_IN).await.map_err(refused)?;
        if header.kind != FrameKind::Hello || header.request_id != 0 {
            return Err(AcceptError::NotHello("another frame came first".to_owned()));
        }
        reader.rest().await.map_err(refused)?;
        reader
            .with_body(codec::decode::<Hello>)
            .map_err(|error| AcceptError::NotHello(error.to_string()))
    }
}

fn encoded(error: &WireError) -> io::Result<Vec<u8>> {
    codec::encode(error).map_err(io::Error::other)
}

fn encoded_welcome(welcome: &Welcome) -> io::Result<Vec<u8>> {
    codec::encode(welcome).map_err(io::Error::other)
}

async fn write_frame<W: AsyncWrite + Unpin>(
    io: &mut W,
    kind: FrameKind,
    body: &[u8],
) -> io::Result<()> {
    let body_len = u32::try_from(body.len()).map_err(io::Error::other)?;
    let header = FrameHeader { body_len, payload_len: 0, kind, request_id: 0 }.encode();
    let mut frame = Vec::with_capacity(FRAME_HEADER_BYTES + body.len());
    frame.extend_from_slice(&header);
    frame.extend_from_slice(body);
    io.write_all(&frame).await?;
    io.flush().await
}

/// What a client says of itself, safe to put into one line of a log.
fn printable(agent: &str) -> String {
    agent
        .chars()
        .take(MAX_AGENT_BYTES)
        .map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' })
        .collect()
}

fn unsupported() -> WireError {
    WireError::new(
        ErrorCode::UNSUPPORTED_VERSION,
        format!("This server speaks protocol versions {OLDEST} to {CURRENT}."),
        "Install a client of the same release as the server.",
    )
}
