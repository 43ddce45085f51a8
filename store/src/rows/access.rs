//! Reads and writes whole rows with their digests.

use super::cells::Cells;
use super::table::{Malformed, Table, check};
use crate::db::{Connection, DbError, Insert, Row, Value};
use crate::error::StoreError;

/// A type that is a row of a table.
pub(crate) trait Record: Sized {
    /// Its table.
    const TABLE: &'static Table;

    /// The values of all columns but the digest.
    fn values(&self) -> Vec<Value>;

    /// The inverse of [`Record::values`].
    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed>;

    /// The primary key.
    fn key(&self) -> Vec<Value> {
        let mut values = self.values();
        values.truncate(Self::TABLE.keys);
        values
    }
}

/// The row to store: all values and the digest. Fails with the name of a column
/// whose value it cannot hold.
pub(crate) fn encode<R: Record>(record: &R) -> Result<Row, &'static str> {
    let mut values = record.values();
    check(&values, R::TABLE.columns)?;
    let digest = R::TABLE.digest(&values);
    values.push((&digest).into());
    Ok(values)
}

/// Takes a stored row apart, after a look at its digest.
pub(crate) fn decode<R: Record>(row: Row) -> Result<R, StoreError> {
    let values = verify(R::TABLE, row)?;
    let key = R::TABLE.key_text(&values);
    let damaged = |_| StoreError::DamagedRow { table: R::TABLE.name, key };
    R::from_cells(&mut Cells::new(values)).map_err(damaged)
}

/// Checks the digest of a stored row and takes it off.
pub(crate) fn verify(table: &'static Table, mut row: Row) -> Result<Vec<Value>, StoreError> {
    let digest = row.pop();
    let good =
        check(&row, table.columns).is_ok() && digest == Some(Value::from(&table.digest(&row)));
    match good {
        true => Ok(row),
        false => Err(StoreError::DamagedRow { table: table.name, key: table.key_text(&row) }),
    }
}

/// Reads the rows with these keys, in no order.
pub(crate) fn fetch_keys<R: Record>(
    conn: &mut dyn Connection,
    keys: &[Vec<Value>],
) -> Result<Vec<R>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = conn.query_keys(&R::TABLE.select(), &R::TABLE.key_names(), keys)?;
    rows.into_iter().map(decode).collect()
}

/// Reads the row with this key.
pub(crate) fn fetch_one<R: Record>(
    conn: &mut dyn Connection,
    key: Vec<Value>,
) -> Result<Option<R>, StoreError> {
    Ok(fetch_keys(conn, &[key])?.pop())
}

/// Reads the rows of a condition, which is what follows `WHERE`, with order and
/// limit.
pub(crate) fn fetch_where<R: Record>(
    conn: &mut dyn Connection,
    condition: &str,
    params: &[Value],
) -> Result<Vec<R>, StoreError> {
    let sql = format!("{} WHERE {condition}", R::TABLE.select());
    conn.query(&sql, params)?.into_iter().map(decode).collect()
}

/// Inserts encoded rows.
pub(crate) fn insert_records(
    conn: &mut dyn Connection,
    table: &'static Table,
    rows: &[Row],
) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    conn.insert(Insert { table: table.name, columns: &table.names(), overwrite: None }, rows)
}
