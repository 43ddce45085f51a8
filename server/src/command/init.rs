//! `init`: makes a new installation.
//!
//! Guarantees: nothing is touched before everything that can be checked has
//! been checked; a failed `init` takes back every file it made; the marker that
//! makes the directory an installation is written last.

use crate::args;
use crate::command::master_key;
use crate::config::{self, Config, Overrides};
use crate::data_dir::{self, DataDir, Marker};
use crate::failure::{Code, Failure, Outcome};
use crate::install::{block_on, close};
use crate::run::anchor::Anchor;
use crate::{database, explain, links, output, port, tls};
use coffer_crypto::{MasterKey, ServerSecret};
use coffer_protocol::ServerId;
use coffer_protocol::link::Link;
use coffer_store::durable;
use coffer_store::{Clock, ClusterInit, Environment, Store, SystemClock};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Says that an `init` is at work, or was interrupted.
const CLAIM_FILE: &str = "init-in-progress";
/// The first invitation.
const FIRST_INVITE_USES: u32 = 1;
const FIRST_INVITE_DAYS: u32 = 7;

/// Makes the installation and prints how to go on.
pub(crate) fn run(args: &args::Init) -> Outcome {
    let data = DataDir::new(&args.place.data);
    let existed = inspect(&data)?;
    let config = configuration(args, &data)?;
    let claim = claim(&data)?;
    let made = prepare(&data).and_then(|()| block_on(make(&data, &config)));
    match made {
        Ok(made) => {
            remove(&claim);
            announce(&data, &config, &made);
            Ok(())
        }
        Err(failure) => {
            take_back(&data, existed);
            Err(failure)
        }
    }
}

/// What `init` has made, to be shown.
struct Made {
    master: MasterKey,
    link: Link,
}

/// Whether the directory exists; refuses one that holds something.
fn inspect(data: &DataDir) -> Outcome<bool> {
    let root = data.root();
    if data.marker_path().exists() {
        let message = format!("{} is a Coffer data directory already", root.display());
        return Err(Failure::new(Code::AlreadyInitialised, message)
            .hint("Nothing was changed. `coffer-server run --data` starts it."));
    }
    let mut entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => {
            let message = format!("cannot read {}: {error}", root.display());
            return Err(Failure::new(Code::DirectoryUnwritable, message)
                .hint("Check the path, and owner and rights of the directory."));
        }
    };
    if entries.next().is_none() {
        return Ok(true);
    }
    Err(not_empty(root))
}

fn not_empty(root: &Path) -> Failure {
    let message = format!("{} is not empty", root.display());
    Failure::new(Code::DirectoryNotEmpty, message).hint(
        "Choose an empty or new directory. If this is what an interrupted `init` left, remove it.",
    )
}

/// The choices as a configuration. A port 0 becomes a free port, for good, so
/// that links stay valid.
fn configuration(args: &args::Init, data: &DataDir) -> Outcome<Config> {
    let mut flags = Overrides::default();
    flags.flag("--listen", "listen", args.listen.clone());
    flags.flag("--public-host", "public_host", args.public_host.clone());
    let mut config = config::from_layers(&data.config_path(), "", &flags)?;
    if let Some(url) = &args.database {
        database::parse_url(url)?;
        config.database.url.clone_from(url);
    }
    if let Some(file) = &args.database_password_file {
        let absolute =
            std::path::absolute(file).map_err(|error| Failure::io("find", file, &error))?;
        config.database.password_file = Some(absolute);
    }
    if let Some(sign_up) = args.signup {
        config.sign_up = sign_up;
    }
    // Read before anything is made: a missing password file is a mistake in the command.
    database::store_config(data, &config)?;
    port::settle(&mut config)?;
    Ok(config)
}

/// Takes the directory for this `init` alone: only who has made this file may
/// take anything back.
fn claim(data: &DataDir) -> Outcome<PathBuf> {
    let made = durable::create_dirs_durable(data.root());
    made.map_err(|error| data_dir::write_failure(data.root(), &error))?;
    let path = data.root().join(CLAIM_FILE);
    match durable::write_new(&path, b"", 0o600) {
        Ok(_) => Ok(path),
        Err(_) if path.exists() => Err(not_empty(data.root())),
        Err(error) => Err(data_dir::write_failure(&path, &error.into())),
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        output::note(&format!("note: {} can be removed: {error}", path.display()));
    }
}

