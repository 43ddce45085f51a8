//! Comparing and confirming the keys of other users.

use super::people::{Person, Pin};
use super::take_back::changed;
use crate::answer::Answer;
use crate::cx::Cx;
use crate::fault::{Outcome, because, plain};
use crate::op::{Draft, Mutation};
use coffer_crypto::safety_number;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::{Changed, ConfirmContact, ContactInfo, FindContact, Trust};
use coffer_protocol::{OpId, UserId};

impl Cx {
    /// Another user, and how well the key is known.
    pub(crate) async fn find_contact(&self, request: &FindContact) -> Outcome<ContactInfo> {
        let person = self.person_named(&request.user_name).await?;
        let mut infos = self.infos(vec![person]).await?;
        infos.pop().ok_or_else(|| plain(ErrorCode::INTERNAL))
    }

    /// Accepts the present key of another user.
    pub(crate) async fn confirm_contact(&self, request: &ConfirmContact) -> Outcome<Changed> {
        changed(&self.carry_out(request).await?)
    }

    /// People by id, as they are shown; those who are gone are left out.
    pub(super) async fn infos_of(&self, users: &[UserId]) -> Outcome<Vec<ContactInfo>> {
        let mut people = Vec::with_capacity(users.len());
        for user in users {
            people.extend(self.person_by_id(*user).await?);
        }
        self.infos(people).await
    }

    /// People, as they are shown. A safety number takes milliseconds.
    async fn infos(&self, people: Vec<Person>) -> Outcome<Vec<ContactInfo>> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let (own, public) = (self.user(), self.session.identity()?.public);
        let work = move || {
            let one = |person| info(person, (&own.0, &public));
            people.into_iter().map(one).collect()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| plain(ErrorCode::INTERNAL))
    }
}

fn number(person: &Person, own: (&[u8; 16], &[u8; 32])) -> String {
    safety_number(own, (&person.row.user.0, &person.row.identity_public))
}

fn info(person: Person, own: (&[u8; 16], &[u8; 32])) -> ContactInfo {
    let safety_number = number(&person, own);
    let (trust, since_millis) = match &person.pin {
        Pin::New => (Trust::New, 0),
        Pin::Changed(_) => (Trust::Changed, 0),
        Pin::Known(contact) if contact.confirmed => (Trust::Confirmed, contact.since_millis),
        Pin::Known(contact) => (Trust::Known, contact.since_millis),
    };
    ContactInfo { user_name: person.name, safety_number, trust, since_millis }
}

/// The digits of a safety number, however they are set apart.
fn digits(number: &str) -> String {
    number.chars().filter(|c| !c.is_whitespace()).collect()
}

impl Mutation for ConfirmContact {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        let person = cx.person_named(&self.user_name).await?;
        let (own, public) = (cx.user(), cx.session.identity()?.public);
        if digits(&self.safety_number) != digits(&number(&person, (&own.0, &public))) {
            let text = "this is not the present safety number of this person";
            return Err(because(ErrorCode::CONTACT_CHANGED, text));
        }
        let mut draft = Draft::new(Answer::Changed);
        if matches!(&person.pin, Pin::Known(contact) if contact.confirmed) {
            return Ok(draft);
        }
        draft.require(person.stays());
        draft.require(cx.own_account_stays());
        draft.changes.push(cx.pin(&person, true)?);
        Ok(draft)
    }
}
