//! Counting the references of any number of objects in bounded memory.
//!
//! The references of a big installation do not fit into memory, and a check must
//! not write. So they are counted in ranges of ids, lowest first: every pass
//! reads all references and keeps the counts of those in its range. The range is
//! open at first; whenever more distinct ids than the budget turn up in it, its
//! upper half is given away to a later pass. An installation that fits the
//! budget is counted in one pass, one that is ten times as big in about ten to
//! twenty, whatever the distribution of its ids.

use std::collections::HashMap;
use std::hash::Hash;

/// The counts of one range of ids.
#[derive(Debug)]
pub(crate) struct RangeCount<I> {
    /// The last id before the range; `None` if it begins with the first of all.
    after: Option<I>,
    /// The last id in the range; `None` if the range is open.
    last: Option<I>,
    budget: usize,
    counts: HashMap<I, u64>,
}

impl<I: Copy + Ord + Hash> RangeCount<I> {
    /// Begins a range after an id, with memory for this many distinct ids.
    pub(crate) fn new(after: Option<I>, budget: usize) -> Self {
        Self { after, last: None, budget: budget.max(2), counts: HashMap::new() }
    }

    /// Counts a reference, if it is in the range.
    pub(crate) fn add(&mut self, id: I) {
        if !self.contains(&id) {
            return;
        }
        *self.counts.entry(id).or_default() += 1;
        if self.counts.len() > self.budget {
            self.give_away_upper_half();
        }
    }

    fn give_away_upper_half(&mut self) {
        let mut ids: Vec<I> = self.counts.keys().copied().collect();
        let middle = (ids.len() - 1) / 2;
        let (_, last, _) = ids.select_nth_unstable(middle);
        let last = *last;
        self.counts.retain(|id, _| *id <= last);
        self.last = Some(last);
    }

    /// Says whether an id is counted in this pass.
    pub(crate) fn contains(&self, id: &I) -> bool {
        self.after.is_none_or(|after| *id > after) && self.last.is_none_or(|last| *id <= last)
    }

    /// The id after which the next pass begins; `None` if this was the last pass.
    pub(crate) fn continues_after(&self) -> Option<I> {
        self.last
    }

    /// Takes the count of one id out.
    pub(crate) fn take(&mut self, id: &I) -> u64 {
        self.counts.remove(id).unwrap_or(0)
    }

    /// What was counted and not taken.
    pub(crate) fn rest(self) -> impl Iterator<Item = (I, u64)> {
        self.counts.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_protocol::BlobId;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Counts in as many passes as it takes and says how many that were.
    fn count(references: &[BlobId], budget: usize) -> (BTreeMap<BlobId, u64>, usize) {
        let (mut all, mut passes) = (BTreeMap::new(), 0);
        let mut after = None;
        loop {
            let mut range = RangeCount::new(after, budget);
            for blob in references {
                range.add(*blob);
                assert!(range.counts.len() <= budget.max(2));
            }
            let next = range.continues_after();
            passes += 1;
            for (blob, count) in range.rest() {
                assert!(all.insert(blob, count).is_none(), "counted in two passes");
            }
            match next {
                Some(last) => after = Some(last),
                None => return (all, passes),
            }
        }
    }

    fn blob(n: u16) -> BlobId {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        BlobId(id)
    }

    proptest! {
        #[test]
        fn every_reference_is_counted_once(
            numbers in prop::collection::vec(0u16..500, 0..400),
            budget in 0usize..600,
        ) {
            let references: Vec<_> = numbers.iter().map(|n| blob(*n)).collect();
            let mut expected = BTreeMap::new();
            for blob in &references {
                *expected.entry(*blob).or_insert(0) += 1;
            }
            let (counted, passes) = count(&references, budget);
            if expected.len() <= budget {
                prop_assert_eq!(passes, 1);
            }
            prop_assert_eq!(counted, expected);
        }
    }

    #[test]
    fn a_small_budget_takes_a_bounded_number_of_passes() {
        let references: Vec<_> = (0..10_000).map(blob).collect();
        let (counted, passes) = count(&references, 1_000);
        assert_eq!(counted.len(), 10_000);
        assert!((10..=25).contains(&passes), "{passes}");
    }

    #[test]
    fn taking_leaves_the_rest() {
        let mut range = RangeCount::new(Some(blob(1)), 10);
        for n in [1, 2, 2, 3] {
            range.add(blob(n));
        }
        assert!(!range.contains(&blob(1)));
        assert_eq!((range.take(&blob(2)), range.take(&blob(9))), (2, 0));
        assert_eq!(range.rest().collect::<Vec<_>>(), [(blob(3), 1)]);
    }
}
