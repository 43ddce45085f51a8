//! Real connections: TLS to one server, behind the traits of `link`.

use crate::client::ClientOptions;
use crate::error::ClientError;
use crate::link::{Dial, Link};
use crate::profile;
use bytes::Bytes;
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::Welcome;
use coffer_protocol::{ErrorCode, Request, Response, WireError};
use coffer_transport::{CallError, Closed, ConnectError, Connection, Target};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Opens connections to the server that has this pin.
pub(crate) fn dialer(
    options: &ClientOptions,
    host: &str,
    port: u16,
    pin: Fingerprint,
) -> Arc<dyn Dial> {
    let target = Target { host: host.to_owned(), port, pin: Some(pin) };
    Arc::new(Dialer { target, agent: options.agent.clone() })
}

/// Asks which fingerprint a server has; for a person to compare.
pub(crate) async fn discover(host: &str, port: u16) -> Result<Fingerprint, ClientError> {
    let target = profile::target(host, port);
    coffer_transport::client::probe(host, port).await.map_err(|error| refused(error, target))
}

struct Dialer {
    target: Target,
    agent: String,
}

impl Dial for Dialer {
    fn dial(&self) -> BoxFuture<'_, Result<Arc<dyn Link>, ClientError>> {
        async {
            let connection = Connection::open(&self.target, &self.agent)
                .await
                .map_err(|e| refused(e, profile::target(&self.target.host, self.target.port)))?;
            Ok(Arc::new(connection) as Arc<dyn Link>)
        }
        .boxed()
    }
}

impl Link for Connection {
    fn welcome(&self) -> &Welcome {
        Connection::welcome(self)
    }

    fn exporter(&self) -> &[u8; 32] {
        Connection::exporter(self)
    }

    fn is_open(&self) -> bool {
        Connection::is_open(self)
    }

    fn call(
        &self,
        request: Request,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<(Response, Bytes), ClientError>> {
        Connection::call(self, request, payload).map(|answer| answer.map_err(unanswered)).boxed()
    }
}

fn refused(error: ConnectError, target: String) -> ClientError {
    match error {
        ConnectError::Unreachable { source, .. } | ConnectError::Lost(source) => {
            ClientError::Unreachable { target, detail: source.to_string() }
        }
        ConnectError::Timeout => {
            ClientError::Unreachable { target, detail: "it did not answer in time".to_owned() }
        }
        ConnectError::NotPinned { seen } => ClientError::UnknownServer { fingerprint: seen },
        ConnectError::WrongServer { expected, .. } => ClientError::WrongServer { target, expected },
        ConnectError::Refused(error) => ClientError::Wire(error),
        error @ ConnectError::NotCoffer(_) => {
            ClientError::NotCoffer { target, detail: error.to_string() }
        }
        error @ ConnectError::Version(_) => ClientError::Wire(WireError::new(
            ErrorCode::UNSUPPORTED_VERSION,
            error.to_string(),
            "Use a newer client, or ask the operator for an upgrade.",
        )),
        // A clock that is wrong, a certificate that does not stand up, no TLS.
        other => ClientError::Certificate { target, detail: other.to_string() },
    }
}

fn unanswered(error: CallError) -> ClientError {
    let own = |code, message: String| ClientError::Wire(WireError::new(code, message, ""));
    match error {
        CallError::Wire(error) => ClientError::Wire(error),
        // The server found fault with what this side sent: once more is no better.
        CallError::Closed(Closed::Refused(error)) if error.code.0 < 200 => ClientError::Wire(error),
        CallError::Closed(reason) => ClientError::Lost { detail: reason.to_string() },
        CallError::Timeout => ClientError::Lost { detail: "no answer for too long".to_owned() },
        CallError::TooLarge(text) => own(ErrorCode::TOO_LARGE, text),
        CallError::BadAnswer(text) => own(ErrorCode::MALFORMED, text),
    }
}
