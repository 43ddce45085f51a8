//! Signing in, up and out.

use super::{Shared, Signed, locked};
use crate::command::{Done, Entrance, Event, Job};
use crate::secret::Secret;
use crate::state::Problem;
use crate::state::model::User;
use crate::state::welcome::Known;
use crate::text::fill;
use coffer_client::protocol::ErrorCode;
use coffer_client::protocol::link::Link;
use coffer_client::{Client, ClientError, ClientOptions, Home, Profile, SignUp};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest wait for a server to end the session of an account that is removed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether an error means that the session is no more.
pub(super) fn is_over(error: &ClientError) -> bool {
    matches!(error, ClientError::NotSignedIn { .. } | ClientError::KeysRefused)
        || matches!(
            error.wire_code(),
            Some(
                ErrorCode::SESSION_EXPIRED | ErrorCode::NOT_SIGNED_IN | ErrorCode::ACCOUNT_DISABLED
            )
        )
}

/// The accounts that were used on this computer.
pub fn known_accounts(home: &Home) -> Vec<Known> {
    let names = home.profiles().unwrap_or_default();
    let known = names.into_iter().filter_map(|name| {
        let profile = Profile::load(home, &name).ok()??;
        let link = link_of(&profile);
        let server = profile.target();
        Some(Known { profile: name, user: profile.user_name, server, link })
    });
    known.collect()
}

/// The link that leads to the server of a profile.
fn link_of(profile: &Profile) -> Link {
    Link {
        host: profile.host.clone(),
        port: profile.port,
        invite: None,
        fingerprint: Some(profile.fingerprint),
    }
}

impl Shared {
    pub(super) async fn enter(self: &Arc<Self>, job: Job) {
        match job {
            Job::Enter { link, trust, profile, user, password, entrance } => {
                self.start_if_local(&format!("{}:{}", link.host, link.port)).await;
                let mut options = self.options(profile);
                options.trust = trust;
                let entered = enter(&options, &link, &user, &password, entrance).await;
                self.entered(entered).await;
            }
            Job::Resume(profile) => {
                if let Ok(Some(known)) = Profile::load(&self.home, &profile) {
                    self.start_if_local(&known.target()).await;
                }
                match Client::resume(&self.options(profile)).await {
                    Err(ClientError::NotSignedIn { .. }) => self.tell(Event::PasswordNeeded).await,
                    entered => self.entered(entered.map(|client| (client, None))).await,
                }
            }
            Job::ChangePassword(present, new, recovery) => {
                let Some(client) = self.client() else { return };
                match client.change_password(&present, &new, recovery).await {
                    Ok(key) => {
                        let done = match key.map(Secret::from) {
                            Some(key) if *present == *new => Done::RecoveryRenewed(key),
                            key => Done::PasswordChanged(key),
                        };
                        self.tell(Event::Done(done)).await;
                    }
                    Err(error) => self.tell(Event::Failed(Problem::from(error))).await,
                }
            }
            Job::Unlock(password) => self.unlock(&password).await,
            Job::DeleteAccount(password) => {
                let Some(client) = self.client() else { return };
                self.deleting.store(true, Ordering::Relaxed);
                match client.delete_account(&password).await {
                    Ok(()) => {
                        self.end(None).await;
                        self.tell(Event::Done(Done::AccountDeleted)).await;
                    }
                    Err(error) => self.tell(Event::Failed(Problem::from(error))).await,
                }
                self.deleting.store(false, Ordering::Relaxed);
            }
            Job::EndSession => self.end(None).await,
            Job::KnownAccounts => self.tell(Event::Known(known_accounts(&self.home))).await,
            Job::ForgetAccount(profile) => self.forget(profile).await,
            _ => {
                let client = self.client();
                self.end(None).await;
                if let Some(client) = client {
                    // The keys are deleted here even when the server cannot be told.
                    let _ = client.logout().await;
                }
            }
        }
    }

    /// Removes an account from this computer, and ends its session at the server if that
    /// answers soon.
    async fn forget(&self, profile: String) {
        let out = async { Client::resume(&self.options(profile.clone())).await?.logout().await };
        let _ = tokio::time::timeout(PATIENCE, out).await;
        if let Err(error) = Profile::remove(&self.home, &profile) {
            self.tell(Event::Failed(Problem::from(error))).await;
        }
        self.tell(Event::Known(known_accounts(&self.home))).await;
    }

