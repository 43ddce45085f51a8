//! Hints for sessions that wait.

use super::Done;
use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use coffer_protocol::Position;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::event::{Events, Watch};

impl Cx {
    /// Passes on what a durable commit has done.
    pub(crate) fn tell(&self, _deeds: Vec<Done>, _position: Position) {}

    /// Waits for hints.
    pub(crate) async fn watch(&self, _request: &Watch) -> Outcome<Events> {
        Err(plain(ErrorCode::INTERNAL))
    }
}
