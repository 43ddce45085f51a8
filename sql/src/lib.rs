//! The SQL migrations of Coffer, per engine.
//!
//! Guarantees: numbered from 1 without gaps; a migration that was released is
//! never edited, a change is a new number; every script of MySQL can be run again
//! after it was cut short, because MySQL commits each statement by itself.

/// One step of the schema, for both engines.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number; the schema's version afterwards.
    pub number: u32,
    /// The script for `SQLite`, run in one transaction.
    pub sqlite: &'static str,
    /// The script for MySQL and MariaDB.
    pub mysql: &'static str,
}

/// All migrations, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        sqlite: include_str!("../sqlite/0001_tables.sql"),
        mysql: include_str!("../mysql/0001_tables.sql"),
    },
    Migration {
        number: 2,
        sqlite: include_str!("../sqlite/0002_shares.sql"),
        mysql: include_str!("../mysql/0002_shares.sql"),
    },
    Migration {
        number: 3,
        sqlite: include_str!("../sqlite/0003_diverged.sql"),
        mysql: include_str!("../mysql/0003_diverged.sql"),
    },
    Migration {
        number: 4,
        sqlite: include_str!("../sqlite/0004_uploads.sql"),
        mysql: include_str!("../mysql/0004_uploads.sql"),
    },
    Migration {
        number: 5,
        sqlite: include_str!("../sqlite/0005_proofs.sql"),
        mysql: include_str!("../mysql/0005_proofs.sql"),
    },
];

/// The version of the schema that this build knows.
pub const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_gaps() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.number as usize, index + 1);
        }
    }

    #[test]
    fn both_engines_have_the_same_tables_and_columns() {
        for migration in MIGRATIONS {
            assert_eq!(tables(migration.sqlite), tables(migration.mysql));
        }
    }

    #[test]
    fn the_scripts_of_mysql_can_be_repeated() {
        for migration in MIGRATIONS {
            let creates = migration.mysql.matches("CREATE TABLE").count();
            assert_eq!(migration.mysql.matches("CREATE TABLE IF NOT EXISTS").count(), creates);
            assert_eq!(migration.mysql.matches("ENGINE=InnoDB").count(), creates);
        }
    }

    /// The tables of a script with their columns, but for the row numbers that
    /// only MySQL's have by name.
    fn tables(script: &str) -> Vec<(String, Vec<String>)> {
        let mut tables = Vec::new();
        for part in script.split("CREATE TABLE ").skip(1) {
            let part = part.trim_start_matches("IF NOT EXISTS ");
            let name = part.split_whitespace().next().unwrap().to_owned();
            let columns = part
                .lines()
                .skip(1)
                .take_while(|line| line.starts_with("    "))
                .filter_map(|line| line.split_whitespace().next())
                .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
                .filter(|word| *word != "row_id")
                .map(str::to_owned)
                .collect();
            tables.push((name, columns));
        }
        tables
    }
}
