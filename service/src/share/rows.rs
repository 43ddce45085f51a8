//! The rows of shares, and how many there may be.

use super::grant::Unsealed;
use super::own::OwnNode;
use super::people::{Person, Pin};
use super::roster::Group;
use crate::cx::Cx;
use crate::fault::{Outcome, because, integrity};
use crate::op::Draft;
use crate::rows::{node_failed, read_failed};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_SHARES_OF_NODE, MAX_SHARES_WITH_USER};
use coffer_protocol::message::share::Mode;
use coffer_protocol::{NodeId, ShareId, UserId, WireError};
use coffer_store::{Change, MAX_PAGE, MODE_READ, MODE_WRITE, ShareRow};

/// [`ShareRow::via`] of a share that comes through no group.
pub(super) const DIRECT: [u8; 16] = [0; 16];

/// A mode, as it is stored.
pub(super) fn stored_mode(mode: Mode) -> u8 {
    match mode {
        Mode::Read => MODE_READ,
        Mode::Write => MODE_WRITE,
    }
}

/// A stored mode, as it is shown.
pub(super) fn shown_mode(mode: u8) -> Mode {
    if mode == MODE_WRITE { Mode::Write } else { Mode::Read }
}

/// What a share is to be.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) mode: u8,
    pub(super) expires_millis: Option<i64>,
}

impl Cx {
    /// The row of a share: a new one, or the present one on other terms.
    pub(super) fn share_row(
        &self,
        shared: &OwnNode,
        present: Option<ShareRow>,
        (recipient, recipient_kind, via): ([u8; 16], u8, [u8; 16]),
        terms: Terms,
    ) -> Outcome<ShareRow> {
        let Terms { mode, expires_millis } = terms;
        let key_epoch = shared.node.row.key_epoch;
        let grant_ct = Vec::new();
        if let Some(row) = present {
            let revision = row.revision + 1;
            return Ok(ShareRow { mode, expires_millis, key_epoch, revision, grant_ct, ..row });
        }
        Ok(ShareRow {
            share: ShareId(self.core.random()?),
            node: shared.id(),
            owner: self.user(),
            recipient,
            recipient_kind,
            via,
            mode,
            key_epoch,
            revision: 1,
            created_millis: self.millis(),
            expires_millis,
            grant_ct,
        })
    }

    /// Seals grants and adds their rows to a draft.
    pub(super) async fn seal_into(
        &self,
        unsealed: Vec<Unsealed>,
        draft: &mut Draft,
    ) -> Outcome<()> {
        let sealed = self.seal_grants(unsealed).await?;
        draft.changes.extend(sealed.into_iter().map(Change::PutShare));
        Ok(())
    }

    /// A commit that shares with somebody holds on to both accounts, and pins
    /// the person at the first time.
    pub(super) fn hold(&self, person: &Person, draft: &mut Draft) -> Outcome<()> {
        draft.require(person.stays());
        self.hold_own(draft);
        if person.pin == Pin::New {
            draft.changes.push(self.pin(person, false)?);
        }
        Ok(())
    }

    /// The user's own account must still be there.
    pub(super) fn hold_own(&self, draft: &mut Draft) {
        let own = self.own_account_stays();
        if !draft.preconditions.contains(&own) {
            draft.require(own);
        }
    }

    /// The direct share of a node with a user.
    pub(super) async fn share_with(&self, node: NodeId, user: UserId) -> Outcome<Option<ShareRow>> {
        let reach = self.store().reach(user, node).await;
        let reach = reach.map_err(|error| node_failed(node, &error))?;
        let mut shares = reach.map(|reach| reach.shares).unwrap_or_default().into_iter();
        Ok(shares.find(|row| row.node == node && row.via == DIRECT))
    }

    /// All shares with a group itself. A damaged one would be shared a second
    /// time, or left behind: that is refused.
    pub(super) async fn shares_of_group(&self, group: &Group) -> Outcome<Vec<ShareRow>> {
        let page = self.store().shares_with_group(group.id()).await;
        let page = page.map_err(|error| read_failed(&error))?;
        match page.damaged.is_empty() {
            true => Ok(page.rows),
            false => Err(damaged_shares()),
        }
    }

    /// Refuses more shares of one node than there may be.
    pub(super) async fn require_room_at(&self, node: NodeId) -> Outcome<()> {
        let shares = self.all_shares_of(node).await?;
        let count = shares.iter().filter(|row| row.via == DIRECT).count();
        match count < MAX_SHARES_OF_NODE {
            true => Ok(()),
            false => Err(full("shares of one file or directory", MAX_SHARES_OF_NODE)),
        }
    }

    /// Refuses more shares with one user than there may be.
    pub(super) async fn require_room_with(&self, person: &Person) -> Outcome<()> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.store().shares_with(person.id(), after, MAX_PAGE).await;
            let page = page.map_err(|error| read_failed(&error))?;
            count += page.rows.len();
            after = page.next;
            if count >= MAX_SHARES_WITH_USER {
                return Err(full("shares with one user", MAX_SHARES_WITH_USER));
            }
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

/// There are as many as there may be.
pub(super) fn full(what: &str, limit: usize) -> WireError {
    because(ErrorCode::TOO_LARGE, format!("there cannot be more than {limit} {what}"))
}

fn damaged_shares() -> WireError {
    WireError {
        message: "a record of a share with the group does not verify".to_owned(),
        ..integrity(NodeId([0; 16]))
    }
}
