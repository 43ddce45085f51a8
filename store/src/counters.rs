//! How much work was done, for tests and metrics: numbers that a test can
//! compare where a time could not be.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Running totals since the store was opened.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($name: AtomicU64),+
        }

        /// A reading of the totals.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Work {
            $($(#[$doc])* pub $name: u64),+
        }

        impl Counters {
            $(pub(crate) fn $name(&self) {
                self.$name.fetch_add(1, Ordering::Relaxed);
            })+

            pub(crate) fn read(&self) -> Work {
                Work { $($name: self.$name.load(Ordering::Relaxed)),+ }
            }
        }
    };
}

counters! {
    /// Statements sent to the database (a batch counts once per round trip or run).
    statements,
    /// Write transactions committed.
    transactions,
    /// Commits that became durable.
    commits,
    /// Commits that were refused.
    refusals,
    /// Flush barriers over new chunk files.
    barriers,
    /// Transactions that were begun again after a conflict.
    retries,
    /// Connections that were replaced after a loss.
    reconnects,
}
