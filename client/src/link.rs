//! One connection to a machine, behind a trait so that retries, sign-in and
//! fail-over are tested without one.

use crate::cluster::Machine;
use crate::error::ClientError;
use bytes::Bytes;
use coffer_protocol::message::Welcome;
use coffer_protocol::{Request, Response};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// An open connection.
pub(crate) trait Link: Send + Sync {
    /// What the server said first.
    fn welcome(&self) -> &Welcome;
    /// Keying material of this connection (TLS exporter).
    fn exporter(&self) -> &[u8; 32];
    /// Whether it can still be asked.
    fn is_open(&self) -> bool;
    /// Number of the newest journal entry that any answer so far may show; 0
    /// before the first that says so. The epoch is that of the welcome.
    fn as_of(&self) -> u64;
    /// Asks, and waits for the answer. Dropping the future cancels the request.
    fn call(
        &self,
        request: Request,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<(Response, Bytes), ClientError>>;
}

/// Opens connections.
pub(crate) trait Dial: Send + Sync {
    /// A new connection to this machine, which has shown that it is that one.
    fn dial<'a>(&'a self, to: &'a Machine) -> BoxFuture<'a, Result<Arc<dyn Link>, ClientError>>;
}

/// Asks on this very connection, once, without a payload.
pub(crate) async fn ask(link: &dyn Link, request: Request) -> Result<Response, ClientError> {
    link.call(request, Bytes::new()).await.map(|(response, _)| response)
}
