//! Earlier versions of files.

use super::{PAGE_ENTRIES, Rounds, answer};
use crate::client::Client;
use crate::error::ClientError;
use crate::ids::new_op;
use crate::place::ToPlace;
use coffer_protocol::limits::MAX_BATCH_NODES;
use coffer_protocol::message::transfer::Written;
use coffer_protocol::message::tree::{PurgeVersions, RestoreVersion, VersionPage, Versions};
use coffer_protocol::{Place, Request};

/// The pages of a file's versions, newest first.
pub struct VersionLister {
    client: Client,
    place: Place,
    before: Option<u64>,
    ended: bool,
}

impl VersionLister {
    /// The next page; `None` at the end.
    pub async fn next_page(&mut self) -> Result<Option<VersionPage>, ClientError> {
        if self.ended {
            return Ok(None);
        }
        let request =
            Versions { place: self.place.clone(), before: self.before, limit: PAGE_ENTRIES };
        let answered = self.client.ask(Request::Versions(request)).await?;
        let page = answer!(answered, Versions, "versions")?;
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
        let place = place.to_place()?;
        Ok(VersionLister { client: self.clone(), place, before: None, ended: false })
    }

    /// Makes an old version the current one, as a new revision.
    pub async fn restore_version(
        &self,
        place: &(impl ToPlace + ?Sized),
        revision: u64,
    ) -> Result<Written, ClientError> {
        let request = RestoreVersion { op: new_op()?, place: place.to_place()?, revision };
        answer!(self.ask(Request::RestoreVersion(request)).await?, Written, "restore-version")
    }

    /// Deletes old versions, for good; with no `revisions`, all but the current
    /// one. Returns how many went.
    pub async fn purge_versions(
        &self,
        place: &(impl ToPlace + ?Sized),
        revisions: &[u64],
    ) -> Result<u64, ClientError> {
        let place = place.to_place()?;
        if revisions.is_empty() {
            return self.purge_version_batch(&place, &[]).await;
        }
        let mut count = 0;
        for batch in revisions.chunks(MAX_BATCH_NODES) {
            count += self.purge_version_batch(&place, batch).await?;
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
