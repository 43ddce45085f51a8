//! The exchange by which a connection becomes a session, and nothing else.
//!
//! Guarantees: neither password nor keys leave this process, only proofs bound
//! to this very connection; the server has proved that it knows the account
//! before anything it says is used.

use crate::error::ClientError;
use crate::ids::random;
use crate::link::{Link, ask};
use crate::ops::{answer, done};
use crate::profile::Profile;
use coffer_crypto::scram::{attach_mac, auth_message, client_finish, verify_server};
use coffer_crypto::{AccountKeys, AuthFields, ClientFinish, Kdf, Key32};
use coffer_protocol::Request;
use coffer_protocol::message::account::{
    Attach, KdfParams, LoginChallenge, LoginDone, LoginFinish, LoginStart, SecretKind,
};
use coffer_protocol::message::cluster::{EpochProof, ServerRole};
use std::sync::Arc;
use std::time::Duration;

/// How long the answer to a proof is waited for.
const SHOW_TIME: Duration = Duration::from_secs(3);

/// A sign-in that has its challenge.
pub(crate) struct Login {
    pub(crate) user_name: String,
    pub(crate) kind: SecretKind,
    pub(crate) client_nonce: [u8; 32],
    pub(crate) challenge: LoginChallenge,
}

/// A session that is open.
#[derive(Clone)]
pub(crate) struct SignedIn {
    pub(crate) done: LoginDone,
    attach_key: Arc<Key32>,
}

pub(crate) fn kdf(params: KdfParams) -> Kdf {
    Kdf { id: params.id, iterations: params.iterations }
}

/// Refuses a key derivation that would give the password away, or hang.
pub(crate) fn accept_kdf(params: KdfParams) -> Result<(), ClientError> {
    let KdfParams { id, iterations } = params;
    kdf(params).accept().map_err(|_| ClientError::KdfRefused { id, iterations })
}

impl Login {
    /// Refuses a salt or key derivation other than this account has had.
    pub(crate) fn check_known(&self, profile: &Profile) -> Result<(), ClientError> {
        if self.challenge.salt == profile.salt && self.challenge.kdf == profile.kdf {
            return Ok(());
        }
        Err(ClientError::AccountChanged)
    }

    /// The proof of `keys`, bound to this challenge and to the connection.
    pub(crate) fn prove(&self, link: &dyn Link, keys: &AccountKeys) -> ([u8; 32], ClientFinish) {
        let auth = auth_message(&AuthFields {
            server_id: link.welcome().server_id.as_bytes(),
            user_name: &self.user_name,
            secret_kind: match self.kind {
                SecretKind::Password => coffer_crypto::SecretKind::Password,
                SecretKind::Recovery => coffer_crypto::SecretKind::Recovery,
            },
            client_nonce: &self.client_nonce,
            salt: &self.challenge.salt,
            kdf: kdf(self.challenge.kdf),
            server_nonce: &self.challenge.server_nonce,
            exporter: link.exporter(),
        });
        let finish = client_finish(keys, &auth);
        (auth, finish)
    }
}

/// Asks for a challenge.
pub(crate) async fn start(
    link: &dyn Link,
    user_name: &str,
    kind: SecretKind,
) -> Result<Login, ClientError> {
    let user_name = user_name.to_owned();
    let client_nonce = random()?;
    let request = LoginStart { user_name: user_name.clone(), secret: kind, client_nonce };
    let response = ask(link, Request::LoginStart(request)).await?;
    let challenge = answer!(response, LoginChallenge, "login-start")?;
    accept_kdf(challenge.kdf)?;
    Ok(Login { user_name, kind, client_nonce, challenge })
}

/// Asks for a challenge inside a session, to prove a secret again.
pub(crate) async fn start_again(
    link: &dyn Link,
    user_name: &str,
    kind: SecretKind,
) -> Result<Login, ClientError> {
    let response = ask(link, Request::ProveAgain(kind)).await?;
    let challenge = answer!(response, LoginChallenge, "prove-again")?;
    accept_kdf(challenge.kdf)?;
    Ok(Login { user_name: user_name.to_owned(), kind, client_nonce: [0; 32], challenge })
}

/// Proves the secret and checks the server's own proof.
pub(crate) async fn finish(
    link: &dyn Link,
    login: &Login,
    keys: &AccountKeys,
) -> Result<SignedIn, ClientError> {
    let (auth, ClientFinish { proof, unlock, attach_key }) = login.prove(link, keys);
    let request = LoginFinish { proof, unlock };
    let response = ask(link, Request::LoginFinish(request)).await?;
    let done = answer!(response, LoginDone, "login-finish")?;
    verify_server(keys, &auth, &done.server_signature).map_err(|_| ClientError::ServerNotProven)?;
    Ok(SignedIn { done, attach_key: Arc::new(attach_key) })
}

/// Makes a further connection part of the session.
pub(crate) async fn attach(link: &dyn Link, signed_in: &SignedIn) -> Result<(), ClientError> {
    let session_id = signed_in.done.session_id;
    let mac = attach_mac(&signed_in.attach_key, session_id.as_bytes(), link.exporter());
    let response = ask(link, Request::Attach(Attach { session_id, mac })).await?;
    done(&response, "attach")
}

/// Shows a promotion to a machine that believes to be the primary of an older
/// epoch. What it makes of it is its own affair.
pub(crate) async fn show_epoch(link: &dyn Link, proof: Option<&EpochProof>) {
    let welcome = link.welcome();
    let Some(proof) = proof.filter(|proof| proof.epoch > welcome.epoch) else { return };
    // One that follows learns of it from the machine that it follows.
    if welcome.role != ServerRole::Primary {
        return;
    }
    let request = Request::ShowEpoch(Box::new(proof.clone()));
    match tokio::time::timeout(SHOW_TIME, ask(link, request)).await {
        Ok(Ok(_)) => tracing::info!(epoch = proof.epoch, "told a replaced primary"),
        Ok(Err(error)) => tracing::debug!(code = error.code(), "the proof was not taken"),
        Err(_) => tracing::debug!("no answer to the proof"),
    }
}
