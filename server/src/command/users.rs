//! `users`: lists, shows, disables, enables and deletes accounts.
//!
//! Names are opened with the master key. Nothing of a user's files can be read
//! here: that takes the user's own password.

use super::quota::Standing;
use crate::args::{OneUser, Place};
use crate::failure::{Code, Failure, Outcome};
use crate::install::{Installation, block_on, close};
use crate::{explain, notices, output};
use coffer_protocol::UserId;
use coffer_service::admin::{self, AdminError};
use coffer_store::{Store, SystemRandom, USER_ACTIVE, USER_DISABLED, Usage, UserRow};
use serde_json::json;
use std::io::{IsTerminal, Write};

const PAGE: u32 = 500;
/// Attempts against a user who changes the password at the same moment.
pub(super) const ATTEMPTS: usize = 10;

pub(super) fn name_of(installation: &Installation, user: &UserRow) -> String {
    admin::user_name(&installation.secret, user).unwrap_or_else(|| "(does not open)".to_owned())
}

fn state_name(user: &UserRow) -> &'static str {
    match user.state {
        USER_ACTIVE => "active",
        USER_DISABLED => "disabled",
        _ => "unknown",
    }
}

fn describe(installation: &Installation, user: &UserRow, standing: &Standing) -> serde_json::Value {
    let mut document = standing.document();
    document["user"] = json!(name_of(installation, user));
    document["id"] = json!(user.user.to_string());
    document["state"] = json!(state_name(user));
    document["created_millis"] = json!(user.created_millis);
    document
}

/// Opens the database beside a running server, and closes it afterwards.
pub(super) fn with_store<T>(
    installation: &Installation,
    work: impl AsyncFnOnce(&Store) -> Outcome<T>,
) -> Outcome<T> {
    block_on(async {
        let store = installation.open_admin().await?;
        let outcome = work(&store).await;
        close(&store).await;
        outcome
    })
}

pub(super) async fn usage(store: &Store, user: UserId) -> Outcome<Usage> {
    store.usage(user).await.map_err(|error| explain::store(&error))
}

/// Lists the accounts.
pub(crate) fn list(place: &Place, as_json: bool) -> Outcome {
    let installation = Installation::load(place)?;
    if !as_json {
        output::line(&format!(
            "{:<24}  {:<8}  {:>10}  {:>12}  {:>12}  {:<23}  id",
            "user", "state", "files", "stored", "of", "since"
        ));
    }
    with_store(&installation, async |store| {
        let mut after = None;
        loop {
            let page = store.users(after, PAGE).await.map_err(|error| explain::store(&error))?;
            for user in page.iter().filter(|user| !admin::is_deleted(user)) {
                let standing = Standing::read(store, &installation, user.user).await?;
                match as_json {
                    true => output::json(&describe(&installation, user, &standing)),
                    false => output::line(&format!(
                        "{:<24}  {:<8}  {:>10}  {:>12}  {:>12}  {:<23}  {}",
                        name_of(&installation, user),
                        state_name(user),
                        standing.usage.nodes,
                        output::bytes(standing.usage.bytes),
                        standing.most(),
                        output::time(user.created_millis),
                        user.user,
                    )),
                }
            }
            after = page.last().map(|user| user.user);
            if page.len() < PAGE as usize {
                return Ok(());
            }
        }
    })
}

/// Finds a user by name or by id.
pub(super) async fn find(
    store: &Store,
    installation: &Installation,
    wanted: &str,
) -> Outcome<UserRow> {
    let by_name = match coffer_crypto::normalize_user_name(wanted) {
        Ok(name) => store.user_by_tag(installation.secret.user_tag(&name)).await,
        Err(_) => Ok(None),
    };
    let mut found = by_name.map_err(|error| explain::store(&error))?;
    if let (None, Some(id)) = (&found, UserId::parse_hex(wanted)) {
        found = store.user(id).await.map_err(|error| explain::store(&error))?;
    }
    found.filter(|user| !admin::is_deleted(user)).ok_or_else(|| {
        Failure::new(Code::NoSuch, format!("there is no user '{wanted}'"))
            .hint("`coffer-server users list` shows all of them.")
    })
}

