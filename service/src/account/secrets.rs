//! The sealed columns of a user's record.
//!
//! A verifier or wrapped root key is stored behind the version of the
//! credentials it was made for (4 bytes, big-endian), which is also sealed into
//! it. The password's is the version of the record; the recovery key's may be
//! older, because a new password leaves the recovery key as it is.

use crate::fault::{Outcome, account_damaged};
use crate::service::Core;
use coffer_crypto::{Key32, SecretKind, ServerSecret, Verifier};
use coffer_protocol::UserId;
use coffer_protocol::message::account as wire;
use coffer_store::UserRow;
use zeroize::Zeroizing;

/// Label of sealed user names.
const NAME: &str = "user-name";
/// Label of sealed contacts.
const CONTACT: &str = "contact";

/// What is stored of one secret.
pub(super) struct Stored {
    pub(super) auth: Vec<u8>,
    pub(super) root: Vec<u8>,
}

fn versioned(version: u32, sealed: &[u8]) -> Vec<u8> {
    [&version.to_be_bytes()[..], sealed].concat()
}

/// Takes the version off a column and checks that it fits the record.
fn split(row: &UserRow, kind: SecretKind, column: &[u8]) -> Option<(u32, Vec<u8>)> {
    let (version, sealed) = column.split_first_chunk::<4>()?;
    let version = u32::from_be_bytes(*version);
    let fits = match kind {
        SecretKind::Password => version == row.version,
        SecretKind::Recovery => version <= row.version,
    };
    fits.then(|| (version, sealed.to_vec()))
}

/// The kind of a secret, as the protocol names it.
pub(super) fn kind_of(kind: wire::SecretKind) -> SecretKind {
    match kind {
        wire::SecretKind::Password => SecretKind::Password,
        wire::SecretKind::Recovery => SecretKind::Recovery,
    }
}

/// The name of a user, opened with the server's own key.
pub(crate) fn open_user_name(secret: &ServerSecret, row: &UserRow) -> Option<String> {
    let opened = secret.open_text(NAME, &row.name_ct, &row.user.0).ok()?;
    String::from_utf8(opened.to_vec()).ok()
}

impl Core {
    /// Seals what a client has sent of a new secret.
    pub(super) fn seal_secret(
        &self,
        user: UserId,
        kind: SecretKind,
        version: u32,
        credential: &wire::Credential,
        root: &Key32,
    ) -> Stored {
        let (stored_key, server_key) = (credential.stored_key, credential.server_key);
        let verifier = Verifier { stored_key, server_key };
        let unlock = Key32::from_bytes(credential.unlock_key);
        let auth = self.secret.seal_verifier(&verifier, &user.0, kind, version);
        let root = self.secret.wrap_root(root, &unlock, &user.0, kind, version);
        Stored { auth: versioned(version, &auth), root: versioned(version, &root) }
    }

    /// Opens the verifier of a user's secret.
    pub(super) fn verifier(&self, row: &UserRow, kind: SecretKind) -> Outcome<Verifier> {
        let column = match kind {
            SecretKind::Password => &row.auth_password,
            SecretKind::Recovery => &row.auth_recovery,
        };
        let (version, sealed) = split(row, kind, column).ok_or_else(account_damaged)?;
        let opened = self.secret.open_verifier(&sealed, &row.user.0, kind, version);
        opened.map_err(|_| damaged(row))
    }

    /// Unwraps a user's root key.
    pub(super) fn root_key(
        &self,
        row: &UserRow,
        kind: SecretKind,
        unlock: &Key32,
    ) -> Outcome<Key32> {
        let column = match kind {
            SecretKind::Password => &row.root_password,
            SecretKind::Recovery => &row.root_recovery,
        };
        let (version, wrapped) = split(row, kind, column).ok_or_else(account_damaged)?;
        let root = self.secret.unwrap_root(&wrapped, unlock, &row.user.0, kind, version);
        root.map_err(|_| damaged(row))
    }

    /// The user's name.
    pub(crate) fn user_name(&self, row: &UserRow) -> Outcome<String> {
        open_user_name(&self.secret, row).ok_or_else(|| damaged(row))
    }

    /// The user's contact, if one was given.
    pub(super) fn contact(&self, row: &UserRow) -> Outcome<Option<String>> {
        if row.contact_ct.is_empty() {
            return Ok(None);
        }
        let opened = self.secret.open_text(CONTACT, &row.contact_ct, &row.user.0);
        text(&opened.map_err(|_| damaged(row))?).map(Some)
    }

    pub(super) fn seal_user_name(&self, user: UserId, name: &str) -> Vec<u8> {
        self.secret.seal_text(NAME, name.as_bytes(), &user.0)
    }

    pub(super) fn seal_contact(&self, user: UserId, contact: &str) -> Vec<u8> {
        self.secret.seal_text(CONTACT, contact.as_bytes(), &user.0)
    }
}

fn text(bytes: &Zeroizing<Vec<u8>>) -> Outcome<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| account_damaged())
}

/// Logs whose record is damaged; the answer does not say.
fn damaged(row: &UserRow) -> coffer_protocol::WireError {
    tracing::error!(user = %row.user, "the record of an account does not open");
    account_damaged()
}
