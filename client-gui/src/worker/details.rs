//! What belongs to one selected thing: versions, shares, a look at it.

use super::{Shared, people};
use crate::command::Event;
use crate::state::Row;
use coffer_client::{Client, ClientError, RemotePath};

/// Versions that are shown.
const MAX_VERSIONS: usize = 100;

impl Shared {
    pub(super) async fn details(&self, row: Row) {
        let Some(client) = self.client() else { return };
        let node = row.entry.node;
        // Only the owner can ask who has access.
        let shares = match &row.path {
            RemotePath::Own(_) => people::shares_of(&client, &row.path).await.unwrap_or_default(),
            _ => Vec::new(),
        };
        let versions = match row.is_dir() {
            true => Vec::new(),
            false => versions(&client, &row.path).await.unwrap_or_default(),
        };
        self.tell(Event::Versions(node, versions, shares)).await;
        if !row.is_dir() {
            let preview = self.look_beside(&client, &row).await;
            self.tell(Event::Preview(node, preview)).await;
        }
    }
}

async fn versions(
    client: &Client,
    path: &RemotePath,
) -> Result<Vec<coffer_client::protocol::message::tree::Version>, ClientError> {
    let mut pages = client.versions(path)?;
    let mut versions = Vec::new();
    while let Some(page) = pages.next_page().await? {
        versions.extend(page.versions);
        if versions.len() >= MAX_VERSIONS {
            break;
        }
    }
    Ok(versions)
}
