//! Rows on their way to a machine where they are damaged.

use super::writing::HealWork;
use super::{Healed, Helper, Want, report};
use crate::db::{Connection, Row, Value, begin_snapshot};
use crate::error::StoreError;
use crate::journal;
use crate::replica::Role;
use crate::replica::pages;
use crate::rows::{JournalRow, Kind, Record, TABLES, Table, read_image, verify, write_image};
use crate::store::Store;
use coffer_protocol::Position;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long commits are held for a row, and how long they are not held again.
const HELD: Duration = Duration::from_millis(1500);
const RELEASED: Duration = Duration::from_secs(3);
/// Most bytes of a key.
const MAX_KEY_BYTES: usize = 256;

/// Names a row: its table by number, its key as an image (docs/formats.md).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    /// Number of the table.
    pub table: u8,
    /// Image of the key columns.
    pub key: Vec<u8>,
}

impl RowKey {
    pub(super) fn new(table: &'static Table, key: &[Value]) -> Self {
        let mut image = Vec::new();
        write_image(&key[..table.keys.min(key.len())], &table.columns[..table.keys], &mut image);
        Self { table: table.number, key: image }
    }

    /// Reads the key of an error.
    pub(super) fn of_text(table: &str, text: &str) -> Option<Self> {
        let all = TABLES.iter().copied().chain([crate::rows::ClusterRow::TABLE]);
        let table = all.into_iter().find(|known| known.name == table)?;
        let mut parts = text.split('/');
        let mut key = Vec::with_capacity(table.keys);
        for (_, kind) in &table.columns[..table.keys] {
            let part = parts.next()?;
            key.push(match kind {
                Kind::U64 | Kind::Int | Kind::OptInt => Value::Int(part.parse().ok()?),
                Kind::Fixed(_) | Kind::OptFixed(_) | Kind::Bytes(_) => Value::Bytes(unhex(part)?),
            });
        }
        let named = Self::new(table, &key);
        // One that is no key of the table names nothing.
        named.values().map(|_| named)
    }

    /// Its table, and the values of its key.
    pub(super) fn values(&self) -> Option<(&'static Table, Vec<Value>)> {
        let all = TABLES.iter().copied().chain([crate::rows::ClusterRow::TABLE]);
        let table = all.into_iter().find(|known| known.number == self.table)?;
        if self.key.len() > MAX_KEY_BYTES {
            return None;
        }
        let key = read_image(&self.key, &table.columns[..table.keys]).ok()?;
        Some((table, key))
    }

    /// The row of a journal entry.
    pub(super) fn of_seq(seq: u64) -> Option<Self> {
        Self::of_text(JournalRow::TABLE.name, &seq.to_string())
    }

