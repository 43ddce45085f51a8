//! A server and clients on loopback, over real TLS.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use coffer_protocol::codec;
use coffer_protocol::frame::{FrameHeader, FrameKind, FrameLimits};
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::cluster::ServerRole;
use coffer_protocol::message::transfer::{PutChunk, ReadChunk};
use coffer_protocol::message::{Hello, Welcome};
use coffer_protocol::version::{CURRENT, Features, OLDEST};
use coffer_protocol::{Hash32, NodeId, Request, ServerId, UploadId, WireError};
use coffer_transport::tls::{SERVER_NAME, client_config};
use coffer_transport::{
    AcceptError, Authority, ClientConfig, Connection, Greeting, ServerConfig, ServerConnection,
    ServerTransport, Target, Timing, Unchanging,
};
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) const MIB: usize = 1 << 20;

/// Long enough for anything that happens at all, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_mins(1);

pub(crate) struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) transport: ServerTransport,
    pub(crate) pin: Fingerprint,
}

pub(crate) fn greeting() -> Greeting {
    let standing = Arc::new(Unchanging { epoch: 3, role: ServerRole::Primary });
    Greeting { server_id: ServerId([7; 32]), agent: "test server".to_owned(), standing }
}

impl Server {
    pub(crate) async fn start(config: ServerConfig) -> Self {
        let authority = Authority::generate().expect("authority");
        let identity = authority.issue_server().expect("leaf");
        let transport = ServerTransport::new(&identity, greeting(), config).expect("transport");
        Self::with(transport, authority.fingerprint().expect("pin")).await
    }

    pub(crate) async fn with(transport: ServerTransport, pin: Fingerprint) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        Self { listener, transport, pin }
    }

    pub(crate) fn target(&self) -> Target {
        let port = self.listener.local_addr().expect("address").port();
        Target { host: "127.0.0.1".to_owned(), port, pin: Some(self.pin) }
    }

    pub(crate) async fn accept(&self) -> Result<ServerConnection, AcceptError> {
        let (socket, peer) = self.listener.accept().await.expect("accept");
        self.transport.accept(socket, peer).await
    }

    /// Both ends of a new connection, limits raised.
    pub(crate) async fn pair(&self) -> (ServerConnection, Connection) {
        self.pair_with(ClientConfig::default()).await
    }

    pub(crate) async fn pair_with(&self, config: ClientConfig) -> (ServerConnection, Connection) {
        let target = self.target();
        let (server, client) =
            tokio::join!(self.accept(), Connection::open_with(&target, "test client", config));
        let server = server.expect("accepted");
        server.raise_limits();
        (server, client.expect("connected"))
    }

    /// Both ends, the client a raw TLS stream that has said `Hello`.
    pub(crate) async fn raw_pair(&self) -> (ServerConnection, Raw) {
        let target = self.target();
        let client = async {
            let mut raw = Raw::connect(&target).await;
            raw.hello().await;
            raw
        };
        let (server, client) = tokio::join!(self.accept(), client);
        (server.expect("accepted"), client)
    }
}

/// A client that may do what it likes.
pub(crate) struct Raw {
    pub(crate) tls: TlsStream<TcpStream>,
}

impl Raw {
    pub(crate) async fn connect(target: &Target) -> Self {
        let config = client_config(target.pin, Arc::default()).expect("config");
        let socket = TcpStream::connect((target.host.as_str(), target.port)).await.expect("tcp");
        let name = ServerName::try_from(SERVER_NAME).expect("name");
        let tls = TlsConnector::from(config).connect(name, socket).await.expect("tls");
        Self { tls }
    }

    pub(crate) async fn hello(&mut self) -> Welcome {
        self.say_hello(OLDEST, CURRENT).await;
        let (header, body, _) = self.read().await.expect("an answer to Hello");
        assert_eq!(header.kind, FrameKind::Welcome);
        codec::decode(&body).expect("a Welcome")
    }

    pub(crate) async fn say_hello(&mut self, oldest: u16, newest: u16) {
        let agent = "raw\nclient".to_owned();
        let hello = Hello { oldest, newest, features: Features::SUPPORTED, agent };
        let body = codec::encode(&hello).expect("encodes");
        self.send(FrameKind::Hello, 0, &body, &[]).await;
    }

    pub(crate) async fn send(&mut self, kind: FrameKind, id: u32, body: &[u8], payload: &[u8]) {
        self.write(&frame(kind, id, body, payload)).await;
    }

    pub(crate) async fn request(&mut self, id: u32, request: &Request, payload: &[u8]) {
        let body = codec::encode(request).expect("encodes");
        self.send(FrameKind::Request, id, &body, payload).await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.tls.write_all(bytes).await.expect("write");
        self.tls.flush().await.expect("flush");
    }

    /// Like `write`, but the server may have had enough already.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.tls.write_all(bytes).await?;
        self.tls.flush().await
    }

    /// One frame; `None` when the connection has ended.
    pub(crate) async fn read(&mut self) -> Option<(FrameHeader, Vec<u8>, Vec<u8>)> {
        let mut head = [0; 16];
        self.tls.read_exact(&mut head).await.ok()?;
        let header = FrameHeader::decode(&head, FrameLimits::SIGNED_IN).expect("a header");
        let mut body = vec![0; header.body_len as usize];
        let mut payload = vec![0; header.payload_len as usize];
        self.tls.read_exact(&mut body).await.ok()?;
        self.tls.read_exact(&mut payload).await.ok()?;
        Some((header, body, payload))
    }

    /// The next frame, which must be an error for `id`.
    pub(crate) async fn read_error(&mut self, id: u32) -> WireError {
        let (header, body, _) = self.read().await.expect("an error frame");
        assert_eq!((header.kind, header.request_id), (FrameKind::Error, id));
        codec::decode(&body).expect("a WireError")
    }
}

pub(crate) fn frame(kind: FrameKind, request_id: u32, body: &[u8], payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        body_len: u32::try_from(body.len()).expect("short"),
        payload_len: u32::try_from(payload.len()).expect("short"),
        kind,
        request_id,
    };
    [&header.encode()[..], body, payload].concat()
}

pub(crate) fn put(index: u64) -> Request {
    Request::PutChunk(PutChunk { upload: UploadId([1; 16]), index, hash: Hash32([2; 32]) })
}

pub(crate) fn read(index: u64) -> Request {
    Request::ReadChunk(ReadChunk { node: NodeId([1; 16]), revision: 1, index })
}

/// Short waits, for the tests of those waits.
pub(crate) fn timing() -> Timing {
    Timing { drain: SOON, ..Timing::default() }
}

/// A reproducible source of bytes; the seed is in the name of the failure.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}
