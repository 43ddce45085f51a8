//! What the one who follows tells those who serve on the same machine.

use crate::heard::Heard;
use crate::install::Installation;
use coffer_protocol::Position;
use coffer_service::Service;
use coffer_store::Store;
use std::sync::Arc;

/// Those who serve on a machine that follows.
#[derive(Clone)]
pub struct Serving {
    pub(super) heard: Arc<Heard>,
    pub(super) service: Service,
    pub(super) installation: Arc<Installation>,
    pub(super) store: Store,
}

impl Serving {
    /// The source stands here, as it has just said.
    pub fn heard(&self, head: Position) {
        self.heard.head(head);
    }

    /// Entries were followed up to here.
    pub fn followed(&self, here: Position) {
        self.heard.here(here);
    }

    /// The tables were filled anew, and end here.
    pub async fn replaced(&self, here: Position) {
        self.heard.here(here);
        self.service.replaced().await;
    }

    /// The installation.
    pub fn installation(&self) -> &Arc<Installation> {
        &self.installation
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }
}
