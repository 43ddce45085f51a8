//! Earlier versions of files.

use super::{PAGE_ENTRIES, Rounds, answer};
use crate::client::Client;
use crate::error::ClientError;
use crate::ids::new_op;
use crate::place::{Spot, ToPlace};
use coffer_protocol::limits::MAX_BATCH_NODES;
use coffer_protocol::message::transfer::Written;
use coffer_protocol::message::tree::{PurgeVersions, RestoreVersion, VersionPage, Versions};
use coffer_protocol::{Place, Request};

/// The pages of a file's versions, newest first.
pub struct VersionLister {
    client: Client,
    spot: Spot,
    before: Option<u64>,
    ended: bool,
}

impl VersionLister {
    /// The next page; `None` at the end.
    pub async fn next_page(&mut self) -> Result<Option<VersionPage>, ClientError> {
        if self.ended {
            return Ok(None);
        }
        let (client, before) = (&self.client, self.before);
        let ask = async |place: Place| {
            let request = Versions { place: place.clone(), before, limit: PAGE_ENTRIES };
            let answered = client.ask(Request::Versions(request)).await?;
            Ok((place, answer!(answered, Versions, "versions")?))
        };
        let (place, page) = client.at(&self.spot, ask).await?;
        self.spot = Spot::Place(place);
        if let (Some(next), Some(before)) = (page.next, self.before)
            && next >= before
        {
            return Err(ClientError::UnexpectedAnswer { asked: "versions" });
        }
        self.ended = page.next.is_none();
        self.before = page.next;
        Ok(Some(page))
    }
}

impl Client {
    /// The pages of a file's versions.
    pub fn versions(&self, place: &(impl ToPlace + ?Sized)) -> Result<VersionLister, ClientError> {
        let spot = place.to_spot()?;
        Ok(VersionLister { client: self.clone(), spot, before: None, ended: false })
    }

    /// Makes an old version the current one, as a new revision.
    pub async fn restore_version(
        &self,
        place: &(impl ToPlace + ?Sized),
        revision: u64,
    ) -> Result<Written, ClientError> {
        self.at(&place.to_spot()?, async |place| {
            let request = RestoreVersion { op: new_op()?, place, revision };
            answer!(self.ask(Request::RestoreVersion(request)).await?, Written, "restore-version")
        })
        .await
    }

    /// Deletes old versions, for good; with no `revisions`, all but the current
    /// one. Returns how many went.
    pub async fn purge_versions(
        &self,
        place: &(impl ToPlace + ?Sized),
        revisions: &[u64],
    ) -> Result<u64, ClientError> {
        let spot = place.to_spot()?;
        if revisions.is_empty() {
            return self.at(&spot, async |place| self.purge_version_batch(&place, &[]).await).await;
        }
        let mut count = 0;
        for batch in revisions.chunks(MAX_BATCH_NODES) {
            let purge = async |place| self.purge_version_batch(&place, batch).await;
            count += self.at(&spot, purge).await?;
        }
        Ok(count)
    }

    async fn purge_version_batch(
        &self,
        place: &Place,
        revisions: &[u64],
    ) -> Result<u64, ClientError> {
        let mut rounds = Rounds::default();
        loop {
            let request = PurgeVersions {
                op: new_op()?,
                place: place.clone(),
                revisions: revisions.to_vec(),
            };
            let answered = self.ask(Request::PurgeVersions(request)).await?;
            let purged = answer!(answered, Purged, "purge-versions")?;
            if !rounds.add(&purged, "purge-versions")? {
                return Ok(rounds.count);
            }
        }
    }
}