    /// Which entry it is, if it is one of the journal.
    pub(super) fn seq(&self) -> Option<u64> {
        match self.values()? {
            (table, key) if table.number == JournalRow::TABLE.number => match key.as_slice() {
                [Value::Int(seq)] => Some(seq.cast_unsigned()),
                _ => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.values() {
            Some((table, key)) => write!(f, "row {} of table {}", table.key_text(&key), table.name),
            None => write!(f, "a row of table {}", self.table),
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// A row as it is at one moment of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowAsOf {
    /// The moment.
    pub position: Position,
    /// The chain's hash of everything up to it.
    pub chain_hash: [u8; 32],
    /// The row, as a page of a snapshot; `None`: there is none of this key.
    pub row: Option<Vec<u8>>,
}

impl Store {
    /// A row, to heal the one of another machine. Fails if it is damaged here as
    /// well; nobody is waited for.
    pub async fn row_as_of(&self, row: &RowKey) -> Result<RowAsOf, StoreError> {
        let known = row.values().filter(|(table, _)| pages::table(table.number).is_ok());
        let Some((table, key)) = known else {
            return Err(StoreError::BadSnapshot(format!("table {} is not known", row.table)));
        };
        self.read_now(move |conn| {
            begin_snapshot(conn)?;
            let read = read_as_of(conn, table, &key);
            conn.rollback()?;
            read
        })
        .await
    }

    /// Takes a row that another machine has brought, if it is damaged or missing
    /// here and the history stands where it was read.
    pub async fn accept_row(
        &self,
        row: &RowKey,
        offered: RowAsOf,
        from: Helper,
    ) -> Result<Healed, StoreError> {
        self.needs_lock()?;
        if self.breaker_tripped() {
            return Ok(Healed::Refused("the breaker is tripped"));
        }
        let Some((table, key)) = row.values() else {
            return Ok(Healed::Refused("it is no row of a table that is known"));
        };
        let bytes = match &offered.row {
            Some(page) => match pages::decode(table, page)?.as_slice() {
                [one] if one[..table.keys] == key[..] => Some(one.clone()),
                _ => return Ok(Healed::Refused("it is another row")),
            },
            None => None,
        };
        self.keep_evidence(row).await?;
        let (at, hash) = (offered.position.seq, offered.chain_hash);
        let work = HealWork::Row { table, key, row: bytes, at, hash };
        let outcome = self.write_heal(work).await?;
        self.settle_row(row, from, outcome).await
    }

    /// Forgets the want of a row that is good, if it is.
    pub async fn settle_if_sound(&self, row: &RowKey) -> Result<bool, StoreError> {
        let sound = match self.row_as_of(row).await {
            Ok(read) => read.row.is_some(),
            Err(StoreError::DamagedRow { .. }) => false,
            Err(error) => return Err(error),
        };
        if sound {
            self.ward().settle(&Want::Row(row.clone()));
        }
        Ok(sound)
    }

    /// Forgets the wants of all rows: every row was replaced that was not good.
    pub fn settle_rows(&self) {
        for want in self.wanted(usize::MAX, |want| matches!(want, Want::Row(_))) {
            self.ward().settle(&want);
        }
    }

    async fn settle_row(
        &self,
        row: &RowKey,
        from: Helper,
        outcome: Healed,
    ) -> Result<Healed, StoreError> {
        let want = Want::Row(row.clone());
        match outcome {
            Healed::Good | Healed::Sound => {
                // Read again, by another connection than the one that wrote.
                if let Err(StoreError::DamagedRow { .. }) = self.row_as_of(row).await {
                    return Ok(Healed::Refused("it is damaged again"));
                }
                self.ward().settle(&want);
            }
            Healed::Elsewhere => self.hold_commits(want.clone()),
            Healed::Refused(_) => {}
        }
        report(&want, from.name(), outcome);
        Ok(outcome)
    }

    /// Keeps a damaged row, as far as it can be read, in the quarantine directory.
    pub(super) async fn keep_evidence(&self, row: &RowKey) -> Result<(), StoreError> {
        let Some((table, key)) = row.values() else { return Ok(()) };
        let raw = self.read_now(move |conn| raw_row(conn, table, &key)).await?;
        let count = table.columns.len();
        let Some(raw) = raw.filter(|raw| verify(table, raw[..=count].to_vec()).is_err()) else {
            return Ok(());
        };
        let mut image = Vec::new();
        write_image(&raw[..count], table.columns, &mut image);
        if let Some(Value::Bytes(digest)) = raw.get(count) {
            image.extend_from_slice(digest);
        }
        let name = blake3::hash(&row.key).to_hex();
        let name = format!("row.{}.{}", table.name, &name[..32]);
        self.with_chunks(move |chunks| chunks.keep(&name, &image)).await
    }

    /// Lets a primary stand still for a moment, so that a replica can come to where
    /// it stands. Commits wait, and are not refused; between two such moments there
    /// is time for them.
    fn hold_commits(&self, want: Want) {
        if self.role() != Role::Primary || self.ward().holding.swap(true, Ordering::AcqRel) {
            return;
        }
        let store = self.clone();
        tokio::spawn(async move {
            let gate = Arc::clone(&store.ward().gate).write_owned().await;
            tracing::debug!(%want, "writes wait for a row to be healed");
            let mut changed = store.wants_changed();
            let settled =
                async { while store.ward().contains(&want) && changed.changed().await.is_ok() {} };
            // Whether it was healed shows in the list of wants.
            let _ = timeout(HELD, settled).await;
            drop(gate);
            sleep(RELEASED).await;
            store.ward().holding.store(false, Ordering::Release);
        });
    }
}

fn read_as_of(
    conn: &mut dyn Connection,
    table: &'static Table,
    key: &[Value],
) -> Result<RowAsOf, StoreError> {
    let cluster = journal::cluster(conn)?;
    let position = Position { epoch: cluster.epoch, seq: cluster.seq };
    let row = raw_row(conn, table, key)?;
    let row = row.map(|row| pages::one(table, &row)).transpose()?;
    Ok(RowAsOf { position, chain_hash: cluster.chain_hash, row })
}

/// A row with its digest and everything else that is copied, unverified.
pub(super) fn raw_row(
    conn: &mut dyn Connection,
    table: &'static Table,
    key: &[Value],
) -> Result<Option<Row>, StoreError> {
    let columns = crate::copy::columns(table).join(",");
    let head = format!("SELECT {columns} FROM {}", table.name);
    Ok(conn.query_keys(&head, &table.key_names(), &[key.to_vec()])?.pop())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{NodeRow, VersionRow};

    #[test]
    fn keys_are_read_from_errors_and_back() {
        let node = Value::Bytes(vec![0xab; 16]);
        let key = RowKey::new(VersionRow::TABLE, &[node.clone(), Value::Int(7)]);
        assert_eq!(key.values().unwrap().1, [node.clone(), Value::Int(7)]);
        let text = VersionRow::TABLE.key_text(&[node, Value::Int(7)]);
        assert_eq!(RowKey::of_text("versions", &text), Some(key.clone()));
        assert_eq!(key.to_string(), format!("row {text} of table versions"));
        for (table, text) in [("nodes", "null"), ("nodes", "ab"), ("versions", "ab"), ("x", "")] {
            assert_eq!(RowKey::of_text(table, text), None, "{table} {text}");
        }
        assert_eq!(RowKey::of_text("journal", "12").unwrap().seq(), Some(12));
        assert!(RowKey { table: NodeRow::TABLE.number, key: vec![1] }.values().is_none());
        assert_eq!(RowKey { table: 99, key: vec![] }.to_string(), "a row of table 99");
    }
}
