//! What becomes of changes that are no content: none of them is made again.

use super::{Round, Verdict};
use crate::cx::Cx;
use crate::fault::Outcome;
use crate::rows::read_failed;
use coffer_store::{Change, DivergedRow, ShareRow};

impl Cx {
    /// Decides about a change, after a look at what is here. `None`: it is settled.
    pub(super) async fn judge(
        &self,
        round: &mut Round,
        row: &DivergedRow,
        change: &Change,
    ) -> Outcome<Option<Verdict>> {
        let store = self.store();
        let failed = |error| read_failed(&error);
        let listed = |listed: bool| if listed { Verdict::List } else { Verdict::Drop };
        Ok(Some(match change {
            Change::PutNode(image) => return self.judge_node(round, row, image).await,
            Change::DeleteNode(node) => listed(self.own_row_if_any(*node).await?.is_some()),
            Change::DeleteVersion(node, revision) => {
                listed(store.version(*node, *revision).await.map_err(failed)?.is_some())
            }
            Change::PutShare(share) => {
                let here = store.share(share.share).await.map_err(failed)?;
                listed(!here.is_some_and(|here| is_same(&here, share)))
            }
            Change::DeleteShare(share) => {
                listed(store.share(*share).await.map_err(failed)?.is_some())
            }
            Change::PutGroup(group) => {
                let here = store.group(group.group).await.map_err(failed)?;
                listed(here.is_none_or(|here| here.sealed != group.sealed))
            }
            Change::DeleteGroup(group) => {
                listed(store.group(*group).await.map_err(failed)?.is_some())
            }
            Change::PutContact(contact) => {
                let here = store.contact(self.user(), contact.tag).await.map_err(failed)?;
                match here {
                    Some(here) => listed(here != *contact),
                    // One that was kept by itself is kept again at the next contact.
                    None => listed(self.is_confirmed(contact)?),
                }
            }
            Change::DeleteContact { tag, .. } => {
                listed(store.contact(self.user(), *tag).await.map_err(failed)?.is_some())
            }
            Change::PutUser(user) => {
                listed(store.user(self.user()).await.map_err(failed)?.as_ref() != Some(user))
            }
            Change::DeleteUser(_) => Verdict::List,
            _ => Verdict::Drop,
        }))
    }
}

/// Whether a share allows the same: its grant is sealed anew by a renaming.
fn is_same(one: &ShareRow, other: &ShareRow) -> bool {
    (one.mode, one.expires_millis, one.recipient)
        == (other.mode, other.expires_millis, other.recipient)
}
