//! `invite`: lists, makes and revokes invitations.
//!
//! The code of an invitation is not stored; a list names each by the beginning
//! of its tag.

use crate::args::Place;
use crate::failure::{Code, Failure, Outcome};
use crate::install::{Installation, block_on, close};
use crate::{explain, links, output};
use coffer_store::{Change, Clock, Commit, InviteRow, Store, SystemClock};
use data_encoding::HEXLOWER;
use serde_json::json;

/// Hexadecimal digits of a tag that are shown.
const SHOWN: usize = 12;
const PAGE: u32 = 500;

fn name(invite: &InviteRow) -> String {
    HEXLOWER.encode(&invite.tag)[..SHOWN].to_owned()
}

async fn all(store: &Store) -> Outcome<Vec<InviteRow>> {
    let mut invites = Vec::new();
    let mut after = None;
    loop {
        let page = store.invites(after, PAGE).await.map_err(|error| explain::store(&error))?;
        after = page.last().map(|invite| invite.tag);
        let full = page.len() == PAGE as usize;
        invites.extend(page);
        if !full {
            return Ok(invites);
        }
    }
}

/// Lists the invitations that are still good.
pub(crate) fn list(place: &Place, as_json: bool) -> Outcome {
    let installation = Installation::load(place)?;
    let now = SystemClock.now_millis();
    let invites = block_on(async {
        let store = installation.open_admin().await?;
        let invites = all(&store).await;
        close(&store).await;
        invites
    })?;
    let live = invites.iter().filter(|row| row.uses_left > 0 && row.expires_millis > now);
    if !as_json {
        output::line(&format!(
            "{:<SHOWN$}  {:>5}  {:<23}  {:<23}",
            "invite", "uses", "made", "expires"
        ));
    }
    for invite in live {
        let name = name(invite);
        match as_json {
            true => output::json(&json!({
                "invite": name,
                "uses_left": invite.uses_left,
                "created_millis": invite.created_millis,
                "expires_millis": invite.expires_millis,
            })),
            false => output::line(&format!(
                "{name}  {:>5}  {:<23}  {:<23}",
                invite.uses_left,
                output::time(invite.created_millis),
                output::time(invite.expires_millis),
            )),
        }
    }
    Ok(())
}

/// Makes an invitation and prints its code.
pub(crate) fn create(place: &Place, uses: u32, days: u32) -> Outcome {
    let installation = Installation::load(place)?;
    let code = block_on(async {
        let store = installation.open_admin().await?;
        let code = links::create_invite(&store, &installation.secret, uses, days).await;
        close(&store).await;
        code
    })?;
    output::line(&code);
    Ok(())
}

/// Makes an invitation worthless, given its code or its name in the list.
pub(crate) fn revoke(place: &Place, wanted: &str) -> Outcome {
    let installation = Installation::load(place)?;
    block_on(async {
        let store = installation.open_admin().await?;
        let outcome = revoke_in(&store, &installation, wanted.trim()).await;
        close(&store).await;
        outcome
    })
}

async fn revoke_in(store: &Store, installation: &Installation, wanted: &str) -> Outcome {
    let by_code = installation.secret.invite_tag(wanted);
    let invites = all(store).await?;
    let found = invites.iter().find(|row| row.tag == by_code || name(row) == wanted);
    let Some(invite) = found else {
        return Err(Failure::new(Code::NoSuch, format!("there is no invitation '{wanted}'"))
            .hint("`coffer-server invite list` shows those that are still good."));
    };
    let commit = Commit { changes: vec![Change::DeleteInvite(invite.tag)], ..Commit::default() };
    store.commit(commit).await.map_err(|error| explain::commit(&error))?;
    output::line(&format!("revoked {}", name(invite)));
    Ok(())
}
