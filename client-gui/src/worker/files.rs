//! Lists, searches, and what is done to files.

use super::Shared;
use crate::command::{Done, Event, Job};
use crate::reduce::MAX_EDITED;
use crate::state::Problem;
use crate::state::folder::{Row, by_name};
use coffer_client::protocol::ErrorCode;
use coffer_client::protocol::message::tree::Expect;
use coffer_client::transfer::{StreamTarget, Tracker};
use coffer_client::{ByteRange, Client, ClientError, RemotePath};
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;

/// Most rows of a directory.
const MAX_ROWS: usize = 1_000_000;

impl Shared {
    /// A directory, or a search.
    pub(super) async fn list(&self, job: Job) {
        let Some(client) = self.client() else { return };
        let (generation, outcome) = match job {
            Job::List(generation, path) => {
                (generation, self.list_all(&client, generation, path).await)
            }
            Job::Find(generation, bases, pattern) => {
                (generation, self.find(&client, generation, bases, &pattern).await)
            }
            _ => return,
        };
        if let Err(error) = outcome {
            match super::enter::is_over(&error) {
                true => self.end(Some(Problem::from(error))).await,
                false => self.tell(Event::NotListed(generation, Problem::from(error))).await,
            }
        }
    }

    /// The first page is shown at once, the whole when it is here.
    async fn list_all(
        &self,
        client: &Client,
        generation: u64,
        path: RemotePath,
    ) -> Result<(), ClientError> {
        let mut pages = client.list(&path)?;
        let (mut rows, mut damaged, mut first) = (Vec::new(), 0, true);
        while let Some(page) = pages.next_page().await? {
            damaged += page.damaged.len() as u64;
            rows.extend(page.entries.into_iter().map(|entry| {
                let path = path.join(entry.name.clone());
                Row { entry, path }
            }));
            if std::mem::take(&mut first) && page.next.is_some() {
                let mut rows = rows.clone();
                by_name(&mut rows);
                self.tell(Event::Listed(generation, rows, damaged, false)).await;
            }
            if rows.len() >= MAX_ROWS {
                break;
            }
        }
        let rows = ordered(rows).await;
        self.tell(Event::Listed(generation, rows, damaged, true)).await;
        Ok(())
    }

    /// Does something to files or shares.
    pub(super) async fn act(&self, job: Job) {
        let Some(client) = self.client() else { return };
        match self.acted(&client, job).await {
            Ok(event) => self.tell(event).await,
            Err(error) => self.fail(error).await,
        }
    }

    async fn acted(&self, client: &Client, job: Job) -> Result<Event, ClientError> {
        let done = match job {
            Job::MakeDir(path) => {
                client.mkdir(&path, false).await?;
                Done::Made(path)
            }
            Job::ReadText(path) => return read_text(client, path).await,
            Job::WriteText(path, text, revision) => {
                let expect = revision.map_or(Expect::Absent, Expect::Revision);
                match write_text(client, &path, text, expect).await {
                    Err(error)
                        if error.wire_code() == Some(ErrorCode::CONFLICT) && revision.is_some() =>
                    {
                        return Ok(Event::Conflict);
                    }
                    outcome => Done::Saved(path, outcome?),
                }
            }
            Job::OverwriteText(path, text) => {
                let revision = write_text(client, &path, text, Expect::Anything).await?;
                Done::Saved(path, revision)
            }
            Job::Purge(nodes) => {
                match nodes {
                    Some(nodes) => client.purge_trash(&nodes).await?,
                    None => client.purge_all_trash().await?,
                };
                Done::Purged
            }
            Job::RestoreVersion(path, revision) => {
                let written = client.restore_version(&path, revision).await?;
                Done::Saved(path, written.revision)
            }
            other => return super::people::acted(client, other).await,
        };
        Ok(Event::Done(done))
    }
}

/// Sorting a hundred thousand names takes a while, so it is done where waiting is meant.
async fn ordered(mut rows: Vec<Row>) -> Vec<Row> {
    let sort = move || {
        by_name(&mut rows);
        rows
    };
    tokio::task::spawn_blocking(sort).await.unwrap_or_default()
}

/// A text as it is stored, or nothing: what was changed on the way here, or cut off, would
/// be lost when it is saved.
async fn read_text(client: &Client, path: RemotePath) -> Result<Event, ClientError> {
    let reader = client.open_file(&path, None).await?;
    let (revision, size) = (reader.info().entry.revision, reader.info().entry.size);
    if size > MAX_EDITED {
        return Ok(Event::NotEditable);
    }
    let mut bytes = Vec::new();
    reader.read_to(ByteRange::ALL, &mut bytes).await?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Event::Text(path, text, revision)),
        Err(_) => Ok(Event::NotEditable),
    }
}

/// Writes a text; the answer is its revision.
async fn write_text(
    client: &Client,
    path: &RemotePath,
    text: String,
    expect: Expect,
) -> Result<u64, ClientError> {
    let to = client.resolve(path).await?;
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let modified_millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    let target = StreamTarget { to, modified_millis, executable: false, expect };
    let source = std::io::Cursor::new(text.into_bytes());
    let cancel = CancellationToken::new();
    Ok(client.upload_stream(source, target, &Tracker::new(), &cancel).await?.revision)
}
