//! What is damaged here and wanted from others, and who can be asked.

use super::breaker::Breaker;
use super::row::RowKey;
use super::{Helper, report};
use crate::journal;
use crate::replica::JournalEntry;
use crate::rows::{ClusterRow, Record};
use crate::store::Store;
use crate::{CommitError, StoreError};
use coffer_protocol::BlobId;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{RwLock, watch};
use tokio::time::timeout;

/// Most wants that are remembered. What does not fit is found again.
const MAX_WANTS: usize = 10_000;
/// How long a reader waits for what it needs to be healed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something that is damaged or missing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Want {
    /// The bytes of a chunk.
    Chunk(BlobId),
    /// A row.
    Row(RowKey),
    /// An entry of the journal.
    Entry(u64),
}

impl Want {
    /// Which kind of thing, for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Chunk(_) => "chunk",
            Self::Row(_) => "row",
            Self::Entry(_) => "entry",
        }
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chunk(blob) => write!(f, "chunk {blob}"),
            Self::Row(row) => write!(f, "{row}"),
            Self::Entry(seq) => write!(f, "journal entry {seq}"),
        }
    }
}

/// How much is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unhealed {
    /// Chunks.
    pub chunks: usize,
    /// Rows.
    pub rows: usize,
    /// Entries of the journal.
    pub entries: usize,
}

impl Unhealed {
    /// All of them.
    pub fn total(&self) -> usize {
        self.chunks + self.rows + self.entries
    }
}

/// What is known of something wanted.
#[derive(Debug, Default)]
struct Case {
    /// Times that another machine did not have it either.
    denied: u32,
}

#[derive(Debug, Default)]
struct State {
    wants: BTreeMap<Want, Case>,
    breaker: Breaker,
    /// Entries that were offered and wait for their neighbours.
    offered: BTreeMap<u64, JournalEntry>,
}

/// The list of wants of a store.
#[derive(Debug)]
pub(crate) struct Ward {
    state: Mutex<State>,
    /// Changes with every want that comes or goes.
    changed: watch::Sender<u64>,
    helpers: Arc<AtomicUsize>,
    /// Counts how often everything was to be asked for anew.
    rounds: AtomicU64,
    /// Commits go through it; held while a row is healed at a source that is busy.
    pub(crate) gate: Arc<RwLock<()>>,
    /// It is held, or was a moment ago.
    pub(super) holding: AtomicBool,
}

impl Default for Ward {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            changed: watch::Sender::new(0),
            helpers: Arc::default(),
            rounds: AtomicU64::new(0),
            gate: Arc::default(),
            holding: AtomicBool::new(false),
        }
    }
}

/// Says, while it is held, that a machine is connected that can help.
#[derive(Debug)]
pub struct HelperGuard(Arc<AtomicUsize>);

