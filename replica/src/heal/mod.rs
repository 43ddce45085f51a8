//! Healing over the connection to the source, in both directions, beside what is
//! followed: `take` heals this machine from the source, `give` the source from this
//! machine.
//!
//! Guarantees: nothing but what is proved is given; what comes is proved by the
//! store; a row that cannot be healed alone leads to a resynchronisation, in which
//! all of them are compared.

mod give;
mod take;

use crate::source::SourceError;
use coffer_store::{Store, StoreError};
use coffer_transport::Connection;
use std::convert::Infallible;
use std::time::Duration;

/// Things on their way at a time.
const IN_FLIGHT: usize = 4;
/// Pause after the store has failed.
const PAUSE: Duration = Duration::from_secs(2);

/// Why a thing was not healed.
enum Unhealed {
    /// The connection is over.
    Source(SourceError),
    /// The store fails: later, perhaps.
    Store(StoreError),
}

impl From<SourceError> for Unhealed {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<StoreError> for Unhealed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Heals both sides until the connection ends. `resync` is called when rows of this
/// machine have to be compared with the source's, all of them.
pub(crate) async fn run(
    store: &Store,
    connection: &Connection,
    resync: &(dyn Fn() + Send + Sync),
) -> Result<Infallible, SourceError> {
    tokio::select! {
        ended = give::run(store, connection) => ended,
        ended = take::run(store, connection, resync) => ended,
    }
}

/// A failure of the store is logged and waited out; one of the connection ends it.
async fn passable(outcome: Result<(), Unhealed>) -> Result<(), SourceError> {
    match outcome {
        Ok(()) => Ok(()),
        Err(Unhealed::Source(error)) => Err(error),
        Err(Unhealed::Store(error)) => {
            tracing::warn!(%error, "something could not be healed for now");
            tokio::time::sleep(PAUSE).await;
            Ok(())
        }
    }
}
