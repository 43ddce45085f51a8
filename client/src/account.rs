//! Accounts: sign up, sign in, recover, change the password, sign out, delete.
//!
//! Guarantees: a password is stretched here and never leaves the process; a
//! weak one is refused before the server is asked; when the answer to a change
//! of the account gets lost, signing in shows what happened, and the caller is
//! told that and nothing else.

mod work;

use crate::client::{Client, ClientOptions};
use crate::error::ClientError;
use crate::keys;
use crate::link::{Link, ask};
use crate::opening::Opening;
use crate::ops::{answer, done};
use crate::profile::Profile;
use crate::signin::{self, Login};
use coffer_crypto::{AccountKeys, RecoveryKey};
use coffer_protocol::Request;
use coffer_protocol::link::Link as ServerLink;
use coffer_protocol::message::account::{LoginFinish, SecretKind, SignupFinish, SignupStart};
use std::sync::Arc;
use work::{NewRecovery, check_strength, credential, replace, stretch, user_name};
use zeroize::Zeroizing;

/// What a new user chooses.
#[derive(Clone, Copy)]
pub struct SignUp<'a> {
    /// User name.
    pub user_name: &'a str,
    /// Password.
    pub password: &'a str,
    /// E-mail address, telephone number or whatever the user likes.
    pub contact: Option<&'a str>,
}

/// A signed-in user who has a new recovery key. It is shown once: the server
/// cannot show it again.
pub struct NewAccount {
    /// The session.
    pub client: Client,
    /// The recovery key, in groups of letters.
    pub recovery_key: Zeroizing<String>,
}

impl Client {
    /// Creates an account and signs in.
    pub async fn signup(
        options: &ClientOptions,
        link: &ServerLink,
        wanted: SignUp<'_>,
    ) -> Result<NewAccount, ClientError> {
        let user_name = user_name(wanted.user_name)?;
        let inputs = [&user_name, wanted.contact.unwrap_or(""), &link.host, "coffer"];
        check_strength(wanted.password, &inputs)?;
        let opening = Opening::new(options, link, &user_name).await?;
        Self::signup_over(options, opening, link.invite.clone(), wanted).await
    }

    pub(crate) async fn signup_over(
        options: &ClientOptions,
        opening: Opening,
        invite: Option<String>,
        wanted: SignUp<'_>,
    ) -> Result<NewAccount, ClientError> {
        let user_name = opening.whom.user_name.clone();
        let start = SignupStart { user_name: user_name.clone(), invite: invite.clone() };
        let response = ask(opening.link.as_ref(), Request::SignupStart(start)).await?;
        let challenge = answer!(response, LoginChallenge, "signup-start")?;
        signin::accept_kdf(challenge.kdf)?;
        let login = Login {
            user_name: user_name.clone(),
            kind: SecretKind::Password,
            client_nonce: [0; 32],
            challenge,
        };
        let keys = stretch(wanted.password, &login, opening.server_id()).await?;
        let recovery = NewRecovery::draw(opening.server_id(), &user_name)?;
        let finish = SignupFinish {
            user_name,
            invite,
            password: credential(&keys),
            recovery: recovery.credential(),
            contact: wanted.contact.map(str::to_owned),
        };
        let finish = Request::SignupFinish(Box::new(finish));
        let confirmed = ask(opening.link.as_ref(), finish).await;
        let client = opening.after_change(options, confirmed, "signup-finish", login, keys).await?;
        Ok(NewAccount { client, recovery_key: recovery.text })
    }

    /// Signs in with the password.
    pub async fn login(
        options: &ClientOptions,
        link: &ServerLink,
        name: &str,
        password: &str,
    ) -> Result<Self, ClientError> {
        let user_name = user_name(name)?;
        let opening = Opening::new(options, link, &user_name).await?;
        Self::login_over(options, opening, password).await
    }

    pub(crate) async fn login_over(
        options: &ClientOptions,
        opening: Opening,
        password: &str,
    ) -> Result<Self, ClientError> {
        let (link, kind) = (opening.link.as_ref(), SecretKind::Password);
        let login = signin::start(link, &opening.whom.user_name, kind).await?;
        opening.check_known(&login)?;
        let keys = stretch(password, &login, opening.server_id()).await?;
        let signed_in = signin::finish(link, &login, &keys).await?;
        opening.sign_in(options, &login, keys, signed_in).await
    }

    /// Sets a new password with the recovery key, which is replaced by a new one.
    pub async fn recover(
        options: &ClientOptions,
        link: &ServerLink,
        name: &str,
        recovery_key: &str,
        new_password: &str,
    ) -> Result<NewAccount, ClientError> {
        let user_name = user_name(name)?;
        let present = RecoveryKey::parse(recovery_key).map_err(|_| ClientError::BadRecoveryKey)?;
        check_strength(new_password, &[&user_name, &link.host, "coffer"])?;
        let opening = Opening::new(options, link, &user_name).await?;
        Self::recover_over(options, opening, &present, new_password).await
    }

