//! Every bound of a connection that is not part of the protocol itself.
//!
//! Guarantees: there is no wait without a deadline here and no buffer without
//! a limit; the defaults are what the documentation promises.

use crate::fair::FairBudget;
use coffer_protocol::limits::{MAX_REQUESTS_IN_FLIGHT, WINDOW_BYTES};
use coffer_protocol::message::Window;
use std::time::Duration;

/// How long each side of a connection waits for what.
#[derive(Clone, Debug)]
pub struct Timing {
    /// From the TCP connection to the end of the exchange of `Hello` and `Welcome`.
    pub handshake: Duration,
    /// A side that has sent nothing for this long sends a `Ping`.
    pub ping_after: Duration,
    /// A peer that was not heard for this long is gone.
    pub close_after: Duration,
    /// A frame, once begun, arrives (or is taken by the peer) within this time
    /// plus what its length takes at `min_rate`.
    pub frame: Duration,
    /// Slowest transfer that is put up with, in bytes a second.
    pub min_rate: u32,
    /// A peer that takes nothing at all for this long is closed.
    pub write_stall: Duration,
    /// How long a closing connection finishes what is in flight.
    pub drain: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            ping_after: Duration::from_secs(30),
            close_after: Duration::from_secs(90),
            frame: Duration::from_secs(30),
            min_rate: 16 << 10,
            write_stall: Duration::from_secs(30),
            drain: Duration::from_secs(30),
        }
    }
}

impl Timing {
    /// Time a frame of `bytes` may take.
    pub(crate) fn frame_time(&self, bytes: usize) -> Duration {
        let seconds = bytes as u64 / u64::from(self.min_rate.max(1));
        self.frame.saturating_add(Duration::from_secs(seconds))
    }
}

/// Bounds of a server's connections.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Waits.
    pub timing: Timing,
    /// A connection that has not signed in (`raise_limits`) is closed after this time.
    pub sign_in: Duration,
    /// What one connection may have in flight once it has signed in.
    pub window: Window,
    /// Requests a connection may have in flight before it has signed in.
    pub requests_before_sign_in: u32,
    /// Request bytes held for all connections together; `None`: only the window counts.
    pub request_budget: Option<FairBudget>,
    /// Answer bytes held for all connections together; `None`: only the window
    /// counts. Not the same budget as `request_budget`: a request that waits
    /// for room for its answer must not fill the room it waits for.
    pub response_budget: Option<FairBudget>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            timing: Timing::default(),
            sign_in: Duration::from_mins(2),
            window: Window { requests: MAX_REQUESTS_IN_FLIGHT, bytes: WINDOW_BYTES },
            requests_before_sign_in: 4,
            request_budget: None,
            response_budget: None,
        }
    }
}

/// Bounds of a client's connection.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Waits.
    pub timing: Timing,
    /// Longest wait for the answer to one request, waiting for the window included.
    pub call: Duration,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self { timing: Timing::default(), call: Duration::from_mins(10) }
    }
}
