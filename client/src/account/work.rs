//! The parts that several account operations share: passwords into keys, keys
//! into what the server is given.

use crate::error::ClientError;
use crate::link::{Link, ask};
use crate::signin::{self, Login};
use coffer_crypto::{AccountKeys, CryptoError, RecoveryKey};
use coffer_protocol::message::account::{Credential, LoginFinish, NewCredentials};
use coffer_protocol::{Request, Response, ServerId};
use zeroize::Zeroizing;

/// A recovery key that was just drawn.
pub(super) struct NewRecovery {
    pub(super) text: Zeroizing<String>,
    keys: AccountKeys,
}

impl NewRecovery {
    pub(super) fn draw(server: ServerId, user_name: &str) -> Result<Self, ClientError> {
        let key = RecoveryKey::generate().map_err(|_| ClientError::Random)?;
        let keys = AccountKeys::from_recovery(&key, server.as_bytes(), user_name);
        Ok(Self { text: key.to_text(), keys })
    }

    pub(super) fn credential(&self) -> Credential {
        credential(&self.keys)
    }
}

pub(super) fn credential(keys: &AccountKeys) -> Credential {
    let parts = keys.credential();
    Credential {
        stored_key: parts.stored_key,
        server_key: parts.server_key,
        unlock_key: parts.unlock_key,
    }
}

pub(super) async fn replace(
    link: &dyn Link,
    login: &Login,
    present: &AccountKeys,
    new: &AccountKeys,
    recovery: Option<&NewRecovery>,
) -> Result<Response, ClientError> {
    let (_, finish) = login.prove(link, present);
    let request = NewCredentials {
        proof: LoginFinish { proof: finish.proof, unlock: finish.unlock },
        password: credential(new),
        recovery: recovery.map(NewRecovery::credential),
    };
    ask(link, Request::ReplaceCredentials(Box::new(request))).await
}

pub(super) fn user_name(typed: &str) -> Result<String, ClientError> {
    coffer_crypto::normalize_user_name(typed)
        .map_err(|error| ClientError::BadUserName { reason: error.to_string() })
}

pub(super) fn check_strength(password: &str, inputs: &[&str]) -> Result<(), ClientError> {
    coffer_crypto::check_strength(password, inputs).map_err(|weak| ClientError::WeakPassword {
        reason: weak.reason,
        suggestion: weak.suggestion,
    })
}

/// Turns the password into keys: most of a second of one core, off the runtime.
pub(super) async fn stretch(
    password: &str,
    login: &Login,
    server: ServerId,
) -> Result<AccountKeys, ClientError> {
    let password = Zeroizing::new(password.to_owned());
    let (salt, kdf) = (login.challenge.salt, signin::kdf(login.challenge.kdf));
    let user_name = login.user_name.clone();
    let work =
        move || AccountKeys::from_password(&password, &salt, kdf, server.as_bytes(), &user_name);
    let keys = tokio::task::spawn_blocking(work).await.map_err(|_| ClientError::Interrupted)?;
    keys.map_err(|error| match error {
        CryptoError::Random => ClientError::Random,
        other => ClientError::BadPassword { reason: other.to_string() },
    })
}
