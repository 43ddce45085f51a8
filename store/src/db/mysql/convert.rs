//! Between our types and those of the MySQL client.

use super::MAX_BATCH;
use crate::config::Password;
use crate::db::{DatabaseUrl, DbError, Row, Value};
use mysql_async::{Opts, OptsBuilder, Params};
use std::time::Duration;

/// Statements kept prepared.
const STATEMENTS: usize = 256;
/// Most bytes of the rows of one statement that has more than one. The client
/// library copies a statement several times and keeps buffers as large as the
/// largest; past this size nothing is gained.
const MAX_BATCH_BYTES: usize = 256 << 10;

/// The options of every connection. The password is nowhere else.
pub(super) fn options(url: &DatabaseUrl, password: Option<&Password>) -> Opts {
    let mut builder = OptsBuilder::default();
    if let DatabaseUrl::Mysql { user, host, port, name, socket } = url {
        builder = builder
            .user(Some(user.clone()))
            .ip_or_hostname(host.clone())
            .tcp_port(*port)
            .db_name(Some(name.clone()))
            .socket(socket.as_ref().map(|path| path.display().to_string()));
    }
    builder
        .pass(password.map(|password| password.expose().to_owned()))
        .prefer_socket(false)
        .tcp_nodelay(true)
        .tcp_keepalive(Some(Duration::from_mins(1)))
        .client_found_rows(true)
        .stmt_cache_size(STATEMENTS)
        .setup(vec![
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
            "SET SESSION innodb_lock_wait_timeout=10",
            "SET NAMES utf8mb4",
        ])
        .into()
}

impl From<mysql_async::Error> for DbError {
    fn from(error: mysql_async::Error) -> Self {
        let mysql_async::Error::Server(server) = &error else {
            return Self::Lost(error.to_string());
        };
        let text = format!("error {}: {}", server.code, server.message);
        match server.code {
            1062 => Self::Duplicate,
            1205 | 1213 => Self::Busy(text),
            1021 | 1114 => Self::DiskFull,
            // Too many connections, shutdown, killed, interrupted, read-only, ...
            1040 | 1053 | 1077 | 1079 | 1129 | 1152 | 1203 | 1290 | 1317 | 1792 | 1836 | 1927
            | 4031 => Self::Lost(text),
            _ => Self::Other(text),
        }
    }
}

/// Parameters of a statement.
pub(super) fn to_params<'a>(values: impl IntoIterator<Item = &'a Value>) -> Params {
    let convert = |value: &Value| match value {
        Value::Null => mysql_async::Value::NULL,
        Value::Int(number) => mysql_async::Value::Int(*number),
        Value::Bytes(bytes) => mysql_async::Value::Bytes(bytes.clone()),
    };
    let params: Vec<_> = values.into_iter().map(convert).collect();
    if params.is_empty() { Params::Empty } else { Params::Positional(params) }
}

/// The columns of a row; every one is a number or bytes.
pub(super) fn from_row(row: mysql_async::Row) -> Result<Row, DbError> {
    let convert = |value: mysql_async::Value| match value {
        mysql_async::Value::NULL => Ok(Value::Null),
        mysql_async::Value::Int(number) => Ok(Value::Int(number)),
        mysql_async::Value::UInt(number) => Ok(Value::Int(number.cast_signed())),
        mysql_async::Value::Bytes(bytes) => Ok(Value::Bytes(bytes)),
        _ => Err(DbError::Other("a column is neither a number nor bytes".to_owned())),
    };
    row.unwrap().into_iter().map(convert).collect()
}

/// How many rows the next statement takes: a power of two that is not too big.
pub(super) fn batch_size(rows: &[Row]) -> usize {
    let size = |row: &Row| -> usize {
        row.iter().map(|value| if let Value::Bytes(b) = value { b.len() + 8 } else { 9 }).sum()
    };
    let mut bytes = 0;
    let fitting = rows
        .iter()
        .take(MAX_BATCH)
        .take_while(|row| {
            bytes += size(row);
            bytes <= MAX_BATCH_BYTES
        })
        .count()
        .max(1);
    1 << fitting.ilog2()
}

/// The statements of a script without comments; none of ours has a `;` in a text.
pub(super) fn statements(sql: &str) -> impl Iterator<Item = String> {
    let lines: Vec<_> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let script = lines.join("\n");
    let statements: Vec<String> =
        script.split(';').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect();
    statements.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_taken_apart() {
        let script =
            "-- a comment; with a semicolon\nCREATE TABLE a (\n    b INT\n);\n\nDROP TABLE c;\n";
        let found: Vec<String> = statements(script).collect();
        assert_eq!(found, ["CREATE TABLE a (\n    b INT\n)", "DROP TABLE c"]);
    }

    #[test]
    fn batches_are_powers_of_two_and_not_too_big() {
        let rows = |count: usize, bytes: usize| vec![vec![Value::Bytes(vec![0; bytes])]; count];
        assert_eq!(batch_size(&rows(1, 10)), 1);
        assert_eq!(batch_size(&rows(7, 10)), 4);
        assert_eq!(batch_size(&rows(1000, 10)), MAX_BATCH);
        assert_eq!(batch_size(&rows(100, 100_000)), 2);
        assert_eq!(batch_size(&rows(3, 8 << 20)), 1);
    }

    #[test]
    fn errors_are_sorted_by_what_can_be_done() {
        let error = |code| {
            let (message, state) = (String::new(), String::new());
            DbError::from(mysql_async::Error::Server(mysql_async::ServerError {
                code,
                message,
                state,
            }))
        };
        assert_eq!(error(1062), DbError::Duplicate);
        assert!(matches!(error(1213), DbError::Busy(_)));
        assert!(matches!(error(1205), DbError::Busy(_)));
        assert!(matches!(error(1053), DbError::Lost(_)));
        assert_eq!(error(1021), DbError::DiskFull);
        assert!(matches!(error(1146), DbError::Other(_)));
        let closed = mysql_async::Error::Driver(mysql_async::DriverError::ConnectionClosed);
        assert!(matches!(DbError::from(closed), DbError::Lost(_)));
    }
}
