//! A bounded map that forgets what was not used for longest.
//!
//! Guarantees: never more than the given number of entries, and memory only
//! for those that are there, so that ten thousand idle sessions cost little.

use lru::LruCache;
use std::hash::Hash;

/// The entries used most recently.
pub(crate) struct Recent<K: Hash + Eq, V> {
    entries: LruCache<K, V>,
    most: usize,
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// A map of at most so many entries (at least one).
    pub(crate) fn new(most: usize) -> Self {
        Self { entries: LruCache::unbounded(), most: most.max(1) }
    }

    /// An entry, which counts as used.
    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// Adds or replaces an entry.
    pub(crate) fn put(&mut self, key: K, value: V) {
        self.entries.put(key, value);
        while self.entries.len() > self.most {
            self.entries.pop_lru();
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut recent = Recent::new(2);
        recent.put(1, 'a');
        recent.put(2, 'b');
        assert_eq!(recent.get(&1), Some(&'a'));
        recent.put(3, 'c');
        assert_eq!(recent.get(&2), None);
        assert_eq!(recent.get(&1), Some(&'a'));
        assert_eq!(recent.get(&3), Some(&'c'));
        recent.clear();
        assert_eq!(recent.get(&1), None);
    }
}
