//! The client's side of a connection.
//!
//! Guarantees: a `Connection` exists only once the pinned authority is proved
//! and the server has said `Welcome`; what is in flight stays within the
//! server's window; every call ends: with the answer, with the server's error,
//! or with the reason why the connection ended.

mod connection;
mod error;
mod open;
mod shared;

pub use connection::Connection;
pub use error::{CallError, Closed, ConnectError};
pub use open::{Target, probe};
