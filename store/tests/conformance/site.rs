//! A place for a store: a data directory and a database of one of the engines.

use crate::mariadb::{self, Mariadb};
use coffer_protocol::ServerId;
use coffer_store::chunks::Reserve;
use coffer_store::{
    Clock, ClusterInit, DatabaseUrl, Environment, Password, Store, StoreConfig, SystemRandom,
};
use mysql_async::prelude::Queryable;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use tempfile::TempDir;

/// The installation of the tests.
pub(crate) const SERVER: ServerId = ServerId([0x5e; 32]);

/// A value as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Raw {
    Null,
    Int(i64),
    Bytes(Vec<u8>),
}

impl Raw {
    /// The value as a literal of SQL.
    pub(crate) fn literal(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Int(number) => number.to_string(),
            Self::Bytes(bytes) => format!("X'{}'", hex(bytes)),
        }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A clock that a test moves.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now_millis(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where a store of a test is.
pub(crate) struct Site {
    pub(crate) config: StoreConfig,
    pub(crate) clock: Arc<TestClock>,
    _directory: TempDir,
}

impl Site {
    /// With `SQLite`.
    pub(crate) fn sqlite() -> Self {
        Self::new("sqlite")
    }

    /// With a database of its own on the shared MariaDB.
    pub(crate) fn mysql() -> Self {
        Self::on(mariadb::shared())
    }

    /// With a database of its own on this MariaDB.
    pub(crate) fn on(server: &Mariadb) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::new(&server.database(&format!("site{number}")))
    }

    /// A fresh one on the same engine.
    pub(crate) fn another(&self) -> Self {
        match self.config.database {
            DatabaseUrl::Sqlite { .. } => Self::sqlite(),
            DatabaseUrl::Mysql { .. } => Self::mysql(),
        }
    }

    fn new(url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = StoreConfig::new(directory.path().join("data"));
        config.database = url.parse().unwrap();
        config.database_password = Some(Password::new(mariadb::PASSWORD.to_owned()));
        config.reserve = Reserve::Bytes(0);
        config.readers = 2;
        let clock = Arc::new(TestClock(AtomicI64::new(1_000_000)));
        Self { config, clock, _directory: directory }
    }

    /// Moves the clock.
    pub(crate) fn set_time(&self, millis: i64) {
        self.clock.0.store(millis, Ordering::Relaxed);
    }

    pub(crate) fn environment(&self) -> Environment {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Environment { clock, rng: Arc::new(SystemRandom) }
    }

    pub(crate) fn init() -> ClusterInit {
        ClusterInit { server_id: SERVER, check_value: [0xc4; 32], created_millis: 1_000 }
    }

    /// Makes the store.
    pub(crate) async fn create(&self) {
        Store::create(&self.config, Self::init()).await.unwrap();
    }

    /// Opens the store.
    pub(crate) async fn open(&self) -> Store {
        Store::open(self.config.clone(), self.environment()).await.unwrap()
    }

    /// Makes and opens the store.
    pub(crate) async fn fresh(&self) -> Store {
        self.create().await;
        self.open().await
    }

    /// Runs a statement past the store.
    pub(crate) async fn raw(&self, sql: &str) -> Vec<Vec<Raw>> {
        match &self.config.database {
            DatabaseUrl::Sqlite { .. } => self.raw_sqlite(sql),
            DatabaseUrl::Mysql { host, port, name, .. } => {
                let url = format!(
                    "mysql://{}:{}@{host}:{port}/{name}",
                    mariadb::USER,
                    mariadb::PASSWORD.replace(' ', "%20")
                );
                let opts = mysql_async::Opts::from_url(&url).unwrap();
                let mut conn = mysql_async::Conn::new(opts).await.unwrap();
                let rows: Vec<mysql_async::Row> = conn.exec(sql, ()).await.unwrap();
                conn.disconnect().await.unwrap();
                rows.into_iter()
                    .map(|row| row.unwrap().into_iter().map(from_mysql).collect())
                    .collect()
            }
        }
    }

    fn raw_sqlite(&self, sql: &str) -> Vec<Vec<Raw>> {
        let conn = rusqlite::Connection::open(self.config.data_dir.join("coffer.db")).unwrap();
        conn.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        let mut statement = conn.prepare(sql).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut out = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            out.push((0..columns).map(|index| from_sqlite(row.get_ref(index).unwrap())).collect());
        }
        out
    }

    /// A single number.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        match self.raw(sql).await[0][0] {
            Raw::Int(number) => number,
            ref other => panic!("{sql}: {other:?}"),
        }
    }
}

fn from_sqlite(value: rusqlite::types::ValueRef<'_>) -> Raw {
    match value {
        rusqlite::types::ValueRef::Null => Raw::Null,
        rusqlite::types::ValueRef::Integer(number) => Raw::Int(number),
        rusqlite::types::ValueRef::Blob(bytes) | rusqlite::types::ValueRef::Text(bytes) => {
            Raw::Bytes(bytes.to_vec())
        }
        rusqlite::types::ValueRef::Real(number) => panic!("{number}"),
    }
}

fn from_mysql(value: mysql_async::Value) -> Raw {
    match value {
        mysql_async::Value::NULL => Raw::Null,
        mysql_async::Value::Int(number) => Raw::Int(number),
        mysql_async::Value::UInt(number) => Raw::Int(i64::try_from(number).unwrap()),
        mysql_async::Value::Bytes(bytes) => Raw::Bytes(bytes),
        other => panic!("{other:?}"),
    }
}
