//! Shares: give, take back, leave, list, and find what is shared.

use super::{PAGE_ENTRIES, answer};
use crate::client::Client;
use crate::error::ClientError;
use crate::ids::new_op;
use crate::path::{RemotePath, SharedPath};
use crate::place::{Spot, ToPlace};
use coffer_protocol::message::share::{
    Changed, FindShared, LeaveShare, ListShares, Mode, Recipient, ShareEntry, ShareNode, SharePage,
    Shared, Unshare, WhichShares,
};
use coffer_protocol::{Place, Request, ShareId};

/// Which shares to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShareScope {
    /// What others share with the user.
    WithMe,
    /// What the user shares.
    ByMe,
    /// With whom one file or directory of the user is shared.
    Of(RemotePath),
}

/// The pages of a list of shares.
pub struct ShareLister {
    client: Client,
    which: Which,
    cursor: Option<ShareId>,
    ended: bool,
}

enum Which {
    Fixed(WhichShares),
    Of(Spot),
}

impl ShareLister {
    /// The next page; `None` at the end. After an error the same page is asked
    /// for again.
    pub async fn next_page(&mut self) -> Result<Option<SharePage>, ClientError> {
        if self.ended {
            return Ok(None);
        }
        let (client, cursor) = (&self.client, self.cursor);
        let ask = async |which: WhichShares| {
            let request = ListShares { which, cursor, limit: PAGE_ENTRIES };
            answer!(client.ask(Request::ListShares(request)).await?, Shares, "list-shares")
        };
        let page = match &self.which {
            Which::Fixed(which) => ask(which.clone()).await?,
            Which::Of(spot) => {
                let (place, page) = self
                    .client
                    .at(spot, async |place: Place| {
                        let page = ask(WhichShares::Of(place.clone())).await?;
                        Ok((place, page))
                    })
                    .await?;
                self.which = Which::Fixed(WhichShares::Of(place));
                page
            }
        };
        if page.next.is_some() && page.next == self.cursor {
            return Err(ClientError::UnexpectedAnswer { asked: "list-shares" });
        }
        self.ended = page.next.is_none();
        self.cursor = page.next;
        Ok(Some(page))
    }
}

/// What others share with the user.
#[derive(Clone, Debug, Default)]
pub struct SharedWithMe {
    /// One entry for each file or directory, by owner and name.
    pub shares: Vec<ShareEntry>,
    /// Shares that exist but do not open.
    pub damaged: Vec<ShareId>,
}

/// Where a recipient finds something shared. `None` for a share that does not
/// open before its owner's key is confirmed, and so has no name.
pub fn path_of_share(share: &ShareEntry) -> Option<RemotePath> {
    let (name, rest) = share.names.split_first()?;
    let (owner, name) = (share.owner.clone(), name.clone());
    Some(RemotePath::Shared(SharedPath { owner, name, rest: rest.to_vec() }))
}

impl Client {
    /// Shares a file or directory of the user, or changes the mode and the end
    /// (milliseconds since 1970) of a share that is there. The answer names
    /// people whose safety numbers are worth comparing.
    pub async fn share(
        &self,
        place: &(impl ToPlace + ?Sized),
        with: Recipient,
        mode: Mode,
        expires_millis: Option<i64>,
    ) -> Result<Shared, ClientError> {
        let shared = self
            .at(&place.to_spot()?, async |place| {
                let with = with.clone();
                let request = ShareNode { op: new_op()?, place, with, mode, expires_millis };
                answer!(self.ask(Request::Share(request)).await?, Shared, "share")
            })
            .await?;
        Ok(*shared)
    }

    /// Takes a share back; it ends at once.
    pub async fn unshare(
        &self,
        place: &(impl ToPlace + ?Sized),
        with: Recipient,
    ) -> Result<Changed, ClientError> {
        self.at(&place.to_spot()?, async |place| {
            let request = Unshare { op: new_op()?, place, with: with.clone() };
            answer!(self.ask(Request::Unshare(request)).await?, Changed, "unshare")
        })
        .await
    }

    /// Gives up what somebody shares with the user, directly and through groups.
    pub async fn leave(&self, owner: &str, name: &str) -> Result<Changed, ClientError> {
        let node = self.find_shared(owner, name).await?.node;
        let request = LeaveShare { op: new_op()?, node };
        let changed =
            answer!(self.ask(Request::LeaveShare(request)).await?, Changed, "leave-share")?;
        self.forget_shared(node);
        Ok(changed)
    }

    /// What `@owner/name` means to the user, as the server sees it now.
    pub async fn find_shared(&self, owner: &str, name: &str) -> Result<ShareEntry, ClientError> {
        let request = FindShared { owner: owner.to_owned(), name: name.to_owned() };
        let answered = self.ask(Request::FindShared(request)).await?;
        let found = *answer!(answered, Share, "find-shared")?;
        self.remember_shared(owner, name, &found);
        Ok(found)
    }

    /// The pages of a list of shares.
    pub fn shares(&self, scope: ShareScope) -> Result<ShareLister, ClientError> {
        let which = match scope {
            ShareScope::WithMe => Which::Fixed(WhichShares::WithMe),
            ShareScope::ByMe => Which::Fixed(WhichShares::ByMe),
            ShareScope::Of(path) => Which::Of(path.to_spot()?),
        };
        Ok(ShareLister { client: self.clone(), which, cursor: None, ended: false })
    }

    /// Everything that others, or one `owner` (case does not matter), share
    /// with the user. An owner who is no user is an error. The server bounds
    /// the number of shares with one user.
    pub async fn shared_with_me(&self, owner: Option<&str>) -> Result<SharedWithMe, ClientError> {
        let wanted = owner.map(str::to_lowercase);
        let mut found = SharedWithMe::default();
        let mut pages = self.shares(ShareScope::WithMe)?;
        while let Some(page) = pages.next_page().await? {
            let is_wanted = |share: &ShareEntry| {
                wanted.as_ref().is_none_or(|wanted| share.owner.to_lowercase() == *wanted)
            };
            found.shares.extend(page.shares.into_iter().filter(is_wanted));
            found.damaged.extend(page.damaged);
            if found.shares.len() > coffer_protocol::limits::MAX_SHARES_WITH_USER {
                return Err(ClientError::UnexpectedAnswer { asked: "list-shares" });
            }
        }
        if let Some(owner) = owner.filter(|_| found.shares.is_empty()) {
            self.contact(owner).await?;
        }
        found.shares.sort_by(|a, b| (&a.owner, &a.names).cmp(&(&b.owner, &b.names)));
        Ok(found)
    }
}
