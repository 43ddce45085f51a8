//! Requests about other people.

use super::{Answer, Person, new_op};
use crate::expect_answer;
use coffer_protocol::message::event::{ActivityRecord, Deed, Event, Events, ListActivity, Watch};
use coffer_protocol::message::share::{
    Changed, ConfirmContact, ContactInfo, EditGroup, FindContact, FindShared, GroupChanged,
    GroupEdit, GroupInfo, LeaveShare, ListGroups, ListShares, Mode, Recipient, ShareEntry,
    ShareNode, Shared, TrashIn, Unshare, WhichShares,
};
use coffer_protocol::message::tree::TrashEntry;
use coffer_protocol::{NodeId, Place, Request};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PAGE: u32 = 1000;

/// A time so many milliseconds from now, as the protocol writes times.
pub fn millis_from_now(millis: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    now.as_millis() as i64 + millis
}

/// Asks again until `found` says yes; fails after twenty seconds.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut found: impl FnMut() -> F,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = found().await {
            return value;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A user as a recipient.
pub fn user(name: &str) -> Recipient {
    Recipient::User(name.to_owned())
}

/// A group as a recipient.
pub fn group(name: &str) -> Recipient {
    Recipient::Group(name.to_owned())
}

impl Person {
    /// Shares, for ever.
    pub async fn share(&self, place: &Place, with: &Recipient, mode: Mode) -> Answer<Shared> {
        self.share_until(place, with, mode, None).await
    }

    /// Shares until a time.
    pub async fn share_until(
        &self,
        place: &Place,
        with: &Recipient,
        mode: Mode,
        expires_millis: Option<i64>,
    ) -> Answer<Shared> {
        let (op, place, with) = (new_op(), place.clone(), with.clone());
        let request = Request::Share(ShareNode { op, place, with, mode, expires_millis });
        Ok(*expect_answer!(self.ask(request).await, Shared)?)
    }

    /// Takes a share back.
    pub async fn unshare(&self, place: &Place, with: &Recipient) -> Answer<Changed> {
        let request = Unshare { op: new_op(), place: place.clone(), with: with.clone() };
        expect_answer!(self.ask(Request::Unshare(request)).await, Changed)
    }

    /// Gives up what is shared with this person.
    pub async fn leave(&self, node: NodeId) -> Answer<Changed> {
        let request = LeaveShare { op: new_op(), node };
        expect_answer!(self.ask(Request::LeaveShare(request)).await, Changed)
    }

