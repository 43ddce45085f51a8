//! The configuration as a table of texts and what becomes of them, and the sample
//! file under deploy/ compared with the defaults.

use super::layers::{KEYS, variable_of};
use super::{Config, LogFormat, Overrides, SignUp, from_layers, render};
use crate::failure::Code;
use std::collections::BTreeSet;
use std::path::Path;
use toml::{Table, Value};

const SAMPLE: &str = include_str!("../../../deploy/coffer.toml");

fn parse(text: &str) -> Result<Config, String> {
    with(text, &Overrides::default())
}

fn with(text: &str, overrides: &Overrides) -> Result<Config, String> {
    from_layers(Path::new("coffer.toml"), text, overrides).map_err(|failure| {
        assert_eq!(failure.code, Code::ConfigInvalid);
        assert!(!failure.hint.is_empty());
        failure.message
    })
}

fn environment(pairs: &[(&str, &str)]) -> Overrides {
    Overrides::from_environment(|wanted| {
        pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
    })
}

/// A configuration with every optional key set, written out key by key so that
/// a new key does not compile before it is here.
fn full() -> Config {
    let defaults = Config::default();
    Config {
        listen: defaults.listen,
        public_host: Some("files.example.org".to_owned()),
        sign_up: defaults.sign_up,
        instant_upload: defaults.instant_upload,
        master_key_file: Some("/etc/coffer/master.key".into()),
        shutdown_seconds: defaults.shutdown_seconds,
        database: super::Database {
            password_file: Some("database.password".into()),
            ..defaults.database
        },
        session: defaults.session,
        limits: defaults.limits,
        work: defaults.work,
        quota: defaults.quota,
        retention: defaults.retention,
        storage: defaults.storage,
        maintenance: defaults.maintenance,
        replication: defaults.replication,
        alarms: defaults.alarms,
        log: defaults.log,
        metrics: super::Metrics { listen: Some("127.0.0.1:9440".to_owned()), ..defaults.metrics },
    }
}

fn key_paths(table: &Table, prefix: &str, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => key_paths(inner, &format!("{prefix}{key}."), found),
            _ => {
                found.insert(format!("{prefix}{key}"));
            }
        }
    }
}

fn keys_of(config: &Config) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    key_paths(&Table::try_from(config).unwrap(), "", &mut found);
    found
}

#[test]
fn the_sample_holds_every_key_with_its_default() {
    assert_eq!(parse(SAMPLE), Ok(Config::default()));
    // Optional keys are there as comments of the form "#key = value".
    let uncommented: String = SAMPLE.lines().map(|line| format!("{}\n", uncomment(line))).collect();
    let table: Table = toml::from_str(&uncommented).unwrap();
    let mut keys = BTreeSet::new();
    key_paths(&table, "", &mut keys);
    assert_eq!(keys, keys_of(&full()));
    assert_eq!(parse(&uncommented), Ok(full()));
}

fn uncomment(line: &str) -> &str {
    line.strip_prefix('#')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
        .unwrap_or(line)
}

#[test]
fn the_list_of_keys_is_complete_and_variables_are_distinct() {
    let keys: BTreeSet<String> = KEYS.iter().map(|key| (*key).to_owned()).collect();
    assert_eq!(keys, keys_of(&full()));
    let variables: BTreeSet<String> = KEYS.iter().map(|key| variable_of(key)).collect();
    assert_eq!(variables.len(), KEYS.len());
    assert!(!variables.contains(crate::database::PASSWORD_VARIABLE));
    assert!(!variables.contains("COFFER_DATA"));
}

