//! Examples of the messages about shares, groups, contacts, hints and activity.

use super::{HASH, MILLIS, NODE, OP, PARENT, POSITION, entry, place, variants};
use coffer_protocol::message::event::*;
use coffer_protocol::message::share::*;
use coffer_protocol::message::tree::Kind;
use coffer_protocol::{Place, Request, Response, ShareId};

variants!(mode_name, MODES, Mode: Read Write);
variants!(recipient_name, RECIPIENTS, Recipient: User Group);
variants!(which_name, WHICH_SHARES, WhichShares: WithMe ByMe Of);
variants!(edit_name, EDITS, GroupEdit: Create Add Remove Rename Delete);
variants!(trust_name, TRUSTS, Trust: New Known Confirmed Changed);
variants!(deed_name, DEEDS, Deed:
    Created Written Renamed Moved Deleted Restored VersionRestored Shared Unshared Left Downloaded
    SignedIn);

const SHARE: ShareId = ShareId([0xC1; 16]);
/// A later moment than `MILLIS`.
const LATER: i64 = 1_890_000_000_456;

fn user(name: &str) -> Recipient {
    Recipient::User(name.to_owned())
}

fn group() -> Recipient {
    Recipient::Group("Kollegen & Söhne".to_owned())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn share_requests() -> Vec<Request> {
    let share = |with, mode, expires_millis| {
        Request::Share(ShareNode { op: OP, place: place(), with, mode, expires_millis })
    };
    let list = |which, cursor| Request::ListShares(ListShares { which, cursor, limit: 1000 });
    vec![
        share(user("bob"), Mode::Read, None),
        share(group(), Mode::Write, Some(LATER)),
        Request::Unshare(Unshare { op: OP, place: Place::node(NODE), with: user("bob") }),
        Request::Unshare(Unshare { op: OP, place: place(), with: group() }),
        Request::LeaveShare(LeaveShare { op: OP, node: NODE }),
        list(WhichShares::WithMe, None),
        list(WhichShares::ByMe, Some(SHARE)),
        list(WhichShares::Of(place()), None),
        Request::FindShared(FindShared { owner: "alice".to_owned(), name: "photos".to_owned() }),
    ]
}

fn people_requests() -> Vec<Request> {
    let edit =
        |edit| Request::EditGroup(EditGroup { op: OP, name: "Kollegen & Söhne".to_owned(), edit });
    vec![
        edit(GroupEdit::Create(texts(&["bob", "zoë"]))),
        edit(GroupEdit::Add(texts(&["carol"]))),
        edit(GroupEdit::Remove(texts(&["bob"]))),
        edit(GroupEdit::Rename("friends".to_owned())),
        edit(GroupEdit::Delete),
        Request::ListGroups(ListGroups { after: None }),
        Request::ListGroups(ListGroups { after: Some("friends".to_owned()) }),
        Request::FindContact(FindContact { user_name: "bob".to_owned() }),
        Request::ConfirmContact(ConfirmContact {
            op: OP,
            user_name: "bob".to_owned(),
            safety_number: safety_number(),
        }),
    ]
}

/// All requests.
pub(crate) fn requests() -> Vec<Request> {
    let mut all = share_requests();
    all.extend(people_requests());
    let activity = |place, since_millis, cursor| {
        Request::ListActivity(ListActivity { place, since_millis, cursor, limit: 100 })
    };
    all.extend([
        Request::TrashIn(TrashIn { place: place(), cursor: Some((MILLIS, NODE)), limit: 100 }),
        Request::TrashIn(TrashIn { place: Place::node(NODE), cursor: None, limit: 1000 }),
        Request::Watch(Watch { after: None, wait_millis: 0 }),
        Request::Watch(Watch { after: Some(70_000), wait_millis: 30_000 }),
        activity(None, None, None),
        activity(Some(place()), Some(MILLIS), Some([0xC2; 16])),
    ]);
    all
}

fn safety_number() -> String {
    "07270 66259 32095 65905 96194 93619 39124 48695 75645 25176 07954 91370".to_owned()
}

fn contact(trust: Trust, since_millis: i64) -> ContactInfo {
    let (user_name, safety_number) = ("bob".to_owned(), safety_number());
    ContactInfo { user_name, safety_number, trust, since_millis }
}

fn by_me() -> ShareEntry {
    ShareEntry {
        share: SHARE,
        node: NODE,
        kind: Kind::Directory,
        names: texts(&["work", "photos"]),
        owner: "alice".to_owned(),
        with: group(),
        mode: Mode::Write,
        created_millis: MILLIS,
        expires_millis: Some(LATER),
        key_changed: false,
    }
}

fn with_me() -> ShareEntry {
    ShareEntry {
        kind: Kind::File,
        names: texts(&["été.jpg~c1c1"]),
        with: user("bob"),
        mode: Mode::Read,
        expires_millis: None,
        key_changed: true,
        ..by_me()
    }
}

fn share_responses() -> Vec<Response> {
    let new_contacts = vec![contact(Trust::New, 0)];
    let shared = Shared { share: by_me(), new_contacts, position: POSITION, machines: 2 };
    let page =
        SharePage { shares: vec![by_me(), with_me()], damaged: vec![SHARE], next: Some(SHARE) };
    let changed = GroupChanged {
        new_contacts: vec![contact(Trust::Known, MILLIS)],
        shares: 1000,
        position: POSITION,
        machines: 1,
    };
    let group = GroupInfo {
        name: "friends".to_owned(),
        members: texts(&["bob", "zoë"]),
        created_millis: MILLIS,
    };
    let groups = GroupPage { groups: vec![group], damaged: 1, next: Some("friends".to_owned()) };
    vec![
        Response::Shared(Box::new(shared)),
        Response::Changed(Changed { position: POSITION, machines: 2 }),
        Response::Shares(page),
        Response::Share(Box::new(with_me())),
        Response::GroupChanged(changed),
        Response::Groups(groups),
        Response::Contact(contact(Trust::Confirmed, MILLIS)),
        Response::Contact(contact(Trust::Changed, 0)),
    ]
}

/// One of each.
fn deeds() -> Vec<Deed> {
    let with =
        SharedWith { with: "friends".to_owned(), mode: Mode::Write, expires_millis: Some(LATER) };
    vec![
        Deed::Created,
        Deed::Written,
        Deed::Renamed("old name".to_owned()),
        Deed::Moved("old name".to_owned()),
        Deed::Deleted,
        Deed::Restored,
        Deed::VersionRestored(300),
        Deed::Shared(with),
        Deed::Unshared("bob".to_owned()),
        Deed::Left,
        Deed::Downloaded,
        Deed::SignedIn("192.0.2.7".to_owned()),
    ]
}

fn location(owner: Option<&str>) -> Location {
    let names = texts(&["photos", entry().name.as_str()]);
    Location { owner: owner.map(str::to_owned), names }
}

fn event_responses() -> Vec<Response> {
    let event = |(index, deed): (usize, Deed)| Event {
        deed,
        node: NODE,
        location: (index > 0).then(|| location(Some("alice"))),
        by: "bob".to_owned(),
        owner: "alice".to_owned(),
        at_millis: MILLIS,
        position: POSITION,
    };
    let events = deeds().into_iter().enumerate().map(event).collect();
    let record = |deed| ActivityRecord {
        at_millis: MILLIS,
        by: "bob".to_owned(),
        deed,
        node: PARENT,
        location: Some(location(None)),
        count: 0,
        names: vec![],
    };
    let mut records: Vec<ActivityRecord> = deeds().into_iter().map(record).collect();
    let names = texts(&["a", "b"]);
    records.push(ActivityRecord { count: 512, names, ..record(Deed::Created) });
    records.push(ActivityRecord { by: String::new(), location: None, ..record(Deed::Left) });
    let next = HASH.0.first_chunk().copied();
    vec![
        Response::Events(Events { events, next: 70_001, refresh: false }),
        Response::Events(Events { events: vec![], next: 1, refresh: true }),
        Response::Activity(ActivityPage { records, damaged: 3, next }),
    ]
}

/// All responses.
pub(crate) fn responses() -> Vec<Response> {
    let mut all = share_responses();
    all.extend(event_responses());
    all
}
