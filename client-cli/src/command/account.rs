//! Accounts: sign up, in and out; passwords and recovery keys.

use super::recovered;
use crate::app::App;
use crate::args::{Account, Login, Passwd, Recover, Signup};
use crate::exit::Failure;
use crate::secret::{self, KeyOutlet};
use coffer_client::{Client, SignUp};
use serde::Serialize;
use std::path::PathBuf;

/// What is said after a change of the account.
#[derive(Serialize)]
struct Signed<'a> {
    user: &'a str,
    profile: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_file: Option<PathBuf>,
}

fn report(
    app: &mut App,
    client: &Client,
    what: &str,
    recovery_file: Option<PathBuf>,
) -> Result<(), Failure> {
    let (remembered, options) = (client.profile(), client.options());
    if app.out.json {
        let (user, profile) = (remembered.user_name.as_str(), options.profile.as_str());
        return app.out.document(&Signed { user, profile, recovery_file });
    }
    app.out.done(format!("{what} as {} at {}", remembered.user_name, remembered.target()))?;
    match recovery_file {
        Some(path) => app.out.done(format!(
            "the recovery key is in {}; keep it in a safe place, away from this computer",
            path.display()
        )),
        None => Ok(()),
    }
}

pub(super) async fn signup(app: &mut App, args: Signup) -> Result<(), Failure> {
    let outlet = KeyOutlet::prepare(args.recovery_file.as_deref(), "--recovery-file")?;
    let file = args.password.password_file.as_deref();
    let password = secret::new_password(file, "--password-file")?;
    let (link, user_name) = (&args.server.link, args.server.user.as_str());
    let wanted = SignUp { user_name, password: &password, contact: args.contact.as_deref() };
    let made =
        app.with_trust(&args.server, |options| async move {
            Client::signup(&options, link, wanted).await
        })
        .await?;
    let client = app.keep(made.client);
    let file = outlet.deliver(&made.recovery_key)?;
    report(app, &client, "signed up", file)
}

pub(super) async fn login(app: &mut App, args: Login) -> Result<(), Failure> {
    let password = secret::password(args.password.password_file.as_deref(), "Password:")?;
    let (link, user, password) = (&args.server.link, &args.server.user, password.as_str());
    let client = app
        .with_trust(&args.server, |mut options| async move {
            options.accept_older = args.accept_older;
            Client::login(&options, link, user, password).await
        })
        .await?;
    let client = app.keep(client);
    let primary = client.profile().machine();
    if (&primary.host, primary.port) != (&link.host, link.port) {
        app.out.note(format!("{}:{} is a standby; the primary is {primary}", link.host, link.port));
    }
    report(app, &client, "signed in", None)?;
    recovered::remark(app, &client).await;
    Ok(())
}

pub(super) async fn logout(app: &mut App) -> Result<(), Failure> {
    let options = app.options()?;
    let outcome = match app.client().await {
        Ok(client) => client.logout().await.map_err(Failure::from),
        // The keys are deleted even when the server cannot be told.
        Err(failure) => match Client::forget(&options)? {
            true => Ok(()),
            false => Err(failure),
        },
    };
    app.forget();
    outcome?;
    if app.out.json {
        return app.out.document(&serde_json::json!({ "signed_out": true }));
    }
    app.out.done("signed out")
}

pub(super) async fn passwd(app: &mut App, args: Passwd) -> Result<(), Failure> {
    let client = app.client().await?;
    let outlet = match args.renew_recovery {
        true => {
            let file = args.new_recovery_file.as_deref();
            Some(KeyOutlet::prepare(file, "--new-recovery-file")?)
        }
        false => None,
    };
    let file = args.password.password_file.as_deref();
    let present = secret::password(file, "Present password:")?;
    let new = secret::new_password(args.new_password_file.as_deref(), "--new-password-file")?;
    let key = client.change_password(&present, &new, args.renew_recovery).await?;
    let file = match (outlet, key) {
        (Some(outlet), Some(key)) => outlet.deliver(&key)?,
        _ => None,
    };
    report(app, &client, "password changed; all other sessions ended; signed in", file)
}

pub(super) async fn recover(app: &mut App, args: Recover) -> Result<(), Failure> {
    let outlet = KeyOutlet::prepare(args.new_recovery_file.as_deref(), "--new-recovery-file")?;
    let key = secret::recovery_key(args.recovery_file.as_deref())?;
    let new = secret::new_password(args.password_file.as_deref(), "--password-file")?;
    let (link, user) = (&args.server.link, &args.server.user);
    let (key, new) = (key.as_str(), new.as_str());
    let made = app
        .with_trust(&args.server, |options| async move {
            Client::recover(&options, link, user, key, new).await
        })
        .await?;
    let client = app.keep(made.client);
    let file = outlet.deliver(&made.recovery_key)?;
    report(app, &client, "password set, the old recovery key no longer works; signed in", file)
}

pub(super) async fn account(app: &mut App, args: Account) -> Result<(), Failure> {
    let Account::Delete { password, yes } = args;
    let client = app.client().await?;
    let user = client.profile().user_name;
    let question = format!(
        "This deletes the account {user} and every file in it, for good. Nobody can bring it \
         back. Go on?"
    );
    secret::confirm_final(&question, yes)?;
    let password = secret::password(password.password_file.as_deref(), "Password:")?;
    client.delete_account(&password).await?;
    app.forget();
    if app.out.json {
        return app.out.document(&serde_json::json!({ "deleted": user }));
    }
    app.out.done(format!("the account {user} is deleted"))
}
