//! Making a connection: TCP, TLS with the pin, `Hello` and `Welcome`.

use super::connection::Connection;
use super::error::ConnectError;
use crate::config::ClientConfig;
use crate::link::FrameReader;
use crate::tls::{self, SERVER_NAME, SeenAuthority};
use bytes::Bytes;
use coffer_protocol::WireError;
use coffer_protocol::codec;
use coffer_protocol::frame::{FrameHeader, FrameKind, FrameLimits};
use coffer_protocol::link::{Fingerprint, Link};
use coffer_protocol::message::{Hello, Welcome};
use coffer_protocol::version::{CURRENT, Features, OLDEST};
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Where to connect to, and whom to expect there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The authority of the server; without it `Connection::open` ends in
    /// `ConnectError::NotPinned`, which says whose fingerprint to compare.
    pub pin: Option<Fingerprint>,
}

impl From<&Link> for Target {
    fn from(link: &Link) -> Self {
        Self { host: link.host.clone(), port: link.port, pin: link.fingerprint }
    }
}

/// What the handshake learned.
pub(super) struct Opened {
    pub(super) tls: TlsStream<TcpStream>,
    pub(super) exporter: [u8; 32],
    pub(super) welcome: Welcome,
    pub(super) seen: Fingerprint,
}

/// Asks which authority a server shows, without sending it anything. What it
/// says is for a person to compare, and then to be pinned by a new connection.
pub async fn probe(host: &str, port: u16) -> Result<Fingerprint, ConnectError> {
    let target = Target { host: host.to_owned(), port, pin: None };
    match Connection::open(&target, "").await {
        Err(ConnectError::NotPinned { seen }) => Ok(seen),
        Err(error) => Err(error),
        Ok(connection) => Ok(connection.seen_fingerprint()),
    }
}

/// Makes the connection, within the time the configuration gives.
pub(super) async fn open(
    target: &Target,
    agent: &str,
    config: &ClientConfig,
) -> Result<Opened, ConnectError> {
    timeout(config.timing.handshake, dial(target, agent, config))
        .await
        .map_err(|_| ConnectError::Timeout)?
}

async fn dial(target: &Target, agent: &str, config: &ClientConfig) -> Result<Opened, ConnectError> {
    let (mut tls, seen) = secure(target).await?;
    let exporter = tls::exporter(tls.get_ref().1)
        .map_err(|error| ConnectError::Lost(io::Error::other(error)))?;
    let welcome = greet(&mut tls, agent, config).await?;
    Ok(Opened { tls, exporter, welcome, seen })
}

/// TCP and TLS.
async fn secure(target: &Target) -> Result<(TlsStream<TcpStream>, Fingerprint), ConnectError> {
    let unreachable =
        |source| ConnectError::Unreachable { host: target.host.clone(), port: target.port, source };
    let socket =
        TcpStream::connect((target.host.as_str(), target.port)).await.map_err(unreachable)?;
    socket.set_nodelay(true).map_err(ConnectError::Lost)?;
    let seen = SeenAuthority::default();
    let connector = TlsConnector::from(tls::client_config(target.pin, Arc::clone(&seen))?);
    let name = ServerName::try_from(SERVER_NAME)
        .map_err(|error| ConnectError::Lost(io::Error::other(error)))?;
    let shaken = connector.connect(name, socket).await;
    let shown = seen.get().copied();
    let tls = shaken.map_err(|error| ConnectError::from_tls(error, target.pin, shown))?;
    let Some(seen) = shown else {
        return Err(ConnectError::NotCoffer("no certificate was shown".to_owned()));
    };
    if target.pin != Some(seen) {
        return Err(ConnectError::NotPinned { seen });
    }
    if tls.get_ref().1.alpn_protocol() != Some(tls::ALPN) {
        return Err(ConnectError::NotCoffer("another protocol was chosen".to_owned()));
    }
    Ok((tls, seen))
}

/// `Hello` and `Welcome`.
async fn greet(
    tls: &mut TlsStream<TcpStream>,
    agent: &str,
    config: &ClientConfig,
) -> Result<Welcome, ConnectError> {
    let agent = agent.to_owned();
    let features = Features::SUPPORTED;
    let hello = Hello { oldest: OLDEST, newest: CURRENT, features, agent };
    tls.write_all(&hello_frame(&hello).map_err(ConnectError::Lost)?)
        .await
        .map_err(ConnectError::Lost)?;
    tls.flush().await.map_err(ConnectError::Lost)?;
    let mut reader = FrameReader::new(tls, config.timing.clone());
    let header = reader.header(|| FrameLimits::SIGNED_IN).await.map_err(ConnectError::from_read)?;
    let _: Bytes = reader.rest().await.map_err(ConnectError::from_read)?;
    let unreadable = |error: codec::CodecError| ConnectError::NotCoffer(error.to_string());
    match header.kind {
        FrameKind::Welcome => {}
        FrameKind::Error => {
            let error = reader.with_body(codec::decode::<WireError>).map_err(unreadable)?;
            return Err(ConnectError::Refused(error));
        }
        _ => return Err(ConnectError::NotCoffer("another frame came first".to_owned())),
    }
    let welcome = reader.with_body(codec::decode::<Welcome>).map_err(unreadable)?;
    if !(OLDEST..=CURRENT).contains(&welcome.version) {
        return Err(ConnectError::Version(welcome.version));
    }
    Ok(welcome)
}

fn hello_frame(hello: &Hello) -> io::Result<Vec<u8>> {
    let body = codec::encode(hello).map_err(io::Error::other)?;
    let body_len = u32::try_from(body.len()).map_err(io::Error::other)?;
    let kind = FrameKind::Hello;
    let header = FrameHeader { body_len, payload_len: 0, kind, request_id: 0 };
    Ok([&header.encode()[..], &body].concat())
}
