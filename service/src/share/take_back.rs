//! Taking a share back, and giving one up.
//!
//! Guarantees: what is taken back gives nothing to any request that begins
//! after the answer; a share with a group goes with those of its members.

use super::own::raise;
use super::rows::DIRECT;
use crate::answer::{Answer, foreign};
use crate::cx::Cx;
use crate::deed;
use crate::fault::{Outcome, plain};
use crate::op::{Done, Draft, Mutation};
use crate::rows::node_failed;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::event::Deed;
use coffer_protocol::message::share::{Changed, LeaveShare, Recipient, Unshare};
use coffer_protocol::{OpId, UserId};
use coffer_store::{Change, ShareRow};

/// The answer to what changes something and says no more.
pub(super) fn changed(done: &Done) -> Outcome<Changed> {
    match done.answer {
        Answer::Changed => Ok(Changed { position: done.position, machines: done.machines }),
        _ => Err(foreign()),
    }
}

impl Cx {
    /// Takes a share back.
    pub(crate) async fn unshare(&self, request: &Unshare) -> Outcome<Changed> {
        changed(&self.carry_out(request).await?)
    }

    /// Gives up what is shared with the user.
    pub(crate) async fn leave_share(&self, request: &LeaveShare) -> Outcome<Changed> {
        changed(&self.carry_out(request).await?)
    }
}

impl Mutation for Unshare {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        let shared = cx.owned(&self.place).await?;
        let id = shared.id();
        let (rows, deed, other) = match &self.with {
            // Whether there is a user of the name is not said.
            Recipient::User(name) => {
                let row = cx.user_named(name).await?.ok_or_else(none)?;
                let share = cx.share_with(id, row.user).await?;
                let name = cx.core.user_name(&row)?;
                (Vec::from_iter(share), Deed::Unshared(name), Some(row.user))
            }
            Recipient::Group(name) => {
                let group = cx.group_named(name).await?;
                let of_group =
                    |row: &ShareRow| row.recipient == group.id() || row.via == group.id();
                let rows = cx.all_shares_of(id).await?.into_iter().filter(of_group).collect();
                (rows, Deed::Unshared(group.name), None)
            }
        };
        if rows.is_empty() {
            return Err(none());
        }
        let mut draft = Draft::new(Answer::Changed);
        draft.changes.extend(rows.iter().map(|row| Change::DeleteShare(row.share)));
        shared.raise(&mut draft);
        let members = rows.iter().filter(|row| row.via != DIRECT);
        let members = members.map(|row| UserId(row.recipient)).collect();
        draft.deeds.push(deed::Done { members, ..shared.deed(deed, other) });
        Ok(draft)
    }
}

fn none() -> coffer_protocol::WireError {
    plain(ErrorCode::NO_SUCH_SHARE)
}

impl Mutation for LeaveShare {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        let reach = cx.store().reach(cx.user(), self.node).await;
        let reach = reach.map_err(|error| node_failed(self.node, &error))?.ok_or_else(none)?;
        let Some(row) = reach.chain.first() else { return Err(none()) };
        let of_node = |share: &&ShareRow| share.node == self.node;
        let shares: Vec<&ShareRow> = reach.shares.iter().filter(of_node).collect();
        if shares.is_empty() {
            return Err(none());
        }
        let mut draft = Draft::new(Answer::Changed);
        draft.changes.extend(shares.iter().map(|share| Change::DeleteShare(share.share)));
        raise(row, &mut draft);
        // What does not open can be given up, too; there is no record of it then.
        for share in &shares {
            let Ok((keys, name)) = cx.shared_keys(row, share).await else { continue };
            draft.deeds.push(deed::Done {
                deed: Deed::Left,
                node: row.node,
                keys,
                name,
                owner: row.owner,
                parent: (row.parent, None),
                from: None,
                other: Some(cx.user()),
                members: Vec::new(),
            });
            break;
        }
        Ok(draft)
    }
}
