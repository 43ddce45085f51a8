//! Frames over a byte stream: one reader, one writer task per connection.
//!
//! Guarantees: see the two halves. Server and client use the same code, so
//! that there is one place where frames meet the socket.

mod reader;
mod writer;

pub(crate) use reader::{FrameReader, ReadError};
pub(crate) use writer::{OutFrame, Outbox, SHUTDOWN, WriteEnd, Writer};
