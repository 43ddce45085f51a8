//! Damage: found, remembered, and made good from another machine.
//!
//! Guarantees:
//!
//! - What is wanted is remembered in memory, bounded, and forgotten only when it
//!   was looked at again and found good. A restart forgets it; the scrub
//!   ([`crate::Store::scrub_step`]) and readers find it again.
//! - Everything that another machine offers is proved before it is written: a
//!   chunk by its id, an entry by the chain on both of its sides, a row by its
//!   digest and by the position and chain hash at which it was read, which must be
//!   the ones at which the writer stands. It is flushed, and read again. No journal
//!   entry is written: the state becomes what it should have been.
//! - What is sound is never written over, and nothing is deleted: damaged files and
//!   rows are kept in the quarantine directory.
//! - A row in which one bit, or one byte of its key, is wrong is put right with its
//!   own digest, which names the only row that it can have been.
//! - When very much is damaged at once something else is wrong: the [`breaker`]
//!   ends healing and collecting until the operator has looked.
//! - An error of the disk is no damage, and changes nothing.

mod breaker;
mod chunk;
mod entry;
mod mend;
mod row;
mod scrub;
mod wants;
mod writing;

pub use breaker::MOST_DAMAGED;
pub use row::{RowAsOf, RowKey};
pub use scrub::{ScrubCursor, ScrubOptions, ScrubStep};
pub(crate) use wants::Ward;
pub use wants::{HelperGuard, Unhealed, Want};
pub(crate) use writing::{HealWork, heal};

/// Who has helped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Helper {
    /// The machine that this one follows.
    Source,
    /// A machine that follows this one.
    Replica,
}

impl Helper {
    /// The name in metrics and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Replica => "replica",
        }
    }
}

/// What became of something that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Healed {
    /// It is good again.
    Good,
    /// It was good already, or is not needed any more.
    Sound,
    /// The offer was read at another moment of the history: ask again.
    Elsewhere,
    /// What was offered does not fit.
    Refused(&'static str),
}

impl Healed {
    /// The name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "healed",
            Self::Sound => "sound",
            Self::Elsewhere => "elsewhere",
            Self::Refused(_) => "refused",
        }
    }
}

/// Counts and logs what was done; here, once.
pub(crate) fn report(want: &Want, from: &'static str, outcome: Healed) {
    let (kind, result) = (want.kind(), outcome.name());
    metrics::counter!("coffer_heals_total", "kind" => kind, "from" => from, "result" => result)
        .increment(1);
    match outcome {
        Healed::Good => tracing::info!(%want, from, "healed"),
        Healed::Refused(reason) => tracing::warn!(%want, from, reason, "not healed"),
        Healed::Sound | Healed::Elsewhere => tracing::debug!(%want, from, result, "not healed"),
    }
}
