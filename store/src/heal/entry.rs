//! Entries of the journal on their way to a machine where they are damaged.

use super::row::RowKey;
use super::writing::HealWork;
use super::{Healed, Helper, Want, report};
use crate::changes::decode_body;
use crate::copy::columns;
use crate::db::{Connection, Insert, Value};
use crate::error::StoreError;
use crate::journal::{self, entry_hash};
use crate::replica::JournalEntry;
use crate::rows::{ClusterRow, JournalRow, Record, encode, fetch_one};
use crate::store::Store;

/// Entries that wait for their neighbours, at most.
const MAX_OFFERED: usize = 256;

/// What became of entries that were to be put.
pub(super) enum Run {
    Put,
    Sound,
    /// The entry on one of its sides is damaged as well.
    Open,
    Misfit,
}

impl Store {
    /// An entry, to heal the one of another machine; `None` if it is not kept here
    /// or is damaged. Nobody is waited for.
    pub async fn entry_as_it_is(&self, seq: u64) -> Result<Option<JournalEntry>, StoreError> {
        self.read_now(move |conn| {
            let cluster = journal::cluster(conn)?;
            match state_of(conn, &cluster, seq)? {
                State::Sound => {
                    let entry: Option<JournalRow> = fetch_one(conn, vec![Value::from(seq)])?;
                    Ok(entry.map(JournalEntry::from))
                }
                State::Damaged | State::Needless => Ok(None),
            }
        })
        .await
    }

    /// Takes an entry that another machine has brought, if the one here is damaged
    /// or missing. Entries that stand side by side are put together, once all of
    /// them are there, because a chain proves an entry from both of its sides.
    pub async fn accept_entry(
        &self,
        entry: JournalEntry,
        from: Helper,
    ) -> Result<Healed, StoreError> {
        self.needs_lock()?;
        if self.breaker_tripped() {
            return Ok(Healed::Refused("the breaker is tripped"));
        }
        let seq = entry.seq;
        let run = self.ward().keep_offered(entry, MAX_OFFERED);
        let numbers: Vec<u64> = run.iter().map(|entry| entry.seq).collect();
        for seq in &numbers {
            if let Some(key) = RowKey::of_seq(*seq) {
                self.keep_evidence(&key).await?;
            }
        }
        let rows = run.into_iter().map(JournalRow::from).collect();
        let outcome = self.write_heal(HealWork::Entries(rows)).await?;
        match outcome {
            Healed::Good | Healed::Sound => {
                for seq in numbers {
                    if self.journal_state(seq).await? != State::Damaged {
                        self.ward().settle(&Want::Entry(seq));
                        report(&Want::Entry(seq), from.name(), outcome);
                    }
                }
            }
            Healed::Elsewhere | Healed::Refused(_) => {
                report(&Want::Entry(seq), from.name(), outcome);
            }
        }
        Ok(outcome)
    }

    /// Whether an entry is good.
    pub(super) async fn journal_state(&self, seq: u64) -> Result<State, StoreError> {
        self.read_now(move |conn| {
            let cluster = journal::cluster(conn)?;
            state_of(conn, &cluster, seq)
        })
        .await
    }
}

/// What an entry is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Sound,
    Damaged,
    /// It is not kept, or not written yet.
    Needless,
}

/// Looks at an entry and at the one before.
pub(super) fn state_of(
    conn: &mut dyn Connection,
    cluster: &ClusterRow,
    seq: u64,
) -> Result<State, StoreError> {
    if seq <= cluster.pruned_seq || seq > cluster.seq {
        return Ok(State::Needless);
    }
    let Some(entry) = sound_row(conn, seq)? else { return Ok(State::Damaged) };
    // Without a good one before it the digest has to do.
    let fits = match hash_before(conn, cluster, seq)? {
        Some(hash) => entry_hash(&hash, &entry) == entry.hash,
        None => true,
    };
    let last = seq != cluster.seq || entry.hash == cluster.chain_hash;
    let good = fits && last && decode_body(&entry.body).is_ok();
    Ok(if good { State::Sound } else { State::Damaged })
}

/// The row of an entry, if there is one that has its digest.
fn sound_row(conn: &mut dyn Connection, seq: u64) -> Result<Option<JournalRow>, StoreError> {
    match fetch_one(conn, vec![Value::from(seq)]) {
        Err(StoreError::DamagedRow { .. }) => Ok(None),
        other => other,
    }
}

/// The hash that an entry has to follow, if it is known.
fn hash_before(
    conn: &mut dyn Connection,
    cluster: &ClusterRow,
    seq: u64,
) -> Result<Option<[u8; 32]>, StoreError> {
    if seq == cluster.pruned_seq + 1 {
        return Ok(Some(cluster.pruned_hash));
    }
    Ok(sound_row(conn, seq - 1)?.map(|entry| entry.hash))
}

/// Puts entries that follow one another, if the chain leads from the one before
/// through all of them to the one behind.
pub(super) fn put_entries(
    conn: &mut dyn Connection,
    cluster: &ClusterRow,
    rows: &[JournalRow],
) -> Result<Run, StoreError> {
    let kept = |row: &&JournalRow| row.seq > cluster.pruned_seq && row.seq <= cluster.seq;
    let rows: Vec<&JournalRow> = rows.iter().filter(kept).collect();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(Run::Sound) };
    let mut damaged = Vec::new();
    for row in &rows {
        if sound_row(conn, row.seq)?.is_none_or(|own| own != **row) {
            damaged.push(*row);
        }
    }
    if damaged.is_empty() {
        return Ok(Run::Sound);
    }
    let Some(mut hash) = hash_before(conn, cluster, first.seq)? else { return Ok(Run::Open) };
    for row in &rows {
        if entry_hash(&hash, row) != row.hash || decode_body(&row.body).is_err() {
            return Ok(Run::Misfit);
        }
        hash = row.hash;
    }
    if last.seq == cluster.seq {
        if hash != cluster.chain_hash {
            return Ok(Run::Misfit);
        }
    } else {
        match sound_row(conn, last.seq + 1)? {
            Some(next) if entry_hash(&hash, &next) == next.hash => {}
            Some(_) => return Ok(Run::Misfit),
            None => return Ok(Run::Open),
        }
    }
    let table = JournalRow::TABLE;
    let columns = columns(table);
    let insert = Insert {
        table: table.name,
        columns: &columns,
        overwrite: Some(("seq", &columns[table.keys..])),
    };
    let mut encoded = Vec::with_capacity(damaged.len());
    for row in damaged {
        encoded.push(encode(row).map_err(crate::commit::CommitError::TooLarge)?);
    }
    conn.insert(insert, &encoded)?;
    Ok(Run::Put)
}