/// Shows one account.
pub(crate) fn show(args: &OneUser) -> Outcome {
    let installation = Installation::load(&args.place)?;
    with_store(&installation, async |store| {
        let user = find(store, &installation, &args.user).await?;
        let standing = Standing::read(store, &installation, user.user).await?;
        if args.json {
            output::json(&describe(&installation, &user, &standing));
            return Ok(());
        }
        output::line(&format!("user     {}", name_of(&installation, &user)));
        output::line(&format!("id       {}", user.user));
        output::line(&format!("state    {}", state_name(&user)));
        output::line(&format!("since    {}", output::time(user.created_millis)));
        output::line(&format!("files    {} (with the trash)", standing.nodes()));
        output::line(&format!("stored   {} (all versions)", standing.bytes()));
        Ok(())
    })
}

/// Ends the sessions of a user and refuses sign-in.
pub(crate) fn disable(args: &OneUser) -> Outcome {
    set_state(args, USER_DISABLED)
}

/// Lets a disabled user in again.
pub(crate) fn enable(args: &OneUser) -> Outcome {
    set_state(args, USER_ACTIVE)
}

fn set_state(args: &OneUser, state: u8) -> Outcome {
    let installation = Installation::load(&args.place)?;
    with_store(&installation, async |store| {
        let user = change_state(store, &installation, &args.user, state).await?;
        if args.json {
            output::json(&json!({
                "user": name_of(&installation, &user),
                "id": user.user.to_string(),
                "state": state_name(&user),
            }));
        } else {
            let name = name_of(&installation, &user);
            output::line(&format!("{name} is {}", state_name(&user)));
        }
        Ok(())
    })
}

async fn change_state(
    store: &Store,
    installation: &Installation,
    wanted: &str,
    state: u8,
) -> Outcome<UserRow> {
    for _ in 0..ATTEMPTS {
        let mut user = find(store, installation, wanted).await?;
        let name = name_of(installation, &user);
        let active = state == USER_ACTIVE;
        match admin::set_active(store, &installation.secret, &name, active).await {
            Ok(_) => {}
            Err(AdminError::Contended) => continue,
            Err(error) => return Err(explain::admin(&error)),
        }
        if !active {
            notices::post(store, user.user).await?;
        }
        user.state = state;
        return Ok(user);
    }
    Err(explain::admin(&AdminError::Contended))
}

/// Deletes an account with everything in it.
pub(crate) fn delete(args: &OneUser, yes: bool) -> Outcome {
    let installation = Installation::load(&args.place)?;
    with_store(&installation, async |store| {
        let user = find(store, &installation, &args.user).await?;
        let name = name_of(&installation, &user);
        let usage = usage(store, user.user).await?;
        if !yes {
            confirm(&name, usage)?;
        }
        delete_account(store, user.user).await?;
        match args.json {
            true => output::json(&json!({ "user": name, "deleted": true })),
            false => output::line(&format!(
                "{name} is deleted, and nothing of it can be read any more; the server removes \
                 what is stored as it runs"
            )),
        }
        Ok(())
    })
}

async fn delete_account(store: &Store, user: UserId) -> Outcome {
    for _ in 0..ATTEMPTS {
        match admin::delete_account(store, &SystemRandom, user).await {
            Ok(()) => return notices::post(store, user).await,
            Err(AdminError::Contended) => {}
            Err(error) => return Err(explain::admin(&error)),
        }
    }
    Err(explain::admin(&AdminError::Contended))
}

fn confirm(name: &str, usage: Usage) -> Outcome {
    let refused = || {
        Failure::new(Code::Usage, "the deletion was not confirmed")
            .hint("Type the user name when asked, or give --yes.")
    };
    if !std::io::stdin().is_terminal() {
        return Err(refused());
    }
    output::note(&format!(
        "This deletes {name} with {} files and directories ({}), for good.",
        usage.nodes,
        output::bytes(usage.bytes)
    ));
    let mut terminal = std::io::stderr().lock();
    // Not seeing the question is answered below like a wrong answer.
    let _ = write!(terminal, "Type the user name to go on: ").and_then(|()| terminal.flush());
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    match read {
        Ok(_) if answer.trim() == name => Ok(()),
        _ => Err(refused()),
    }
}
