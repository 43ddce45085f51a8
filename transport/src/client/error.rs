//! Errors of a client's connection, sorted by what the user can do.

use crate::link::{ReadError, WriteEnd};
use crate::tls::{PinMismatch, TlsSetupError};
use coffer_protocol::WireError;
use coffer_protocol::link::Fingerprint;
use coffer_protocol::version::{CURRENT, OLDEST};
use rustls::{AlertDescription, CertificateError};
use std::io;
use thiserror::Error;

/// Why no connection came about.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No address, or nobody listens there.
    #[error("cannot reach {host}:{port}: {source}")]
    Unreachable {
        /// Host as it was given.
        host: String,
        /// Port as it was given.
        port: u16,
        /// What the network said.
        source: io::Error,
    },
    /// Too slow.
    #[error("the server did not answer in time")]
    Timeout,
    /// No pin was given: the user has to compare the fingerprint and dial again with it.
    #[error("the server is not known yet; its fingerprint is {seen}")]
    NotPinned {
        /// The authority that was shown.
        seen: Fingerprint,
    },
    /// Another authority than the pinned one. A hard stop.
    #[error("this is not the server that the link names, or its identity was replaced")]
    WrongServer {
        /// The pin.
        expected: Fingerprint,
        /// The authority that was shown, if one was.
        seen: Option<Fingerprint>,
    },
    /// The certificate is not valid by the clock of this machine.
    #[error("the server's certificate is {0} by the clock of this machine; the clock may be wrong")]
    Clock(&'static str),
    /// The certificate does not stand up: it was not issued by the pinned
    /// authority, or is shown without its key. A hard stop.
    #[error("the server could not prove its identity: {0}")]
    BadCertificate(rustls::Error),
    /// Whoever answers does not speak this protocol.
    #[error("no Coffer server answers there: {0}")]
    NotCoffer(String),
    /// The server refused the connection, or the protocol version.
    #[error("{0}")]
    Refused(WireError),
    /// The server chose a version that was not offered.
    #[error("the server speaks protocol version {0}, this program {OLDEST} to {CURRENT}")]
    Version(u16),
    /// The network failed on the way.
    #[error("the connection was lost while it was made: {0}")]
    Lost(io::Error),
    /// TLS cannot be set up on this machine.
    #[error(transparent)]
    Setup(#[from] TlsSetupError),
}

impl ConnectError {
    /// Sorts what the TLS handshake says.
    pub(super) fn from_tls(
        error: io::Error,
        pin: Option<Fingerprint>,
        seen: Option<Fingerprint>,
    ) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::InvalidCertificate(problem)) => match (problem, pin) {
                (CertificateError::Other(other), Some(expected))
                    if other.0.downcast_ref::<PinMismatch>().is_some() =>
                {
                    Self::WrongServer { expected, seen }
                }
                (CertificateError::Expired | CertificateError::ExpiredContext { .. }, _) => {
                    Self::Clock("expired")
                }
                (
                    CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
                    _,
                ) => Self::Clock("not valid yet"),
                _ => Self::BadCertificate(rustls::Error::InvalidCertificate(problem.clone())),
            },
            Some(rustls::Error::NoCertificatesPresented) => {
                Self::BadCertificate(rustls::Error::NoCertificatesPresented)
            }
            Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
                Self::NotCoffer("another service".to_owned())
            }
            Some(other) => Self::NotCoffer(other.to_string()),
            None => Self::Lost(error),
        }
    }

    pub(super) fn from_read(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => Self::Lost(error),
            ReadError::Closed => Self::Lost(io::ErrorKind::ConnectionAborted.into()),
            ReadError::Silent | ReadError::SlowFrame => Self::Timeout,
            ReadError::Frame(error) => Self::NotCoffer(error.to_string()),
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Closed {
    /// The server said goodbye.
    #[error("{0}")]
    Goaway(WireError),
    /// The server closed the connection because of this error.
    #[error("{0}")]
    Refused(WireError),
    /// The server closed it without a word.
    #[error("the server closed the connection")]
    Server,
    /// The network lost it.
    #[error("the connection was lost: {0}")]
    Lost(io::ErrorKind),
    /// The server was not heard for too long.
    #[error("the server was silent for too long")]
    Silent,
    /// The server takes nothing any more.
    #[error("the server does not take what is sent")]
    WriteStalled,
    /// The server broke the protocol.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
    /// Closed on this side.
    #[error("the connection was closed")]
    Local,
}

impl From<ReadError> for Closed {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Closed => Self::Server,
            ReadError::Silent | ReadError::SlowFrame => Self::Silent,
            ReadError::Frame(fault) => Self::Protocol(fault.to_string()),
            ReadError::Io(error) => Self::Lost(error.kind()),
        }
    }
}

impl From<WriteEnd> for Closed {
    fn from(end: WriteEnd) -> Self {
        match end {
            WriteEnd::Finished | WriteEnd::Aborted => Self::Local,
            WriteEnd::Stalled => Self::WriteStalled,
            WriteEnd::Io(error) => Self::Lost(error.kind()),
        }
    }
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The server says why.
    #[error("{0}")]
    Wire(WireError),
    /// The connection ended first. Whether the request was carried out is not
    /// known; one with an op id can be repeated safely.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// No answer in the time that is given to one call.
    #[error("the server did not answer in time")]
    Timeout,
    /// The request is longer than a frame may be; it was not sent.
    #[error("the request is too large to send: {0}")]
    TooLarge(String),
    /// The answer cannot be read: the server may be of another version.
    #[error("the server's answer cannot be read: {0}")]
    BadAnswer(String),
}