/// Makes the directories.
fn prepare(data: &DataDir) -> Outcome {
    let made = durable::create_dirs_durable(&data.tls());
    made.map_err(|error| data_dir::write_failure(data.root(), &error))?;
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(data.root(), private)
        .map_err(|error| Failure::io("set the rights of", data.root(), &error))
}

async fn make(data: &DataDir, config: &Config) -> Outcome<Made> {
    let mut id = [0; 32];
    getrandom::fill(&mut id).map_err(|error| {
        Failure::new(Code::Io, format!("the system gives no random numbers: {error}"))
    })?;
    let server_id = ServerId(id);
    let master = MasterKey::generate()
        .map_err(|error| Failure::new(Code::Io, format!("cannot make a master key: {error}")))?;
    let secret = ServerSecret::derive(&master, server_id.as_bytes());
    let marker = Marker { server_id, check_value: secret.check_value() };
    data_dir::write(&data.master_key_path(config), master.to_file_text().as_bytes())?;
    data_dir::write(&data.config_path(), config::render(config)?.as_bytes())?;
    let fingerprint = tls::create(data, &secret)?;
    let mut link = links::compose(config, None, fingerprint, None)?;
    // The database last of all: what is made there cannot be taken back by
    // removing files.
    let settings = database::store_config(data, config)?;
    let created_millis = SystemClock.now_millis();
    let cluster = ClusterInit { server_id, check_value: marker.check_value, created_millis };
    Store::create(&settings, cluster).await.map_err(|error| explain::store(&error))?;
    let store = Store::open(settings, Environment::system())
        .await
        .map_err(|error| explain::store(&error))?;
    let finished = finish(data, config, &store, &secret, &marker).await;
    close(&store).await;
    link.invite = finished?;
    Ok(Made { master, link })
}

async fn finish(
    data: &DataDir,
    config: &Config,
    store: &Store,
    secret: &ServerSecret,
    marker: &Marker,
) -> Outcome<Option<String>> {
    let invite = match config.sign_up {
        config::SignUp::Open | config::SignUp::Closed => None,
        config::SignUp::Invite => {
            let (uses, days) = (FIRST_INVITE_USES, FIRST_INVITE_DAYS);
            Some(links::create_invite(store, secret, uses, days).await?)
        }
    };
    let (position, chain) = store.head().await.map_err(|error| explain::store(&error))?;
    Anchor { position, chain }.write(data, &marker.server_id, secret)?;
    data_dir::write(&data.marker_path(), marker.to_text().as_bytes())?;
    Ok(invite)
}

/// Removes what a failed `init` made. The directory was empty or absent before.
fn take_back(data: &DataDir, existed: bool) {
    let root = data.root();
    let removed = match existed {
        false => fs::remove_dir_all(root),
        true => empty(root),
    };
    if let Err(error) = removed
        && error.kind() != ErrorKind::NotFound
    {
        output::note(&format!("note: cannot remove what was made in {}: {error}", root.display()));
    }
}

fn empty(root: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

fn announce(data: &DataDir, config: &Config, made: &Made) {
    let root = data.root().display();
    output::line(&format!("Coffer is initialised in {root}"));
    output::line(&format!("  configuration  {}", data.config_path().display()));
    output::line(&format!("  database       {}", config.database.url));
    output::line(&format!("  master key     {}", data.master_key_path(config).display()));
    output::line(&"");
    output::line(&master_key::sheet(&made.master).as_str());
    output::line(&"");
    output::line(&format!("Start it:  coffer-server run --data {root}"));
    match &made.link.invite {
        Some(_) => output::line(&format!(
            "Connection link, good for {FIRST_INVITE_USES} account within {FIRST_INVITE_DAYS} days:"
        )),
        None => output::line(&"Connection link:"),
    }
    output::line(&made.link);
}