    /// Signs in with a password to see whether it is the right one.
    async fn unlock(&self, password: &str) {
        let Some(client) = self.client() else { return };
        let profile = client.profile();
        let link = link_of(&profile);
        let entered = Client::login(client.options(), &link, &profile.user_name, password).await;
        let answer = entered.map(drop).map_err(Problem::from);
        self.tell(Event::Unlocked(answer)).await;
    }

    fn options(&self, profile: String) -> ClientOptions {
        let mut options = ClientOptions::new(self.home.clone(), profile);
        options.checking = self.checking.clone();
        options.agent = String::from(concat!("coffer-gui ", env!("CARGO_PKG_VERSION")));
        options
    }

    async fn entered(self: &Arc<Self>, entered: Result<(Client, Option<Secret>), ClientError>) {
        match entered {
            Ok((client, key)) => {
                let profile = client.profile();
                let user = User {
                    name: profile.user_name.clone(),
                    server: profile.target(),
                    profile: client.options().profile.clone(),
                };
                let signed = Signed { client, ended: CancellationToken::new() };
                let before = locked(&self.session).replace(signed.clone());
                self.limit_rates();
                if let Some(before) = before {
                    before.ended.cancel();
                }
                self.tell(Event::Entered(user, key)).await;
                self.attend(signed);
            }
            Err(error) => {
                let unknown = match &error {
                    ClientError::UnknownServer { fingerprint } => Some(*fingerprint),
                    _ => None,
                };
                self.tell(Event::Refused(Problem::from(error), unknown)).await;
            }
        }
    }

    /// The session is over.
    pub(super) async fn end(&self, problem: Option<Problem>) {
        if problem.is_some() && self.deleting.load(Ordering::Relaxed) {
            return;
        }
        let ended = locked(&self.session).take();
        if let Some(ended) = ended {
            ended.ended.cancel();
            for cancel in locked(&self.transfers).values() {
                cancel.cancel();
            }
            self.tell(Event::Left(problem, known_accounts(&self.home))).await;
        }
    }

    pub(super) async fn print(self: Arc<Self>, text: Secret) {
        let worker = Arc::clone(&self);
        let printed = tokio::task::spawn_blocking(move || worker.desktop.print(&text)).await;
        let event = match printed.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(()) => Event::Done(Done::Printed),
            Err(error) => {
                let texts = locked(&self.settings).texts();
                let why = match error.kind() {
                    std::io::ErrorKind::NotFound => texts.no_printing.to_owned(),
                    _ => error.to_string(),
                };
                Event::Failed(Problem {
                    message: fill(texts.not_printed, why.trim_end_matches('.')),
                    hint: texts.keep_otherwise.to_owned(),
                    code: "not-printed".to_owned(),
                    ..Problem::default()
                })
            }
        };
        self.tell(event).await;
    }

    pub(super) async fn save_recovery(&self, path: PathBuf, key: Secret) {
        let to = path.clone();
        let write = move || write_private(&to, &format!("{}\n", *key));
        let saved = tokio::task::spawn_blocking(write).await;
        let event = match saved.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(()) => Event::Done(Done::RecoverySaved),
            Err(error) => Event::Failed(ClientError::io("cannot write", &path, error).into()),
        };
        self.tell(event).await;
    }
}

async fn enter(
    options: &ClientOptions,
    link: &Link,
    user: &str,
    password: &str,
    entrance: Entrance,
) -> Result<(Client, Option<Secret>), ClientError> {
    match entrance {
        Entrance::SignIn => Ok((Client::login(options, link, user, password).await?, None)),
        Entrance::SignUp(contact) => {
            let wanted = SignUp { user_name: user, password, contact: contact.as_deref() };
            let made = Client::signup(options, link, wanted).await?;
            Ok((made.client, Some(made.recovery_key.into())))
        }
        Entrance::Recover(key) => {
            let made = Client::recover(options, link, user, &key, password).await?;
            Ok((made.client, Some(made.recovery_key.into())))
        }
    }
}

/// Writes a file that, where the system knows such rights, only the user can read.
fn write_private(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())
}
