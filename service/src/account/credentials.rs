//! Proving a secret again, and setting new ones.
//!
//! Guarantees: new credentials need a proof of a present secret, made for this
//! connection; all other sessions of the user end; a session that the recovery
//! key opened must bring a new recovery key.

use super::secrets::kind_of;
use crate::cx::Cx;
use crate::fault::{Outcome, hinted, plain};
use crate::link::{Link, Purpose};
use crate::rows::commit_failed;
use coffer_crypto::SecretKind;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::account::{
    LoginChallenge, LoginFinish, NewCredentials, SecretKind as WireKind,
};
use coffer_protocol::message::share::Changed;
use coffer_store::{Change, Commit, CommitError, Precondition, UserRow};

impl Cx {
    /// Gives a challenge to a user who is signed in.
    pub(crate) async fn prove_again(&self, link: &Link, kind: WireKind) -> Outcome<LoginChallenge> {
        let row = self.account().await?;
        self.core.limiter.sign_in(link.prefix(), &row.tag)?;
        let name = self.core.user_name(&row)?;
        self.core.challenge(link, Purpose::Again, name, kind_of(kind), [0; 32])
    }

    /// Checks such a proof; the account as it is now.
    pub(super) async fn proved(&self, link: &Link, proof: &LoginFinish) -> Outcome<UserRow> {
        let challenge = link.answer(Purpose::Again, self.core.ticks.now())?;
        let row = self.account().await?;
        let verifier = self.core.verifier(&row, challenge.kind)?;
        self.core.check_proof(link, &challenge, &verifier, proof)?;
        Ok(row)
    }

    /// Sets a new password, and a new recovery key where one was made.
    pub(crate) async fn replace_credentials(
        &self,
        link: &Link,
        request: &NewCredentials,
    ) -> Outcome<Changed> {
        if self.session.is_recovery() && request.recovery.is_none() {
            let hint = "the recovery key was used: make a new one together with the password";
            return Err(hinted(ErrorCode::NEW_PASSWORD_NEEDED, hint));
        }
        let mut row = self.proved(link, &request.proof).await?;
        let (user, before) = (row.user, row.version);
        let version = before.checked_add(1).ok_or_else(|| plain(ErrorCode::INTERNAL))?;
        self.session.with_root(|root| {
            let seal =
                |kind, credential| self.core.seal_secret(user, kind, version, credential, root);
            let password = seal(SecretKind::Password, &request.password);
            (row.auth_password, row.root_password) = (password.auth, password.root);
            if let Some(recovery) = &request.recovery {
                let recovery = seal(SecretKind::Recovery, recovery);
                (row.auth_recovery, row.root_recovery) = (recovery.auth, recovery.root);
            }
        })?;
        row.version = version;
        let preconditions = vec![Precondition::UserAt { user, version: before }];
        let changes = vec![Change::PutUser(row)];
        let commit = Commit { preconditions, changes, ..Commit::default() };
        match self.store().commit(commit).await {
            Ok(committed) => {
                self.session.renewed(version);
                self.core.sessions.end_user(user, Some(self.session.id));
                tracing::info!(%user, "credentials replaced");
                self.core.kept(committed.position).await
            }
            Err(CommitError::Precondition { .. }) => Err(hinted(
                ErrorCode::CONFLICT,
                "the password was changed elsewhere: sign in again",
            )),
            Err(error) => Err(commit_failed(&error)),
        }
    }
}
