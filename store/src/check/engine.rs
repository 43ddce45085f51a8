//! What the two engines do differently for a check.

use crate::db::{Connection, DbError, Engine, Value};

/// Complaints of an engine about its own structures, at most.
const MAX_COMPLAINTS: usize = 100;
/// The tables, for the engine that checks them one by one.
const TABLES: [&str; 10] = [
    "cluster_state",
    "users",
    "invites",
    "nodes",
    "versions",
    "segments",
    "chunks",
    "journal",
    "settings",
    "totals",
];

/// Lets the engine look at its own structures and returns what it complains of.
pub(super) fn check_structure(
    conn: &mut dyn Connection,
    quick: bool,
) -> Result<Vec<String>, DbError> {
    let mut complaints = Vec::new();
    match conn.engine() {
        Engine::Sqlite => {
            let name = if quick { "quick_check" } else { "integrity_check" };
            for row in conn.query(&format!("PRAGMA {name}({MAX_COMPLAINTS})"), &[])? {
                complaints.extend(row.first().map(text).filter(|text| text != "ok"));
            }
        }
        Engine::Mysql => {
            for table in TABLES {
                // Quick, because reading every row is what the check does next.
                for row in conn.query(&format!("CHECK TABLE {table} QUICK"), &[])? {
                    // Table, operation, kind of message, message.
                    let kind = row.get(2).map(text).unwrap_or_default();
                    let message = row.get(3).map(text).unwrap_or_default();
                    let fine = kind == "status" && message != "Corrupt";
                    if !fine && kind != "note" && kind != "info" {
                        complaints.push(format!("{table}: {message}"));
                    }
                }
            }
            complaints.truncate(MAX_COMPLAINTS);
        }
    }
    Ok(complaints)
}

fn text(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Int(number) => number.to_string(),
        Value::Null => String::new(),
    }
}
