//! Real connections: TLS to a machine, behind the traits of `link`.

use crate::checking::{Checking, Working};
use crate::client::ClientOptions;
use crate::cluster::Machine;
use crate::device;
use crate::error::ClientError;
use crate::home::Home;
use crate::link::{Dial, Link};
use crate::profile;
use bytes::Bytes;
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::Welcome;
use coffer_protocol::{ErrorCode, Request, Response, WireError};
use coffer_transport::{CallError, ClientConfig, Closed, ConnectError, Connection, Target};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// A machine that sends nothing is asked for a sign of life after this time.
const PING_AFTER: Duration = Duration::from_secs(10);
/// One that was not heard for this long is gone, and another may answer. Servers
/// that have nothing to say say so after 30 s.
const GONE_AFTER: Duration = Duration::from_secs(45);

/// Opens connections to machines that show the certificate of their pin.
pub(crate) fn dialer(options: &ClientOptions) -> Arc<dyn Dial> {
    let mut config = ClientConfig::default();
    config.timing.ping_after = PING_AFTER;
    config.timing.close_after = GONE_AFTER;
    let ClientOptions { home, profile, agent, checking, .. } = options.clone();
    Arc::new(Dialer { agent, config, home, profile, checking })
}

/// Asks which fingerprint a server has; for a person to compare.
pub(crate) async fn discover(host: &str, port: u16) -> Result<Fingerprint, ClientError> {
    let target = profile::target(host, port);
    coffer_transport::client::probe(host, port).await.map_err(|error| refused(error, target))
}

struct Dialer {
    agent: String,
    config: ClientConfig,
    home: Home,
    profile: String,
    checking: Checking,
}

impl Dial for Dialer {
    fn dial<'a>(&'a self, to: &'a Machine) -> BoxFuture<'a, Result<Arc<dyn Link>, ClientError>> {
        async move {
            let target = Target { host: to.host.clone(), port: to.port, pin: Some(to.pin) };
            let connection = Connection::open_with(&target, &self.agent, self.config.clone())
                .await
                .map_err(|error| refused(error, to.to_string()))?;
            let device = device::load(&self.home, &self.profile);
            let working = Working::new(Arc::new(connection), self.checking.clone(), device);
            Ok(Arc::new(working) as Arc<dyn Link>)
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

    fn as_of(&self) -> u64 {
        Connection::as_of(self)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;
    use std::io::ErrorKind;

    #[test]
    fn why_no_connection_came_about_is_kept_apart() {
        let pin = Fingerprint([1; 32]);
        let host = "host".to_owned();
        let gone = || ErrorKind::ConnectionRefused.into();
        let refusal = WireError::new(ErrorCode::BUSY, "full", "").retry_after(100);
        let cases = [
            (ConnectError::Unreachable { host, port: 1, source: gone() }, "unreachable", true),
            (ConnectError::Lost(gone()), "unreachable", true),
            (ConnectError::Timeout, "unreachable", true),
            (ConnectError::Refused(refusal), "busy", true),
            (ConnectError::NotPinned { seen: pin }, "unknown-server", false),
            (ConnectError::WrongServer { expected: pin, seen: None }, "wrong-server", false),
            (ConnectError::Clock("expired"), "certificate", false),
            (ConnectError::NotCoffer("HTTP".to_owned()), "not-coffer", false),
            (ConnectError::Version(9), "unsupported-version", false),
        ];
        for (error, code, transient) in cases {
            let error = refused(error, "host:1".to_owned());
            assert_eq!((error.code(), error.is_transient()), (code, transient));
        }
        let wrong = ConnectError::WrongServer { expected: pin, seen: None };
        assert_eq!(refused(wrong, "host:1".to_owned()).exit(), Exit::Integrity);
    }

    #[test]
    fn a_call_that_was_cut_off_can_be_repeated_and_one_at_fault_cannot() {
        let wire = |code| WireError::new(code, "why", "");
        let cases = [
            (CallError::Closed(Closed::Server), "connection-lost", true),
            (
                CallError::Closed(Closed::Goaway(wire(ErrorCode::SHUTTING_DOWN))),
                "connection-lost",
                true,
            ),
            (CallError::Closed(Closed::Refused(wire(ErrorCode::BUSY))), "connection-lost", true),
            (CallError::Closed(Closed::Refused(wire(ErrorCode::MALFORMED))), "malformed", false),
            (CallError::Timeout, "connection-lost", true),
            (CallError::TooLarge("big".to_owned()), "too-large", false),
            (CallError::BadAnswer("odd".to_owned()), "malformed", false),
            (CallError::Wire(wire(ErrorCode::EXISTS)), "exists", false),
        ];
        for (error, code, transient) in cases {
            let error = unanswered(error);
            assert_eq!((error.code(), error.is_transient()), (code, transient));
        }
    }

    #[tokio::test]
    async fn nobody_there_is_unreachable() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let error = discover("127.0.0.1", port).await.expect_err("nobody there");
        assert_eq!(error.code(), "unreachable");
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    }
}
