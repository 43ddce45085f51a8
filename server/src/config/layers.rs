//! Reads the three layers and puts them on top of each other.

use super::{CONFIG_FILE, Config};
use crate::failure::{Code, Failure, Outcome};
use std::path::Path;
use toml::{Table, Value};

/// Every key, as `section.key`. The variable of a key is `COFFER_` and the key
/// in capitals with `_` for the dot.
pub(super) const KEYS: &[&str] = &[
    "listen",
    "public_host",
    "sign_up",
    "instant_upload",
    "master_key_file",
    "shutdown_seconds",
    "database.url",
    "database.password_file",
    "database.connections",
    "session.idle_minutes",
    "session.max_hours",
    "limits.connections",
    "limits.connections_per_address",
    "limits.connections_before_sign_in",
    "limits.connections_per_user",
    "limits.uploads_per_user",
    "limits.requests_per_second",
    "limits.request_mib",
    "limits.response_mib",
    "limits.worker_threads",
    "limits.blocking_threads",
    "work.sign_up",
    "work.sign_in",
    "work.upload",
    "work.most",
    "work.upload_gib_per_hour",
    "work.half_life_minutes",
    "quota.bytes",
    "quota.files",
    "retention.trash_days",
    "retention.version_days",
    "retention.versions",
    "retention.upload_days",
    "retention.journal_hours",
    "retention.garbage_hours",
    "retention.activity_days",
    "storage.reserve_percent",
    "maintenance.janitor_seconds",
    "maintenance.anchor_seconds",
    "maintenance.history_seconds",
    "maintenance.scrub_mib_per_second",
    "maintenance.scrub_hours",
    "replication.mode",
    "replication.wait_millis",
    "replication.retain_entries",
    "alarms.lag_seconds",
    "alarms.unmirrored_seconds",
    "alarms.silent_seconds",
    "alarms.retain_percent",
    "log.format",
    "log.level",
    "metrics.listen",
    "metrics.allow_remote",
];

/// Values that replace those of the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    values: Vec<Override>,
}

#[derive(Clone, Debug)]
struct Override {
    key: &'static str,
    value: String,
    origin: String,
}

impl Overrides {
    /// From environment variables; `lookup` is `std::env::var` outside tests.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let mut overrides = Self::default();
        for key in KEYS {
            let variable = variable_of(key);
            if let Some(value) = lookup(&variable) {
                let origin = format!("the environment variable {variable}");
                overrides.values.push(Override { key, value, origin });
            }
        }
        overrides
    }

    /// Adds a flag that stands for one key.
    pub fn flag(&mut self, flag: &str, key: &'static str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.values.push(Override { key, value: value.into(), origin: flag.to_owned() });
        }
    }

    /// Adds `--set KEY=VALUE` flags.
    pub fn set_flags(&mut self, settings: &[String]) -> Outcome {
        for setting in settings {
            let (key, value) = setting.split_once('=').ok_or_else(|| {
                Failure::new(Code::Usage, format!("--set needs KEY=VALUE, not '{setting}'"))
            })?;
            let known = KEYS.iter().find(|known| **known == key.trim()).ok_or_else(|| {
                Failure::new(
                    Code::ConfigInvalid,
                    format!("--set: there is no key '{}'", key.trim()),
                )
                .hint(format!("The keys are: {}.", KEYS.join(", ")))
            })?;
            self.flag(&format!("--set {known}"), known, Some(value.trim()));
        }
        Ok(())
    }
}

pub(super) fn variable_of(key: &str) -> String {
    format!("COFFER_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// Reads `coffer.toml` in `directory`, applies `overrides` in order, checks the whole.
pub fn load(directory: &Path, overrides: &Overrides) -> Outcome<Config> {
    let path = directory.join(CONFIG_FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::new(Code::FileMissing, format!("{} is missing", path.display()))
                .hint("Restore it from a backup, or write one after deploy/coffer.toml.")
        }
        _ => Failure::io("read", &path, &error),
    })?;
    from_layers(&path, &text, overrides)
}

