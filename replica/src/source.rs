//! The connection to the source: made, proved, asked.
//!
//! Guarantees: only the authority that was pinned at the join is spoken to, and
//! the proof is bound to this very connection.

use crate::identity::Identity;
use bytes::Bytes;
use coffer_crypto::{Key32, ServerSecret, scram};
use coffer_protocol::message::peer::{PeerHello, PeerWelcome};
use coffer_protocol::{Request, Response, WireError};
use coffer_store::JournalHead;
use coffer_transport::{CallError, ClientConfig, ConnectError, Connection, Target, Timing};
use std::time::Duration;

/// Name of this program as the source sees it.
const AGENT: &str = concat!("coffer-replica ", env!("CARGO_PKG_VERSION"));
/// A source that is silent for this long is looked for again.
const SILENCE: Duration = Duration::from_secs(20);

/// Why the source could not be asked.
#[derive(Debug)]
pub(crate) enum SourceError {
    /// It cannot be reached, or the connection was lost.
    Lost(String),
    /// It said no.
    Refused(WireError),
    /// Its answer makes no sense.
    Strange,
}

impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost(why) => f.write_str(why),
            Self::Refused(error) => write!(f, "the source refuses: {}", error.message),
            Self::Strange => f.write_str("the source answers something else than was asked"),
        }
    }
}

impl From<ConnectError> for SourceError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Refused(error) => Self::Refused(error),
            other => Self::Lost(other.to_string()),
        }
    }
}

impl From<CallError> for SourceError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Wire(error) => Self::Refused(error),
            other => Self::Lost(other.to_string()),
        }
    }
}

/// Connects to a source.
pub(crate) async fn open(target: &Target) -> Result<Connection, SourceError> {
    let timing = Timing { ping_after: SILENCE / 4, close_after: SILENCE, ..Timing::default() };
    let config = ClientConfig { timing, ..ClientConfig::default() };
    Ok(Connection::open_with(target, AGENT, config).await?)
}

/// Asks something that has an answer without a payload.
pub(crate) async fn ask(
    connection: &Connection,
    request: Request,
) -> Result<Response, SourceError> {
    let (response, _) = connection.call(request, Bytes::new()).await?;
    Ok(response)
}

/// Proves this replica, and says where it is. A standby proves that it has the key
/// of the installation as well.
pub(crate) async fn greet(
    connection: &Connection,
    identity: &Identity,
    head: &JournalHead,
    key: Option<&ServerSecret>,
) -> Result<PeerWelcome, SourceError> {
    let secret = Key32::from_bytes(*identity.secret);
    let id = identity.replica.as_bytes();
    let hello = PeerHello {
        replica: identity.replica,
        mac: scram::peer_mac(&secret, id, connection.exporter()),
        position: head.position,
        chain_hash: head.chain_hash,
        empty: head.position.seq == 0,
        kind: identity.kind,
        member_mac: key.map(|key| key.member_mac(connection.exporter())),
    };
    match ask(connection, Request::PeerHello(hello)).await? {
        Response::PeerWelcome(welcome) => Ok(welcome),
        _ => Err(SourceError::Strange),
    }
}
