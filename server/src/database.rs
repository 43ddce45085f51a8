//! How the store is reached: database URL, password, and the store's settings.
//!
//! Guarantees: the password comes from a file or the environment, never from a
//! URL, and is wiped from memory when it is no longer needed.

use crate::config::{Config, Database};
use crate::data_dir::DataDir;
use crate::failure::{Code, Failure, Outcome};
use coffer_store::chunks::Reserve;
use coffer_store::{DatabaseUrl, Password, StoreConfig};
use std::path::Path;

/// Variable that may hold the password.
pub const PASSWORD_VARIABLE: &str = "COFFER_DATABASE_PASSWORD";

/// Longest password file that is read.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// Reads a database URL.
pub fn parse_url(text: &str) -> Outcome<DatabaseUrl> {
    text.parse().map_err(|error: coffer_store::UrlError| {
        Failure::new(Code::DatabaseUrl, error.to_string())
            .hint("Write sqlite, or mysql://user@host:port/name; the password goes into a file.")
    })
}

/// The password: from the file if one is named, else from the environment.
/// A relative name means the data directory.
pub fn password(database: &Database, data: &Path) -> Outcome<Option<Password>> {
    let Some(file) = &database.password_file else {
        let text = std::env::var(PASSWORD_VARIABLE).ok().filter(|text| !text.is_empty());
        return Ok(text.map(Password::new));
    };
    read_password(&data.join(file)).map(Some)
}

/// Reads a password file; only the end of the line does not belong to it.
pub fn read_password(path: &Path) -> Outcome<Password> {
    let size = std::fs::metadata(path).map(|meta| meta.len());
    let text = match size {
        Ok(size) if size > MAX_PASSWORD_BYTES => {
            let message = format!("{} is too long for a password file", path.display());
            return Err(Failure::new(Code::ConfigInvalid, message));
        }
        Ok(_) => std::fs::read_to_string(path),
        Err(error) => Err(error),
    };
    let mut text = text.map_err(|error| {
        let message = format!("cannot read the database password from {}: {error}", path.display());
        Failure::new(Code::FileMissing, message)
            .hint("Correct the name of the password file, or its owner and rights.")
    })?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(Password::new(text))
}

/// The settings of the store for a configuration.
pub fn store_config(data: &DataDir, config: &Config) -> Outcome<StoreConfig> {
    let mut store = StoreConfig::new(data.root());
    store.database = parse_url(&config.database.url)?;
    if matches!(store.database, DatabaseUrl::Mysql { .. }) {
        store.database_password = password(&config.database, data.root())?;
    }
    store.readers = config.database.connections.saturating_sub(1).max(1) as usize;
    store.reserve = Reserve::Percent(config.storage.reserve_percent);
    Ok(store)
}

/// The name of an engine, for people.
pub fn engine_name(url: &DatabaseUrl) -> &'static str {
    match url {
        DatabaseUrl::Sqlite { .. } => "sqlite",
        DatabaseUrl::Mysql { .. } => "mysql",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_file_is_found_beside_the_data_or_missed_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pw"), " secret \r\n").unwrap();
        let database = Database { password_file: Some("pw".into()), ..Database::default() };
        assert!(password(&database, dir.path()).unwrap().is_some());
        let missing = Database { password_file: Some("none".into()), ..Database::default() };
        let failure = password(&missing, dir.path()).unwrap_err();
        assert_eq!(failure.code, Code::FileMissing);
        assert!(failure.message.contains("none"), "{}", failure.message);
        std::fs::write(dir.path().join("long"), "x".repeat(5000)).unwrap();
        let long = Database { password_file: Some("long".into()), ..Database::default() };
        assert_eq!(password(&long, dir.path()).unwrap_err().code, Code::ConfigInvalid);
    }

    #[test]
    fn a_bad_url_has_a_code_and_never_shows_a_password() {
        let failure = parse_url("mysql://u:hunter2@h/x").unwrap_err();
        assert_eq!(failure.code, Code::DatabaseUrl);
        assert!(!failure.report().to_string().contains("hunter2"));
    }
}
