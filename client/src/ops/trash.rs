//! The trash: list, restore, purge.

use super::{PAGE_ENTRIES, Rounds, answer};
use crate::client::Client;
use crate::error::ClientError;
use crate::ids::new_op;
use coffer_protocol::limits::MAX_BATCH_NODES;
use coffer_protocol::message::transfer::Written;
use coffer_protocol::message::tree::{PurgeTrash, PurgeWhat, RestoreTrash, TrashList, TrashPage};
use coffer_protocol::{NodeId, Place, Request};

/// The pages of the trash, most recently deleted first.
pub struct TrashLister {
    client: Client,
    cursor: Option<(i64, NodeId)>,
    ended: bool,
}

impl TrashLister {
    /// The next page; `None` at the end.
    pub async fn next_page(&mut self) -> Result<Option<TrashPage>, ClientError> {
        if self.ended {
            return Ok(None);
        }
        let request = TrashList { cursor: self.cursor, limit: PAGE_ENTRIES };
        let answered = self.client.ask(Request::TrashList(request)).await?;
        let page = answer!(answered, Trash, "trash-list")?;
        if page.next.is_some() && page.next == self.cursor {
            return Err(ClientError::UnexpectedAnswer { asked: "trash-list" });
        }
        self.ended = page.next.is_none();
        self.cursor = page.next;
        Ok(Some(page))
    }
}

impl Client {
    /// The pages of the trash.
    pub fn trash(&self) -> TrashLister {
        TrashLister { client: self.clone(), cursor: None, ended: false }
    }

    /// Puts something back: where it was, or as `to`.
    pub async fn restore_trash(
        &self,
        node: NodeId,
        to: Option<Place>,
    ) -> Result<Written, ClientError> {
        let request = RestoreTrash { op: new_op()?, node, to };
        answer!(self.ask(Request::RestoreTrash(request)).await?, Written, "restore-trash")
    }

    /// Deletes these from the trash, for good. Returns how many nodes went,
    /// with everything that was in them.
    pub async fn purge_trash(&self, nodes: &[NodeId]) -> Result<u64, ClientError> {
        let mut count = 0;
        for batch in nodes.chunks(MAX_BATCH_NODES) {
            count += self.purge(PurgeWhat::Nodes(batch.to_vec())).await?;
        }
        Ok(count)
    }

    /// Empties the trash, for good. Returns how many nodes went.
    pub async fn purge_all_trash(&self) -> Result<u64, ClientError> {
        self.purge(PurgeWhat::Everything).await
    }

    /// A purge is bounded work each time: asks until nothing is left.
    async fn purge(&self, what: PurgeWhat) -> Result<u64, ClientError> {
        let mut rounds = Rounds::default();
        loop {
            let request = PurgeTrash { op: new_op()?, what: what.clone() };
            let answered = self.ask(Request::PurgeTrash(request)).await?;
            let purged = answer!(answered, Purged, "purge-trash")?;
            if !rounds.add(&purged, "purge-trash")? {
                return Ok(rounds.count);
            }
        }
    }
}
