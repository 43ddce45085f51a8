//! Rows as somebody with write access to the database sees them: read, alter,
//! and give them the digest that fits (docs/formats.md, "The image of a row").

use crate::Server;
use std::time::Duration;

/// The value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A number.
    Number(i64),
    /// Nothing.
    Null,
    /// Bytes.
    Bytes(Vec<u8>),
}

/// How a column enters the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Number,
    /// A number or nothing.
    OptNumber,
    /// Bytes of one length.
    Fixed,
    /// The same, or nothing.
    OptFixed,
    /// Bytes of any length.
    Bytes,
}

/// A table: its name, its number in digests, its columns; the first is its key.
#[derive(Debug)]
pub struct Table {
    /// Name.
    pub name: &'static str,
    /// Number in digests.
    pub number: u8,
    /// Columns that the digest covers, in order.
    pub columns: &'static [(&'static str, Kind)],
}

/// What is shared with whom.
pub const SHARES: Table = Table {
    name: "shares",
    number: 11,
    columns: &[
        ("share", Kind::Fixed),
        ("node", Kind::Fixed),
        ("owner", Kind::Fixed),
        ("recipient", Kind::Fixed),
        ("recipient_kind", Kind::Number),
        ("via", Kind::Fixed),
        ("mode", Kind::Number),
        ("key_epoch", Kind::Number),
        ("revision", Kind::Number),
        ("created_millis", Kind::Number),
        ("expires_millis", Kind::OptNumber),
        ("grant_ct", Kind::Bytes),
    ],
};

/// Files and directories.
pub const NODES: Table = Table {
    name: "nodes",
    number: 4,
    columns: &[
        ("node", Kind::Fixed),
        ("owner", Kind::Fixed),
        ("parent", Kind::Fixed),
        ("kind", Kind::Number),
        ("key_epoch", Kind::Number),
        ("revision", Kind::Number),
        ("content_revision", Kind::Number),
        ("lookup_tag", Kind::OptFixed),
        ("fold_tag", Kind::Fixed),
        ("name_ct", Kind::Bytes),
        ("key_ct", Kind::Bytes),
        ("meta_ct", Kind::Bytes),
        ("trashed_millis", Kind::OptNumber),
        ("created_millis", Kind::Number),
    ],
};

/// A row, in the order of the table's columns.
pub type Row = Vec<Cell>;

impl Table {
    /// The place of a column.
    pub fn column(&self, name: &str) -> usize {
        self.columns.iter().position(|(column, _)| *column == name).expect("a column")
    }

    /// Every row, with its digest checked against this description of it.
    pub fn read(&self, server: &Server) -> Vec<Row> {
        let shown = |(name, kind): &(&str, Kind)| match kind {
            Kind::Number => format!("CONCAT({name},'')"),
            Kind::OptNumber => {
                format!("CASE WHEN {name} IS NULL THEN '-' ELSE CONCAT({name},'') END")
            }
            Kind::OptFixed => format!("CASE WHEN {name} IS NULL THEN '-' ELSE HEX({name}) END"),
            Kind::Fixed | Kind::Bytes => format!("HEX({name})"),
        };
        let columns: Vec<String> = self.columns.iter().map(shown).collect();
        let statement = format!("SELECT {},HEX(digest) FROM {}", columns.join(","), self.name);
        let rows = server.sql(&statement).into_iter();
        rows.map(|mut texts| {
            let digest = texts.pop().expect("a digest");
            let row: Row =
                texts.iter().zip(self.columns).map(|(text, (_, kind))| cell(text, *kind)).collect();
            assert_eq!(hex(&self.digest(&row)), digest, "docs/formats.md describes {}", self.name);
            row
        })
        .collect()
    }

    /// Puts a row in the place of the one that has the same key.
    pub fn replace(&self, server: &Server, row: &Row) {
        let (key, _) = self.columns[0];
        server.sql(&format!("DELETE FROM {} WHERE {key}={}", self.name, literal(&row[0])));
        self.insert(server, row);
    }

    /// Adds a row.
    pub fn insert(&self, server: &Server, row: &Row) {
        self.insert_all(server, std::slice::from_ref(row));
    }

    /// Adds rows.
    pub fn insert_all(&self, server: &Server, rows: &[Row]) {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let values = |row: &Row| {
            let values: Vec<String> = row.iter().map(literal).collect();
            format!("({},X'{}')", values.join(","), hex(&self.digest(row)))
        };
        let (table, names) = (self.name, names.join(","));
        // A command line holds no more than 128 KiB.
        for rows in rows.chunks(100) {
            let rows: Vec<String> = rows.iter().map(values).collect();
            let rows = rows.join(",");
            server.sql(&format!("INSERT INTO {table} ({names},digest) VALUES {rows}"));
        }
    }

    /// The digest that fits a row.
    pub fn digest(&self, row: &Row) -> [u8; 16] {
        let mut image = b"coffer/1/row".to_vec();
        image.push(self.number);
        for (cell, (_, kind)) in row.iter().zip(self.columns) {
            if matches!(kind, Kind::OptNumber | Kind::OptFixed) {
                image.push(u8::from(*cell != Cell::Null));
            }
            match cell {
                Cell::Null => {}
                Cell::Number(number) => image.extend(number.to_be_bytes()),
                Cell::Bytes(bytes) => {
                    if *kind == Kind::Bytes {
                        image.extend((bytes.len() as u32).to_be_bytes());
                    }
                    image.extend(bytes);
                }
            }
        }
        let mut digest = [0; 16];
        digest.copy_from_slice(&blake3::hash(&image).as_bytes()[..16]);
        digest
    }
}

fn cell(text: &str, kind: Kind) -> Cell {
    match kind {
        Kind::OptNumber | Kind::OptFixed if text == "-" => Cell::Null,
        Kind::Number | Kind::OptNumber => Cell::Number(text.parse().expect("a number")),
        Kind::Fixed | Kind::OptFixed | Kind::Bytes => {
            Cell::Bytes(data_encoding::HEXUPPER.decode(text.as_bytes()).expect("hexadecimal"))
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXUPPER.encode(bytes)
}

fn literal(cell: &Cell) -> String {
    match cell {
        Cell::Number(number) => number.to_string(),
        Cell::Null => "NULL".to_owned(),
        Cell::Bytes(bytes) => format!("X'{}'", hex(bytes)),
    }
}

impl Server {
    /// Runs a statement on the database beside the server, running or not.
    /// Rows come back as text.
    pub fn sql(&self, statement: &str) -> Vec<Vec<String>> {
        if let Some(database) = &self.database {
            return database.rows(statement);
        }
        let path = self.data().join("coffer.db");
        let database = rusqlite::Connection::open(path).expect("open");
        database.busy_timeout(Duration::from_secs(10)).expect("a time-out");
        let mut prepared = database.prepare(statement).expect("SQL");
        let count = prepared.column_count();
        let mut rows = prepared.query([]).expect("SQL");
        let mut out = Vec::new();
        while let Some(row) = rows.next().expect("SQL") {
            out.push((0..count).map(|column| row.get(column).expect("text")).collect());
        }
        out
    }
}
