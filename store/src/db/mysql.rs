//! MySQL and MariaDB.
//!
//! Guarantees: READ COMMITTED, strict mode, prepared statements; a server whose
//! settings would lose acknowledged commits is refused, and the error names the
//! setting; a call that takes longer than [`CALL_TIMEOUT`] counts as a lost
//! connection. The password is in the connection options only and in no text.
//!
//! Each connection has a small runtime of its own, driven by the thread that
//! uses it: a call costs one round trip and no hand-over between threads.

mod convert;

use super::{
    Connection, DatabaseUrl, DbError, Engine, Insert, Row, Value, all_equal, placeholders,
};
use crate::config::Password;
use crate::counters::Counters;
use crate::error::StoreError;
use convert::{batch_size, from_row, options, statements, to_params};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Params};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for one call.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);
/// Most keys or rows of one statement; a power of two.
const MAX_BATCH: usize = 128;
/// A journal entry and an inline chunk have to fit a packet.
const MIN_PACKET: i64 = 16 << 20;

/// One connection.
pub(crate) struct Mysql {
    runtime: Runtime,
    opts: Opts,
    conn: Option<Conn>,
    counters: Arc<Counters>,
}

impl Mysql {
    pub(crate) fn open(
        url: &DatabaseUrl,
        password: Option<&Password>,
        counters: Arc<Counters>,
    ) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|source| {
            StoreError::Io { action: "start the runtime for", path: "mysql".into(), source }
        })?;
        let opts = options(url, password);
        let mut mysql = Self { runtime, opts, conn: None, counters };
        mysql.connect()?;
        Ok(mysql)
    }

    fn connect(&mut self) -> Result<(), StoreError> {
        let connecting =
            async { tokio::time::timeout(CONNECT_TIMEOUT, Conn::new(self.opts.clone())).await };
        let conn = match self.runtime.block_on(connecting) {
            Ok(Ok(conn)) => conn,
            Ok(Err(error)) => return Err(DbError::from(error).into()),
            Err(_) => return Err(DbError::Lost("no answer in time".to_owned()).into()),
        };
        self.conn = Some(conn);
        let checked = self.check_settings();
        if checked.is_err() {
            self.conn = None;
        }
        checked
    }

    /// Refuses a server that acknowledges what it may lose.
    fn check_settings(&mut self) -> Result<(), StoreError> {
        let sql = "SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED), \
                   CAST(@@log_bin AS SIGNED), CAST(@@sync_binlog AS SIGNED), \
                   CAST(@@max_allowed_packet AS SIGNED)";
        let rows = self.query(sql, &[])?;
        let Some([Value::Int(flush), Value::Int(log_bin), Value::Int(sync), Value::Int(packet)]) =
            rows.first().map(Vec::as_slice)
        else {
            return Err(DbError::Other("the server does not show its settings".to_owned()).into());
        };
        for (bad, setting, found, needed, hint) in [
            (
                *flush != 1,
                "innodb_flush_log_at_trx_commit",
                flush,
                "1",
                "with any other value a power cut loses commits that were acknowledged; set it \
                 in the [mysqld] section of the server's configuration",
            ),
            (
                *log_bin != 0 && *sync != 1,
                "sync_binlog",
                sync,
                "1 while log_bin is on",
                "recovery drops commits that the binary log does not hold; set it in the \
                 [mysqld] section of the server's configuration",
            ),
            (
                *packet < MIN_PACKET,
                "max_allowed_packet",
                packet,
                "16 MiB or more",
                "large journal entries would not fit; set it in the [mysqld] section of the \
                 server's configuration",
            ),
        ] {
            if bad {
                let found = found.to_string();
                return Err(StoreError::DatabaseSetting { setting, found, needed, hint });
            }
        }
        Ok(())
    }

    /// Runs one call on the connection. After an error that is none of the
    /// server's the connection is gone.
    fn call<T>(
        &mut self,
        call: impl AsyncFnOnce(&mut Conn) -> mysql_async::Result<T>,
    ) -> Result<T, DbError> {
        self.counters.statements();
        let Some(conn) = &mut self.conn else {
            return Err(DbError::Lost("not connected".to_owned()));
        };
        let timed = async { tokio::time::timeout(CALL_TIMEOUT, call(conn)).await };
        let error = match self.runtime.block_on(timed) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => DbError::from(error),
            Err(_) => DbError::Lost("no answer in time".to_owned()),
        };
        if matches!(error, DbError::Lost(_)) {
            self.conn = None;
        }
        Err(error)
    }

    /// Runs a query and returns its rows.
    fn rows(&mut self, sql: &str, params: Params) -> Result<Vec<Row>, DbError> {
        let rows: Vec<mysql_async::Row> = self.call(async |conn| conn.exec(sql, params).await)?;
        rows.into_iter().map(from_row).collect()
    }

    /// Runs a statement and returns how many rows it changed.
    fn change(&mut self, sql: &str, params: Params) -> Result<u64, DbError> {
        self.call(async |conn| {
            conn.exec_drop(sql, params).await?;
            Ok(conn.affected_rows())
        })
    }

    /// Runs a statement for batches of keys. The sizes of batches are powers of
    /// two, so that few statements have to be prepared; the last key fills up.
    fn for_keys(
        &mut self,
        head: &str,
        columns: &[&str],
        keys: &[Vec<Value>],
        mut each: impl FnMut(&mut Self, &str, Params) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        for batch in keys.chunks(MAX_BATCH) {
            let size = batch.len().next_power_of_two();
            let condition = match columns {
                [column] => format!("{column} IN {}", placeholders(size)),
                _ => vec![format!("({})", all_equal(columns)); size].join(" OR "),
            };
            let padding = batch.last().into_iter().cycle().take(size - batch.len());
            let params = to_params(batch.iter().chain(padding).flatten());
            each(self, &format!("{head} WHERE {condition}"), params)?;
        }
        Ok(())
    }
}

