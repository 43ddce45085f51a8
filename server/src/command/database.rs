//! `database copy`: moves an installation to another engine.
//!
//! Guarantees: the source is only read, by a process that has the data directory
//! to itself; the target has to be empty; the configuration changes only after
//! the copy was read back and compared.

use crate::args::Place;
use crate::config::{self, Config};
use crate::data_dir;
use crate::failure::{Code, Failure, Outcome};
use crate::install::{Installation, block_on, close, environment};
use crate::{database, explain, lock, output};
use coffer_store::StoreConfig;
use std::path::{Path, PathBuf};

/// Copies, verifies, and says (or does) what is left to do.
pub(crate) fn copy(
    place: &Place,
    to: &str,
    to_password_file: Option<&Path>,
    switch: bool,
) -> Outcome {
    let installation = Installation::load(place)?;
    let password_file = to_password_file
        .map(|file| std::path::absolute(file).map_err(|e| Failure::io("find", file, &e)))
        .transpose()?;
    let target = target(&installation, to, password_file.as_deref())?;
    if lock::is_held(&installation.data) {
        let message = "a server runs on this data directory";
        return Err(Failure::new(Code::DirectoryInUse, message)
            .hint("Stop it first: the copy has to hold everything. Nothing was changed."));
    }
    let copied = block_on(async {
        let store = installation.open().await?;
        let copied = store.copy_to(target.database, target.database_password, |_, _| {}).await;
        close(&store).await;
        copied.map_err(|error| explain::store(&error))
    })?;
    let rows: u64 = copied.iter().map(|table| table.rows).sum();
    output::line(&format!("copied and verified: {} tables, {rows} rows", copied.len()));
    finish(&installation, to, password_file.as_ref(), switch)
}

fn target(installation: &Installation, to: &str, password: Option<&Path>) -> Outcome<StoreConfig> {
    let mut config = Config { ..installation.config.clone() };
    to.clone_into(&mut config.database.url);
    config.database.password_file = password.map(Path::to_owned);
    let target = database::store_config(&installation.data, &config)?;
    let source = database::store_config(&installation.data, &installation.config)?;
    if source.database == target.database {
        return Err(Failure::new(
            Code::DatabaseNotEmpty,
            format!("{to} is the database that is in use"),
        )
        .hint("Name another, empty database."));
    }
    Ok(target)
}

fn finish(
    installation: &Installation,
    to: &str,
    password_file: Option<&PathBuf>,
    switch: bool,
) -> Outcome {
    let path = installation.data.config_path();
    let password = password_file.map(|file| file.display().to_string());
    if !switch {
        output::line(&format!("To use it, change the section [database] of {}:", path.display()));
        output::line(&format!("  url = \"{to}\""));
        if let Some(password) = &password {
            output::line(&format!("  password_file = \"{password}\""));
        }
        return Ok(());
    }
    let old = data_dir::read_text(&path)?;
    let mut text = config::set_in_text(&old, "database", "url", Some(to));
    text = config::set_in_text(&text, "database", "password_file", password.as_deref());
    let new = config::from_layers(&path, &text, &environment())?;
    if new.database.url != to || new.database.password_file.as_ref() != password_file {
        let message = format!("cannot change the database in {}", path.display());
        return Err(Failure::new(Code::ConfigInvalid, message).hint(
            "Change the section [database] by hand, and look for COFFER_DATABASE_ variables; the \
             copy itself is complete.",
        ));
    }
    data_dir::write(&path, text.as_bytes())?;
    output::line(&format!("{} names the new database now", path.display()));
    Ok(())
}
