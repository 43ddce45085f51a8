//! Other users, and the keys by which they are known.
//!
//! Guarantees: the id and the public key of a person are pinned at the first
//! sight, sealed under the user's own root key; a person of the same name with
//! another id or key is not taken for the one that was known.

use crate::account::USER_DELETING;
use crate::cx::Cx;
use crate::fault::{Outcome, account_damaged, because};
use crate::rows::read_failed;
use coffer_crypto::{normalize_user_name, open_contact, seal_contact};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{UserId, WireError};
use coffer_store::{Change, ContactRow, Precondition, UserRow};

/// Layout of a contact: version, user id, public key, whether it was confirmed,
/// since when it has been known (milliseconds since 1970, big-endian).
const VERSION: u8 = 1;
const BYTES: usize = 1 + 16 + 32 + 1 + 8;

/// What is kept about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contact {
    pub(super) user: UserId,
    pub(super) public: [u8; 32],
    /// The user has compared the safety number.
    pub(super) confirmed: bool,
    pub(super) since_millis: i64,
}

impl Contact {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(BYTES);
        out.push(VERSION);
        out.extend_from_slice(&self.user.0);
        out.extend_from_slice(&self.public);
        out.push(u8::from(self.confirmed));
        out.extend_from_slice(&self.since_millis.to_be_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (user, rest) = rest.split_first_chunk()?;
        let (public, rest) = rest.split_first_chunk()?;
        let (confirmed, since) = rest.split_first()?;
        if *version != VERSION || *confirmed > 1 {
            return None;
        }
        Some(Self {
            user: UserId(*user),
            public: *public,
            confirmed: *confirmed == 1,
            since_millis: i64::from_be_bytes(since.try_into().ok()?),
        })
    }
}

/// How a person's present key compares with what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pin {
    /// Nothing is kept.
    New,
    /// It is the same.
    Known(Contact),
    /// It is another.
    Changed(Contact),
}

/// Another user, as the signed-in one knows them.
pub(super) struct Person {
    pub(super) row: UserRow,
    /// Name as it was signed up.
    pub(super) name: String,
    pub(super) pin: Pin,
}

impl Person {
    pub(super) fn id(&self) -> UserId {
        self.row.user
    }

    /// Refuses somebody whose key is not the one that was known.
    pub(super) fn require_same(&self) -> Outcome<()> {
        match self.pin {
            Pin::Changed(_) => Err(changed(&self.name)),
            Pin::New | Pin::Known(_) => Ok(()),
        }
    }

    /// Precondition: the account is as it was read, above all not deleted.
    pub(super) fn stays(&self) -> Precondition {
        Precondition::UserAt { user: self.row.user, version: self.row.version }
    }
}

/// Somebody's key is not the one that was known.
pub(super) fn changed(name: &str) -> WireError {
    because(
        ErrorCode::CONTACT_CHANGED,
        format!("the key of `{name}` is not the one that was known"),
    )
}

impl Cx {
    /// A user by name; `None` for one that does not exist or is being deleted.
    /// What comes of it must not tell strangers' names apart.
    pub(super) async fn user_named(&self, name: &str) -> Outcome<Option<UserRow>> {
        let Ok(name) = normalize_user_name(name) else { return Ok(None) };
        let found = self.store().user_by_tag(self.core.secret.user_tag(&name)).await;
        let found = found.map_err(|error| read_failed(&error))?;
        Ok(found.filter(|row| row.state != USER_DELETING))
    }

    /// Another user by name. Names of people who are not known yet can be tried
    /// only so often.
    pub(super) async fn person_named(&self, name: &str) -> Outcome<Person> {
        let nobody =
            || because(ErrorCode::NO_SUCH_USER, format!("there is no user of the name `{name}`"));
        let normal = normalize_user_name(name).map_err(|_| nobody())?;
        let tag = self.core.secret.user_tag(&normal);
        if self.contact_row(tag).await?.is_none() {
            self.core.limiter.look_up(self.user())?;
        }
        let row = self.user_named(&normal).await?.ok_or_else(nobody)?;
        if row.user == self.user() {
            return Err(because(ErrorCode::NOT_ALLOWED, "that is yourself"));
        }
        self.person(row).await
    }

    /// Another user by id; `None` for one that does not exist any more.
    pub(super) async fn person_by_id(&self, user: UserId) -> Outcome<Option<Person>> {
        let row = self.store().user(user).await.map_err(|error| read_failed(&error))?;
        match row.filter(|row| row.state != USER_DELETING) {
            Some(row) => self.person(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Another user whose record is at hand.
    pub(super) async fn person(&self, row: UserRow) -> Outcome<Person> {
        let name = self.core.user_name(&row)?;
        if self.core.secret.user_tag(&name) != row.tag {
            tracing::error!(user = %row.user, "the tag of an account is not that of its name");
            return Err(account_damaged());
        }
        let Some(kept) = self.contact_row(row.tag).await? else {
            return Ok(Person { row, name, pin: Pin::New });
        };
        let contact = self.open_kept(&kept)?;
        let same = contact.user == row.user && contact.public == row.identity_public;
        let pin = if same { Pin::Known(contact) } else { Pin::Changed(contact) };
        Ok(Person { row, name, pin })
    }

    fn open_kept(&self, kept: &ContactRow) -> Outcome<Contact> {
        let plain = self
            .session
            .with_root(|root| open_contact(root, &self.user().0, &kept.tag, &kept.sealed).ok())?;
        plain.and_then(|plain| Contact::decode(&plain)).ok_or_else(|| {
            tracing::error!(owner = %self.user(), "a contact does not open");
            because(ErrorCode::INTEGRITY, "what is kept about this person does not verify")
        })
    }

    /// Whether the user has said that this is the person's key. If not, it was kept at
    /// the first contact by itself.
    pub(crate) fn is_confirmed(&self, kept: &ContactRow) -> Outcome<bool> {
        Ok(self.open_kept(kept)?.confirmed)
    }

    async fn contact_row(&self, tag: [u8; 32]) -> Outcome<Option<ContactRow>> {
        self.store().contact(self.user(), tag).await.map_err(|error| read_failed(&error))
    }

    /// Keeps a person's present key.
    pub(super) fn pin(&self, person: &Person, confirmed: bool) -> Outcome<Change> {
        let contact = Contact {
            user: person.row.user,
            public: person.row.identity_public,
            confirmed,
            since_millis: self.millis(),
        };
        let (owner, tag) = (self.user(), person.row.tag);
        let plain = contact.encode();
        let sealed = self.session.with_root(|root| seal_contact(root, &owner.0, &tag, &plain))?;
        Ok(Change::PutContact(ContactRow { owner, tag, sealed }))
    }

    /// The session's own account, as a precondition: still there, with the same
    /// credentials.
    pub(super) fn own_account_stays(&self) -> Precondition {
        Precondition::UserAt { user: self.user(), version: self.session.version() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_read_back_and_nothing_may_follow() {
        let contact =
            Contact { user: UserId([1; 16]), public: [2; 32], confirmed: true, since_millis: -3 };
        let mut bytes = contact.encode();
        assert_eq!(bytes.len(), BYTES);
        assert_eq!(Contact::decode(&bytes), Some(contact));
        assert_eq!(Contact::decode(&bytes[..BYTES - 1]), None);
        bytes[49] = 2;
        assert_eq!(Contact::decode(&bytes), None, "neither yes nor no");
        bytes[49] = 1;
        bytes.push(0);
        assert_eq!(Contact::decode(&bytes), None);
    }
}
