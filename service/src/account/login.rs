//! Signing in, joining a session, signing out.
//!
//! Guarantees: a name that does not exist takes the same path as a wrong
//! password: the same query, the same computation, the same frames, the same
//! error at the end; a proof is bound to this connection and to one challenge.

use super::USER_DELETING;
use super::secrets::kind_of;
use crate::fault::{Outcome, account_damaged, plain};
use crate::link::{Challenge, Link, Purpose};
use crate::rows::read_failed;
use crate::service::Core;
use crate::session::{Opening, Session};
use coffer_crypto::{
    AuthFields, Identity, KDF, Key32, SecretKind, ServerFinish, Verifier, identity,
    normalize_user_name, scram,
};
use coffer_protocol::SessionId;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::account::{
    Attach, KdfParams, LoginChallenge, LoginDone, LoginFinish, LoginStart,
};
use coffer_store::{USER_ACTIVE, UserRow};
use std::sync::Arc;

impl Core {
    /// Gives a challenge for a name, whether it exists or not.
    pub(crate) fn login_start(&self, link: &Link, request: &LoginStart) -> Outcome<LoginChallenge> {
        let user_name = normalized(&request.user_name)?;
        let tag = self.secret.user_tag(&user_name);
        if let Some(device) = link.device_of(&tag) {
            self.limiter.device(&device)?;
        } else {
            self.require_sign_in_work(link, &tag)?;
            self.limiter.sign_in(link.prefix(), &tag)?;
            link.use_work();
        }
        let kind = kind_of(request.secret);
        self.challenge(link, Purpose::SignIn, user_name, kind, request.client_nonce)
    }

    /// Makes a challenge and keeps it with the connection.
    pub(super) fn challenge(
        &self,
        link: &Link,
        purpose: Purpose,
        user_name: String,
        kind: SecretKind,
        client_nonce: [u8; 32],
    ) -> Outcome<LoginChallenge> {
        let salt = self.secret.salt(&user_name);
        let server_nonce = self.random()?;
        let issued = self.ticks.now();
        let challenge = Challenge { user_name, kind, client_nonce, server_nonce, issued };
        link.challenge(purpose, challenge);
        let kdf = KdfParams { id: KDF.id, iterations: KDF.iterations };
        Ok(LoginChallenge { salt, kdf, server_nonce })
    }

    /// Checks a proof against a challenge.
    pub(super) fn check_proof(
        &self,
        link: &Link,
        challenge: &Challenge,
        verifier: &Verifier,
        proof: &LoginFinish,
    ) -> Outcome<ServerFinish> {
        let auth = scram::auth_message(&AuthFields {
            server_id: &self.server_id.0,
            user_name: &challenge.user_name,
            secret_kind: challenge.kind,
            client_nonce: &challenge.client_nonce,
            salt: &self.secret.salt(&challenge.user_name),
            kdf: KDF,
            server_nonce: &challenge.server_nonce,
            exporter: link.exporter(),
        });
        scram::server_finish(verifier, &auth, &proof.proof, &proof.unlock).map_err(|_| {
            self.secret.fake_unwrap(&Key32::from_bytes(proof.proof));
            plain(ErrorCode::SIGN_IN_REFUSED)
        })
    }

    /// Checks a proof and opens a session.
    pub(crate) async fn login_finish(
        &self,
        link: &Link,
        request: &LoginFinish,
    ) -> Outcome<LoginDone> {
        let challenge = link.answer(Purpose::SignIn, self.ticks.now())?;
        let tag = self.secret.user_tag(&challenge.user_name);
        let found = self.store.user_by_tag(tag).await.map_err(|error| read_failed(&error))?;
        let found = found.filter(|row| row.state != USER_DELETING);
        let kind = challenge.kind;
        let verifier = match &found {
            Some(row) => self.verifier(row, kind)?,
            None => self.secret.fake_verifier(&challenge.user_name, kind),
        };
        let finish = self.check_proof(link, &challenge, &verifier, request);
        let finish = finish.inspect_err(|_| self.failed(link))?;
        let Some(row) = found else { return Err(plain(ErrorCode::SIGN_IN_REFUSED)) };
        if row.state != USER_ACTIVE {
            return Err(plain(ErrorCode::ACCOUNT_DISABLED));
        }
        let root = self.root_key(&row, kind, &finish.unlock)?;
        let (sealed, public) = (&row.identity_ct, &row.identity_public);
        let identity = identity::open(&root, &row.user.0, sealed, public).map_err(|_| {
            tracing::error!(user = %row.user, "the identity of an account does not open");
            account_damaged()
        })?;
        self.limiter.signed_in(link.prefix(), tag);
        self.open_session(link, &row, kind, (root, identity), finish).await
    }

    async fn open_session(
        &self,
        link: &Link,
        row: &UserRow,
        kind: SecretKind,
        (root, identity): (Key32, Identity),
        finish: ServerFinish,
    ) -> Outcome<LoginDone> {
        let position = self.store.position().await.map_err(|error| read_failed(&error))?;
        let session_id = SessionId(self.random()?);
        let opening = Opening {
            id: session_id,
            user: row.user,
            home: row.home,
            version: row.version,
            recovery: kind == SecretKind::Recovery,
            root,
            attach: finish.attach_key,
            identity,
        };
        let (lifetime, keys) = (self.lifetime(), self.config.cached_keys);
        let session = Arc::new(Session::new(opening, lifetime, keys, self.ticks.now()));
        link.attach(self.sessions.insert(session)?);
        tracing::info!(user = %row.user, recovery = kind == SecretKind::Recovery, "signed in");
        Ok(LoginDone {
            server_signature: finish.signature,
            user_id: row.user,
            home: row.home,
            session_id,
            position,
        })
    }

    /// Joins a further connection to a session.
    pub(crate) fn attach(&self, link: &Link, request: &Attach) -> Outcome<()> {
        let (id, now) = (&request.session_id, self.ticks.now());
        let attachment = self.sessions.join(id, link.exporter(), &request.mac, now)?;
        link.attach(attachment);
        Ok(())
    }
}

/// A user name in the form everything is derived from.
pub(super) fn normalized(user_name: &str) -> Outcome<String> {
    normalize_user_name(user_name)
        .map_err(|error| crate::fault::because(ErrorCode::BAD_USER_NAME, error.to_string()))
}
