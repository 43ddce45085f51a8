//! The configuration: `coffer.toml`, then `COFFER_*` variables, then flags.
//!
//! Guarantees: every key has a default; an unknown key or a value of the wrong
//! kind is an error that names the key and, in the file, the line; what
//! `load` returns has been checked as a whole. `deploy/coffer.toml` documents
//! every key and a test keeps it equal to the defaults.

mod edit;
mod layers;
mod quota;
mod validate;

pub(crate) use edit::set as set_in_text;
pub use layers::{Overrides, from_layers, load, render};
pub(crate) use validate::{resolve_listen, split_host};

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// File name inside the data directory.
pub const CONFIG_FILE: &str = "coffer.toml";

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SignUp {
    /// Anybody who reaches the server.
    Open,
    /// Whoever has an invitation.
    Invite,
    /// Nobody.
    Closed,
}

/// Whose content an upload need not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InstantUpload {
    /// That of the user who uploads.
    User,
    /// That of anybody, for a proof that the user has it.
    Server,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: String,
    /// Host, or host:port, that connection links name.
    pub public_host: Option<String>,
    /// Who may make an account.
    pub sign_up: SignUp,
    /// Whose content an upload need not send.
    pub instant_upload: InstantUpload,
    /// Where the master key is, if not beside this file.
    pub master_key_file: Option<PathBuf>,
    /// How long a stopping server waits for requests in progress.
    pub shutdown_seconds: u64,
    /// The SQL database.
    pub database: Database,
    /// Sessions of signed-in users.
    pub session: Session,
    /// Bounds on what clients can make the server hold.
    pub limits: Limits,
    /// What strangers pay with where attempts are many.
    pub work: Work,
    /// What a user may store to whom nothing else was given.
    pub quota: Quota,
    /// What is kept for how long.
    pub retention: Retention,
    /// The disk.
    pub storage: Storage,
    /// Work that the server does on its own.
    pub maintenance: Maintenance,
    /// Replicas.
    pub replication: Replication,
    /// When the log says that mirroring is not as it should be.
    pub alarms: Alarms,
    /// The log.
    pub log: Log,
    /// Prometheus metrics and the health page.
    pub metrics: Metrics,
}

/// The SQL database.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite`, or `mysql://user@host:port/name`.
    pub url: String,
    /// File with the password, for MySQL.
    pub password_file: Option<PathBuf>,
    /// Most connections to the database.
    pub connections: u32,
}

/// Sessions of signed-in users.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// A session without a request ends after this time.
    pub idle_minutes: u64,
    /// Every session ends after this time.
    pub max_hours: u64,
}

/// Bounds on what clients can make the server hold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most connections.
    pub connections: u32,
    /// Most connections from one address (IPv6: one /64 network).
    pub connections_per_address: u32,
    /// Most connections that have not signed in; one address has at most half of them.
    pub connections_before_sign_in: u32,
    /// Most connections that are signed in as one user.
    pub connections_per_user: u32,
    /// Most uploads of one user that are open at a time.
    pub uploads_per_user: u32,
    /// Requests of one user in a second, after a burst of twice as many; 0 means any.
    pub requests_per_second: u32,
    /// Memory for requests being received and worked on, all connections together.
    pub request_mib: u32,
    /// Memory for answers being made and sent, all connections together.
    pub response_mib: u32,
    /// Threads for the network; 0 means one per processor, at most 8.
    pub worker_threads: usize,
    /// Most threads for the disk and for cryptography.
    pub blocking_threads: usize,
}

/// Proof of work: what strangers pay with where attempts are many.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Work {
    /// Difficulty of a sign-up, in bits.
    pub sign_up: u8,
    /// Difficulty of a sign-in, once there were failures or while there is load.
    pub sign_in: u8,
    /// Difficulty for each GiB that a user uploads beyond the normal rate.
    pub upload: u8,
    /// Highest difficulty; 0 means that no work is ever asked for.
    pub most: u8,
    /// Normal rate of a user's uploads, in GiB an hour; 0 means any.
    pub upload_gib_per_hour: u32,
    /// Half of the failures of an address are forgotten after this time.
    pub half_life_minutes: u32,
}

/// What a user may store to whom nothing else was given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Bytes of all versions, with the trash: `none`, or an amount such as `50G`.
    pub bytes: String,
    /// Files and directories, with the trash; 0 means any number.
    pub files: u64,
}

/// What is kept for how long.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Deleted files stay in the trash for this long; 0 means for ever.
    pub trash_days: u32,
    /// Earlier versions of a file stay for this long; 0 means for ever.
    pub version_days: u32,
    /// Most versions of one file, the current one included; 0 means all.
    pub versions: u32,
    /// Parts of an upload that was never finished stay for this long.
    pub upload_days: u32,
    /// The journal stays for at least this long.
    pub journal_hours: u32,
    /// Stored pieces that nothing refers to stay for this long before they are removed.
    pub garbage_hours: u32,
    /// The record of who did what stays for this long; 0 means that none is kept.
    pub activity_days: u32,
}

