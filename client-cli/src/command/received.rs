//! What others share with the user, as directories that `ls` and `find` look
//! into: `@` is everything, `@owner` what one user shares.

use super::list::{self, Found};
use super::share::damaged_shares;
use crate::app::App;
use crate::exit::Failure;
use crate::views::share::{self, ShareView, Side};
use coffer_client::protocol::ErrorCode;
use coffer_client::protocol::message::share::ShareEntry;
use coffer_client::protocol::message::tree::Kind;
use coffer_client::{Client, RemotePath, SharedWithMe, path_of_share};
use globset::{GlobBuilder, GlobMatcher};

/// The owner that `path` stands for; `None`: every owner.
fn owner(path: &RemotePath) -> Option<&str> {
    match path {
        RemotePath::Owner(owner) => Some(owner),
        _ => None,
    }
}

/// `ls @` and `ls @owner`.
pub(super) async fn ls(
    app: &mut App,
    client: &Client,
    path: &RemotePath,
    long: bool,
) -> Result<(), Failure> {
    let found = client.shared_with_me(owner(path)).await?;
    let damaged: Vec<String> = found.damaged.iter().map(ToString::to_string).collect();
    if app.out.json {
        let entries: Vec<_> =
            found.shares.iter().map(|share| ShareView::new(share, Side::WithMe)).collect();
        let document = serde_json::json!({
            "path": path.to_string(), "entries": entries, "damaged": damaged,
        });
        app.out.document(&document)?;
    } else {
        for share in &found.shares {
            let name = match (path, share.names.last()) {
                (RemotePath::Owner(_), Some(name)) => name.clone(),
                _ => share::share_path(share, Side::WithMe),
            };
            app.out.line(share::shared_line(share, &name, long))?;
        }
        if found.shares.is_empty() {
            app.out.note("nothing is shared with you here");
        }
    }
    warn_changed(app, &found);
    damaged_shares(app, &damaged)
}

/// Nothing of an owner whose key has changed can be opened.
fn warn_changed(app: &App, found: &SharedWithMe) {
    let mut owners: Vec<&str> =
        found.shares.iter().filter(|share| share.key_changed).map(|share| &*share.owner).collect();
    owners.dedup();
    for owner in owners {
        app.out.note(format!(
            "WARNING: the key of {owner} is NOT the one that you know; what {owner} shares does \
             not open before you confirm it: see `coffer contact {owner}`"
        ));
    }
}

/// Walks through everything that is shared: `ls -R @` and `find`. What stops
/// being shared meanwhile is left out.
pub(super) async fn walk(
    app: &mut App,
    client: &Client,
    path: &RemotePath,
    pattern: Option<&str>,
    long: bool,
) -> Result<(), Failure> {
    let matcher = pattern.map(matcher).transpose()?;
    let found = client.shared_with_me(owner(path)).await?;
    warn_changed(app, &found);
    let mut looked = Found::default();
    for share in found.shares.iter().filter(|share| !share.key_changed) {
        match walk_one(app, client, share, pattern, matcher.as_ref(), long).await {
            Ok(one) => looked.add(one),
            Err(failure) if is_gone(&failure) => {}
            Err(failure) => return Err(failure),
        }
    }
    list::report_damaged(app, &looked.damaged)?;
    let damaged: Vec<String> = found.damaged.iter().map(ToString::to_string).collect();
    damaged_shares(app, &damaged)
}

fn is_gone(failure: &Failure) -> bool {
    [ErrorCode::NOT_FOUND.name(), ErrorCode::NO_SUCH_SHARE.name()].contains(&failure.code)
}

async fn walk_one(
    app: &mut App,
    client: &Client,
    share: &ShareEntry,
    pattern: Option<&str>,
    matcher: Option<&GlobMatcher>,
    long: bool,
) -> Result<Found, Failure> {
    let Some(path) = path_of_share(share) else { return Ok(Found::default()) };
    let name = path.last_name().unwrap_or_default();
    if matcher.is_none_or(|matcher| matcher.is_match(name)) {
        let entry = client.stat(&share.node).await?;
        list::show(app, &entry, path.to_string(), long)?;
    }
    match share.kind {
        Kind::File => Ok(Found::default()),
        Kind::Directory => {
            list::walk(app, client, &share.node, &path.to_string(), pattern, long).await
        }
    }
}

/// The server matches what is inside; names of shares are matched the same way.
fn matcher(pattern: &str) -> Result<GlobMatcher, Failure> {
    let glob = GlobBuilder::new(pattern).case_insensitive(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| {
        let message = format!("the search pattern cannot be read: {}", error.kind());
        Failure::new(coffer_client::Exit::Usage, ErrorCode::BAD_PATTERN.name(), message, "")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_shares_are_matched_like_names_in_them() {
        let is_match =
            |pattern: &str, name: &str| matcher(pattern).map(|matcher| matcher.is_match(name)).ok();
        assert_eq!(is_match("*.JPG", "a.jpg"), Some(true));
        assert_eq!(is_match("{a,b}*", "c"), Some(false));
        assert_eq!(is_match("[", "c"), None);
    }
}
