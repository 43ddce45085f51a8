//! A thin driver over two SQL engines.
//!
//! Guarantees: a query is written once, in the subset that `SQLite` and MySQL
//! share, with `?` for parameters; where the dialects differ the difference is
//! one function of [`Connection`]. Every parameter is bound, never pasted. All
//! calls block: a connection belongs to one thread (the writer's, or one of the
//! [`pool`]'s), which is also its pace-maker. Values are numbers and bytes only,
//! so no character set, collation or time zone of a server plays a part.

pub(crate) mod migrate;
pub(crate) mod mysql;
pub(crate) mod pool;
pub(crate) mod sqlite;
mod url;

pub use url::{DatabaseUrl, UrlError};

use crate::config::StoreConfig;
use crate::counters::Counters;
use crate::error::StoreError;
use std::sync::Arc;

/// A value of a column or of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Value {
    /// SQL's NULL.
    Null,
    /// A signed 64-bit number.
    Int(i64),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<u64> for Value {
    /// Numbers above `i64::MAX` become negative, which no unsigned column takes.
    fn from(number: u64) -> Self {
        Self::Int(number.cast_signed())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}

/// The columns of one result row.
pub(crate) type Row = Vec<Value>;

/// The engine behind a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// `SQLite`, in this process.
    Sqlite,
    /// MySQL or MariaDB.
    Mysql,
}

/// A database call failed, by what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// Another transaction was in the way: the whole transaction can be retried.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// There is no connection (any more).
    #[error("the database cannot be reached: {0}")]
    Lost(String),
    /// A unique key is taken.
    #[error("a row with the same unique key is there already")]
    Duplicate,
    /// No space is left for the database.
    #[error("the disk of the database is full")]
    DiskFull,
    /// The database's files cannot be read, written or trusted. Fatal for a writer.
    #[error("the database's files fail: {0}")]
    Io(String),
    /// Anything else.
    #[error("the database refused: {0}")]
    Other(String),
}

/// How rows are inserted: table, columns, and what happens to a row whose key is
/// there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Insert<'a> {
    pub(crate) table: &'a str,
    pub(crate) columns: &'a [&'a str],
    /// For a key that is there: the key column, and the columns to overwrite.
    pub(crate) overwrite: Option<(&'a str, &'a [&'a str])>,
}

/// One connection, used by one thread.
pub(crate) trait Connection {
    /// The engine.
    fn engine(&self) -> Engine;

    /// Runs a query and returns all its rows; the caller bounds them by `LIMIT`.
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError>;

    /// Runs a statement and returns how many rows it changed.
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError>;

    /// Runs `head WHERE <key columns> = <key>` for every key, in as few round
    /// trips as the engine needs, and returns the rows in no order.
    fn query_keys(
        &mut self,
        head: &str,
        columns: &[&str],
        keys: &[Vec<Value>],
    ) -> Result<Vec<Row>, DbError>;

    /// Runs `DELETE FROM table WHERE <key columns> = <key>` for every key.
    fn delete_keys(
        &mut self,
        table: &str,
        columns: &[&str],
        keys: &[Vec<Value>],
    ) -> Result<(), DbError>;

    /// Inserts rows.
    fn insert(&mut self, insert: Insert<'_>, rows: &[Row]) -> Result<(), DbError>;

    /// Runs a script of statements without parameters.
    fn script(&mut self, sql: &str) -> Result<(), DbError>;

    /// Begins a transaction that will write.
    fn begin(&mut self) -> Result<(), DbError>;

    /// Commits it. After an error of any kind but [`DbError::Busy`] and
    /// [`DbError::DiskFull`] it is not known whether it was committed.
    fn commit(&mut self) -> Result<(), DbError>;

    /// Gives it up. An error here means the connection is lost, and with it the
    /// transaction.
    fn rollback(&mut self) -> Result<(), DbError>;

    /// Replaces a lost connection.
    fn reconnect(&mut self) -> Result<(), StoreError>;
}

/// Begins a transaction that reads everything as it is at this moment (with
/// `SQLite`: at its first read). It ends with a rollback.
pub(crate) fn begin_snapshot(conn: &mut dyn Connection) -> Result<(), DbError> {
    match conn.engine() {
        Engine::Sqlite => conn.script("BEGIN"),
        Engine::Mysql => {
            conn.script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
            conn.script("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        }
    }
}

/// Names a point in the transaction to come back to.
pub(crate) fn savepoint(conn: &mut dyn Connection) -> Result<(), DbError> {
    conn.script("SAVEPOINT one")
}

/// Undoes what was written since the savepoint.
pub(crate) fn rollback_to_savepoint(conn: &mut dyn Connection) -> Result<(), DbError> {
    conn.script("ROLLBACK TO SAVEPOINT one")
}

/// Forgets the savepoint and keeps what was written.
pub(crate) fn release_savepoint(conn: &mut dyn Connection) -> Result<(), DbError> {
    conn.script("RELEASE SAVEPOINT one")
}

/// What a connection is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Makes the database if it is not there.
    Create,
    /// Reads and writes.
    Write,
    /// Reads only.
    Read,
}

/// Opens a connection of the configured engine.
pub(crate) fn connect(
    config: &StoreConfig,
    access: Access,
    counters: &Arc<Counters>,
) -> Result<Box<dyn Connection>, StoreError> {
    Ok(match (&config.database, config.sqlite_file()) {
        (DatabaseUrl::Sqlite { .. }, Some(path)) => {
            Box::new(sqlite::Sqlite::open(&path, access, Arc::clone(counters))?)
        }
        (url, _) => {
            let password = config.database_password.as_ref();
            Box::new(mysql::Mysql::open(url, password, Arc::clone(counters))?)
        }
    })
}

/// `(?,?,?)`
pub(crate) fn placeholders(count: usize) -> String {
    let mut text = String::with_capacity(2 * count + 2);
    text.push('(');
    for index in 0..count {
        text.push_str(if index == 0 { "?" } else { ",?" });
    }
    text.push(')');
    text
}

/// `a=? AND b=?`
pub(crate) fn all_equal(columns: &[&str]) -> String {
    columns.iter().map(|c| format!("{c}=?")).collect::<Vec<_>>().join(" AND ")
}