/// The disk.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Uploads are refused when less than this share of the disk is free.
    pub reserve_percent: u8,
}

/// Work that the server does on its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Maintenance {
    /// Time between two rounds of expiry, garbage collection and pruning.
    pub janitor_seconds: u64,
    /// Time between two updates of the `anchor` file.
    pub anchor_seconds: u64,
    /// Time between two samples of what `coffer-server history` shows.
    pub history_seconds: u64,
    /// How much the scrub reads in a second; 0 means that there is none.
    pub scrub_mib_per_second: u64,
    /// A round of the scrub begins at the earliest so long after the one before.
    pub scrub_hours: u64,
}

/// What the answer to a write waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplicationMode {
    /// For nothing but this machine.
    Async,
    /// For one replica, but not for long.
    SemiSync,
    /// For one replica, however long it takes.
    Sync,
}

impl ReplicationMode {
    /// The name, as in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Async => "async",
            Self::SemiSync => "semi-sync",
            Self::Sync => "sync",
        }
    }
}

/// Replicas.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Replication {
    /// What the answer to a write waits for.
    pub mode: ReplicationMode,
    /// Longest wait for a replica in the mode `semi-sync`.
    pub wait_millis: u64,
    /// Journal entries that are kept for a replica that is behind or away.
    pub retain_entries: u64,
}

/// When the log says that mirroring is not as it should be; 0 means never.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alarms {
    /// A replica has not had everything for this long.
    pub lag_seconds: u64,
    /// A write has been on one machine only for this long.
    pub unmirrored_seconds: u64,
    /// Nothing was heard of a replica, or of the source, for this long.
    pub silent_seconds: u64,
    /// A replica is behind by this share of `replication.retain_entries`.
    pub retain_percent: u8,
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Text or JSON.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a `tracing` filter.
    pub level: String,
}

/// Prometheus metrics and the health page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Address for `/metrics` and `/health`; absent means none.
    pub listen: Option<String>,
    /// Lets `listen` be an address that other machines can reach.
    pub allow_remote: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0:7440".to_owned(),
            public_host: None,
            sign_up: SignUp::Invite,
            instant_upload: InstantUpload::User,
            master_key_file: None,
            shutdown_seconds: 20,
            database: Database::default(),
            session: Session::default(),
            limits: Limits::default(),
            work: Work::default(),
            quota: Quota::default(),
            retention: Retention::default(),
            storage: Storage::default(),
            maintenance: Maintenance::default(),
            replication: Replication::default(),
            alarms: Alarms::default(),
            log: Log::default(),
            metrics: Metrics::default(),
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite".to_owned(), password_file: None, connections: 8 }
    }
}

impl Default for Session {
    fn default() -> Self {
        Self { idle_minutes: 15, max_hours: 12 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: 1024,
            connections_before_sign_in: 512,
            connections_per_user: 512,
            uploads_per_user: 256,
            requests_per_second: 5000,
            request_mib: 24,
            response_mib: 24,
            worker_threads: 0,
            blocking_threads: 16,
        }
    }
}

impl Default for Work {
    fn default() -> Self {
        let known = coffer_service::Work::default();
        let minutes = known.half_life.as_secs() / 60;
        let gib = known.upload_per_hour.unwrap_or(0) >> 30;
        Self {
            sign_up: known.sign_up,
            sign_in: known.sign_in,
            upload: known.upload,
            most: known.most,
            upload_gib_per_hour: u32::try_from(gib).unwrap_or(u32::MAX),
            half_life_minutes: u32::try_from(minutes).unwrap_or(u32::MAX),
        }
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self { bytes: crate::size::NONE.to_owned(), files: 0 }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            trash_days: 30,
            version_days: 90,
            versions: 0,
            upload_days: 7,
            journal_hours: 24,
            garbage_hours: 72,
            activity_days: 90,
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self { reserve_percent: 5 }
    }
}

impl Default for Maintenance {
    fn default() -> Self {
        Self {
            janitor_seconds: 60,
            anchor_seconds: 10,
            history_seconds: 3600,
            scrub_mib_per_second: 8,
            scrub_hours: 24,
        }
    }
}

impl Default for Replication {
    fn default() -> Self {
        Self { mode: ReplicationMode::SemiSync, wait_millis: 2000, retain_entries: 1_000_000 }
    }
}

impl Default for Alarms {
    fn default() -> Self {
        Self { lag_seconds: 60, unmirrored_seconds: 60, silent_seconds: 120, retain_percent: 80 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

#[cfg(test)]
mod tests;
