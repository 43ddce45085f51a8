//! Files that the user has worked with lately.
//!
//! Guarantees: the source is the record of activity that the server keeps: what the user
//! made, changed, brought back or read, newest first, each file once, as it is now; what
//! is gone or cannot be seen any more is left out.

use super::Shared;
use crate::command::Event;
use crate::state::Problem;
use crate::state::folder::Row;
use coffer_client::protocol::message::event::{ActivityRecord, Deed, Location};
use coffer_client::{Client, ClientError, RemotePath, SharedPath};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Most files that are shown.
const MAX_FILES: usize = 60;
/// Most records that are looked at.
const MAX_RECORDS: usize = 2_000;
/// Files that are asked for at once.
const AT_ONCE: usize = 8;

impl Shared {
    pub(super) async fn recent(&self, client: &Client, generation: u64) {
        let event = match rows(client).await {
            Ok(rows) => Event::Listed(generation, rows, 0, true),
            Err(error) if super::enter::is_over(&error) => {
                return self.end(Some(Problem::from(error))).await;
            }
            Err(error) => Event::NotListed(generation, Problem::from(error)),
        };
        self.tell(event).await;
    }
}

async fn rows(client: &Client) -> Result<Vec<Row>, ClientError> {
    let me = client.profile().user_name.clone();
    let mut pages = client.activity(None, None)?;
    let (mut paths, mut known, mut records) = (Vec::new(), HashSet::new(), 0);
    while let Some(page) = pages.next_page().await? {
        records += page.records.len();
        let mine = page.records.iter().filter(|record| record.by == me);
        paths.extend(mine.flat_map(worked_with).filter(|path| known.insert(path.clone())));
        if paths.len() >= MAX_FILES || records >= MAX_RECORDS {
            break;
        }
    }
    paths.truncate(MAX_FILES);
    Ok(as_they_are(client, paths).await)
}

/// The files that a record tells the user has worked with.
fn worked_with(record: &ActivityRecord) -> Vec<RemotePath> {
    let counts = matches!(
        record.deed,
        Deed::Created
            | Deed::Written
            | Deed::Restored
            | Deed::VersionRestored(_)
            | Deed::Downloaded
    );
    let place = record.location.as_ref().and_then(path_of);
    match (place.filter(|_| counts), record.count) {
        (None, _) => Vec::new(),
        (Some(path), 0) => vec![path],
        (Some(dir), _) => record.names.iter().map(|name| dir.join(name.clone())).collect(),
    }
}

fn path_of(location: &Location) -> Option<RemotePath> {
    let names = location.names.clone();
    let Some(owner) = location.owner.clone() else { return Some(RemotePath::Own(names)) };
    let (name, rest) = names.split_first()?;
    Some(RemotePath::Shared(SharedPath { owner, name: name.clone(), rest: rest.to_vec() }))
}

/// The files among these, in their order.
async fn as_they_are(client: &Client, paths: Vec<RemotePath>) -> Vec<Row> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut asked = JoinSet::new();
    for (place, path) in paths.into_iter().enumerate() {
        let (client, turns) = (client.clone(), Arc::clone(&turns));
        asked.spawn(async move {
            let _turn = turns.acquire().await.ok()?;
            let entry = client.stat(&path).await.ok()?;
            Some((place, Row { entry, path }))
        });
    }
    let mut rows: Vec<_> = asked.join_all().await.into_iter().flatten().collect();
    rows.retain(|(_, row)| !row.is_dir());
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::protocol::NodeId;

    fn record(deed: Deed, owner: Option<&str>, names: &[&str], of: &[&str]) -> ActivityRecord {
        let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        ActivityRecord {
            at_millis: 0,
            by: "ada".to_owned(),
            deed,
            node: NodeId([0; 16]),
            location: Some(Location { owner: owner.map(str::to_owned), names: texts(names) }),
            count: of.len() as u32,
            names: texts(of),
        }
    }

    #[test]
    fn records_name_single_files_or_several_of_a_directory() {
        let named = |record: &ActivityRecord| {
            worked_with(record).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(named(&record(Deed::Written, None, &["a", "b"], &[])), ["/a/b"]);
        assert_eq!(named(&record(Deed::Created, None, &["a"], &["x", "y"])), ["/a/x", "/a/y"]);
        let shared = record(Deed::Downloaded, Some("bob"), &["team", "plan"], &[]);
        assert_eq!(named(&shared), ["@bob/team/plan"]);
        assert!(named(&record(Deed::Deleted, None, &["a"], &[])).is_empty());
    }
}