    /// Every share of a kind.
    pub async fn shares(&self, which: WhichShares) -> Answer<Vec<ShareEntry>> {
        let (mut shares, mut cursor) = (Vec::new(), None);
        loop {
            let list = ListShares { which: which.clone(), cursor, limit: PAGE };
            let page = expect_answer!(self.ask(Request::ListShares(list)).await, Shares)?;
            shares.extend(page.shares);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(shares);
            }
        }
    }

    /// What `@owner/name` means to this person.
    pub async fn find_shared(&self, owner: &str, name: &str) -> Answer<ShareEntry> {
        let request = FindShared { owner: owner.to_owned(), name: name.to_owned() };
        Ok(*expect_answer!(self.ask(Request::FindShared(request)).await, Share)?)
    }

    /// Makes, changes or deletes a group.
    pub async fn edit_group(&self, name: &str, edit: GroupEdit) -> Answer<GroupChanged> {
        let request = EditGroup { op: new_op(), name: name.to_owned(), edit };
        expect_answer!(self.ask(Request::EditGroup(request)).await, GroupChanged)
    }

    /// This person's groups; the first page.
    pub async fn groups(&self) -> Answer<Vec<GroupInfo>> {
        let request = Request::ListGroups(ListGroups { after: None });
        Ok(expect_answer!(self.ask(request).await, Groups)?.groups)
    }

    /// Another user, and how well the key is known.
    pub async fn contact(&self, name: &str) -> Answer<ContactInfo> {
        let request = Request::FindContact(FindContact { user_name: name.to_owned() });
        expect_answer!(self.ask(request).await, Contact)
    }

    /// Accepts the present key of another user.
    pub async fn confirm(&self, name: &str, safety_number: &str) -> Answer<Changed> {
        let (user_name, safety_number) = (name.to_owned(), safety_number.to_owned());
        let request = ConfirmContact { op: new_op(), user_name, safety_number };
        expect_answer!(self.ask(Request::ConfirmContact(request)).await, Changed)
    }

    /// What was deleted inside a directory.
    pub async fn trash_in(&self, place: &Place) -> Answer<Vec<TrashEntry>> {
        let (mut entries, mut cursor) = (Vec::new(), None);
        loop {
            let list = TrashIn { place: place.clone(), cursor, limit: PAGE };
            let page = expect_answer!(self.ask(Request::TrashIn(list)).await, Trash)?;
            entries.extend(page.entries);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(entries);
            }
        }
    }

    /// Waits for hints.
    pub async fn watch(&self, after: Option<u64>, wait_millis: u32) -> Answer<Events> {
        expect_answer!(self.ask(Request::Watch(Watch { after, wait_millis })).await, Events)
    }

    /// Who did what, newest first.
    pub async fn activity(
        &self,
        place: Option<&Place>,
        since_millis: Option<i64>,
    ) -> Answer<Vec<ActivityRecord>> {
        let (mut records, mut cursor) = (Vec::new(), None);
        loop {
            let place = place.cloned();
            let list = ListActivity { place, since_millis, cursor, limit: PAGE };
            let page = expect_answer!(self.ask(Request::ListActivity(list)).await, Activity)?;
            assert_eq!(page.damaged, 0);
            records.extend(page.records);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(records);
            }
        }
    }
}

/// A person's hints, in order, from when the watching began.
pub struct Watcher {
    person: Person,
    next: u64,
    waiting: std::collections::VecDeque<Event>,
}

impl Watcher {
    /// Begins to watch in a session of its own.
    pub async fn begin(person: &Person) -> Self {
        let person = person.again().await;
        let begun = person.watch(None, 0).await.expect("a first answer");
        Self { person, next: begun.next, waiting: begun.events.into() }
    }

    /// The next hint that is of this kind, and how long it took; others before
    /// it are passed over. Fails after ten seconds.
    pub async fn expect(
        &mut self,
        what: &str,
        wanted: impl Fn(&Event) -> bool,
    ) -> (Event, Duration) {
        let begun = Instant::now();
        let mut passed = Vec::new();
        loop {
            while let Some(event) = self.waiting.pop_front() {
                if wanted(&event) {
                    return (event, begun.elapsed());
                }
                passed.push(event);
            }
            let late = begun.elapsed() > Duration::from_secs(10);
            assert!(!late, "{}: no hint of {what}; got {passed:#?}", self.person.name);
            let events = self.person.watch(Some(self.next), 1000).await.expect("hints");
            self.next = events.next;
            self.waiting.extend(events.events);
        }
    }

    /// Every hint that comes within a time.
    pub async fn drain(&mut self, time: Duration) -> Vec<Event> {
        let begun = Instant::now();
        let mut all: Vec<Event> = self.waiting.drain(..).collect();
        while begun.elapsed() < time {
            let events = self.person.watch(Some(self.next), 100).await.expect("hints");
            self.next = events.next;
            all.extend(events.events);
        }
        all
    }
}

/// A short word for a deed, to compare.
pub fn deed_name(deed: &Deed) -> &'static str {
    match deed {
        Deed::Created => "created",
        Deed::Written => "written",
        Deed::Renamed(_) => "renamed",
        Deed::Moved(_) => "moved",
        Deed::Deleted => "deleted",
        Deed::Restored => "restored",
        Deed::VersionRestored(_) => "version restored",
        Deed::Shared(_) => "shared",
        Deed::Unshared(_) => "unshared",
        Deed::Left => "left",
        Deed::Downloaded => "downloaded",
        Deed::SignedIn(_) => "signed in",
    }
}
