//! Hints: who gets which, when, and what they say.

use super::deeds::located;
use super::guest::below;
use super::harness::{Bench, answer, op, place, put_files};
use super::sharing::{share_request, with_user};
use super::user::User;
use crate::fault::Outcome;
use coffer_protocol::limits::MAX_WAITING_EVENTS;
use coffer_protocol::message::event::{ActivityRecord, Deed, Event, Events, SharedWith, Watch};
use coffer_protocol::message::share::{GroupEdit, Mode, Recipient};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{NodeId, Place, Request};
use std::time::{Duration, Instant};

/// Longer than any test takes.
pub(super) const LONG: u32 = 30_000;
/// Long enough for a hint that is to come, short enough to wait for one that is not.
const SHORT: u32 = 150;

impl User {
    pub(super) async fn watch(&self, after: Option<u64>, wait_millis: u32) -> Outcome<Events> {
        answer!(self.ask(Request::Watch(Watch { after, wait_millis })).await, Events)
    }

    pub(super) async fn begin(&self) -> u64 {
        let events = self.watch(None, LONG).await.unwrap();
        assert!(events.events.is_empty() && !events.refresh);
        events.next
    }

    /// Waits for one hint, which is not long in coming.
    async fn hint(&self, after: &mut u64) -> Event {
        let begun = Instant::now();
        let mut events = self.watch(Some(*after), LONG).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert!(!events.refresh);
        assert_eq!(events.events.len(), 1);
        *after = events.next;
        events.events.remove(0)
    }

    async fn hears_nothing(&self, after: &mut u64) {
        let events = self.watch(Some(*after), SHORT).await.unwrap();
        assert_eq!(events.events, []);
        assert!(!events.refresh);
        *after = events.next;
    }

    /// The same user in a session of its own.
    async fn again(&self, bench: &Bench) -> User {
        let mut again = bench.stranger(&self.name);
        again.sign_in().await.unwrap();
        again
    }
}

#[tokio::test]
async fn those_who_can_see_it_hear_of_it_and_nobody_else() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("Anna").await, bench.user("Bert").await);
    let (anna_too, carl) = (anna.again(&bench).await, bench.user("Carl").await);
    let dir = anna.mkdir("/d").await.unwrap();
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    let (mut of_anna, mut of_anna_too) = (anna.begin().await, anna_too.begin().await);
    let (mut of_bert, mut of_carl) = (bert.begin().await, carl.begin().await);

    let written = anna.put("/d/f", b"one", Expect::Absent).await.unwrap();
    let (here, there) = tokio::join!(anna_too.hint(&mut of_anna_too), bert.hint(&mut of_bert));
    assert_eq!(
        (here.deed.clone(), here.node, here.position),
        (Deed::Created, written.node, written.position)
    );
    assert_eq!((here.by.as_str(), here.owner.as_str()), ("Anna", "Anna"));
    assert_eq!(here.location, Some(located(None, &["d", "f"])));
    assert_eq!(there, Event { location: Some(located(Some("Anna"), &["d", "f"])), ..here });
    tokio::join!(anna.hears_nothing(&mut of_anna), carl.hears_nothing(&mut of_carl));

    bert.mv_at(below(dir, "/f"), below(dir, "/g")).await.unwrap();
    let (first, second) = tokio::join!(anna.hint(&mut of_anna), anna_too.hint(&mut of_anna_too));
    assert_eq!(first, second);
    assert_eq!((first.deed, first.by.as_str()), (Deed::Renamed("f".to_owned()), "Bert"));
    assert_eq!(first.location, Some(located(None, &["d", "g"])));
    anna.put("/own", b"x", Expect::Absent).await.unwrap();
    assert_eq!(anna_too.hint(&mut of_anna_too).await.location, Some(located(None, &["own"])));
    tokio::join!(bert.hears_nothing(&mut of_bert), carl.hears_nothing(&mut of_carl));
}

