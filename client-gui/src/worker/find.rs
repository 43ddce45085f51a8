//! Searches by name, over the user's own files and what others share.
//!
//! Guarantees: what was found is shown while the search goes on; how much is bounded; a share
//! that cannot be read hides nothing of the others.

use super::{Shared, people};
use crate::command::Event;
use crate::state::folder::{Row, by_name};
use coffer_client::protocol::message::tree::Kind;
use coffer_client::{Client, ClientError, RemotePath, path_of_share};

/// Most rows that a search shows.
const MAX_FOUND: usize = 10_000;

impl Shared {
    /// Everything below these with a name like this. All that others share is `Everyone`.
    pub(super) async fn find(
        &self,
        client: &Client,
        generation: u64,
        bases: Vec<RemotePath>,
        pattern: &str,
    ) -> Result<(), ClientError> {
        let mut rows = Vec::new();
        for base in bases {
            match base {
                RemotePath::Everyone => {
                    self.find_shared(client, generation, pattern, &mut rows).await?;
                }
                base => self.find_below(client, generation, &base, pattern, &mut rows).await?,
            }
        }
        self.tell(Event::Found(generation, rows, true)).await;
        Ok(())
    }

    async fn find_shared(
        &self,
        client: &Client,
        generation: u64,
        pattern: &str,
        rows: &mut Vec<Row>,
    ) -> Result<(), ClientError> {
        for share in people::shares_with_me(client).await? {
            let Some(path) = path_of_share(&share) else { continue };
            if is_like(path.last_name().unwrap_or_default(), pattern)
                && let Ok(entry) = client.stat(&path).await
            {
                rows.push(Row { entry, path: path.clone() });
            }
            if share.kind == Kind::Directory {
                // It may have ended meanwhile, or wait for the owner's new key.
                let searched = self.find_below(client, generation, &path, pattern, rows).await;
                searched.or_else(|error| match super::enter::is_over(&error) {
                    true => Err(error),
                    false => Ok(()),
                })?;
            }
        }
        Ok(())
    }

    async fn find_below(
        &self,
        client: &Client,
        generation: u64,
        base: &RemotePath,
        pattern: &str,
        rows: &mut Vec<Row>,
    ) -> Result<(), ClientError> {
        let mut pages = client.walk(base, Some(pattern))?;
        while rows.len() < MAX_FOUND
            && let Some(page) = pages.next_page().await?
        {
            let before = rows.len();
            rows.extend(page.entries.into_iter().map(|found| {
                let above =
                    found.above.into_iter().fold(base.clone(), |path, name| path.join(name));
                let path = above.join(found.entry.name.clone());
                Row { entry: found.entry, path }
            }));
            if rows.len() > before {
                by_name(rows);
                self.tell(Event::Found(generation, rows.clone(), false)).await;
            }
        }
        Ok(())
    }
}

/// Whether a name holds what a pattern without wildcards of its own looks for. The names of
/// shares are not in any directory that the server could search.
fn is_like(name: &str, pattern: &str) -> bool {
    let typed = pattern.trim_matches('*').to_lowercase();
    !typed.contains(['*', '?', '[', '{']) && name.to_lowercase().contains(&typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_shares_are_compared_without_wildcards() {
        assert!(is_like("Team plans", "*PLAN*"));
        assert!(!is_like("Team", "*plan*") && !is_like("Team", "T?am"));
    }
}
