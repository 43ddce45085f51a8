//! What was written at a machine that was the primary, after another one had taken its
//! place.

use super::{PAGE_ENTRIES, answer};
use crate::client::Client;
use crate::error::ClientError;
use coffer_protocol::Request;
use coffer_protocol::message::recovered::{
    DismissDiverged, DivergedPage, ListDiverged, MAX_DISMISSED,
};

/// The pages of what was written there.
pub struct RecoveredLister {
    client: Client,
    after: Option<[u8; 32]>,
    ended: bool,
}

impl RecoveredLister {
    /// The next page; `None` at the end.
    pub async fn next_page(&mut self) -> Result<Option<DivergedPage>, ClientError> {
        if self.ended {
            return Ok(None);
        }
        let page = self.client.diverged(self.after, PAGE_ENTRIES).await?;
        if let Some(next) = page.next
            && self.after.is_some_and(|after| next <= after)
        {
            return Err(ClientError::UnexpectedAnswer { asked: "recovered" });
        }
        self.ended = page.next.is_none();
        self.after = page.next;
        Ok(Some(page))
    }
}

impl Client {
    /// The pages of what was written at a machine that was the primary: what of it came
    /// back, and what was not done again.
    pub fn recovered(&self) -> RecoveredLister {
        RecoveredLister { client: self.clone(), after: None, ended: false }
    }

    /// Only how many such writes there are; the page has no entries.
    pub async fn count_recovered(&self) -> Result<DivergedPage, ClientError> {
        self.diverged(None, 0).await
    }

    async fn diverged(
        &self,
        after: Option<[u8; 32]>,
        limit: u32,
    ) -> Result<DivergedPage, ClientError> {
        let request = Request::ListDiverged(ListDiverged { after, limit });
        Ok(*answer!(self.ask(request).await?, Diverged, "recovered")?)
    }

    /// Takes these off the list, for good; returns how many were on it. What came back
    /// stays.
    pub async fn dismiss_recovered(&self, ids: &[[u8; 32]]) -> Result<u64, ClientError> {
        let mut count = 0;
        for ids in ids.chunks(MAX_DISMISSED) {
            count += self.dismiss(DismissDiverged { ids: ids.to_vec(), all: false }).await?;
        }
        Ok(count)
    }

    /// The same for the whole list.
    pub async fn dismiss_all_recovered(&self) -> Result<u64, ClientError> {
        self.dismiss(DismissDiverged { ids: Vec::new(), all: true }).await
    }

    async fn dismiss(&self, request: DismissDiverged) -> Result<u64, ClientError> {
        let mut count = 0;
        loop {
            let request = Request::DismissDiverged(request.clone());
            let done = answer!(self.ask(request).await?, Dismissed, "dismiss-recovered")?;
            count += u64::from(done.count);
            if !done.more {
                return Ok(count);
            }
            if done.count == 0 {
                return Err(ClientError::UnexpectedAnswer { asked: "dismiss-recovered" });
            }
        }
    }
}
