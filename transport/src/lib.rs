//! TLS 1.3 and the framed, multiplexed connection of Coffer.
//!
//! Guarantees: a client connection exists only once the pinned certificate
//! authority is proved inside the same handshake; a header is checked against
//! the limits in force before anything is allocated; every queue, window and
//! wait has a bound (`config`); payload bytes are moved, never copied through
//! the body codec; a peer that is silent, slow or no longer reads is closed.
//! Nothing here knows what a request means, and nothing here logs: each
//! connection ends with one typed reason for its owner's one log line.

pub mod budget;
pub mod client;
pub mod config;
pub mod fair;
mod link;
pub mod payload;
pub mod server;
pub mod tls;

pub use budget::Budget;
pub use client::{CallError, Closed, ConnectError, Connection, Target};
pub use config::{ClientConfig, ServerConfig, Timing};
pub use fair::FairBudget;
pub use payload::Payload;
pub use server::{
    AcceptError, CloseReason, ConnectionHandle, Fault, Gone, Greeting, Incoming, Replier,
    ServerConnection, ServerTransport, Standing, Unchanging,
};
pub use tls::{Authority, ServerIdentity, TlsSetupError};
