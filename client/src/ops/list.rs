//! Directories and trees, page by page.

use super::{PAGE_ENTRIES, answer};
use crate::client::Client;
use crate::error::ClientError;
use crate::place::{Spot, ToPlace};
use coffer_protocol::message::tree::{Entry, List, ListPage, Walk, WalkPage};
use coffer_protocol::{Hash32, NodeId, Place, Request};

/// A whole directory.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The directory itself.
    pub directory: NodeId,
    /// Its entries, in order of their names.
    pub entries: Vec<Entry>,
    /// Entries that exist but do not open.
    pub damaged: Vec<NodeId>,
}

/// The pages of a directory.
pub struct Lister {
    client: Client,
    spot: Spot,
    cursor: Cursor<Hash32>,
}

enum Cursor<T> {
    Start,
    At(T),
    End,
}

impl Lister {
    /// The next page; `None` at the end. After an error the same page is asked
    /// for again.
    pub async fn next_page(&mut self) -> Result<Option<ListPage>, ClientError> {
        let cursor = match self.cursor {
            Cursor::Start => None,
            Cursor::At(cursor) => Some(cursor),
            Cursor::End => return Ok(None),
        };
        let client = &self.client;
        let ask = async |place| {
            let request = List { place, cursor, limit: PAGE_ENTRIES };
            answer!(client.ask(Request::List(request)).await?, List, "list")
        };
        let page = client.at(&self.spot, ask).await?;
        self.cursor = match page.next {
            // A cursor that does not move would go round for ever.
            Some(next) if Some(next) == cursor => {
                return Err(ClientError::UnexpectedAnswer { asked: "list" });
            }
            Some(next) => Cursor::At(next),
            None => Cursor::End,
        };
        // The name of a directory may change meaning while it is read: stay in it.
        self.spot = Spot::Place(Place::node(page.directory));
        Ok(Some(page))
    }
}

/// The pages of a tree; a directory comes before what is in it.
pub struct Walker {
    client: Client,
    spot: Spot,
    pattern: Option<String>,
    cursor: Cursor<Vec<u8>>,
}

impl Walker {
    /// The next page; `None` at the end. A page may be empty. After an error
    /// the same page is asked for again.
    pub async fn next_page(&mut self) -> Result<Option<WalkPage>, ClientError> {
        let cursor = match &self.cursor {
            Cursor::Start => Vec::new(),
            Cursor::At(cursor) => cursor.clone(),
            Cursor::End => return Ok(None),
        };
        let (client, pattern) = (&self.client, &self.pattern);
        let ask = async |place: Place| {
            let (limit, pattern) = (PAGE_ENTRIES, pattern.clone());
            let request = Walk { place: place.clone(), pattern, cursor: cursor.clone(), limit };
            let page = answer!(client.ask(Request::Walk(request)).await?, Walk, "walk")?;
            Ok((place, page))
        };
        let (place, mut page) = client.at(&self.spot, ask).await?;
        self.spot = Spot::Place(place);
        self.cursor = match std::mem::take(&mut page.next) {
            next if next.is_empty() => Cursor::End,
            next if next == cursor => {
                return Err(ClientError::UnexpectedAnswer { asked: "walk" });
            }
            next => Cursor::At(next),
        };
        Ok(Some(page))
    }
}

impl Client {
    /// The pages of a directory.
    pub fn list(&self, place: &(impl ToPlace + ?Sized)) -> Result<Lister, ClientError> {
        Ok(Lister { client: self.clone(), spot: place.to_spot()?, cursor: Cursor::Start })
    }

    /// A whole directory, sorted by name; more than `limit` entries are an error.
    pub async fn list_all(
        &self,
        place: &(impl ToPlace + ?Sized),
        limit: usize,
    ) -> Result<Listing, ClientError> {
        let mut pages = self.list(place)?;
        let (mut directory, mut entries, mut damaged) = (None, Vec::new(), Vec::new());
        while let Some(page) = pages.next_page().await? {
            directory = Some(page.directory);
            entries.extend(page.entries);
            damaged.extend(page.damaged);
            if entries.len() + damaged.len() > limit {
                return Err(ClientError::TooManyEntries { limit });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let directory = directory.ok_or(ClientError::UnexpectedAnswer { asked: "list" })?;
        Ok(Listing { directory, entries, damaged })
    }

    /// The pages of the tree below `place`, which is not listed itself. With a
    /// `pattern` (glob, case-insensitive), only names that match it.
    pub fn walk(
        &self,
        place: &(impl ToPlace + ?Sized),
        pattern: Option<&str>,
    ) -> Result<Walker, ClientError> {
        Ok(Walker {
            client: self.clone(),
            spot: place.to_spot()?,
            pattern: pattern.map(str::to_owned),
            cursor: Cursor::Start,
        })
    }
}
