//! Sealing the record of who did what.
//!
//! Guarantees: a record is sealed under the node's own activity key, so whoever
//! can open the node can read it, and nobody else; many deeds of one kind in one
//! directory are one record of the directory, so that a batch of any size adds
//! few rows.

use super::Done;
use super::layout::{Body, kind};
use crate::cx::Cx;
use crate::fault::Outcome;
use crate::op::Draft;
use crate::service::Core;
use coffer_crypto::NodeKeys;
use coffer_protocol::limits::MAX_ACTIVITY_NAMES;
use coffer_protocol::message::event::Deed;
use coffer_protocol::{NodeId, UserId};
use coffer_store::{ActivityRow, Change};
use std::collections::HashMap;

/// A deed says nothing about the single node, so that many can be told at once.
fn is_plain(deed: &Deed) -> bool {
    matches!(
        deed,
        Deed::Created | Deed::Written | Deed::Deleted | Deed::Restored | Deed::Downloaded
    )
}

/// The time in a record's id, milliseconds since 1970.
pub(super) fn millis_of(activity: &[u8; 16]) -> i64 {
    let (millis, _) = activity.split_at(8);
    millis.try_into().map_or(0, i64::from_be_bytes)
}

impl Cx {
    /// Adds the record of what a draft does to the draft.
    pub(crate) fn record(&self, draft: &mut Draft) -> Outcome<()> {
        let rows = self.core.records(self.user(), &draft.deeds)?;
        draft.changes.extend(rows.into_iter().map(Change::PutActivity));
        Ok(())
    }
}

impl Core {
    /// Sealed records of what a user has done.
    pub(super) fn records(&self, by: UserId, deeds: &[Done]) -> Outcome<Vec<ActivityRow>> {
        if !self.config.record_activity {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        for group in grouped(deeds) {
            let Some((first, _)) = group.split_first() else { continue };
            match &first.parent.1 {
                Some(keys) if group.len() > MAX_ACTIVITY_NAMES => {
                    let names = group.iter().take(MAX_ACTIVITY_NAMES);
                    let names = names.map(|done| done.name.clone()).collect();
                    let count = u32::try_from(group.len()).unwrap_or(u32::MAX);
                    let body =
                        Body { deed: first.deed.clone(), by, count, with_group: false, names };
                    rows.push(self.sealed(first.owner, first.parent.0, keys, &body)?);
                }
                _ => {
                    for done in group {
                        let names = [&done.name].into_iter().filter(|name| !name.is_empty());
                        let (deed, names) = (done.deed.clone(), names.cloned().collect());
                        let with_group = done.is_with_group();
                        let body = Body { deed, by, count: 0, with_group, names };
                        rows.push(self.sealed(done.owner, done.node, &done.keys, &body)?);
                    }
                }
            }
        }
        Ok(rows)
    }

    fn sealed(
        &self,
        owner: UserId,
        node: NodeId,
        keys: &NodeKeys,
        body: &Body,
    ) -> Outcome<ActivityRow> {
        let mut activity = [0; 16];
        activity[..8].copy_from_slice(&self.ticks.millis().max(0).to_be_bytes());
        activity[8..].copy_from_slice(&self.random::<8>()?);
        let sealed = keys.seal_activity(&activity, &node.0, &body.encode());
        Ok(ActivityRow { activity, owner, node, sealed })
    }
}

/// Deeds of one kind in one directory together, in the order of their first.
fn grouped(deeds: &[Done]) -> Vec<Vec<&Done>> {
    let mut groups: Vec<Vec<&Done>> = Vec::new();
    let mut known = HashMap::new();
    for done in deeds {
        let together = is_plain(&done.deed) && done.parent.1.is_some();
        let place = match together {
            true => *known.entry((kind(&done.deed), done.parent.0)).or_insert(groups.len()),
            false => groups.len(),
        };
        match groups.get_mut(place) {
            Some(group) => group.push(done),
            None => groups.push(vec![done]),
        }
    }
    groups
}
