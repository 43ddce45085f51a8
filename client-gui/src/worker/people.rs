//! Shares, contacts, trash and activity.

use super::Shared;
use crate::command::{Done, Event, Job};
use crate::state::Problem;
use coffer_client::protocol::message::event::ActivityRecord;
use coffer_client::protocol::message::share::{GroupInfo, ShareEntry};
use coffer_client::protocol::message::tree::TrashEntry;
use coffer_client::{Client, ClientError, RemotePath, ShareLister, ShareScope};
use std::time::{Duration, SystemTime};

/// Most entries of a page that is fetched as a whole.
const MAX_ENTRIES: usize = 5_000;
/// Most records of activity.
const MAX_RECORDS: usize = 500;

impl Shared {
    /// Asks for a page that is fetched as a whole.
    pub(super) async fn learn(&self, job: Job) {
        let Some(client) = self.client() else { return };
        let event = match job {
            Job::SharesOf(path) => {
                let shares = shares_of(&client, &path).await;
                Event::SharesOf(path, shares.map_err(Problem::from))
            }
            Job::WithMe => Event::WithMe(all(client.shares(ShareScope::WithMe)).await),
            Job::ByMe => Event::ByMe(by_me(&client).await.map_err(Problem::from)),
            Job::Trash => Event::Trash(trash(&client).await.map_err(Problem::from)),
            _ => Event::Activity(activity(&client).await.map_err(Problem::from)),
        };
        self.tell(event).await;
    }
}

async fn all(lister: Result<ShareLister, ClientError>) -> Result<Vec<ShareEntry>, Problem> {
    collected(lister).await.map_err(Problem::from)
}

async fn collected(
    lister: Result<ShareLister, ClientError>,
) -> Result<Vec<ShareEntry>, ClientError> {
    let mut pages = lister?;
    let mut shares = Vec::new();
    while let Some(page) = pages.next_page().await? {
        shares.extend(page.shares);
        if shares.len() >= MAX_ENTRIES {
            break;
        }
    }
    Ok(shares)
}

/// What others share with the user.
pub(super) async fn shares_with_me(client: &Client) -> Result<Vec<ShareEntry>, ClientError> {
    collected(client.shares(ShareScope::WithMe)).await
}

/// Who has access to something.
pub(super) async fn shares_of(
    client: &Client,
    path: &RemotePath,
) -> Result<Vec<ShareEntry>, ClientError> {
    collected(client.shares(ShareScope::Of(path.clone()))).await
}

async fn by_me(client: &Client) -> Result<(Vec<ShareEntry>, Vec<GroupInfo>), ClientError> {
    let shares = collected(client.shares(ShareScope::ByMe)).await?;
    Ok((shares, client.groups().await?.groups))
}

async fn trash(client: &Client) -> Result<Vec<TrashEntry>, ClientError> {
    let mut pages = client.trash();
    let mut entries = Vec::new();
    while let Some(page) = pages.next_page().await? {
        entries.extend(page.entries);
        if entries.len() >= MAX_ENTRIES {
            break;
        }
    }
    Ok(entries)
}

async fn activity(client: &Client) -> Result<Vec<ActivityRecord>, ClientError> {
    let mut pages = client.activity(None, None)?;
    let mut records = Vec::new();
    while let Some(page) = pages.next_page().await? {
        records.extend(page.records);
        if records.len() >= MAX_RECORDS {
            break;
        }
    }
    Ok(records)
}

/// Changes a share or a contact.
pub(super) async fn acted(client: &Client, job: Job) -> Result<Event, ClientError> {
    let done = match job {
        Job::Share(path, with, mode, days) => {
            let expires = days.map(|days| now() + Duration::from_hours(24) * u32::from(days));
            let expires = expires.map(|at| i64::try_from(at.as_millis()).unwrap_or(i64::MAX));
            let shared = client.share(&path, with, mode, expires).await?;
            Done::Sharing(path, shared.new_contacts)
        }
        Job::Unshare(path, with) => {
            client.unshare(&path, with).await?;
            Done::Sharing(path, Vec::new())
        }
        Job::Leave(owner, name) => {
            client.leave(&owner, &name).await?;
            Done::Left
        }
        Job::EditGroup(group, edit) => {
            Done::GroupChanged(client.edit_group(&group, edit).await?.new_contacts)
        }
        Job::ConfirmContact(user, number) => {
            client.confirm_contact(&user, &number).await?;
            Done::Confirmed(user)
        }
        // All other jobs have their place in `Shared::run` and `Shared::acted`.
        _ => return Ok(Event::Changed),
    };
    Ok(Event::Done(done))
}

fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}
