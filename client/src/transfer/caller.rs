//! What the transfer engine needs of a signed-in client: a call, the installation
//! that hashes belong to, and how fast contents may move. A trait, so that the engine is tested
//! against a server in memory.

use crate::client::Client;
use crate::error::ClientError;
use crate::rate::RateLimits;
use bytes::Bytes;
use coffer_protocol::{ErrorCode, Request, Response, ServerId};
use std::future::Future;

/// A signed-in client. Retries, with the same op id, happen behind it.
pub(crate) trait Caller: Sync {
    /// Asks, and waits for the answer. Dropping the future gives the wish up.
    fn call(
        &self,
        request: Request,
        payload: Bytes,
    ) -> impl Future<Output = Result<(Response, Bytes), ClientError>> + Send;

    /// The installation.
    fn server_id(&self) -> ServerId;

    /// The limits that its transfers share.
    fn limits(&self) -> &RateLimits;
}

impl Caller for Client {
    fn call(
        &self,
        request: Request,
        payload: Bytes,
    ) -> impl Future<Output = Result<(Response, Bytes), ClientError>> + Send {
        Client::call(self, request, payload)
    }

    fn server_id(&self) -> ServerId {
        Client::server_id(self)
    }

    fn limits(&self) -> &RateLimits {
        &self.inner.limits
    }
}

/// Whether every further file would fail for the same reason.
pub(crate) fn ends_transfer(error: &ClientError) -> bool {
    match error {
        ClientError::Wire(wire) => matches!(
            wire.code,
            ErrorCode::CANCELLED
                | ErrorCode::UNSUPPORTED_VERSION
                | ErrorCode::NOT_SIGNED_IN
                | ErrorCode::SESSION_EXPIRED
                | ErrorCode::SIGN_IN_REFUSED
                | ErrorCode::ACCOUNT_DISABLED
                | ErrorCode::NEW_PASSWORD_NEEDED
                | ErrorCode::RATE_LIMITED
                | ErrorCode::DISK_FULL
                | ErrorCode::DATABASE_UNAVAILABLE
                | ErrorCode::UNCERTAIN
                | ErrorCode::SHUTTING_DOWN
                | ErrorCode::BUSY
                | ErrorCode::FENCED
                | ErrorCode::BEHIND
                | ErrorCode::READ_ONLY
                | ErrorCode::CONNECTION_LIMIT
        ),
        ClientError::Unreachable { .. }
        | ClientError::Lost { .. }
        | ClientError::ReadOnly { .. }
        | ClientError::NotPrimary { .. }
        | ClientError::UnknownServer { .. }
        | ClientError::WrongServer { .. }
        | ClientError::ServerReplaced { .. }
        | ClientError::EpochWentBack { .. }
        | ClientError::StateWentBack { .. }
        | ClientError::ServerNotProven
        | ClientError::AccountChanged
        | ClientError::NotSignedIn { .. }
        | ClientError::KeysRefused
        | ClientError::Random
        | ClientError::Interrupted => true,
        _ => false,
    }
}
