//! Everything a machine stores in rows, to compare one machine with another.

use crate::MariaDb;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Table and digest of every row, journal included; not the row that says what a
/// machine is. The database may be in use.
pub fn digests(data: &Path, database: Option<&MariaDb>) -> BTreeSet<(String, String)> {
    match database {
        Some(database) => in_mariadb(database),
        None => in_sqlite(&data.join("coffer.db")),
    }
}

/// One statement for all tables, so that the answer is of one moment.
fn of_all(tables: &[String]) -> String {
    let mut statement = String::new();
    for table in tables {
        let union = if statement.is_empty() { "" } else { " UNION ALL " };
        let part = format!("{union}SELECT '{table}', lower(hex(digest)) FROM {table}");
        statement.write_str(&part).expect("a string takes all");
    }
    statement
}

fn in_sqlite(path: &Path) -> BTreeSet<(String, String)> {
    let database = rusqlite::Connection::open(path).expect("open");
    database.busy_timeout(Duration::from_secs(10)).expect("a time-out");
    let mut statement = database
        .prepare(
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
             WHERE m.type='table' AND c.name='digest' AND m.name<>'cluster_state'",
        )
        .expect("SQL");
    let tables = statement.query_map([], |row| row.get(0)).expect("SQL");
    let tables: Vec<String> = tables.map(|table| table.expect("text")).collect();
    let mut statement = database.prepare(&of_all(&tables)).expect("SQL");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("SQL");
    rows.map(|row| row.expect("text")).collect()
}

fn in_mariadb(database: &MariaDb) -> BTreeSet<(String, String)> {
    let tables = database.rows(
        "SELECT table_name FROM information_schema.columns WHERE table_schema='coffer' \
         AND column_name='digest' AND table_name<>'cluster_state'",
    );
    let tables: Vec<String> = tables.into_iter().flatten().collect();
    let rows = database.rows(&of_all(&tables)).into_iter();
    rows.map(|row| row.try_into().map(|[table, digest]: [String; 2]| (table, digest)))
        .collect::<Result<_, _>>()
        .expect("two columns")
}
