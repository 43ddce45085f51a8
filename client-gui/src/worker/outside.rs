//! Files that other programs have opened: a copy is made, opened, watched, and saved as a new
//! version whenever it was changed.
//!
//! Guarantees: a version that somebody else has saved meanwhile is not overwritten unasked;
//! of changes that cannot be saved the user learns, and they are kept.

use super::copies::{self, Copies, Stamp, Watch};
use super::{Shared, Signed, locked};
use crate::command::Event;
use crate::outside::{Ask, OutsideEvent, OutsideJob};
use crate::state::Problem;
use crate::state::opened::Status;
use crate::text::fill;
use coffer_client::protocol::message::tree::Expect;
use coffer_client::protocol::{ErrorCode, NodeId};
use coffer_client::transfer::{StreamTarget, Tracker, check_local_name};
use coffer_client::{ByteRange, Client, ClientError, FileReader, RemotePath};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempPath;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

/// How often a copy is looked at.
const POLL: Duration = Duration::from_millis(700);
/// How often it is said how far a copy is.
const PROGRESS: Duration = Duration::from_millis(250);
/// When saving is tried again because the server did not answer.
const AGAIN: Duration = Duration::from_secs(20);
/// Directory of all copies, in that of the profiles.
const DIR: &str = "opened";

/// The copies of this run, and whom to ask about each.
#[derive(Default)]
pub(super) struct Outsiders {
    copies: Option<Copies>,
    asks: HashMap<NodeId, Sender<Ask>>,
}

/// A copy that is open.
struct Copy {
    file: PathBuf,
    path: RemotePath,
    base: u64,
    watch: Watch,
    again: Option<Instant>,
}

impl Shared {
    pub(super) async fn outside(self: Arc<Self>, job: OutsideJob) {
        match job {
            OutsideJob::Tidy => {
                let (root, rescue) = (self.home.root().join(DIR), self.rescue_dir());
                let tidied = tokio::task::spawn_blocking(move || copies::tidy(&root, &rescue));
                self.rescued(tidied.await.unwrap_or_default()).await;
            }
            OutsideJob::Open(node, path) => self.open_outside(node, path).await,
            OutsideJob::Ask(node, ask) => {
                let asks = locked(&self.outsiders).asks.get(&node).cloned();
                if let Some(asks) = asks {
                    // Whoever has ended meanwhile has said so.
                    let _ = asks.send(ask).await;
                }
            }
        }
    }

    /// Where changes go that cannot be saved.
    fn rescue_dir(&self) -> PathBuf {
        locked(&self.settings).download_dir()
    }

    async fn rescued(&self, files: Vec<PathBuf>) {
        if !files.is_empty() {
            self.tell(Event::Outside(OutsideEvent::Rescued(files))).await;
        }
    }

    async fn open_outside(self: Arc<Self>, node: NodeId, path: RemotePath) {
        let signed = locked(&self.session).clone();
        let Some(Signed { client, ended }) = signed else { return };
        let (asks, mut asked) = channel(4);
        locked(&self.outsiders).asks.insert(node, asks);
        let fetched = tokio::select! {
            fetched = self.fetch(&client, node, path) => Some(fetched),
            () = closed(&mut asked) => None,
            () = ended.cancelled() => None,
        };
        match fetched {
            None => {}
            Some(Ok(mut copy)) => {
                match self.launch(&copy.file).await {
                    Ok(()) => self.status(node, Status::Watched).await,
                    Err(problem) => self.status(node, Status::Failed(problem)).await,
                }
                self.attend_copy(&client, node, &mut copy, asked, &ended).await;
                self.close(&copy).await;
            }
            Some(Err(error)) => self.fail(error).await,
        }
        locked(&self.outsiders).asks.remove(&node);
        self.tell(Event::Outside(OutsideEvent::Closed(node))).await;
    }

    async fn status(&self, node: NodeId, status: Status) {
        self.tell(Event::Outside(OutsideEvent::Status(node, status))).await;
    }

    /// Makes a copy, and says how far it is.
    async fn fetch(
        &self,
        client: &Client,
        node: NodeId,
        path: RemotePath,
    ) -> Result<Copy, ClientError> {
        let name = path.last_name().unwrap_or_default().to_owned();
        check_local_name(&name)?;
        let root = self.home.root().join(DIR);
        let trouble = |error| ClientError::io("cannot make a copy in", &root, error);
        // Half a copy is no use to anybody: dropped, it is gone.
        let place = self.place(&root, &name).map_err(trouble)?;
        let half = TempPath::try_from_path(place).map_err(trouble)?;
        let reader = client.open_file(&path, None).await?;
        let entry = &reader.info().entry;
        let (base, size) = (entry.revision, entry.size);
        let mut fetching = Box::pin(fetch_into(&reader, &half));
        let stamp = loop {
            tokio::select! {
                fetched = &mut fetching => break fetched?,
                () = tokio::time::sleep(PROGRESS) => {
                    let here = tokio::fs::metadata(&half).await.map_or(0, |found| found.len());
                    self.status(node, Status::Fetching(here, size)).await;
                }
            }
        };
        drop(fetching);
        let file = half.keep().map_err(|error| trouble(error.error))?;
        Ok(Copy { file, path, base, watch: Watch::new(stamp), again: None })
    }

