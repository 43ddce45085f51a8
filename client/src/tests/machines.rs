//! Learning which machines there are, finding a new primary, and telling an old
//! one.

use crate::cluster::Cluster;
use crate::ids::new_op;
use crate::profile::Profile;
use crate::retry::Policy;
use crate::session::Reach;
use crate::testing::{IMPATIENT, Presence, SERVER, Step, Trio, cluster_info, endpoint, promotion};
use coffer_protocol::message::cluster::ServerRole;
use coffer_protocol::message::tree::Delete;
use coffer_protocol::{ErrorCode, Position, Request, WireError};

fn delete() -> Request {
    let op = new_op().expect("randomness");
    Request::Delete(Delete { op, items: Vec::new(), recursive: false })
}

/// The standby has been promoted, and says so.
fn promote(trio: &Trio) {
    let list = vec![endpoint(1, ServerRole::Primary), endpoint(2, ServerRole::Standby)];
    let info = cluster_info(list, Some(promotion(4)));
    trio.standby.with(|nature| {
        (nature.role, nature.epoch) = (ServerRole::Primary, 4);
        nature.position = Position { epoch: 4, seq: 91 };
        nature.cluster = Some(info);
    });
}

#[tokio::test]
async fn a_new_primary_is_found_and_remembered() {
    let trio = Trio::new(IMPATIENT);
    trio.client.ask(Request::WhoAmI).await.expect("signed in");
    trio.primary.with(|nature| nature.presence = Presence::Gone);
    promote(&trio);
    // What was seen of the old epoch and never mirrored, 100, is no error.
    trio.client.ask(delete()).await.expect("changed there");
    assert_eq!(trio.standby.seen().len(), 1);
    assert_eq!(*trio.client.reach().borrow(), Reach::Primary);
    trio.client.remember().await.expect("saved");
    let options = trio.client.options();
    let stored = Profile::load(&options.home, &options.profile).expect("readable");
    let stored = stored.expect("there");
    assert_eq!((stored.host.as_str(), stored.epoch), ("other", 4));
    let cluster = Cluster::load(&options.home, &options.profile, SERVER).expect("readable");
    assert_eq!(cluster.proof, Some(promotion(4)));
    let old = cluster.machines.iter().find(|known| known.machine.host == "fake");
    assert_eq!(old.map(|known| known.role), Some(ServerRole::Fenced), "it stays known");
}

#[tokio::test]
async fn an_old_primary_that_comes_back_is_told_and_not_used() {
    let trio = Trio::new(IMPATIENT);
    trio.primary.with(|nature| nature.presence = Presence::Gone);
    promote(&trio);
    trio.client.ask(Request::WhoAmI).await.expect("from the new primary");
    trio.primary.with(|nature| nature.presence = Presence::There);
    let (_, sightings) = trio.client.look_around().await;
    assert_eq!(sightings.len(), 3);
    assert_eq!(trio.primary.with(|nature| nature.role), ServerRole::Fenced);
    assert_eq!(trio.primary.with(|nature| nature.sign_ins), 0, "nothing else is said to it");

    // A session that still goes there first finds its way.
    let old = crate::testing::profile();
    let mut old = Profile { epoch: 4, ..old };
    old.position = Position { epoch: 4, seq: 91 };
    trio.primary.with(|nature| (nature.role, nature.asides) = (ServerRole::Primary, Vec::new()));
    let session = trio.client.inner.session.again(old);
    session.call(Request::WhoAmI, bytes::Bytes::new()).await.expect("from the new primary");
    assert_eq!(session.profile().host, "other");
    assert!(trio.primary.seen().is_empty());
    let shown = trio.primary.with(|nature| nature.asides.clone());
    assert!(matches!(shown.as_slice(), [Request::ShowEpoch(_), ..]), "{shown:?}");
}

#[tokio::test]
async fn a_planned_switch_is_followed_in_the_middle_of_a_session() {
    let trio = Trio::new(IMPATIENT);
    trio.client.ask(Request::WhoAmI).await.expect("signed in");
    promote(&trio);
    trio.primary.with(|nature| nature.role = ServerRole::Standby);
    let refusal = WireError::new(ErrorCode::READ_ONLY, "it follows now", "");
    trio.primary.script([Step::Refuse(refusal)]);
    trio.client.ask(delete()).await.expect("changed at the new primary");
    assert_eq!(trio.standby.seen().len(), 1);
    assert_eq!(trio.client.profile().host, "other");
}

#[tokio::test]
async fn a_fenced_primary_sends_its_clients_to_the_new_one() {
    let trio = Trio::new(IMPATIENT);
    trio.client.ask(Request::WhoAmI).await.expect("signed in");
    promote(&trio);
    trio.primary.with(|nature| nature.role = ServerRole::Fenced);
    trio.primary.script([Step::Refuse(WireError::new(ErrorCode::FENCED, "fenced", ""))]);
    trio.client.ask(delete()).await.expect("changed at the new primary");
    assert_eq!(trio.client.profile().host, "other");
}

#[tokio::test]
async fn of_two_primaries_the_higher_epoch_wins() {
    let trio = Trio::new(IMPATIENT);
    trio.primary.with(|nature| nature.presence = Presence::Gone);
    promote(&trio);
    trio.second.with(|nature| {
        (nature.role, nature.epoch, nature.presence) = (ServerRole::Primary, 5, Presence::There);
        nature.position = Position { epoch: 5, seq: 1 };
    });
    trio.client.ask(delete()).await.expect("changed");
    assert_eq!(trio.client.profile().host, "third");
    assert!(trio.standby.seen().is_empty());
}

#[tokio::test]
async fn machines_are_asked_for_only_when_they_may_have_changed() {
    let trio = Trio::new(Policy::NEVER);
    let asked = |server: &crate::testing::FakeServer| {
        server.with(|nature| nature.asides.iter().filter(|r| **r == Request::Cluster).count())
    };
    trio.client.ask(Request::WhoAmI).await.expect("signed in");
    trio.client.remember().await.expect("saved");
    assert_eq!(asked(&trio.primary), 0, "nothing has happened since they were asked for");
    trio.primary.with(|nature| nature.position.seq = 101);
    trio.client.inner.session.disconnect().await;
    for _ in 0..3 {
        trio.client.ask(Request::WhoAmI).await.expect("signed in");
    }
    trio.client.remember().await.expect("saved");
    assert_eq!(asked(&trio.primary), 1);
}

#[tokio::test]
async fn the_question_holds_nothing_up() {
    let trio = Trio::new(Policy::NEVER);
    trio.primary.with(|nature| nature.position.seq = 101);
    // The tasks of this runtime take turns: an answer that had waited for the
    // question would come after it.
    trio.client.ask(Request::WhoAmI).await.expect("answered");
    assert!(trio.primary.with(|nature| nature.asides.is_empty()));
    trio.client.remember().await.expect("saved");
    assert_eq!(trio.primary.with(|nature| nature.asides.len()), 1);
}

#[tokio::test]
async fn an_older_list_does_not_take_the_place_of_a_newer_one() {
    let trio = Trio::new(Policy::NEVER);
    let session = &trio.client.inner.session;
    let known = session.cluster().machines;
    // A standby that has not heard of itself yet.
    let mut info = cluster_info(vec![endpoint(0, ServerRole::Primary)], None);
    info.position = Position { epoch: 3, seq: 99 };
    session.take(&info, 3);
    assert_eq!(session.cluster().machines, known);
    info.position.seq = 101;
    session.take(&info, 3);
    assert_eq!(session.cluster().machines.len(), 1);
}
