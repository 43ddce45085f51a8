//! Brings the schema up to the version that this build knows.

use super::{Connection, Engine, Value};
use crate::error::StoreError;
use coffer_sql::{MIGRATIONS, SCHEMA_VERSION};

/// The version of the schema; 0 for an empty database.
pub(crate) fn version(conn: &mut dyn Connection) -> Result<u32, StoreError> {
    let exists = match conn.engine() {
        Engine::Sqlite => {
            "SELECT 1 FROM sqlite_master WHERE type='table' AND name='schema_version'"
        }
        Engine::Mysql => {
            "SELECT 1 FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME='schema_version'"
        }
    };
    if conn.query(exists, &[])?.is_empty() {
        return Ok(0);
    }
    let rows = conn.query("SELECT MAX(number) FROM schema_version", &[])?;
    match rows.first().map(Vec::as_slice) {
        Some([Value::Int(number)]) => Ok(u32::try_from(*number).unwrap_or(u32::MAX)),
        _ => Ok(0),
    }
}

/// Applies the migrations that are missing. A schema of a newer version is
/// refused, and left as it is.
pub(crate) fn migrate(conn: &mut dyn Connection, now_millis: i64) -> Result<(), StoreError> {
    let found = version(conn)?;
    if found > SCHEMA_VERSION {
        let what = "the database";
        let (found, known) = (u64::from(found), u64::from(SCHEMA_VERSION));
        return Err(StoreError::NewerFormat { what, found, known });
    }
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > found) {
        conn.begin()?;
        // Another process may have done it while this one waited.
        if version(conn)? < migration.number {
            conn.script(match conn.engine() {
                Engine::Sqlite => migration.sqlite,
                Engine::Mysql => migration.mysql,
            })?;
            let sql = "INSERT INTO schema_version (number,applied_millis) VALUES (?,?)";
            conn.execute(sql, &[migration.number.into(), Value::Int(now_millis)])?;
        }
        conn.commit()?;
    }
    check_storage_engine(conn)
}

/// Refuses tables that are not InnoDB's: they know no transactions.
fn check_storage_engine(conn: &mut dyn Connection) -> Result<(), StoreError> {
    if conn.engine() == Engine::Sqlite {
        return Ok(());
    }
    let sql = "SELECT TABLE_NAME,ENGINE FROM information_schema.TABLES \
               WHERE TABLE_SCHEMA=DATABASE() AND ENGINE<>'InnoDB' LIMIT 1";
    match conn.query(sql, &[])?.first().map(Vec::as_slice) {
        Some([Value::Bytes(table), Value::Bytes(engine)]) => Err(StoreError::DatabaseSetting {
            setting: "storage engine",
            found: format!(
                "{} for table {}",
                String::from_utf8_lossy(engine),
                String::from_utf8_lossy(table)
            ),
            needed: "InnoDB for every table",
            hint: "other engines lose commits; change it with ALTER TABLE ... ENGINE=InnoDB",
        }),
        _ => Ok(()),
    }
}
