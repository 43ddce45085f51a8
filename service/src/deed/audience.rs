//! Passing hints on: who can see what was worked on.
//!
//! Guarantees: nothing is looked up while nobody waits; one task does it, in the
//! order of the commits; what cannot be looked up makes everybody look at
//! everything. Whom a hint reaches here may still not be shown it: that is
//! decided with the reader's own access when it is delivered.

use super::hub::Hint;
use crate::fault::Outcome;
use crate::rows::{node_failed, read_failed};
use crate::service::Core;
use coffer_protocol::{NodeId, UserId};
use coffer_store::RECIPIENT_USER;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Nodes whose shares are read at a time; each can have many.
const BATCH: usize = 64;

/// What is shared with whom, of everything that deeds concern.
#[derive(Default)]
struct Shares {
    /// Recipients by node.
    recipients: HashMap<NodeId, Vec<UserId>>,
    /// Directories with everything above them.
    above: HashMap<NodeId, Vec<NodeId>>,
}

impl Shares {
    fn of(&self, node: NodeId) -> impl Iterator<Item = UserId> {
        self.recipients.get(&node).into_iter().flatten().copied()
    }

    fn of_directory(&self, directory: NodeId) -> impl Iterator<Item = UserId> {
        let above = self.above.get(&directory).into_iter().flatten();
        above.flat_map(|node| self.of(*node))
    }

    /// Users whom a hint may concern. That something is shared or not any more
    /// is nothing new for those who had it all the time.
    fn audience(&self, hint: &Hint) -> HashSet<UserId> {
        let mut users: HashSet<UserId> = hint.others.iter().copied().collect();
        users.insert(hint.owner);
        if hint.is_of_share() {
            return users;
        }
        users.extend(self.of(hint.node));
        users.extend(self.of_directory(hint.parent));
        users.extend(hint.from.into_iter().flat_map(|from| self.of_directory(from)));
        users
    }
}

impl Core {
    /// Passes on what waits.
    pub(super) async fn pass_on(&self) {
        while let Some(told) = self.hub.take() {
            match self.shares_of(&told.hints).await {
                Ok(shares) => {
                    for hint in &told.hints {
                        self.hub.push(hint, &shares.audience(hint), told.session);
                    }
                }
                Err(_) => self.hub.refresh_all(),
            }
        }
    }

    async fn shares_of(&self, hints: &[Arc<Hint>]) -> Outcome<Shares> {
        let mut shares = Shares::default();
        let mut nodes = HashSet::new();
        for hint in hints.iter().filter(|hint| !hint.is_of_share()) {
            nodes.insert(hint.node);
            for directory in [Some(hint.parent), hint.from].into_iter().flatten() {
                if shares.above.contains_key(&directory) {
                    continue;
                }
                let chain = self.store.chain(directory).await;
                let chain = chain.map_err(|error| node_failed(directory, &error))?;
                let ids: Vec<NodeId> = chain.into_iter().flatten().map(|row| row.node).collect();
                nodes.extend(&ids);
                shares.above.insert(directory, ids);
            }
        }
        let now = self.ticks.millis();
        let nodes: Vec<NodeId> = nodes.into_iter().collect();
        for batch in nodes.chunks(BATCH) {
            let found = self.store.shares_of_nodes(batch).await;
            let found = found.map_err(|error| read_failed(&error))?.rows;
            let live = found.into_iter().filter(|share| share.is_live(now));
            for share in live.filter(|share| share.recipient_kind == RECIPIENT_USER) {
                let recipient = UserId(share.recipient);
                shares.recipients.entry(share.node).or_default().push(recipient);
            }
        }
        Ok(shares)
    }
}