#[tokio::test]
async fn shares_that_come_and_go_are_heard_of() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let carl = bench.user("carl").await;
    let node = anna.put("/f", b"x", Expect::Absent).await.unwrap().node;
    anna.share("/f", "carl", Mode::Read).await.unwrap();
    let (mut of_bert, mut of_carl) = (bert.begin().await, carl.begin().await);
    let mut of_anna = anna.begin().await;

    anna.share("/f", "bert", Mode::Read).await.unwrap();
    let hint = bert.hint(&mut of_bert).await;
    let (with, mode, expires_millis) = ("bert".to_owned(), Mode::Read, None);
    assert_eq!(hint.deed, Deed::Shared(SharedWith { with, mode, expires_millis }));
    assert_eq!(hint.location, Some(located(Some("anna"), &["f"])));

    anna.unshare("/f", with_user("bert")).await.unwrap();
    let hint = bert.hint(&mut of_bert).await;
    assert_eq!((hint.deed, hint.node), (Deed::Unshared("bert".to_owned()), node));
    assert_eq!(hint.location, Some(located(Some("anna"), &["f"])), "what it was called");
    anna.put("/f", b"y", Expect::Anything).await.unwrap();
    bert.hears_nothing(&mut of_bert).await;
    assert_eq!(carl.hint(&mut of_carl).await.deed, Deed::Written, "and not with whom else");

    carl.leave(node).await.unwrap();
    let hint = anna.hint(&mut of_anna).await;
    assert_eq!((hint.deed, hint.by.as_str()), (Deed::Left, "carl"));
    assert_eq!(hint.location, Some(located(None, &["f"])));
    carl.hears_nothing(&mut of_carl).await;
}

#[tokio::test]
async fn members_of_a_group_hear_of_it_without_its_name() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    anna.put("/f", b"x", Expect::Absent).await.unwrap();
    anna.edit("friends", GroupEdit::Create(vec!["bert".to_owned()])).await.unwrap();
    let (mut of_bert, group) = (bert.begin().await, Recipient::Group("friends".to_owned()));
    anna.give(share_request("/f", group.clone(), Mode::Read)).await.unwrap();
    let hint = bert.hint(&mut of_bert).await;
    let (with, mode, expires_millis) = (String::new(), Mode::Read, None);
    assert_eq!(hint.deed, Deed::Shared(SharedWith { with, mode, expires_millis }));
    assert_eq!(hint.location, Some(located(Some("anna"), &["f"])));
    let shared = |records: Vec<ActivityRecord>| {
        let with = |record: &ActivityRecord| match &record.deed {
            Deed::Shared(share) => Some(share.with.clone()),
            _ => None,
        };
        records.iter().find_map(with)
    };
    assert_eq!(shared(bert.deeds(None).await).as_deref(), Some(""));
    assert_eq!(shared(anna.deeds(None).await).as_deref(), Some("friends"));
    anna.unshare("/f", group).await.unwrap();
    let hint = bert.hint(&mut of_bert).await;
    assert_eq!(hint.deed, Deed::Unshared(String::new()));
    assert_eq!(hint.location, Some(located(Some("anna"), &["f"])));
}

#[tokio::test]
async fn what_was_seen_before_access_ended_is_not_told_after_it() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    anna.mkdir("/d").await.unwrap();
    anna.share("/d", "bert", Mode::Read).await.unwrap();
    let mut of_bert = bert.begin().await;
    anna.put("/d/secret", b"x", Expect::Absent).await.unwrap();
    anna.unshare("/d", with_user("bert")).await.unwrap();
    let hint = bert.hint(&mut of_bert).await;
    assert!(matches!(hint.deed, Deed::Unshared(_)), "the file was made before, and not told");
    bert.hears_nothing(&mut of_bert).await;
}