impl Drop for HelperGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ward {
    fn state(&self) -> MutexGuard<'_, State> {
        // Consistent between any two statements of its users.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    pub(crate) fn contains(&self, want: &Want) -> bool {
        self.state().wants.contains_key(want)
    }

    /// Forgets something that is good again.
    pub(crate) fn settle(&self, want: &Want) {
        let removed = {
            let mut state = self.state();
            if let Want::Entry(seq) = want {
                state.offered.remove(seq);
            }
            state.wants.remove(want)
        };
        if removed.is_some() {
            self.touch();
        }
    }

    /// Keeps an offered entry; returns the run of offered entries around it.
    pub(super) fn keep_offered(&self, entry: JournalEntry, most: usize) -> Vec<JournalEntry> {
        let mut state = self.state();
        if state.offered.len() >= most {
            state.offered.clear();
        }
        let at = entry.seq;
        state.offered.insert(at, entry);
        let mut first = at;
        while first > 0 && state.offered.contains_key(&(first - 1)) {
            first -= 1;
        }
        let run = (first..).map_while(|seq| state.offered.get(&seq).cloned());
        run.collect()
    }

    /// Whether it is wanted, and somebody is left who may have it.
    fn is_pending(&self, want: &Want) -> bool {
        let helpers = self.helpers.load(Ordering::Relaxed);
        let state = self.state();
        let case = state.wants.get(want);
        case.is_some_and(|case| (case.denied as usize) < helpers && !state.breaker.is_tripped())
    }

    /// Waits until something is wanted no more; `false` when that is in vain.
    async fn settled(&self, want: &Want) -> bool {
        let mut changed = self.changed.subscribe();
        let wait = async {
            while self.is_pending(want) {
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        timeout(PATIENCE, wait).await.is_ok() && !self.contains(want)
    }
}

impl Store {
    pub(super) fn want(&self, want: &Want) {
        let now = self.environment().clock.now_millis();
        let tripped = {
            let mut state = self.ward().state();
            if state.wants.len() >= MAX_WANTS || state.wants.contains_key(want) {
                return;
            }
            state.wants.insert(want.clone(), Case::default());
            matches!(want, Want::Chunk(_)) && state.breaker.note(now)
        };
        metrics::counter!("coffer_damage_found_total", "kind" => want.kind()).increment(1);
        tracing::error!(%want, "damaged or missing: it is wanted from another machine");
        if tripped {
            metrics::counter!("coffer_heal_breaker_total").increment(1);
            tracing::error!(
                most = super::MOST_DAMAGED,
                "so many chunks are damaged that something else must be wrong: nothing is healed or \
                 collected any more. Look at the disk, the file system and the memory; then run \
                 `repair --accept-many`"
            );
        }
        self.ward().touch();
    }

    /// Notes that a chunk is damaged or missing here.
    pub fn want_chunk(&self, blob: BlobId) {
        self.want(&Want::Chunk(blob));
    }

    /// What is wanted, at most this many of each kind that a filter lets through.
    /// Nothing while the breaker is tripped.
    pub fn wanted(&self, most: usize, mut filter: impl FnMut(&Want) -> bool) -> Vec<Want> {
        let state = self.ward().state();
        if state.breaker.is_tripped() {
            return Vec::new();
        }
        let mut left = [most; 3];
        let mut takes = |want: &Want| {
            let left = match want {
                Want::Chunk(_) => &mut left[0],
                Want::Row(_) => &mut left[1],
                Want::Entry(_) => &mut left[2],
            };
            let takes = *left > 0 && filter(want);
            *left -= usize::from(takes);
            takes
        };
        state.wants.keys().filter(|want| takes(want)).cloned().collect()
    }

    /// To wait for wants that come or go.
    pub fn wants_changed(&self) -> watch::Receiver<u64> {
        self.ward().changed.subscribe()
    }

    /// How much is wanted.
    pub fn unhealed(&self) -> Unhealed {
        let state = self.ward().state();
        let mut unhealed = Unhealed::default();
        for want in state.wants.keys() {
            match want {
                Want::Chunk(_) => unhealed.chunks += 1,
                Want::Row(_) => unhealed.rows += 1,
                Want::Entry(_) => unhealed.entries += 1,
            }
        }
        unhealed
    }

    /// How much is wanted that another machine did not have either.
    pub fn denied(&self) -> usize {
        self.ward().state().wants.values().filter(|case| case.denied > 0).count()
    }

    /// Another machine does not have it, or has it damaged.
    pub fn denied_by(&self, want: &Want, from: Helper) {
        let first = {
            let mut state = self.ward().state();
            let Some(case) = state.wants.get_mut(want) else { return };
            case.denied += 1;
            case.denied == 1
        };
        metrics::counter!(
            "coffer_heals_total",
            "kind" => want.kind(), "from" => from.name(), "result" => "denied"
        )
        .increment(1);
        if first {
            tracing::error!(%want, from = from.name(), "it is not to be had there either");
        }
        self.ward().touch();
    }

    /// Asks for everything anew: a machine that did not have something may have got
    /// it since.
    pub fn ask_again(&self) {
        {
            let mut state = self.ward().state();
            state.wants.values_mut().for_each(|case| case.denied = 0);
            self.ward().rounds.fetch_add(1, Ordering::Relaxed);
        }
        self.ward().touch();
    }

    /// Changes whenever what was asked for has to be asked for anew.
    pub fn asking_round(&self) -> u64 {
        self.ward().rounds.load(Ordering::Relaxed)
    }

    /// Says that a machine is connected that can help, until the guard is dropped.
    pub fn helper(&self) -> HelperGuard {
        self.ward().helpers.fetch_add(1, Ordering::Relaxed);
        HelperGuard(Arc::clone(&self.ward().helpers))
    }

    /// Whether so much is damaged that nothing is healed or collected.
    pub fn breaker_tripped(&self) -> bool {
        self.ward().state().breaker.is_tripped()
    }

    /// Trips the breaker, as it was before a restart.
    pub fn trip_breaker(&self) {
        self.ward().state().breaker.trip();
    }

    /// Resets the breaker; while it is overruled it does not trip.
    pub fn overrule_breaker(&self, overruled: bool) {
        self.ward().state().breaker.overrule(overruled);
        self.ward().touch();
    }

    fn can_be_helped(&self) -> bool {
        self.ward().helpers.load(Ordering::Relaxed) > 0 && !self.breaker_tripped()
    }

    /// Waits a moment for another machine to heal something, if there is one.
    pub(crate) async fn healed_in_time(&self, want: &Want) -> bool {
        self.can_be_helped() && self.ward().settled(want).await
    }

    /// A read has met an error: notes what is damaged and tries to get it healed.
    /// `true`: the read is worth another try.
    pub(crate) async fn noticed(&self, error: &StoreError) -> bool {
        match error {
            StoreError::DamagedRow { table, key } => self.noticed_row(table, key).await,
            StoreError::DamagedJournal { seq, .. } => {
                let want = Want::Entry(*seq);
                self.want(&want);
                self.healed_in_time(&want).await
            }
            _ => false,
        }
    }

    /// The same for many at a time; waits for one of them.
    pub(crate) async fn notice_all(&self, errors: &[StoreError]) -> bool {
        let mut again = false;
        for (index, error) in errors.iter().enumerate() {
            match error {
                StoreError::DamagedRow { table, key } => {
                    let wanted = self.noticed_at_once(table, key).await;
                    again |= match wanted {
                        Ok(mended) => mended,
                        Err(want) => index == 0 && self.healed_in_time(&want).await,
                    };
                }
                other => again |= self.noticed(other).await,
            }
        }
        again
    }

    /// The same for a commit.
    pub(crate) async fn commit_noticed(&self, error: &CommitError) -> bool {
        match error {
            CommitError::DamagedRow { table, key } => self.noticed_row(table, key).await,
            _ => false,
        }
    }

    async fn noticed_row(&self, table: &'static str, key: &str) -> bool {
        match self.noticed_at_once(table, key).await {
            Ok(mended) => mended,
            Err(want) => self.healed_in_time(&want).await,
        }
    }

    /// Tries to put a row right; says what is wanted if that is not possible.
    async fn noticed_at_once(&self, table: &'static str, key: &str) -> Result<bool, Want> {
        if self.needs_lock().is_err() {
            // A command beside a running daemon, which will meet it as well.
            return Ok(false);
        }
        if table == ClusterRow::TABLE.name {
            return Ok(self.mend_cluster().await);
        }
        let Some(row) = RowKey::of_text(table, key) else { return Ok(false) };
        let want = match row.seq() {
            Some(seq) => Want::Entry(seq),
            None => Want::Row(row.clone()),
        };
        if self.mend(&row).await {
            report(&want, "digest", super::Healed::Good);
            self.ward().settle(&want);
            return Ok(true);
        }
        self.want(&want);
        Err(want)
    }

    /// Notes every entry that is missing between two.
    pub(super) fn want_entries(&self, from: u64, to: u64) {
        for seq in (from..=to).take(MAX_WANTS) {
            self.want(&Want::Entry(seq));
        }
    }

    async fn mend_cluster(&self) -> bool {
        let Some(row) = RowKey::of_text(ClusterRow::TABLE.name, "1") else { return false };
        let mended = self.mend(&row).await;
        if mended {
            tracing::info!("the row of the installation was damaged and put right with its digest");
        } else {
            tracing::error!("the row of the installation is damaged");
        }
        mended && self.read_now(journal::cluster).await.is_ok()
    }
}
