//! `SQLite`, in this process.
//!
//! Guarantees: WAL with `synchronous=FULL`, so a commit that returned is on the
//! disk; a write transaction takes the write lock when it begins and never has
//! to give up half-way; files of another application are refused.

use super::{Access, Connection, DbError, Engine, Insert, Row, Value, all_equal, placeholders};
use crate::counters::Counters;
use crate::error::StoreError;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, OpenFlags, Statement, params_from_iter};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// "COFR": marks the file as one of Coffer's.
const APPLICATION_ID: i64 = 0x434f_4652;
/// How long a lock of another process is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements kept prepared.
const STATEMENTS: usize = 128;

/// One connection.
pub(crate) struct Sqlite {
    conn: rusqlite::Connection,
    counters: Arc<Counters>,
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, _) = &error else {
            return Self::Other(error.to_string());
        };
        match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy(error.to_string()),
            ErrorCode::DiskFull => Self::DiskFull,
            ErrorCode::ConstraintViolation => match failure.extended_code {
                rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
                | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY => Self::Duplicate,
                _ => Self::Other(error.to_string()),
            },
            ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed => Self::Io(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }
}

impl Sqlite {
    pub(crate) fn open(
        path: &Path,
        access: Access,
        counters: Arc<Counters>,
    ) -> Result<Self, StoreError> {
        if access != Access::Create && !path.is_file() {
            return Err(StoreError::NotInitialised(path.display().to_string()));
        }
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if access == Access::Create {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let conn = rusqlite::Connection::open_with_flags(path, flags).map_err(DbError::from)?;
        let mut sqlite = Self { conn, counters };
        sqlite.claim(path, access)?;
        sqlite.configure(access)?;
        Ok(sqlite)
    }

    /// Refuses a file of another application; marks a new one.
    fn claim(&mut self, path: &Path, access: Access) -> Result<(), StoreError> {
        let id = self.pragma("application_id")?;
        let fresh = self.pragma("schema_version")? == 0;
        if access == Access::Create && fresh && id == 0 {
            self.script(&format!("PRAGMA page_size=8192; PRAGMA application_id={APPLICATION_ID}"))?;
        } else if id != APPLICATION_ID {
            let text = format!("{} is not a database of Coffer", path.display());
            return Err(DbError::Other(text).into());
        }
        Ok(())
    }

    fn configure(&mut self, access: Access) -> Result<(), DbError> {
        self.conn.busy_timeout(BUSY_TIMEOUT)?;
        self.conn.set_prepared_statement_cache_capacity(STATEMENTS);
        // Pages of the write-ahead log before it is copied back; kilobytes of cache.
        self.script(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000; \
             PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY; \
             PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF",
        )?;
        self.script(match access {
            // Every write makes a reader forget its pages, and there are several readers.
            Access::Read => "PRAGMA cache_size=-1024; PRAGMA query_only=ON",
            Access::Create | Access::Write => "PRAGMA cache_size=-16384",
        })?;
        let synchronous = self.pragma("synchronous")?;
        if synchronous != 2 {
            return Err(DbError::Other(format!("synchronous is {synchronous}, not FULL")));
        }
        Ok(())
    }

    fn pragma(&mut self, name: &str) -> Result<i64, DbError> {
        Ok(self.conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?)
    }
}

fn collect(
    statement: &mut Statement<'_>,
    params: &[Value],
    out: &mut Vec<Row>,
) -> Result<(), DbError> {
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(columns);
        for index in 0..columns {
            values.push(match row.get_ref(index)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Int(number),
                ValueRef::Blob(bytes) | ValueRef::Text(bytes) => Value::from(bytes),
                ValueRef::Real(_) => {
                    return Err(DbError::Other("a column is no number".to_owned()));
                }
            });
        }
        out.push(values);
    }
    Ok(())
}

impl Connection for Sqlite {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.counters.statements();
        let mut rows = Vec::new();
        let mut statement = self.conn.prepare_cached(sql)?;
        collect(&mut statement, params, &mut rows)?;
        Ok(rows)
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        self.counters.statements();
        Ok(self.conn.prepare_cached(sql)?.execute(params_from_iter(params))? as u64)
    }

    fn query_keys(
        &mut self,
        head: &str,
        columns: &[&str],
        keys: &[Vec<Value>],
    ) -> Result<Vec<Row>, DbError> {
        self.counters.statements();
        let sql = format!("{head} WHERE {}", all_equal(columns));
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            collect(&mut statement, key, &mut rows)?;
        }
        Ok(rows)
    }

    fn delete_keys(
        &mut self,
        table: &str,
        columns: &[&str],
        keys: &[Vec<Value>],
    ) -> Result<(), DbError> {
        self.counters.statements();
        let sql = format!("DELETE FROM {table} WHERE {}", all_equal(columns));
        let mut statement = self.conn.prepare_cached(&sql)?;
        for key in keys {
            statement.execute(params_from_iter(key))?;
        }
        Ok(())
    }

    fn insert(&mut self, insert: Insert<'_>, rows: &[Row]) -> Result<(), DbError> {
        self.counters.statements();
        let mut sql = format!(
            "INSERT INTO {} ({}) VALUES {}",
            insert.table,
            insert.columns.join(","),
            placeholders(insert.columns.len())
        );
        if let Some((key, columns)) = insert.overwrite {
            let set: Vec<_> = columns.iter().map(|c| format!("{c}=excluded.{c}")).collect();
            sql.push_str(" ON CONFLICT(");
            sql.push_str(key);
            sql.push_str(") DO UPDATE SET ");
            sql.push_str(&set.join(","));
        }
        let mut statement = self.conn.prepare_cached(&sql)?;
        for row in rows {
            statement.execute(params_from_iter(row))?;
        }
        Ok(())
    }

    fn script(&mut self, sql: &str) -> Result<(), DbError> {
        self.counters.statements();
        Ok(self.conn.execute_batch(sql)?)
    }

    fn begin(&mut self) -> Result<(), DbError> {
        Ok(self.conn.execute_batch("BEGIN IMMEDIATE")?)
    }

    fn commit(&mut self) -> Result<(), DbError> {
        Ok(self.conn.execute_batch("COMMIT")?)
    }

    fn rollback(&mut self) -> Result<(), DbError> {
        // Some errors have rolled back already.
        if self.conn.is_autocommit() {
            return Ok(());
        }
        Ok(self.conn.execute_batch("ROLLBACK")?)
    }

    fn reconnect(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