#[tokio::test]
async fn what_leaves_a_shared_directory_is_heard_of_where_it_was() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    anna.mkdir("/d").await.unwrap();
    let node = anna.put("/d/f", b"x", Expect::Absent).await.unwrap().node;
    anna.put("/d/g", b"x", Expect::Absent).await.unwrap();
    anna.share("/d", "bert", Mode::Read).await.unwrap();
    let mut of_bert = bert.begin().await;
    anna.mv("/d/f", "/elsewhere", false).await.unwrap();
    let hint = bert.hint(&mut of_bert).await;
    assert_eq!((hint.deed, hint.node), (Deed::Moved("f".to_owned()), node));
    assert_eq!(hint.location, None, "where it is now is not for everybody");
    anna.mv("/elsewhere", "/d/h", false).await.unwrap();
    assert_eq!(bert.hint(&mut of_bert).await.location, Some(located(Some("anna"), &["d", "h"])));
    anna.rm("/d/g", false).await.unwrap();
    let hint = bert.hint(&mut of_bert).await;
    assert_eq!(hint.deed, Deed::Deleted);
    assert_eq!(hint.location, Some(located(Some("anna"), &["d", "g"])), "where it was");
    anna.rm("/d", true).await.unwrap();
    let hint = bert.hint(&mut of_bert).await;
    assert_eq!((hint.deed, hint.location), (Deed::Deleted, Some(located(Some("anna"), &["d"]))));
}

#[tokio::test]
async fn two_of_one_name_are_told_apart_in_hints_too() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    anna.mkdir("/d").await.unwrap();
    anna.mkdir("/other").await.unwrap();
    anna.mkdir("/other/d").await.unwrap();
    anna.share("/d", "bert", Mode::Read).await.unwrap();
    bench.clock.advance(Duration::from_secs(1));
    anna.share("/other/d", "bert", Mode::Read).await.unwrap();
    let mut of_bert = bert.begin().await;
    anna.put("/other/d/f", b"x", Expect::Absent).await.unwrap();
    let location = bert.hint(&mut of_bert).await.location.unwrap();
    assert!(location.names[0].starts_with("d~"), "{location:?}");
    let found = bert.find("anna", &location.names[0]).await.unwrap();
    assert_eq!(found.node, anna.node("/other/d").await);
}

#[tokio::test]
async fn who_falls_behind_is_told_to_look_at_everything() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let anna_too = anna.again(&bench).await;
    let mut after = anna_too.begin().await;
    let many = MAX_WAITING_EVENTS + 20;
    let paths: Vec<_> = (0..many).map(|number| format!("/{number}")).collect();
    let files: Vec<_> = paths.iter().map(|path| (place(path), &b"x"[..], Expect::Absent)).collect();
    let (request, payload) = put_files(op(), &files);
    anna.send(request, payload).await.unwrap();
    let mut heard = 0;
    loop {
        let events = anna_too.watch(Some(after), LONG).await.unwrap();
        (after, heard) = (events.next, heard + events.events.len());
        if events.refresh {
            break;
        }
        assert!(heard < many, "nothing was lost");
    }
    while heard < 20 {
        let events = anna_too.watch(Some(after), SHORT).await.unwrap();
        if events.events.is_empty() {
            break;
        }
        (after, heard) = (events.next, heard + events.events.len());
    }
    anna.mkdir("/after").await.unwrap();
    assert_eq!(anna_too.hint(&mut after).await.location, Some(located(None, &["after"])));
    let stale = anna_too.watch(Some(0), LONG).await.unwrap();
    assert!(stale.refresh, "a number of another time");
    let unknown = anna_too.watch(Some(after + 1000), LONG).await.unwrap();
    assert!(unknown.refresh);
}

#[tokio::test]
async fn a_full_queue_makes_everybody_look_at_everything() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let after = anna.begin().await;
    bench.service.core.hub.refresh_all();
    let events = anna.watch(Some(after), LONG).await.unwrap();
    assert!(events.refresh && events.events.is_empty());
    let events = anna.watch(Some(events.next), SHORT).await.unwrap();
    assert!(!events.refresh);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let anna_too = anna.again(&bench).await;
    let mut after = anna_too.begin().await;
    anna.mkdir("/d").await.unwrap();
    let mut same = after;
    let first = anna_too.hint(&mut after).await;
    assert_eq!(anna_too.hint(&mut same).await, first);
}

#[tokio::test]
async fn hints_cost_nothing_when_nobody_waits() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.begin().await;
    let node: NodeId = anna.mkdir("/d").await.unwrap();
    assert!(bench.service.core.hub.take().is_none());
    assert!(anna.stat_at(Place::node(node)).await.is_ok());
}
