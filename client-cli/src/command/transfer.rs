//! Files and trees up and down.

use super::attend::watched;
use super::remote;
use super::report::finish;
use super::tree::no_directory;
use crate::app::App;
use crate::args::{Get, Put};
use crate::exit::Failure;
use coffer_client::protocol::message::tree::{Entry, Expect, Kind};
use coffer_client::protocol::{ErrorCode, Place};
use coffer_client::transfer::{LocalSource, RemoteSource, Tracker, Upload, check_local_name};
use coffer_client::{Client, Exit, RemotePath};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

pub(super) async fn put(app: &mut App, args: Put) -> Result<(), Failure> {
    let client = app.client().await?;
    client.limit_uploads(args.pace.limit_rate);
    let (base, sources) = plan_put(&client, &args).await?;
    let expect = if args.no_clobber { Expect::Absent } else { Expect::Anything };
    let upload = Upload { base, sources, follow_links: args.follow, expect };
    let (tracker, cancel) = (Tracker::new(), CancellationToken::new());
    let work = client.upload(upload, &tracker, &cancel);
    let report = watched(app, &client, &tracker, &cancel, work).await;
    finish(app, report, "uploaded")
}

/// Where everything goes, by the habits of `cp -r`.
async fn plan_put(client: &Client, args: &Put) -> Result<(Place, Vec<LocalSource>), Failure> {
    let at = remote(&args.remote)?;
    let there = client.find(&at).await;
    let there = there.map_err(|error| Failure::from(error).about_entry(&*args.remote))?;
    if let Some(Entry { kind: Kind::Directory, .. }) = there {
        let sources = args.local.iter().map(|path| {
            let name = local_name(path)?;
            Ok(LocalSource { path: path.clone(), name })
        });
        let sources = sources.collect::<Result<_, Failure>>()?;
        return Ok((client.resolve(&at).await?, sources));
    }
    let [path] = args.local.as_slice() else {
        return Err(match there {
            Some(_) => not_a_directory(&args.remote),
            None => no_directory(&args.remote),
        });
    };
    let is_dir = path.is_dir();
    if there.is_some() && is_dir {
        return Err(not_a_directory(&args.remote));
    }
    if args.remote.ends_with('/') && !is_dir {
        return Err(no_directory(&args.remote));
    }
    if there.is_some() && matches!(at.parent(), Some(RemotePath::Owner(_))) {
        // A file that is shared itself: nothing is known of where it is.
        let source = LocalSource { path: path.clone(), name: Some(String::new()) };
        return Ok((client.resolve(&at).await?, vec![source]));
    }
    let (Some(above), Some(name)) = (at.parent(), at.last_name()) else {
        return Err(no_directory(&args.remote));
    };
    match client.find(&above).await? {
        Some(Entry { kind: Kind::Directory, .. }) => {}
        Some(_) => return Err(not_a_directory(&args.remote)),
        None => return Err(no_directory(parent_of(&args.remote))),
    }
    let source = LocalSource { path: path.clone(), name: Some(name.to_owned()) };
    Ok((client.resolve(&above).await?, vec![source]))
}

fn parent_of(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some((above, _)) if !above.is_empty() => above,
        _ => "/",
    }
}

fn not_a_directory(path: &str) -> Failure {
    let code = ErrorCode::NOT_A_DIRECTORY.name();
    Failure::new(Exit::Failed, code, "it is a file, not a directory", "").about(path)
}

/// The name a local path gets in a directory; `None` for `.`, `..` and `/`:
/// their contents are meant.
fn local_name(path: &Path) -> Result<Option<String>, Failure> {
    let ends_with_dot = path.as_os_str().as_encoded_bytes().ends_with(b"/.");
    let Some(name) = path.file_name().filter(|_| !ends_with_dot) else { return Ok(None) };
    let Some(name) = name.to_str() else {
        let message = format!("the name of {} is not valid Unicode", path.display());
        return Err(Failure::usage(message, "Give it a new name: put LOCAL /NAME."));
    };
    Ok(Some(name.to_owned()))
}

pub(super) async fn get(app: &mut App, args: Get) -> Result<(), Failure> {
    let planned = plan_get(&args)?;
    let client = app.client().await?;
    client.limit_downloads(args.pace.limit_rate);
    let mut sources = Vec::with_capacity(planned.len());
    for (path, shown, to) in planned {
        let place = client.resolve(&path).await;
        let place = place.map_err(|error| Failure::from(error).about_entry(&*shown))?;
        sources.push(RemoteSource { place, shown, to });
    }
    let (tracker, cancel) = (Tracker::new(), CancellationToken::new());
    let work = client.download(sources, &tracker, &cancel);
    let report = watched(app, &client, &tracker, &cancel, work).await;
    finish(app, report, "downloaded")
}

/// Where everything goes, by the habits of `cp -r`.
fn plan_get(args: &Get) -> Result<Vec<(RemotePath, String, PathBuf)>, Failure> {
    let is_dir = args.local.is_dir();
    if args.remote.len() > 1 && !is_dir {
        let message = format!("{} is not a directory", args.local.display());
        return Err(Failure::usage(message, "Several things can only go into a directory."));
    }
    let source = |typed: &String| {
        let path = remote(typed)?;
        let to = match path.last_name().filter(|_| is_dir) {
            Some(name) => {
                check_local_name(name)?;
                args.local.join(name)
            }
            None => args.local.clone(),
        };
        Ok((path, typed.clone(), to))
    };
    args.remote.iter().map(source).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Pace;

    #[test]
    fn names_follow_the_habits_of_cp() {
        let name = |path: &str| local_name(Path::new(path)).expect("Unicode");
        assert_eq!(name("a/b").as_deref(), Some("b"));
        assert_eq!(name("a/b/").as_deref(), Some("b"));
        for contents in [".", "..", "/", "a/.", "a/.."] {
            assert_eq!(name(contents), None, "{contents}");
        }
    }

    #[test]
    fn downloads_go_into_a_directory_or_become_what_was_typed() {
        let dir = tempfile::tempdir().expect("directory");
        let plan = |remote: &[&str], local: PathBuf| {
            let remote = remote.iter().map(|path| (*path).to_owned()).collect();
            let sources = plan_get(&Get { remote, local, pace: Pace::default() });
            sources.map(|found| found.into_iter().map(|(_, _, to)| to).collect::<Vec<_>>())
        };
        let new = dir.path().join("new");
        assert_eq!(plan(&["/a/b"], dir.path().into()).ok(), Some(vec![dir.path().join("b")]));
        assert_eq!(plan(&["/a/b"], new.clone()).ok(), Some(vec![new.clone()]));
        assert_eq!(plan(&["/"], dir.path().into()).ok(), Some(vec![dir.path().into()]));
        assert_eq!(plan(&["/a", "/b"], new).err().map(|failure| failure.exit), Some(2));
        assert!(plan(&["/.."], dir.path().into()).is_err());
    }

    #[test]
    fn a_path_has_a_directory_above_it() {
        assert_eq!(parent_of("/a/b/c"), "/a/b");
        assert_eq!(parent_of("/a"), "/");
        assert_eq!(parent_of("/a/b/"), "/a");
    }
}
