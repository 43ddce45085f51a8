//! What was committed lately: which node changed with which entry, and how much
//! has been written since.
//!
//! Guarantees: what is said of a node is never earlier than its newest change that
//! this process has made or followed; it may be later, after a restart and when
//! more nodes have changed than are remembered. Memory is bounded. A node is noted
//! before its change can be read, so nobody reads a row and is told an older entry.
//!
//! Commits that a command makes beside the server are met when the server commits
//! next: the gap in the numbers says that anything may have changed in between.

use crate::changes::Change;
use crate::rows::ChunkPlace;
use coffer_protocol::NodeId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Nodes that are remembered; about 64 bytes each.
const MAX_NODES: usize = 1 << 16;
/// Marks of how much was written; beyond that, every second one is given up.
const MAX_MARKS: usize = 2048;

/// What one journal entry was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// Its number.
    pub(crate) seq: u64,
    /// Bytes of the entry.
    pub(crate) journal_bytes: u64,
    /// Bytes of the chunk files that it brings.
    pub(crate) chunk_bytes: u64,
    /// Nodes that it changes.
    pub(crate) nodes: Vec<NodeId>,
}

impl Noted {
    pub(crate) fn new<'a>(
        seq: u64,
        journal_bytes: usize,
        changes: impl IntoIterator<Item = &'a Change>,
    ) -> Self {
        let mut noted = Self { seq, journal_bytes: journal_bytes as u64, ..Self::default() };
        for change in changes {
            match change {
                Change::PutNode(row) => noted.node(row.node),
                Change::PutVersion(row) => noted.node(row.node),
                Change::DeleteNode(node) | Change::DeleteVersion(node, _) => noted.node(*node),
                Change::PutChunk { place: ChunkPlace::File, size, .. } => {
                    noted.chunk_bytes += u64::from(*size);
                }
                // Inline chunks travel with the entry.
                Change::PutChunk { place: ChunkPlace::Inline, size, .. } => {
                    noted.journal_bytes += u64::from(*size);
                }
                _ => {}
            }
        }
        noted
    }

    fn node(&mut self, node: NodeId) {
        if self.nodes.last() != Some(&node) {
            self.nodes.push(node);
        }
    }
}

/// How much was written up to an entry, since this process began.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    seq: u64,
    journal_bytes: u64,
    chunk_bytes: u64,
}

/// How much follows an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Bytes of journal entries, with the chunks that are stored in SQL.
    pub journal_bytes: u64,
    /// Bytes of chunk files that they bring.
    pub chunk_bytes: u64,
    /// When the first entry that follows was committed, milliseconds since 1970;
    /// `None` if nothing follows.
    pub since_millis: Option<i64>,
}

struct State {
    /// A node that is not in the table has not changed after this entry.
    base: u64,
    /// The last entry that is known.
    head: u64,
    nodes: HashMap<NodeId, u64>,
    order: VecDeque<(u64, NodeId)>,
    /// In order; the first is where this process began, or what was given up since.
    marks: VecDeque<Mark>,
}

/// The table.
pub(crate) struct Recent(Mutex<State>);

