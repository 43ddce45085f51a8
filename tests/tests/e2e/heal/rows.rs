//! Every column of every row is damaged, and healed from the other machine.

use super::{BOTH, Scene, Side};
use coffer_tests::Engine;

/// A column: its table, its name, whether it is a number.
type Column = (String, String, bool);

impl Scene {
    /// Every column of every table with digests, but what is not covered by one.
    fn columns(&self, side: Side) -> Vec<Column> {
        let database = match side {
            Side::Server => self.server.database.is_some(),
            Side::Replica => self.replica.database.is_some(),
        };
        let query = if database {
            "SELECT table_name,column_name,data_type FROM information_schema.columns c \
             WHERE table_schema='coffer' AND EXISTS (SELECT 1 FROM information_schema.columns d \
             WHERE d.table_schema='coffer' AND d.table_name=c.table_name AND d.column_name='digest') \
             ORDER BY table_name,ordinal_position"
        } else {
            "SELECT m.name,c.name,c.type FROM sqlite_master m JOIN pragma_table_info(m.name) c \
             WHERE m.type='table' AND m.name IN (SELECT n.name FROM sqlite_master n JOIN \
             pragma_table_info(n.name) d WHERE d.name='digest') ORDER BY m.name,c.cid"
        };
        let rows = self.sql(side, query).into_iter();
        let column = |row: Vec<String>| {
            let number = row[2].to_ascii_lowercase().contains("int");
            (row[0].clone(), row[1].clone(), number)
        };
        // MariaDB's order of rows is no part of them.
        rows.map(column).filter(|(_, name, _)| name != "data" && name != "row_id").collect()
    }

    /// Alters columns, each in the newest row of its table; which ones: not those that
    /// have nothing in them.
    fn alter(&self, side: Side, columns: &[&Column], bits: bool) -> Vec<String> {
        let row = |(table, name, _): &&Column| {
            format!(
                "SELECT HEX(digest),CASE WHEN {name} IS NULL THEN 'n' ELSE 'y' END,\
                 COALESCE(HEX({name}),'') FROM {table}"
            )
        };
        let rows = self.sql_each(side, &columns.iter().map(row).collect::<Vec<_>>());
        let (mut names, mut updates) = (Vec::new(), Vec::new());
        for ((table, name, number), rows) in columns.iter().zip(rows) {
            let Some([digest, there, hex]) = rows.last().map(Vec::as_slice) else { continue };
            if there == "n" {
                continue;
            }
            let Some(value) = damaged(name, *number, hex, bits) else { continue };
            updates.push(format!("UPDATE {table} SET {name}={value} WHERE digest=X'{digest}'"));
            names.push(format!("{table}.{name}"));
        }
        self.sql_each(side, &updates);
        names
    }

    /// The rows of each statement. A client of MariaDB is a process: one runs them all.
    fn sql_each(&self, side: Side, statements: &[String]) -> Vec<Vec<Vec<String>>> {
        let database = match side {
            Side::Server => &self.server.database,
            Side::Replica => &self.replica.database,
        };
        match database {
            Some(database) if !statements.is_empty() => {
                let rows = database.rows(&statements.join(";SELECT 'next';"));
                rows.split(|row| *row == ["next"]).map(<[_]>::to_vec).collect()
            }
            _ => statements.iter().map(|statement| self.sql(side, statement)).collect(),
        }
    }
}

/// An expression for another value than the one with these bytes; `None`: it is empty.
fn damaged(name: &str, number: bool, hex: &str, bits: bool) -> Option<String> {
    if number {
        // One bit, or several in two bytes. No entry has the number that comes of it.
        let value = if bits { format!("({name}|64)-({name}&64)") } else { format!("{name}+771") };
        return Some(value);
    }
    let mut bytes = data_encoding::HEXUPPER.decode(hex.as_bytes()).expect("hexadecimal");
    let last = bytes.len().checked_sub(1)?;
    bytes[last] ^= 1;
    if !bits {
        bytes[last / 2] ^= 6;
        bytes[0] ^= 0x88;
    }
    Some(format!("X'{}'", data_encoding::HEXUPPER.encode(&bytes)))
}

/// Of a row whose key is another nobody can say which it was, and the row about the
/// machine is on no other: one bit is put right with the digest, more is not.
fn one_bit_only(index: usize, (table, ..): &Column) -> bool {
    let two = ["versions", "contacts", "known_chunks", "uploads"];
    index == 0 || table == "cluster_state" || (index == 1 && two.contains(&table.as_str()))
}

/// Damages the same column of every table at a time.
fn rows_heal(source: Engine, target: Engine) {
    let scene = Scene::new(source, target);
    let mut damaged = 0;
    scene.read_on(|| {
        for side in BOTH {
            let columns = scene.columns(side);
            let tables: std::collections::BTreeSet<_> = columns.iter().map(|c| &c.0).collect();
            assert_eq!(tables.len(), 17, "{tables:?}");
            for index in 0..16 {
                for bits in [true, false] {
                    let chosen: Vec<&Column> = tables
                        .iter()
                        .filter_map(|table| columns.iter().filter(|c| c.0 == **table).nth(index))
                        .filter(|column| bits || !one_bit_only(index, column))
                        .filter(|column| column.1 != "id")
                        .collect();
                    let altered = scene.alter(side, &chosen, bits);
                    damaged += altered.len();
                    if !altered.is_empty() {
                        scene.assert_repaired(side, &format!("{bits} {altered:?}"));
                    }
                }
            }
        }
    });
    eprintln!("{damaged} columns damaged and healed");
    assert!(damaged > 150);
    scene.assert_clean();
}

#[test]
fn every_column_of_every_row_is_healed_on_sqlite() {
    rows_heal(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn every_column_of_every_row_is_healed_across_engines() {
    rows_heal(Engine::MariaDb, Engine::MariaDb);
}