#[test]
fn mistakes_name_the_key_and_the_line() {
    for (text, needles) in [
        ("listen = \"0.0.0.0:1\"\nlissten = 1\n", &["line 2", "lissten", "unknown field"][..]),
        ("[limits]\nconnections = \"many\"\n", &["line 2", "connections", "invalid type"]),
        ("sign_up = \"everybody\"\n", &["line 1", "sign_up", "everybody"]),
        ("listen = \n", &["line 1", "listen"]),
        ("\n\n[session]\nidle_minutes = 0\n", &["line 4", "session.idle_minutes", "between"]),
        ("listen = \"nowhere\"\n", &["line 1", "'listen' needs", "port"]),
        ("public_host = \"a b\"\n", &["line 1", "public_host"]),
        ("[database]\nurl = \"mysql://u:pw@h/x\"\n", &["line 2", "database.url", "password"]),
        ("[log]\nlevel = \"a=b=c\"\n", &["line 2", "log.level"]),
        ("[metrics]\nlisten = \"0.0.0.0:9\"\n", &["line 2", "metrics.listen", "allow_remote"]),
        ("[storage]\nreserve_percent = 300\n", &["line 2", "reserve_percent"]),
        ("[nonsense]\n", &["line 1", "nonsense"]),
    ] {
        let message = parse(text).expect_err(text);
        for needle in needles {
            assert!(message.contains(needle), "{text:?}: {message:?} lacks {needle:?}");
        }
    }
    let message = parse("[database]\nurl = \"mysql://u:pw-secret@h/x\"\n").unwrap_err();
    assert!(!message.contains("pw-secret"), "{message}");
}

#[test]
fn remote_metrics_need_an_explicit_key() {
    assert!(parse("[metrics]\nlisten = \"0.0.0.0:9\"\nallow_remote = true\n").is_ok());
    assert!(parse("[metrics]\nlisten = \"[::1]:9\"\n").is_ok());
}

#[test]
fn the_environment_beats_the_file_and_flags_beat_the_environment() {
    let file = "listen = \"10.0.0.1:1\"\nsign_up = \"open\"\n[limits]\nconnections = 5\n";
    let mut overrides = environment(&[
        ("COFFER_LISTEN", "10.0.0.2:2"),
        ("COFFER_LIMITS_CONNECTIONS", "6"),
        ("COFFER_LOG_FORMAT", "json"),
        ("COFFER_METRICS_ALLOW_REMOTE", "true"),
        ("COFFER_PUBLIC_HOST", "12"),
    ]);
    overrides.flag("--listen", "listen", Some("10.0.0.3:3"));
    overrides.set_flags(&["limits.connections = 7".to_owned()]).unwrap();
    let config = with(file, &overrides).unwrap();
    assert_eq!(config.listen, "10.0.0.3:3");
    assert_eq!(config.limits.connections, 7);
    assert_eq!(config.sign_up, SignUp::Open);
    assert_eq!(config.log.format, LogFormat::Json);
    assert!(config.metrics.allow_remote);
    assert_eq!(config.public_host.as_deref(), Some("12"));
}

#[test]
fn mistakes_in_the_upper_layers_name_where_they_are() {
    let message = with("", &environment(&[("COFFER_LIMITS_CONNECTIONS", "many")])).unwrap_err();
    assert!(message.contains("COFFER_LIMITS_CONNECTIONS"), "{message}");
    let message = with("", &environment(&[("COFFER_SESSION_IDLE_MINUTES", "0")])).unwrap_err();
    assert!(message.contains("COFFER_SESSION_IDLE_MINUTES"), "{message}");
    let mut overrides = Overrides::default();
    assert_eq!(overrides.set_flags(&["a".to_owned()]).unwrap_err().code, Code::Usage);
    assert!(
        overrides.set_flags(&["no.such=1".to_owned()]).unwrap_err().message.contains("no.such")
    );
}

#[test]
fn what_init_writes_reads_back_and_holds_only_the_choices() {
    let config = full();
    assert_eq!(parse(&render(&config).unwrap()), Ok(config));
    let text = render(&Config::default()).unwrap();
    assert_eq!(parse(&text), Ok(Config::default()));
    for (key, shown) in
        [("listen", true), ("url", true), ("sign_up", true), ("idle_minutes", false)]
    {
        assert_eq!(text.contains(key), shown, "{text}");
    }
}

#[test]
fn a_machine_names_its_public_address_where_it_has_one() {
    let named = |public: Option<&str>| {
        let public_host = public.map(str::to_owned);
        Config { listen: "0.0.0.0:7440".to_owned(), public_host, ..Config::default() }
            .named_address()
    };
    assert_eq!(named(None), "0.0.0.0:7440");
    assert_eq!(named(Some("files.example.org")), "files.example.org:7440");
    assert_eq!(named(Some("files.example.org:443")), "files.example.org:443");
    assert_eq!(named(Some("2001:db8::1")), "[2001:db8::1]:7440");
    assert_eq!(named(Some("[2001:db8::1]:443")), "[2001:db8::1]:443");
}
