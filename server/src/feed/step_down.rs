//! The primary stops because a standby is being promoted.
//!
//! Guarantees: what was begun is committed first and counts for the answer; the stop
//! is durable before it is confirmed; asked again, the answer is the same. Replicas
//! can fetch what they lack afterwards.

use super::{Answer, Inner, fenced};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::peer::SteppedDown;
use coffer_protocol::{ReplicaId, Response, WireError};
use coffer_store::SeatError;
use coffer_transport::Payload;

impl Inner {
    /// Takes no more writes. Sessions are ended by the one who watches the seat.
    pub(super) async fn step_down(&self, replica: ReplicaId) -> Answer<(Response, Payload)> {
        match self.store.step_down().await {
            Ok(seat) => {
                tracing::warn!(
                    %replica,
                    at = %seat.position,
                    "a standby is being promoted: this machine takes no more writes"
                );
                let (position, chain_hash) = (seat.position, seat.chain_hash);
                let stepped = SteppedDown { position, chain_hash };
                Ok((Response::SteppedDown(stepped), Payload::Empty))
            }
            Err(SeatError::NewerEpoch) => Err(fenced()),
            Err(SeatError::NotPrimary) => Err(WireError::new(
                ErrorCode::READ_ONLY,
                "This machine is not the primary.",
                "Ask the primary.",
            )),
            Err(error) => {
                tracing::error!(%error, "this machine cannot step down");
                let code = ErrorCode::DATABASE_UNAVAILABLE;
                let text = "The primary cannot stop now.";
                Err(WireError::new(code, text, "Its log says why.").retry_after(1000))
            }
        }
    }
}