    pub(crate) async fn recover_over(
        options: &ClientOptions,
        opening: Opening,
        present: &RecoveryKey,
        new_password: &str,
    ) -> Result<NewAccount, ClientError> {
        let (link, server) = (opening.link.as_ref(), opening.server_id());
        let (user_name, kind) = (opening.whom.user_name.clone(), SecretKind::Recovery);
        let login = signin::start(link, &user_name, kind).await?;
        let present = AccountKeys::from_recovery(present, server.as_bytes(), &user_name);
        signin::finish(link, &login, &present).await?;

        let again = signin::start_again(link, &user_name, kind).await?;
        opening.check_known(&again)?;
        let keys = stretch(new_password, &again, server).await?;
        let recovery = NewRecovery::draw(server, &user_name)?;
        let replaced = replace(link, &again, &present, &keys, Some(&recovery)).await;
        let client =
            opening.after_change(options, replaced, "replace-credentials", again, keys).await?;
        Ok(NewAccount { client, recovery_key: recovery.text })
    }

    /// Sets a new password, and a new recovery key if `renew_recovery`. All
    /// other sessions of the user end.
    pub async fn change_password(
        &self,
        password: &str,
        new_password: &str,
        renew_recovery: bool,
    ) -> Result<Option<Zeroizing<String>>, ClientError> {
        let profile = self.profile();
        let (server, user_name) = (profile.server_id, &profile.user_name);
        check_strength(new_password, &[user_name, &profile.host, "coffer"])?;
        let link = self.fresh_link().await?;
        let login = self.prove_again(link.as_ref()).await?;
        let present = stretch(password, &login, server).await?;
        let keys = stretch(new_password, &login, server).await?;
        let recovery = match renew_recovery {
            true => Some(NewRecovery::draw(server, user_name)?),
            false => None,
        };
        let replaced = replace(link.as_ref(), &login, &present, &keys, recovery.as_ref()).await;
        match replaced.and_then(|response| done(&response, "replace-credentials")) {
            Err(ClientError::Lost { detail }) => self.settle(keys, detail).await?,
            other => {
                other?;
                self.keep(keys)?;
            }
        }
        Ok(recovery.map(|recovery| recovery.text))
    }

    /// Ends the session on the server, and deletes the saved keys even when the
    /// server cannot be told.
    pub async fn logout(self) -> Result<(), ClientError> {
        let told = self.ask(Request::Logout).await;
        Self::forget(self.options())?;
        match told {
            Ok(_) => Ok(()),
            // A session ends with its connection.
            Err(error) if error.is_transient() || error.is_session_end() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes the saved keys without asking the server. Returns whether there
    /// were any.
    pub fn forget(options: &ClientOptions) -> Result<bool, ClientError> {
        keys::delete(&options.home, &options.profile)
    }

    /// Deletes the account and everything in it, for good.
    pub async fn delete_account(self, password: &str) -> Result<(), ClientError> {
        let link = self.fresh_link().await?;
        let login = self.prove_again(link.as_ref()).await?;
        let present = stretch(password, &login, self.server_id()).await?;
        let (_, finish) = login.prove(link.as_ref(), &present);
        let proof = LoginFinish { proof: finish.proof, unlock: finish.unlock };
        match ask(link.as_ref(), Request::DeleteAccount(proof)).await {
            Ok(response) => done(&response, "delete-account")?,
            // The answer is lost: the account is gone if its keys are refused.
            Err(lost @ ClientError::Lost { .. }) => match self.fresh_link().await {
                Err(ClientError::KeysRefused) => {}
                _ => return Err(lost),
            },
            Err(error) => return Err(error),
        }
        Profile::remove(&self.options().home, &self.options().profile)
    }

    /// A connection that is surely signed in just now, for a request that must
    /// not be repeated.
    async fn fresh_link(&self) -> Result<Arc<dyn Link>, ClientError> {
        let session = &self.inner.session;
        session.call_primary(Request::WhoAmI).await?;
        Ok(Arc::clone(session.primary().await?.first()))
    }

    async fn prove_again(&self, link: &dyn Link) -> Result<Login, ClientError> {
        let profile = self.profile();
        let kind = SecretKind::Password;
        let login = signin::start_again(link, &profile.user_name, kind).await?;
        login.check_known(&profile)?;
        Ok(login)
    }

    /// The answer to a change of password is lost: the new keys open a session
    /// exactly if the change happened.
    async fn settle(&self, keys: AccountKeys, detail: String) -> Result<(), ClientError> {
        let session = &self.inner.session;
        let before = session.replace_keys(Arc::new(keys));
        session.disconnect().await;
        match session.call_primary(Request::WhoAmI).await {
            Ok(_) => self.save_keys(),
            Err(error) => {
                session.replace_keys(before);
                match error {
                    ClientError::KeysRefused => Err(ClientError::Lost { detail }),
                    _ => Err(error),
                }
            }
        }
    }

    fn keep(&self, keys: AccountKeys) -> Result<(), ClientError> {
        self.inner.session.replace_keys(Arc::new(keys));
        self.save_keys()
    }

    fn save_keys(&self) -> Result<(), ClientError> {
        let options = self.options();
        let keys = self.inner.session.keys();
        keys::save(&options.home, &options.profile, self.server_id(), &keys)
    }
}
