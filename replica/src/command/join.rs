//! `join`: makes this machine a replica.
//!
//! Guarantees: a directory that holds something is not touched; everything that
//! can be checked is checked before the token is used; a join that fails takes
//! back what it made; the file that makes the directory a replica is written last.

use crate::identity::{Identity, kind_name};
use crate::source::{self, SourceError};
use crate::{args, standby, tls};
use coffer_crypto::MasterKey;
use coffer_protocol::link::{Fingerprint, Link};
use coffer_protocol::message::peer::{Join, Joined, ReplicaKind};
use coffer_protocol::{Request, Response};
use coffer_server::config::{self, Config, Overrides};
use coffer_server::data_dir::{self, DataDir};
use coffer_server::{Code, Failure, Outcome, database, host, output};
use coffer_store::{Clock, ClusterInit, Store, SystemClock, durable};
use coffer_transport::{Authority, Target};
use data_encoding::BASE32_NOPAD;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;

/// Joins.
pub(crate) fn run(args: &args::Join) -> Outcome {
    let data = DataDir::new(&args.place.data);
    let existed = inspect(&data)?;
    let config = configuration(args, &data)?;
    let token = token(&args.token)?;
    let target = target(&args.link)?;
    let (authority, fingerprint) = tls::generate()?;
    let kind = if args.standby { ReplicaKind::Standby } else { ReplicaKind::Keyless };
    prepare(&data).inspect_err(|_| take_back(&data, existed))?;
    let work = async {
        let settings = database::store_config(&data, &config)?;
        let ready = Store::prepare_database(&settings, SystemClock.now_millis()).await;
        ready.map_err(|error| host::explain_store(&error))?;
        output::note(&format!("asking {}:{} to be let in", target.host, target.port));
        let listen = config.named_address();
        let mut joined =
            ask(&target, Join { token, kind, listen, fingerprint: fingerprint.0 }).await?;
        output::note(&format!("joined as {}; making the directory", joined.replica));
        let identity = Identity::new(&joined, kind, target.clone());
        let made = make(&data, &config, &authority, &mut joined, &identity).await;
        made.map_err(|failure| explain_left_over(failure, &identity))
    };
    let replica = host::block_on(work).inspect_err(|_| take_back(&data, existed))?;
    announce(&data, &replica, fingerprint);
    Ok(())
}

/// Whether the directory exists; refuses one that holds something.
fn inspect(data: &DataDir) -> Outcome<bool> {
    let root = data.root();
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
    let code = match Identity::exists(root) {
        true => Code::AlreadyInitialised,
        false => Code::DirectoryNotEmpty,
    };
    Err(Failure::new(code, format!("{} is not empty", root.display()))
        .hint("Choose an empty or new directory. Nothing was changed."))
}

fn configuration(args: &args::Join, data: &DataDir) -> Outcome<Config> {
    let mut flags = Overrides::default();
    flags.flag("--listen", "listen", Some(args.listen.clone()));
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
    database::store_config(data, &config)?;
    host::settle_port(&mut config)?;
    Ok(config)
}

fn token(text: &str) -> Outcome<[u8; 32]> {
    let bytes = BASE32_NOPAD.decode(text.trim().to_ascii_uppercase().as_bytes());
    bytes.ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        Failure::new(Code::Usage, "that is not a token")
            .hint("Take the last line of `coffer-server replica token`, all of it.")
    })
}

/// The machine that a link names.
pub(crate) fn target(link: &str) -> Outcome<Target> {
    let unusable = |why: String| {
        Failure::new(Code::Usage, why).hint("Take what `coffer-server link` prints on the source.")
    };
    let link: Link = link.trim().parse().map_err(|error| unusable(format!("{error}")))?;
    match link.fingerprint {
        Some(_) => Ok(Target::from(&link)),
        None => Err(unusable("the link has no fingerprint".to_owned())),
    }
}

async fn ask(target: &Target, join: Join) -> Outcome<Joined> {
    let place = format!("{}:{}", target.host, target.port);
    let explain = |error: SourceError| match error {
        SourceError::Lost(why) => Failure::new(
            Code::SourceUnreachable,
            format!("the source {place} cannot be asked: {why}"),
        )
        .hint("Check that the server runs, and that this machine reaches it."),
        SourceError::Refused(error) => Failure::new(
            Code::SourceRefused,
            format!("the source {place} refuses: {}", error.message),
        )
        .hint(error.hint),
        SourceError::Strange => Failure::new(
            Code::SourceRefused,
            format!("the source {place} does not answer as it should"),
        )
        .hint("Install the same version on both machines."),
    };
    let connection = source::open(target).await.map_err(explain)?;
    let answer = source::ask(&connection, Request::Join(join)).await.map_err(explain)?;
    connection.close().await;
    match answer {
        Response::Joined(joined) => Ok(*joined),
        _ => Err(explain(SourceError::Strange)),
    }
}

/// Makes the directories.
fn prepare(data: &DataDir) -> Outcome {
    let made = durable::create_dirs_durable(&data.tls());
    made.map_err(|error| data_dir::write_failure(data.root(), &error))?;
    fs::set_permissions(data.root(), fs::Permissions::from_mode(0o700))
        .map_err(|error| Failure::io("set the rights of", data.root(), &error))
}

async fn make(
    data: &DataDir,
    config: &Config,
    authority: &Authority,
    joined: &mut Joined,
    identity: &Identity,
) -> Outcome<(ReplicaKind, String)> {
    data_dir::write(&data.config_path(), config::render(config)?.as_bytes())?;
    match joined.master_key.take() {
        None => tls::write(data, authority)?,
        Some(key) => {
            let master = MasterKey::from_bytes(key);
            standby::check(&master, identity)?;
            standby::write_keys(data, config, &master, authority, identity)?;
        }
    }
    let settings = database::store_config(data, config)?;
    let cluster = ClusterInit {
        server_id: identity.server_id,
        check_value: identity.check_value,
        created_millis: SystemClock.now_millis(),
    };
    let created = Store::create_replica(&settings, cluster).await;
    created.map_err(|error| host::explain_store(&error))?;
    if identity.kind == ReplicaKind::Standby {
        standby::write_marker(data, identity)?;
    }
    identity.write(data.root())?;
    Ok((identity.kind, identity.replica.to_string()))
}

/// The source knows a replica that will not come.
fn explain_left_over(failure: Failure, identity: &Identity) -> Failure {
    let hint = format!(
        "{} The source knows this machine already: run `coffer-server replica remove {}` there, \
         and join again with a new token.",
        failure.hint, identity.replica
    );
    failure.hint(hint.trim())
}

/// Removes what a failed join made. The directory was empty or absent before.
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

/// Removes what is in a directory.
pub(super) fn empty(root: &std::path::Path) -> std::io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

fn announce(data: &DataDir, (kind, replica): &(ReplicaKind, String), fingerprint: Fingerprint) {
    let root = data.root().display();
    output::line(&format!("{root} is a {} replica, {replica}", kind_name(*kind)));
    output::line(&format!("  fingerprint    {fingerprint}"));
    output::line(&format!("Start it:  coffer-replica run --data {root}"));
}
