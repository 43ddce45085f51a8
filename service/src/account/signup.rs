//! Signing up.
//!
//! Guarantees: the user, the home directory and the identity come into being in
//! one commit, together with the use of the invitation; a user name belongs to
//! one account, whatever its case.

use super::login::normalized;
use crate::config::SignupPolicy;
use crate::fault::{Outcome, because, contended, plain};
use crate::link::Link;
use crate::rows::{commit_failed, read_failed};
use crate::service::Core;
use crate::tree::create::{FIRST_EPOCH, FIRST_REVISION, directory_meta, no_random, seal_meta};
use coffer_crypto::{KDF, Key32, NodeKey, NodeKeys, SecretKind, identity, node};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_CONTACT_BYTES;
use coffer_protocol::message::account::{KdfParams, LoginChallenge, SignupFinish, SignupStart};
use coffer_protocol::message::share::Changed;
use coffer_protocol::message::work::Purpose;
use coffer_protocol::{NodeId, UserId};
use coffer_store::{
    Change, Commit, CommitError, InviteRow, KIND_DIRECTORY, NodeRow, Precondition, USER_ACTIVE,
    UserRow,
};

/// Most attempts when others use the same invitation at the same time.
const ROUNDS: u32 = 8;
/// Version of an account's first credentials.
const FIRST_VERSION: u32 = 1;

impl Core {
    /// Says how to derive the keys for a new account.
    pub(crate) async fn signup_start(
        &self,
        link: &Link,
        request: &SignupStart,
    ) -> Outcome<LoginChallenge> {
        let user_name = self.admit(link, &request.user_name)?;
        let invited = self.invite(request.invite.as_deref()).await;
        invited.inspect_err(|_| self.guessed(link))?;
        let tag = self.secret.user_tag(&user_name);
        let taken = self.store.user_by_tag(tag).await.map_err(|error| read_failed(&error))?;
        if taken.is_some() {
            self.guessed(link);
            return Err(plain(ErrorCode::USER_NAME_UNAVAILABLE));
        }
        let kdf = KdfParams { id: KDF.id, iterations: KDF.iterations };
        let (salt, server_nonce) = (self.secret.salt(&user_name), self.random()?);
        Ok(LoginChallenge { salt, kdf, server_nonce })
    }

    fn admit(&self, link: &Link, user_name: &str) -> Outcome<String> {
        if self.config.signup == SignupPolicy::Closed {
            return Err(plain(ErrorCode::SIGN_UP_CLOSED));
        }
        self.require_work(link, Purpose::SignUp)?;
        self.limiter.sign_up(link.prefix())?;
        normalized(user_name)
    }

    /// A name or an invitation was tried in vain: whoever wants to try another one
    /// works again.
    fn guessed(&self, link: &Link) {
        self.failed(link);
        link.use_work();
    }

    /// The invitation, where one is needed; it must be live.
    async fn invite(&self, code: Option<&str>) -> Outcome<Option<InviteRow>> {
        if self.config.signup == SignupPolicy::Open {
            return Ok(None);
        }
        let invalid = || plain(ErrorCode::INVITE_INVALID);
        let tag = self.secret.invite_tag(code.ok_or_else(invalid)?);
        let row = self.store.invite(tag).await.map_err(|error| read_failed(&error))?;
        let now = self.ticks.millis();
        let live = row.filter(|row| row.uses_left > 0 && row.expires_millis > now);
        live.map(Some).ok_or_else(invalid)
    }

    /// Makes the account.
    pub(crate) async fn signup_finish(
        &self,
        link: &Link,
        request: &SignupFinish,
    ) -> Outcome<Changed> {
        let user_name = self.admit(link, &request.user_name)?;
        link.use_work();
        let contact = request.contact.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if contact.is_some_and(|contact| contact.len() > MAX_CONTACT_BYTES) {
            let text = format!("a contact has at most {MAX_CONTACT_BYTES} bytes");
            return Err(because(ErrorCode::TOO_LARGE, text));
        }
        for _ in 0..ROUNDS {
            let invite = self.invite(request.invite.as_deref()).await?;
            let (user, home) = self.new_account(&user_name, contact, request)?;
            let id = user.user;
            match self.store.commit(account_commit(user, home, invite)).await {
                Ok(committed) => {
                    tracing::info!(user = %id, "signed up");
                    return self.kept(committed.position).await;
                }
                Err(
                    CommitError::Duplicate(_)
                    | CommitError::Precondition {
                        precondition: Precondition::UserTagFree(_), ..
                    },
                ) => return Err(plain(ErrorCode::USER_NAME_UNAVAILABLE)),
                Err(CommitError::Precondition { .. }) => {}
                Err(error) => return Err(commit_failed(&error)),
            }
        }
        Err(contended())
    }

    fn new_account(
        &self,
        user_name: &str,
        contact: Option<&str>,
        request: &SignupFinish,
    ) -> Outcome<(UserRow, NodeRow)> {
        let user = UserId(self.random()?);
        let root = Key32::generate().map_err(no_random)?;
        let (identity_public, identity_ct) =
            identity::generate(&root, &user.0).map_err(no_random)?;
        let home = self.new_home(user, &root)?;
        let seal =
            |kind, credential| self.seal_secret(user, kind, FIRST_VERSION, credential, &root);
        let password = seal(SecretKind::Password, &request.password);
        let recovery = seal(SecretKind::Recovery, &request.recovery);
        let contact_ct = contact.map(|contact| self.seal_contact(user, contact));
        let row = UserRow {
            user,
            tag: self.secret.user_tag(user_name),
            name_ct: self.seal_user_name(user, user_name),
            contact_ct: contact_ct.unwrap_or_default(),
            auth_password: password.auth,
            auth_recovery: recovery.auth,
            root_password: password.root,
            root_recovery: recovery.root,
            version: FIRST_VERSION,
            identity_public,
            identity_ct,
            home: home.node,
            state: USER_ACTIVE,
            created_millis: self.ticks.millis(),
        };
        Ok((row, home))
    }

    fn new_home(&self, user: UserId, root: &Key32) -> Outcome<NodeRow> {
        let id = NodeId(self.random()?);
        let key = NodeKey::generate().map_err(no_random)?;
        let now = self.ticks.millis();
        let mut row = NodeRow {
            node: id,
            owner: user,
            parent: id,
            kind: KIND_DIRECTORY,
            key_epoch: FIRST_EPOCH,
            revision: 1,
            content_revision: FIRST_REVISION,
            lookup_tag: None,
            fold_tag: [0; 32],
            name_ct: Vec::new(),
            key_ct: node::wrap_home(root, &key, &id.0, FIRST_EPOCH),
            meta_ct: Vec::new(),
            trashed_millis: None,
            created_millis: now,
        };
        let keys = NodeKeys::derive(&key, &id.0, FIRST_EPOCH);
        seal_meta(&keys, &mut row, &directory_meta(user.0, now, now))?;
        Ok(row)
    }
}

fn account_commit(user: UserRow, home: NodeRow, invite: Option<InviteRow>) -> Commit {
    let mut preconditions = vec![Precondition::UserTagFree(user.tag)];
    let mut changes = vec![Change::PutUser(user), Change::PutNode(home)];
    if let Some(invite) = invite {
        let (tag, uses_left) = (invite.tag, invite.uses_left);
        preconditions.push(Precondition::InviteAt { tag, uses_left });
        changes.push(match uses_left {
            0 | 1 => Change::DeleteInvite(tag),
            _ => Change::PutInvite(InviteRow { uses_left: uses_left - 1, ..invite }),
        });
    }
    Commit { preconditions, changes, ..Commit::default() }
}