impl Recent {
    /// Nothing is known before this entry.
    pub(crate) fn new(head: u64) -> Self {
        Self(Mutex::new(State {
            base: head,
            head,
            nodes: HashMap::new(),
            order: VecDeque::new(),
            marks: VecDeque::from([Mark { seq: head, ..Mark::default() }]),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Consistent between any two statements of its users.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything was replaced: nothing is known before this entry.
    pub(crate) fn reset(&self, head: u64) {
        *self.state() = Self::new(head).0.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    /// Anything may change with an entry up to this one.
    pub(crate) fn unknown_through(&self, seq: u64) {
        let mut state = self.state();
        state.base = state.base.max(seq);
    }

    /// These entries are about to be committed. If they are not, what was noted is
    /// too late, and does no harm.
    pub(crate) fn expect(&self, entries: &[Noted]) {
        let mut state = self.state();
        let Some(first) = entries.first() else { return };
        if first.seq > state.head.saturating_add(1) {
            state.base = state.base.max(first.seq - 1);
        }
        for entry in entries {
            for node in &entry.nodes {
                state.nodes.insert(*node, entry.seq);
                state.order.push_back((entry.seq, *node));
            }
        }
        while state.order.len() > MAX_NODES {
            state.forget_first();
        }
    }

    /// They were committed.
    pub(crate) fn happened(&self, entries: &[Noted]) {
        let mut state = self.state();
        let mut mark = state.marks.back().copied().unwrap_or_default();
        for entry in entries.iter().filter(|entry| entry.seq > mark.seq) {
            mark.journal_bytes += entry.journal_bytes;
            mark.chunk_bytes += entry.chunk_bytes;
        }
        let Some(last) = entries.last() else { return };
        state.head = state.head.max(last.seq);
        if last.seq > mark.seq {
            state.marks.push_back(Mark { seq: last.seq, ..mark });
        }
        if state.marks.len() > MAX_MARKS {
            let mut kept = 0_usize;
            let last = state.marks.len() - 1;
            state.marks.retain(|_| {
                kept += 1;
                // The first and the last say where the range begins and ends.
                kept == 1 || kept.is_multiple_of(2) || kept == last + 1
            });
        }
    }

    /// Every machine has everything up to this entry: what came before need not be
    /// told apart any more.
    pub(crate) fn settle(&self, through: u64) {
        let mut state = self.state();
        let through = through.min(state.head);
        while state.order.front().is_some_and(|(seq, _)| *seq <= through) {
            state.forget_first();
        }
        state.base = state.base.max(through);
        while state.marks.get(1).is_some_and(|mark| mark.seq <= through) {
            state.marks.pop_front();
        }
    }

    /// The entry with which a node last changed, or a later one.
    pub(crate) fn changed_at(&self, node: NodeId) -> u64 {
        let state = self.state();
        state.nodes.get(&node).map_or(state.base, |seq| (*seq).max(state.base))
    }

    /// Bytes that were written after an entry, and the entry after which they are
    /// known: a later one than was asked for if that is longer ago than this
    /// process remembers.
    pub(crate) fn written_after(&self, seq: u64) -> (Backlog, u64) {
        let state = self.state();
        let known = state.marks.iter().rev().find(|mark| mark.seq <= seq);
        let from = known.or(state.marks.front()).copied().unwrap_or_default();
        let end = state.marks.back().copied().unwrap_or_default();
        let backlog = Backlog {
            journal_bytes: end.journal_bytes - from.journal_bytes,
            chunk_bytes: end.chunk_bytes - from.chunk_bytes,
            since_millis: None,
        };
        (backlog, from.seq.max(seq.min(end.seq)))
    }
}

impl State {
    fn forget_first(&mut self) {
        if let Some((seq, node)) = self.order.pop_front() {
            if self.nodes.get(&node) == Some(&seq) {
                self.nodes.remove(&node);
            }
            self.base = self.base.max(seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(number: u64) -> NodeId {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        NodeId(id)
    }

    fn entry(seq: u64, nodes: &[u64]) -> Noted {
        let nodes = nodes.iter().copied().map(node).collect();
        Noted { seq, journal_bytes: 10, chunk_bytes: 100, nodes }
    }

    fn commit(recent: &Recent, entries: &[Noted]) {
        recent.expect(entries);
        recent.happened(entries);
    }

    #[test]
    fn a_node_counts_from_its_newest_change() {
        let recent = Recent::new(5);
        assert_eq!(recent.changed_at(node(1)), 5);
        commit(&recent, &[entry(6, &[1]), entry(7, &[2])]);
        commit(&recent, &[entry(8, &[1])]);
        assert_eq!((recent.changed_at(node(1)), recent.changed_at(node(2))), (8, 7));
        recent.settle(7);
        assert_eq!((recent.changed_at(node(1)), recent.changed_at(node(2))), (8, 7));
        recent.settle(u64::MAX);
        assert_eq!(recent.changed_at(node(1)), 8);
        recent.reset(3);
        assert_eq!(recent.changed_at(node(1)), 3);
    }

    #[test]
    fn a_change_is_known_before_it_happens_and_a_failed_one_does_no_harm() {
        let recent = Recent::new(0);
        recent.expect(&[entry(1, &[1])]);
        assert_eq!(recent.changed_at(node(1)), 1);
        commit(&recent, &[entry(1, &[2])]);
        assert_eq!((recent.changed_at(node(1)), recent.changed_at(node(2))), (1, 1));
    }

    #[test]
    fn what_another_process_has_committed_may_have_been_anything() {
        let recent = Recent::new(0);
        commit(&recent, &[entry(1, &[1])]);
        commit(&recent, &[entry(4, &[2])]);
        assert_eq!((recent.changed_at(node(1)), recent.changed_at(node(9))), (3, 3));
        assert_eq!(recent.changed_at(node(2)), 4);
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_counts_as_later() {
        let recent = Recent::new(0);
        let many = MAX_NODES as u64 + 10;
        for seq in 1..=many {
            commit(&recent, &[entry(seq, &[seq])]);
        }
        let state = recent.state();
        assert!(state.nodes.len() <= MAX_NODES && state.order.len() <= MAX_NODES);
        assert!(state.marks.len() <= MAX_MARKS);
        drop(state);
        assert_eq!(recent.changed_at(node(1)), 10);
        assert_eq!(recent.changed_at(node(many)), many);
        // Thinned marks say rather too much than too little.
        let (backlog, known) = recent.written_after(many - 7);
        assert_eq!(known, many - 7);
        assert!(backlog.chunk_bytes >= 700, "{backlog:?}");
        let (all, _) = recent.written_after(0);
        assert_eq!((all.chunk_bytes, all.journal_bytes), (many * 100, many * 10));
    }

    #[test]
    fn bytes_are_counted_from_where_they_are_known() {
        let recent = Recent::new(5);
        commit(&recent, &[entry(6, &[]), entry(7, &[])]);
        commit(&recent, &[entry(8, &[])]);
        let (backlog, known) = recent.written_after(7);
        assert_eq!((backlog.journal_bytes, backlog.chunk_bytes, known), (10, 100, 7));
        let (backlog, known) = recent.written_after(2);
        assert_eq!((backlog.journal_bytes, known), (30, 5));
        assert_eq!(recent.written_after(8), (Backlog::default(), 8));
        recent.settle(7);
        let (backlog, known) = recent.written_after(6);
        assert_eq!((backlog.journal_bytes, known), (10, 7));
    }

    proptest! {
        #[test]
        fn nothing_is_ever_said_to_be_earlier_than_it_is(
            steps in prop::collection::vec((0_u64..6, 0_u64..4, any::<bool>()), 1..60),
        ) {
            let recent = Recent::new(0);
            let (mut head, mut truth) = (0, HashMap::new());
            for (touched, settled, happens) in steps {
                let seq = head + 1;
                recent.expect(&[entry(seq, &[touched])]);
                if happens {
                    recent.happened(&[entry(seq, &[touched])]);
                    truth.insert(touched, seq);
                    head = seq;
                }
                recent.settle(head.saturating_sub(settled));
                for (touched, seq) in &truth {
                    prop_assert!(recent.changed_at(node(*touched)) >= *seq);
                    prop_assert!(recent.changed_at(node(*touched)) <= head + 1);
                }
            }
        }
    }
}
