//! Uploads and downloads.

use super::{Shared, locked};
use crate::command::Event;
use crate::state::Problem;
use crate::state::transfer::{Outcome, TransferId, Work};
use coffer_client::protocol::message::tree::Expect;
use coffer_client::transfer::{
    LocalSource, RemoteSource, Report, Tracker, Upload, check_local_name,
};
use coffer_client::{Client, ClientError, RemotePath};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Failures that are named.
const MAX_NAMED: usize = 100;

impl Shared {
    pub(super) async fn transfer(&self, id: TransferId, work: Work) {
        let Some(client) = self.client() else { return };
        let (tracker, cancel) = (Tracker::new(), CancellationToken::new());
        locked(&self.transfers).insert(id, cancel.clone());
        let report = match decided(work) {
            Ok(work) => {
                self.tell(Event::Started(id, work.clone(), tracker.subscribe())).await;
                tokio::select! {
                    report = run(&client, work, &tracker, &cancel) => report,
                    never = self.tick(&tracker) => match never {},
                }
            }
            Err(error) => Err(error),
        };
        locked(&self.transfers).remove(&id);
        let outcome = match report {
            Ok(report) if report.is_complete() => outcome(&report),
            _ if cancel.is_cancelled() => Outcome::Cancelled,
            Ok(report) => outcome(&report),
            Err(error) => Outcome::Failed { failed: 1, first: vec![(String::new(), error.into())] },
        };
        self.tell(Event::Ended(id, outcome)).await;
    }

    /// Draws the window again when there is progress.
    async fn tick(&self, tracker: &Tracker) -> Infallible {
        let mut progress = tracker.subscribe();
        while progress.changed().await.is_ok() {
            (self.wake)();
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        std::future::pending().await
    }
}

async fn run(
    client: &Client,
    work: Work,
    tracker: &Tracker,
    cancel: &CancellationToken,
) -> Result<Report, ClientError> {
    match work {
        Work::Up { dir, sources } => {
            let base = client.resolve(&dir).await?;
            let named = |path: PathBuf| {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                LocalSource { path, name }
            };
            let sources = sources.into_iter().map(named).collect();
            let upload = Upload { base, sources, follow_links: false, expect: Expect::Anything };
            Ok(client.upload(upload, tracker, cancel).await)
        }
        Work::Down { sources, targets, .. } => {
            let mut wanted = Vec::with_capacity(sources.len());
            for (path, to) in sources.into_iter().zip(targets) {
                let place = client.resolve(&path).await?;
                wanted.push(RemoteSource { place, shown: path.to_string(), to });
            }
            Ok(client.download(wanted, tracker, cancel).await)
        }
    }
}

/// With the names that a download gives to what it makes.
fn decided(work: Work) -> Result<Work, ClientError> {
    match work {
        Work::Down { sources, dir, targets } if targets.is_empty() => {
            let mut targets = Vec::with_capacity(sources.len());
            for path in &sources {
                let target = local_target(&dir, path, &targets)?;
                targets.push(target);
            }
            Ok(Work::Down { sources, dir, targets })
        }
        work => Ok(work),
    }
}

/// A free name in a local directory: nothing that is there, or comes there with `others`,
/// is overwritten.
fn local_target(dir: &Path, path: &RemotePath, others: &[PathBuf]) -> Result<PathBuf, ClientError> {
    let name = path.last_name().unwrap_or("Coffer");
    check_local_name(name)?;
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let numbered = (2..10_000).map(|number| format!("{stem} ({number}){extension}"));
    let names = std::iter::once(name.to_owned()).chain(numbered);
    let free = names.map(|name| dir.join(name)).find(|to| !to.exists() && !others.contains(to));
    Ok(free.unwrap_or_else(|| dir.join(name)))
}

fn outcome(report: &Report) -> Outcome {
    if report.is_complete() {
        return Outcome::Done { files: report.files, machines: report.machines };
    }
    let named = report.failed.items.iter().take(MAX_NAMED);
    let mut first: Vec<_> =
        named.map(|(name, error)| (name.clone(), Problem::from(error))).collect();
    let mut failed = report.failed.count;
    if let Some(stopped) = &report.stopped {
        first.insert(0, (String::new(), stopped.into()));
        failed += 1;
    }
    Outcome::Failed { failed, first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_never_takes_the_place_of_a_file() {
        let dir = tempfile::tempdir().expect("directory");
        let path = RemotePath::Own(vec!["a.txt".to_owned()]);
        let to = local_target(dir.path(), &path, &[]).expect("a good name");
        assert_eq!(to, dir.path().join("a.txt"));
        std::fs::write(&to, "kept").expect("write");
        let to = local_target(dir.path(), &path, &[]).expect("a good name");
        assert_eq!(to, dir.path().join("a (2).txt"));
        let to = local_target(dir.path(), &path, &[to]).expect("a good name");
        assert_eq!(to, dir.path().join("a (3).txt"));
    }
}
