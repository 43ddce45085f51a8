//! First contact with a server for an account: which certificate to insist on,
//! what is already known, and how the result is kept.

use crate::client::{Client, ClientOptions};
use crate::dialer;
use crate::error::ClientError;
use crate::keys;
use crate::link::{Dial, Link};
use crate::ops::done;
use crate::profile::{self, Profile};
use crate::retry::Attempts;
use crate::session::Live;
use crate::signin::{self, Login, SignedIn};
use coffer_crypto::AccountKeys;
use coffer_protocol::link::{Fingerprint, Link as ServerLink};
use coffer_protocol::message::account::SecretKind;
use coffer_protocol::{ErrorCode, Position, Response, Retry, ServerId};
use std::sync::Arc;

/// A connection that is not signed in yet.
pub(crate) struct Opening {
    pub(crate) link: Arc<dyn Link>,
    dialer: Arc<dyn Dial>,
    pub(crate) whom: Whom,
}

/// Which account on which server.
pub(crate) struct Whom {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) pin: Fingerprint,
    pub(crate) user_name: String,
    /// What the profile remembers of this server.
    pub(crate) known: Option<Profile>,
}

impl Opening {
    /// Connects. Without any fingerprint to insist on, the answer is
    /// `UnknownServer`, and nothing was sent.
    pub(crate) async fn new(
        options: &ClientOptions,
        server: &ServerLink,
        user_name: &str,
    ) -> Result<Self, ClientError> {
        let known = known_server(options, server, user_name)?;
        let remembered = known.as_ref().map(|profile| profile.fingerprint);
        let Some(pin) = server.fingerprint.or(remembered).or(options.trust) else {
            let fingerprint = dialer::discover(&server.host, server.port).await?;
            return Err(ClientError::UnknownServer { fingerprint });
        };
        let dialer = dialer::dialer(options, &server.host, server.port, pin);
        let whom = Whom {
            host: server.host.clone(),
            port: server.port,
            pin,
            user_name: user_name.to_owned(),
            known,
        };
        Self::over(dialer, whom).await
    }

    /// Connects in a given way.
    pub(crate) async fn over(dialer: Arc<dyn Dial>, whom: Whom) -> Result<Self, ClientError> {
        let link = dialer.dial().await?;
        if let Some(known) = &whom.known {
            known.check_server(link.welcome())?;
        }
        Ok(Self { link, dialer, whom })
    }

    pub(crate) fn server_id(&self) -> ServerId {
        self.link.welcome().server_id
    }

    fn known_account(&self) -> Option<&Profile> {
        self.whom.known.as_ref().filter(|known| known.user_name == self.whom.user_name)
    }

    /// Refuses a changed salt or key derivation of an account signed in to before.
    pub(crate) fn check_known(&self, login: &Login) -> Result<(), ClientError> {
        self.known_account().map_or(Ok(()), |known| login.check_known(known))
    }

    /// Keeps a finished sign-in.
    pub(crate) fn sign_in(
        self,
        options: &ClientOptions,
        login: &Login,
        keys: AccountKeys,
        signed_in: SignedIn,
    ) -> Result<Client, ClientError> {
        let position = signed_in.done.position;
        let before = match &self.whom.known {
            Some(known) if !options.accept_older => {
                known.check_position(position)?;
                known.position
            }
            _ => Position::default(),
        };
        let mut profile = Profile {
            host: self.whom.host,
            port: self.whom.port,
            fingerprint: self.whom.pin,
            server_id: self.link.welcome().server_id,
            epoch: self.link.welcome().epoch,
            position: before,
            user_name: self.whom.user_name,
            salt: login.challenge.salt,
            kdf: login.challenge.kdf,
        };
        profile.raise(profile.epoch, position);
        profile.save(&options.home, &options.profile)?;
        keys::save(&options.home, &options.profile, profile.server_id, &keys)?;
        let live = Live::new(self.link, signed_in);
        Ok(Client::signed_in(self.dialer, options, keys, profile, live))
    }

    /// Signs in after the account was created or its password replaced. When
    /// the answer to that was lost, signing in shows whether it happened.
    pub(crate) async fn after_change(
        mut self,
        options: &ClientOptions,
        outcome: Result<Response, ClientError>,
        asked: &'static str,
        changed: Login,
        keys: AccountKeys,
    ) -> Result<Client, ClientError> {
        let lost = match outcome {
            Ok(response) => {
                done(&response, asked)?;
                None
            }
            Err(error @ ClientError::Lost { .. }) => Some(error),
            Err(error) => return Err(error),
        };
        // What happened has happened: the way back in is tried for as long as
        // the policy allows.
        let mut attempts = Attempts::new(options.policy);
        loop {
            match self.sign_in_again(&changed, &keys).await {
                Ok((login, signed_in)) => return self.sign_in(options, &login, keys, signed_in),
                Err(error) if error.wire_code() == Some(ErrorCode::SIGN_IN_REFUSED) => {
                    return Err(lost.unwrap_or(error));
                }
                Err(error) => match attempts.next_wait(Retry::Never) {
                    Some(wait) if error.is_transient() => tokio::time::sleep(wait).await,
                    _ => return Err(error),
                },
            }
        }
    }

    /// Signs in on a new connection: the one before is lost, or spent on its
    /// secret.
    async fn sign_in_again(
        &mut self,
        changed: &Login,
        keys: &AccountKeys,
    ) -> Result<(Login, SignedIn), ClientError> {
        let known = self.server_id();
        let link = self.dialer.dial().await?;
        let seen = link.welcome().server_id;
        if seen != known {
            return Err(ClientError::ServerReplaced { known, seen });
        }
        self.link = link;
        let kind = SecretKind::Password;
        let login = signin::start(self.link.as_ref(), &self.whom.user_name, kind).await?;
        let (before, now) = (&changed.challenge, &login.challenge);
        if before.salt != now.salt || before.kdf != now.kdf {
            return Err(ClientError::AccountChanged);
        }
        let signed_in = signin::finish(self.link.as_ref(), &login, keys).await?;
        Ok((login, signed_in))
    }
}

/// What the profile knows of this server. A profile that is signed in to
/// something else is not overwritten.
fn known_server(
    options: &ClientOptions,
    server: &ServerLink,
    user_name: &str,
) -> Result<Option<Profile>, ClientError> {
    let Some(profile) = Profile::load(&options.home, &options.profile)? else { return Ok(None) };
    let same_server = match server.fingerprint {
        Some(fingerprint) => fingerprint == profile.fingerprint,
        None => server.host == profile.host && server.port == profile.port,
    };
    if same_server && profile.user_name == user_name {
        return Ok(Some(profile));
    }
    if keys::exist(&options.home, &options.profile)? {
        return Err(ClientError::ProfileInUse {
            profile: options.profile.clone(),
            target: profile::target(&profile.host, profile.port),
            user: profile.user_name,
        });
    }
    Ok(same_server.then_some(profile))
}
