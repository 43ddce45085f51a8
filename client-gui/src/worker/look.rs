//! What is at a path, and which folders one can go on to.

use super::{Shared, people};
use crate::command::Event;
use crate::look::{LookEvent, LookJob};
use crate::state::folder::Row;
use coffer_client::protocol::message::tree::Kind;
use coffer_client::{Client, ClientError, RemotePath};

/// Entries of a directory that are looked at for folders.
const MAX_LOOKED_AT: usize = 5_000;

impl Shared {
    pub(super) async fn look(&self, job: LookJob) {
        let Some(client) = self.client() else { return };
        let event = match job {
            LookJob::Visit(path) => {
                let seen = client.stat(&path).await;
                let row = seen.map(|entry| Box::new(Row { entry, path: path.clone() }));
                LookEvent::Visited(path, row.map_err(Into::into))
            }
            LookJob::Folders(dir) => {
                let folders = folders(&client, &dir).await.unwrap_or_default();
                LookEvent::Folders(dir, folders)
            }
            LookJob::Quick(row, revision) => return self.quick(&client, *row, revision).await,
            LookJob::Beside(path, version) => {
                return self.beside(&client, &path, &version).await;
            }
            LookJob::Thumb(row) => return self.thumb(&client, *row).await,
            LookJob::Recent(generation) => return self.recent(&client, generation).await,
        };
        self.tell(Event::Look(event)).await;
    }
}

/// Names of the folders in a directory, or of who shares something, or of what they share.
async fn folders(client: &Client, dir: &RemotePath) -> Result<Vec<String>, ClientError> {
    let mut names = match dir {
        RemotePath::Own(_) | RemotePath::Shared(_) => listed(client, dir).await?,
        RemotePath::Everyone | RemotePath::Owner(_) => {
            let shares = people::shares_with_me(client).await?;
            let folders = shares.iter().filter(|share| share.kind == Kind::Directory);
            match dir {
                RemotePath::Owner(owner) => {
                    let theirs = folders.filter(|share| share.owner == *owner);
                    theirs.filter_map(|share| share.names.first().cloned()).collect()
                }
                _ => folders.map(|share| share.owner.clone()).collect(),
            }
        }
    };
    names.sort_by(|one: &String, other| natord::compare_ignore_case(one, other));
    names.dedup();
    Ok(names)
}

async fn listed(client: &Client, dir: &RemotePath) -> Result<Vec<String>, ClientError> {
    let mut pages = client.list(dir)?;
    let (mut names, mut seen) = (Vec::new(), 0);
    while let Some(page) = pages.next_page().await? {
        seen += page.entries.len();
        let dirs = page.entries.into_iter().filter(|entry| entry.kind == Kind::Directory);
        names.extend(dirs.map(|entry| entry.name));
        if seen >= MAX_LOOKED_AT {
            break;
        }
    }
    Ok(names)
}