impl Drop for Mysql {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            // A polite farewell; the server copes without one.
            // Inside the runtime: its clock is needed to make the time limit.
            drop(self.runtime.block_on(async move {
                tokio::time::timeout(Duration::from_secs(1), conn.disconnect()).await
            }));
        }
    }
}

impl Connection for Mysql {
    fn engine(&self) -> Engine {
        Engine::Mysql
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.rows(sql, to_params(params))
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        self.change(sql, to_params(params))
    }

    fn query_keys(
        &mut self,
        head: &str,
        columns: &[&str],
        keys: &[Vec<Value>],
    ) -> Result<Vec<Row>, DbError> {
        let mut rows = Vec::with_capacity(keys.len());
        self.for_keys(head, columns, keys, |mysql, sql, params| {
            rows.extend(mysql.rows(sql, params)?);
            Ok(())
        })?;
        Ok(rows)
    }

    fn delete_keys(
        &mut self,
        table: &str,
        columns: &[&str],
        keys: &[Vec<Value>],
    ) -> Result<(), DbError> {
        let head = format!("DELETE FROM {table}");
        self.for_keys(&head, columns, keys, |mysql, sql, params| {
            mysql.change(sql, params).map(drop)
        })
    }

    fn insert(&mut self, insert: Insert<'_>, mut rows: &[Row]) -> Result<(), DbError> {
        let mut tail = String::new();
        if let Some((_, columns)) = insert.overwrite {
            let set: Vec<_> = columns.iter().map(|c| format!("{c}=VALUES({c})")).collect();
            tail = format!(" ON DUPLICATE KEY UPDATE {}", set.join(","));
        }
        let head = format!("INSERT INTO {} ({}) VALUES ", insert.table, insert.columns.join(","));
        while !rows.is_empty() {
            let (batch, rest) = rows.split_at(batch_size(rows));
            let row = placeholders(insert.columns.len());
            let sql = format!("{head}{}{tail}", vec![row.as_str(); batch.len()].join(","));
            self.change(&sql, to_params(batch.iter().flatten()))?;
            rows = rest;
        }
        Ok(())
    }

    fn script(&mut self, sql: &str) -> Result<(), DbError> {
        for statement in statements(sql) {
            self.call(async |conn| conn.query_drop(statement).await)?;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), DbError> {
        self.script("START TRANSACTION")
    }

    fn commit(&mut self) -> Result<(), DbError> {
        match self.script("COMMIT") {
            // Whatever it is, what became of the transaction is not known.
            Err(DbError::Other(text) | DbError::Io(text)) => {
                self.conn = None;
                Err(DbError::Lost(text))
            }
            other => other,
        }
    }

    fn rollback(&mut self) -> Result<(), DbError> {
        self.script("ROLLBACK")
    }

    fn reconnect(&mut self) -> Result<(), StoreError> {
        self.conn = None;
        self.counters.reconnects();
        self.connect()
    }
}
