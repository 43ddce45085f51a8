//! First contact with a server for an account: which certificate to insist on,
//! what is already known, and how the result is kept.

use crate::client::{Client, ClientOptions};
use crate::cluster::{Cluster, Machine};
use crate::dialer;
use crate::error::ClientError;
use crate::keys;
use crate::link::{Dial, Link};
use crate::ops::done;
use crate::profile::Profile;
use crate::retry::Attempts;
use crate::session::{Live, Session};
use crate::signin::{self, Login, SignedIn};
use coffer_crypto::AccountKeys;
use coffer_protocol::link::{Fingerprint, Link as ServerLink};
use coffer_protocol::message::account::SecretKind;
use coffer_protocol::message::cluster::ServerRole;
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
    pub(crate) machine: Machine,
    pub(crate) user_name: String,
    /// What the profile remembers of this server.
    pub(crate) known: Option<Known>,
}

/// What a profile remembers.
pub(crate) struct Known {
    pub(crate) profile: Profile,
    pub(crate) cluster: Cluster,
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
        let remembered = known.as_ref().and_then(|known| known.pin_at(server));
        let Some(pin) = server.fingerprint.or(remembered).or(options.trust) else {
            let fingerprint = dialer::discover(&server.host, server.port).await?;
            return Err(ClientError::UnknownServer { fingerprint });
        };
        let machine = Machine { host: server.host.clone(), port: server.port, pin };
        let whom = Whom { machine, user_name: user_name.to_owned(), known };
        Self::over(dialer::dialer(options), whom).await
    }

    /// Connects in a given way.
    pub(crate) async fn over(dialer: Arc<dyn Dial>, whom: Whom) -> Result<Self, ClientError> {
        let link = dialer.dial(&whom.machine).await?;
        if let Some(known) = &whom.known {
            let checked = known.profile.check_server(link.welcome());
            if matches!(checked, Err(ClientError::EpochWentBack { .. })) {
                signin::show_epoch(link.as_ref(), known.cluster.proof.as_ref()).await;
            }
            checked?;
        }
        Ok(Self { link, dialer, whom })
    }

    pub(crate) fn server_id(&self) -> ServerId {
        self.link.welcome().server_id
    }

    fn known_account(&self) -> Option<&Profile> {
        let known = self.whom.known.as_ref().map(|known| &known.profile);
        known.filter(|profile| profile.user_name == self.whom.user_name)
    }

    /// Refuses a changed salt or key derivation of an account signed in to before.
    pub(crate) fn check_known(&self, login: &Login) -> Result<(), ClientError> {
        self.known_account().map_or(Ok(()), |known| login.check_known(known))
    }

    /// Keeps a finished sign-in.
    pub(crate) async fn sign_in(
        self,
        options: &ClientOptions,
        login: &Login,
        keys: AccountKeys,
        signed_in: SignedIn,
    ) -> Result<Client, ClientError> {
        let welcome = self.link.welcome();
        let is_standby = welcome.role == ServerRole::Standby;
        let (server_id, position) = (welcome.server_id, signed_in.done.position);
        let (before, cluster) = match self.whom.known {
            Some(known) if !options.accept_older => {
                // A standby may be behind, and is asked to wait below.
                if !is_standby {
                    known.profile.check_position(position)?;
                }
                (known.profile.position, known.cluster)
            }
            _ => (Position::default(), Cluster::unknown(server_id)),
        };
        let machine = self.whom.machine;
        let mut profile = Profile {
            host: machine.host.clone(),
            port: machine.port,
            fingerprint: machine.pin,
            server_id,
            epoch: welcome.epoch,
            position: before,
            user_name: self.whom.user_name,
            salt: login.challenge.salt,
            kdf: login.challenge.kdf,
        };
        profile.raise(profile.epoch, position);
        let saved = keys.to_saved();
        let session = Session::new(self.dialer, options.policy, keys, profile, cluster);
        let live = Live::new(machine, self.link, signed_in);
        if is_standby {
            session.begin_on_standby(live).await?;
        } else {
            session.begin_with(live).await;
        }
        session.profile().save(&options.home, &options.profile)?;
        session.cluster().save(&options.home, &options.profile)?;
        keys::save(&options.home, &options.profile, server_id, &AccountKeys::from_saved(&saved))?;
        Ok(Client::of(session, options))
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
                Ok((login, signed_in)) => {
                    return self.sign_in(options, &login, keys, signed_in).await;
                }
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
        let link = self.dialer.dial(&self.whom.machine).await?;
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

impl Known {
    /// The pin of what is at this address, as far as is remembered.
    fn pin_at(&self, server: &ServerLink) -> Option<Fingerprint> {
        let mut machines = self.cluster.machines.iter().map(|known| &known.machine);
        let there = |machine: &Machine| machine.host == server.host && machine.port == server.port;
        let own = self.profile.machine();
        if there(&own) {
            return Some(own.pin);
        }
        machines.find(|machine| there(machine)).map(|machine| machine.pin)
    }

    /// Whether the link names a machine of this installation.
    fn knows(&self, server: &ServerLink) -> bool {
        match server.fingerprint {
            Some(pin) => pin == self.profile.fingerprint || self.cluster.has(pin),
            None => self.pin_at(server).is_some(),
        }
    }
}

/// What the profile knows of this server. A profile that is signed in to
/// something else is not overwritten.
fn known_server(
    options: &ClientOptions,
    server: &ServerLink,
    user_name: &str,
) -> Result<Option<Known>, ClientError> {
    let Some(profile) = Profile::load(&options.home, &options.profile)? else { return Ok(None) };
    let cluster = Cluster::load(&options.home, &options.profile, profile.server_id)?;
    let known = Known { profile, cluster };
    let same_server = known.knows(server);
    if same_server && known.profile.user_name == user_name {
        return Ok(Some(known));
    }
    if keys::exist(&options.home, &options.profile)? {
        return Err(ClientError::ProfileInUse {
            profile: options.profile.clone(),
            target: known.profile.target(),
            user: known.profile.user_name,
        });
    }
    Ok(same_server.then_some(known))
}
