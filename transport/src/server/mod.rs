//! The server's side of a connection.
//!
//! Guarantees: a connection that has not signed in may hold a few small
//! requests and has a deadline; a signed-in one holds at most its window in
//! each direction, whatever the client does; every request gets exactly one
//! answer, also when its handler drops it; every request learns when nobody
//! wants its answer any more.

mod accept;
mod close;
mod connection;
mod replier;
mod shared;
mod standing;

pub use accept::{AcceptError, Greeting, ServerTransport};
pub use close::{CloseReason, Fault};
pub use connection::{ConnectionHandle, Incoming, ServerConnection};
pub use replier::{Gone, Replier};
pub use standing::{Standing, Unchanging};