    fn place(&self, root: &Path, name: &str) -> io::Result<PathBuf> {
        let mut outsiders = locked(&self.outsiders);
        if outsiders.copies.is_none() {
            outsiders.copies = Some(Copies::begin(root)?);
        }
        match &mut outsiders.copies {
            Some(copies) => copies.place(name),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    async fn launch(self: &Arc<Self>, file: &Path) -> Result<(), Problem> {
        let (shared, path) = (Arc::clone(self), file.to_owned());
        let opened = tokio::task::spawn_blocking(move || shared.desktop.open(&path)).await;
        let opened = opened.unwrap_or_else(|error| Err(io::Error::other(error)));
        let texts = locked(&self.settings).texts();
        opened.map_err(|error| Problem {
            message: texts.no_program.to_owned(),
            hint: fill(texts.open_by_hand, file.display()),
            code: "no-program".to_owned(),
            original: error.to_string(),
        })
    }

    /// Watches a copy until it is closed, or the session is over.
    async fn attend_copy(
        self: &Arc<Self>,
        client: &Client,
        node: NodeId,
        copy: &mut Copy,
        mut asked: Receiver<Ask>,
        ended: &CancellationToken,
    ) {
        loop {
            let ask = tokio::select! {
                () = ended.cancelled() => return,
                ask = asked.recv() => Some(ask.unwrap_or(Ask::Close)),
                () = tokio::time::sleep(POLL) => None,
            };
            let (path, expect) = match ask {
                Some(Ask::Close) => return,
                Some(Ask::Launch) => {
                    if let Err(problem) = self.launch(&copy.file).await {
                        self.tell(Event::Failed(problem)).await;
                    }
                    continue;
                }
                Some(Ask::KeepBoth) => (crate::reduce::beside(&copy.path), Expect::Absent),
                Some(Ask::Overwrite) => (None, Expect::Anything),
                Some(Ask::Retry) | None => (None, Expect::Revision(copy.base)),
            };
            let Some(now) = copies::stamp(&copy.file) else { continue };
            let due = copy.again.is_some_and(|at| at <= Instant::now());
            if copy.watch.look(now) || ask.is_some() || due {
                let saved = tokio::select! {
                    () = ended.cancelled() => return,
                    saved = self.save_copy(client, node, copy, now, (path, expect)) => saved,
                };
                if saved.is_err() {
                    return;
                }
            }
        }
    }

    /// Saves a copy as it is, perhaps under another path; an error only when the session is
    /// over.
    async fn save_copy(
        &self,
        client: &Client,
        node: NodeId,
        copy: &mut Copy,
        now: Stamp,
        (other, expect): (Option<RemotePath>, Expect),
    ) -> Result<(), ()> {
        self.status(node, Status::Saving).await;
        let path = other.as_ref().unwrap_or(&copy.path).clone();
        copy.watch.trying(now);
        copy.again = None;
        match upload(client, &copy.file, &path, expect).await {
            Ok(revision) => {
                // Only now: a revision means nothing at another file.
                (copy.base, copy.path) = (revision, path.clone());
                self.tell(Event::Outside(OutsideEvent::At(node, path))).await;
                copy.watch.saved();
                let (file, noted) = (copy.file.clone(), now);
                let noted = tokio::task::spawn_blocking(move || copies::note(&file, noted)).await;
                if !matches!(noted, Ok(Ok(()))) {
                    tracing::warn!("it cannot be noted that a copy was saved");
                }
                self.status(node, Status::Saved(millis(SystemTime::now()))).await;
            }
            Err(error) if error.wire_code() == Some(ErrorCode::CONFLICT) => {
                self.status(node, Status::Conflict).await;
            }
            Err(error) if super::enter::is_over(&error) => {
                self.end(Some(Problem::from(error))).await;
                return Err(());
            }
            Err(error) => {
                copy.again = error.is_transient().then(|| Instant::now() + AGAIN);
                self.status(node, Status::Failed(error.into())).await;
            }
        }
        Ok(())
    }

    async fn close(&self, copy: &Copy) {
        let (file, rescue) = (copy.file.clone(), self.rescue_dir());
        let closed = tokio::task::spawn_blocking(move || copies::close(&file, &rescue)).await;
        match closed.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(kept) => self.rescued(kept.into_iter().collect()).await,
            Err(error) => {
                let error = ClientError::io("cannot remove", &copy.file, error);
                self.tell(Event::Failed(error.into())).await;
            }
        }
    }
}

/// Until the user wants the copy closed.
async fn closed(asked: &mut Receiver<Ask>) {
    while !matches!(asked.recv().await, Some(Ask::Close) | None) {}
}

/// Writes a copy that only the user can read; how it is then.
async fn fetch_into(reader: &FileReader, file: &Path) -> Result<Stamp, ClientError> {
    let trouble = |error| ClientError::io("cannot write", file, error);
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut copy = options.open(file).await.map_err(trouble)?;
    reader.read_to(ByteRange::ALL, &mut copy).await?;
    drop(copy);
    let stamp = copies::stamp(file).ok_or(io::ErrorKind::NotFound.into()).map_err(trouble)?;
    copies::note(file, stamp).map_err(trouble)?;
    Ok(stamp)
}

async fn upload(
    client: &Client,
    file: &Path,
    path: &RemotePath,
    expect: Expect,
) -> Result<u64, ClientError> {
    let trouble = |error| ClientError::io("cannot read", file, error);
    let source = std::fs::File::open(file).map_err(trouble)?;
    let modified = source.metadata().and_then(|found| found.modified()).map_err(trouble)?;
    let to = client.resolve(path).await?;
    let target = StreamTarget { to, modified_millis: millis(modified), executable: false, expect };
    let cancel = CancellationToken::new();
    Ok(client.upload_stream(source, target, &Tracker::new(), &cancel).await?.revision)
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
