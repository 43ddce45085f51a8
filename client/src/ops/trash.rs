//! The trash: list, restore, purge.

use super::{PAGE_ENTRIES, Rounds, answer};
use crate::client::Client;
use crate::error::ClientError;
use crate::ids::new_op;
use crate::place::{Spot, ToPlace};
use coffer_protocol::limits::MAX_BATCH_NODES;
use coffer_protocol::message::share::TrashIn;
use coffer_protocol::message::transfer::Written;
use coffer_protocol::message::tree::{PurgeTrash, PurgeWhat, RestoreTrash, TrashList, TrashPage};
use coffer_protocol::{NodeId, Place, Request};

/// The pages of the trash, most recently deleted first.
pub struct TrashLister {
    client: Client,
    /// `None`: everything the user has deleted.
    spot: Option<Spot>,
    cursor: Option<(i64, NodeId)>,
    ended: bool,
}

impl TrashLister {
    /// The next page; `None` at the end. A page may be empty.
    pub async fn next_page(&mut self) -> Result<Option<TrashPage>, ClientError> {
        if self.ended {
            return Ok(None);
        }
        let (client, cursor, limit) = (&self.client, self.cursor, PAGE_ENTRIES);
        let page = match &self.spot {
            None => {
                let request = Request::TrashList(TrashList { cursor, limit });
                answer!(client.ask(request).await?, Trash, "trash-list")?
            }
            Some(spot) => {
                let ask = async |place: Place| {
                    let request = TrashIn { place: place.clone(), cursor, limit };
                    let answered = client.ask(Request::TrashIn(request)).await?;
                    Ok((place, answer!(answered, Trash, "trash-in")?))
                };
                let (place, page) = client.at(spot, ask).await?;
                self.spot = Some(Spot::Place(place));
                page
            }
        };
        if page.next.is_some() && page.next == self.cursor {
            return Err(ClientError::UnexpectedAnswer { asked: "trash-list" });
        }
        self.ended = page.next.is_none();
        self.cursor = page.next;
        Ok(Some(page))
    }
}

impl Client {
    /// The pages of the user's trash.
    pub fn trash(&self) -> TrashLister {
        TrashLister { client: self.clone(), spot: None, cursor: None, ended: false }
    }

    /// The pages of what was deleted inside a directory, which may be one that
    /// is shared with the user.
    pub fn trash_in(&self, place: &(impl ToPlace + ?Sized)) -> Result<TrashLister, ClientError> {
        let spot = Some(place.to_spot()?);
        Ok(TrashLister { client: self.clone(), spot, cursor: None, ended: false })
    }

    /// Puts something back: where it was, or as `to` (see `Client::resolve`).
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