/// The same from a text, for tests and for `init`.
pub fn from_layers(path: &Path, text: &str, overrides: &Overrides) -> Outcome<Config> {
    let mut config: Config = toml::from_str(text).map_err(|error| {
        // The message of the parser quotes the line, and a line may hold a password
        // that was put where none belongs; number and reason are enough.
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let reason = error.message().trim();
        let key = text.lines().nth(line - 1).and_then(key_on_line).unwrap_or_default();
        Failure::new(Code::ConfigInvalid, format!("{} line {line}{key}: {reason}", path.display()))
            .hint("deploy/coffer.toml explains every key.")
    })?;
    for change in &overrides.values {
        config = apply(&config, change)?;
    }
    config.validate().map_err(|(key, reason)| {
        let origin = overrides.values.iter().rev().find(|change| change.key == key);
        let origin = origin.map_or_else(|| place_in_file(path, text, key), |o| o.origin.clone());
        Failure::new(Code::ConfigInvalid, format!("{origin}: '{key}' {reason}"))
            .hint("deploy/coffer.toml explains every key.")
    })?;
    Ok(config)
}

fn key_on_line(line: &str) -> Option<String> {
    let (key, _) = line.split_once('=')?;
    Some(format!(" ('{}')", key.trim()))
}

fn place_in_file(path: &Path, text: &str, key: &str) -> String {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let mut here = String::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            header.trim().clone_into(&mut here);
        } else if here == section && line.split('=').next().is_some_and(|k| k.trim() == name) {
            return format!("{} line {}", path.display(), number + 1);
        }
    }
    path.display().to_string()
}

/// Puts one value in. The text is taken as a string first and as a TOML value
/// (number, boolean) if the key is not a string.
fn apply(config: &Config, change: &Override) -> Outcome<Config> {
    let invalid = |reason: &str| {
        Failure::new(
            Code::ConfigInvalid,
            format!("{}: the value of '{}' is not usable: {reason}", change.origin, change.key),
        )
        .hint("deploy/coffer.toml explains every key.")
    };
    let table = Table::try_from(config).map_err(|error| invalid(&error.to_string()))?;
    let with = |value: Value| -> Result<Config, toml::de::Error> {
        let mut table = table.clone();
        match change.key.split_once('.') {
            Some((section, name)) => {
                let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
                if let Value::Table(section) = section {
                    section.insert(name.to_owned(), value);
                }
            }
            None => {
                table.insert(change.key.to_owned(), value);
            }
        }
        table.try_into()
    };
    let as_text = with(Value::String(change.value.clone()));
    as_text.or_else(|first| {
        let literal = toml::from_str::<Table>(&format!("v = {}", change.value));
        match literal.ok().and_then(|mut table| table.remove("v")) {
            Some(value) => with(value).map_err(|error| invalid(error.message())),
            None => Err(invalid(first.message())),
        }
    })
}

/// The file that `init` writes: only what differs from the defaults, and where
/// the rest is documented.
pub fn render(config: &Config) -> Outcome<String> {
    let defaults = Table::try_from(Config::default());
    let values = Table::try_from(config);
    let (Ok(defaults), Ok(mut values)) = (defaults, values) else {
        return Err(Failure::new(Code::ConfigInvalid, "the configuration cannot be written"));
    };
    // Shown even where they are the default: these are the choices people look for.
    let shown = ["listen", "sign_up"];
    values.retain(|key, value| {
        if let (Value::Table(value), Some(Value::Table(default))) = (&mut *value, defaults.get(key))
        {
            value.retain(|name, inner| {
                default.get(name) != Some(inner) || (key == "database" && name == "url")
            });
            return !value.is_empty();
        }
        shown.contains(&key) || defaults.get(key) != Some(value)
    });
    let body = toml::to_string(&values)
        .map_err(|error| Failure::new(Code::ConfigInvalid, format!("cannot write: {error}")))?;
    Ok(format!(
        "# Configuration of this Coffer server. Every key and its default are explained in\n\
         # the sample file deploy/coffer.toml; what is not set here has its default.\n\n{body}"
    ))
}
