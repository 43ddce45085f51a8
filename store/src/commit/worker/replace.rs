//! Filling a replica by difference: one transaction that replaces everything that
//! differs, or nothing.

use super::{Failure, Worker, failure};
use crate::commit::CommitError;
use crate::copy::columns;
use crate::db::{Connection, Insert, Row, Value};
use crate::error::StoreError;
use crate::journal::{self, ROLE_PRIMARY, ROLE_REPLICA};
use crate::replica::{Record, Replacement, Staging, decode_rows, state_root, table};
use crate::rows::{ClusterRow, Table};
use crate::seat::Fence;
use coffer_protocol::Position;

/// Rows deleted at a time.
const DELETE_ROWS: usize = 1_000;
/// Journal entries deleted at a time.
const DELETE_ENTRIES: u64 = 5_000;

impl Worker {
    pub(super) fn replace(&mut self, work: &Replacement) -> Result<(), StoreError> {
        let mut sent = false;
        let seq = work.moment.position.seq;
        self.recent.unknown_through(seq);
        self.retrying(|worker| worker.replace_once(work, &mut sent))?;
        self.recent.reset(seq);
        self.committed.send_replace(work.moment.position);
        Ok(())
    }

    fn replace_once(
        &mut self,
        work: &Replacement,
        sent: &mut bool,
    ) -> Result<(), Failure<StoreError>> {
        self.conn.begin().map_err(|error| sorted(error.into()))?;
        match self.replace_within(work, *sent) {
            Ok(true) => {}
            Ok(false) => {
                self.roll_back();
                return Ok(());
            }
            Err(error) => return Err(self.undo(sorted(error))),
        }
        let ended = self.end();
        *sent = matches!(ended, Err(Failure::Lost(_)));
        ended
    }

    /// Replaces in a transaction that has begun; `false`: it is done already.
    fn replace_within(&mut self, work: &Replacement, sent: bool) -> Result<bool, StoreError> {
        let conn = self.conn.as_mut();
        let Replacement { data, moment, own, rewound } = work;
        let mut cluster = journal::lock_any(conn)?;
        let stands = (position(&cluster), cluster.chain_hash);
        let there = (moment.position, moment.chain_hash);
        if sent && cluster.role == ROLE_REPLICA && stands == there {
            return Ok(false);
        }
        let role_fits = match cluster.role {
            ROLE_REPLICA => cluster.fenced == Fence::Open,
            ROLE_PRIMARY => *rewound,
            _ => false,
        };
        if !role_fits {
            return Err(CommitError::Fenced.into());
        }
        if stands != *own {
            return Err(StoreError::BadSnapshot("this machine has gone on meanwhile".to_owned()));
        }
        // First what goes, so that no unique key is met half-way.
        walk(
            data,
            |record| match record {
                Record::Gone(number, key) => Step::Delete(number, vec![key]),
                Record::Rows(number, page) => Step::DeleteRows(number, page),
                _ => Step::Nothing,
            },
            conn,
        )?;
        walk(
            data,
            |record| match record {
                Record::Rows(number, page) => Step::Insert(number, page),
                _ => Step::Nothing,
            },
            conn,
        )?;
        if state_root(conn)? != moment.root {
            let text = "its rows would not add up to what the source has; nothing was changed";
            return Err(StoreError::BadSnapshot(text.to_owned()));
        }
        if stands != there {
            empty_journal(conn, cluster.seq)?;
            (cluster.pruned_seq, cluster.pruned_hash) = (moment.position.seq, moment.chain_hash);
        }
        (cluster.role, cluster.fenced) = (ROLE_REPLICA, Fence::Open);
        (cluster.epoch, cluster.seq) = (moment.position.epoch, moment.position.seq);
        cluster.chain_hash = moment.chain_hash;
        journal::unlock(conn, &cluster)?;
        Ok(true)
    }
}

fn position(cluster: &ClusterRow) -> Position {
    Position { epoch: cluster.epoch, seq: cluster.seq }
}

/// Sorts an error before the commit; what the rows themselves are to blame for
/// stays what it is.
fn sorted(error: StoreError) -> Failure<StoreError> {
    match error {
        StoreError::BadSnapshot(_) => Failure::Refused(error),
        other => failure(other).widen(),
    }
}

/// What a record asks for.
enum Step {
    Nothing,
    Delete(u8, Vec<Row>),
    DeleteRows(u8, Vec<u8>),
    Insert(u8, Vec<u8>),
}

/// Does what the records ask for, in their order.
fn walk(
    data: &std::path::Path,
    step: impl Fn(Record) -> Step,
    conn: &mut dyn Connection,
) -> Result<(), StoreError> {
    let missing = || StoreError::BadSnapshot("the file `refill` is gone".to_owned());
    let mut reader = Staging::read(data)?.ok_or_else(missing)?;
    // Keys of one table gather, because each is a record of its own.
    let mut gathered: (u8, Vec<Row>) = (0, Vec::new());
    while let Some(record) = reader.next()? {
        match step(record) {
            Step::Nothing => {}
            Step::Delete(number, keys) => {
                if number != gathered.0 || gathered.1.len() >= DELETE_ROWS {
                    delete(conn, &gathered)?;
                    gathered = (number, Vec::new());
                }
                gathered.1.extend(keys);
            }
            Step::DeleteRows(number, page) => {
                let known = table(number)?;
                let rows = decode_rows(known, &page)?;
                let keys = rows.iter().map(|row| row[..known.keys].to_vec()).collect();
                delete(conn, &(number, keys))?;
            }
            Step::Insert(number, page) => insert(conn, table(number)?, &page)?,
        }
    }
    delete(conn, &gathered)
}

fn delete(conn: &mut dyn Connection, (number, keys): &(u8, Vec<Row>)) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let table = table(*number)?;
    Ok(conn.delete_keys(table.name, &table.key_names(), keys)?)
}

fn insert(conn: &mut dyn Connection, table: &'static Table, page: &[u8]) -> Result<(), StoreError> {
    let columns = columns(table);
    let insert = Insert { table: table.name, columns: &columns, overwrite: None };
    Ok(conn.insert(insert, &decode_rows(table, page)?)?)
}

/// Deletes all entries, in steps that a database takes in its stride.
fn empty_journal(conn: &mut dyn Connection, last: u64) -> Result<(), StoreError> {
    let rows = conn.query("SELECT seq FROM journal ORDER BY seq LIMIT 1", &[])?;
    let Some([Value::Int(first)]) = rows.first().map(Vec::as_slice) else { return Ok(()) };
    let mut through = first.cast_unsigned();
    while through < last {
        through = through.saturating_add(DELETE_ENTRIES).min(last);
        conn.execute("DELETE FROM journal WHERE seq<=?", &[through.into()])?;
    }
    conn.execute("DELETE FROM journal", &[])?;
    Ok(())
}
