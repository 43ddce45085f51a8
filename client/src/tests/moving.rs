//! Moves between the trees of different users: copied first, and the original
//! deleted only when the copy is complete.

use super::sharing::{HERE, below, entry, found, outcome, refuse, setting};
use crate::ops::relocate::{Moved, Source};
use crate::testing::Step;
use coffer_protocol::message::tree::{Expect, Kind};
use coffer_protocol::{ErrorCode, NodeId, Request, Response, WireError};

#[tokio::test]
async fn between_trees_a_file_is_copied_and_its_original_trashed() {
    let setting = setting([
        found(7),
        refuse(ErrorCode::OTHER_OWNER),
        entry(20, Kind::File), // the source
        entry(20, Kind::File), // the source, to copy
        outcome(Ok(NodeId([30; 16]))),
        outcome(Ok(NodeId([20; 16]))),
    ]);
    let moved = setting.client.relocate("/mine", "@anna/docs/x", false).await.expect("moved");
    let Moved::Copied { report, source: Source::Trashed } = moved else { panic!("{moved:?}") };
    assert_eq!((report.files, report.failed), (1, 0));
    let seen = setting.server.seen();
    let Some(Request::Copy(copy)) = seen.get(4) else { panic!("{seen:?}") };
    assert_eq!((&copy.items[0].to, copy.items[0].expect), (&below(7, &["x"]), Expect::Absent));
    let Some(Request::Delete(delete)) = seen.get(5) else { panic!("{seen:?}") };
    // One that was written meanwhile stays.
    assert_eq!(delete.items[0].place, below(20, &[]));
    assert_eq!(delete.items[0].revision, Some(5));
    setting.at_end();
}

#[tokio::test]
async fn an_original_that_cannot_be_deleted_stays_beside_the_copy() {
    let denied = WireError::new(ErrorCode::NOT_ALLOWED, "READ only", "");
    let setting = setting([
        found(7),
        refuse(ErrorCode::OTHER_OWNER),
        entry(20, Kind::File),
        entry(20, Kind::File),
        outcome(Ok(NodeId([30; 16]))),
        outcome(Err(denied)),
    ]);
    let moved = setting.client.relocate("@anna/docs/x", "/mine", false).await.expect("copied");
    let Moved::Copied { source: Source::Refused(error), .. } = moved else { panic!("{moved:?}") };
    assert_eq!(error.code(), "not-allowed");
}

#[tokio::test]
async fn an_incomplete_copy_deletes_nothing() {
    use coffer_protocol::message::tree::{Made, WalkPage};
    let made =
        Made { base: NodeId([1; 16]), nodes: vec![NodeId([30; 16])], position: HERE, machines: 1 };
    let walked =
        WalkPage { entries: Vec::new(), damaged: vec![NodeId([66; 16])], next: Vec::new() };
    let setting = setting([
        found(7),
        refuse(ErrorCode::OTHER_OWNER),
        entry(20, Kind::Directory),         // the source
        entry(20, Kind::Directory),         // the source, to copy
        entry(7, Kind::Directory),          // above the target
        refuse(ErrorCode::NOT_FOUND),       // the target is free
        refuse(ErrorCode::NOT_FOUND),       // what is above the share is not there
        Step::answer(Response::Made(made)), // the copy
        Step::answer(Response::Walk(walked)),
    ]);
    let moved = setting.client.relocate("/mine", "@anna/docs/x", false).await.expect("copied");
    let Moved::Copied { report, source: Source::CopyIncomplete } = moved else {
        panic!("{moved:?}")
    };
    assert_eq!(report.failed, 1);
    setting.at_end();
}

#[tokio::test]
async fn a_copy_that_replaces_a_file_is_a_new_version_of_it() {
    let setting = setting([
        found(7),
        refuse(ErrorCode::OTHER_OWNER),
        entry(20, Kind::File), // the source
        entry(21, Kind::File), // what is there
        entry(20, Kind::File), // the source, to copy
        outcome(Ok(NodeId([21; 16]))),
        outcome(Ok(NodeId([20; 16]))),
    ]);
    setting.client.relocate("/mine", "@anna/docs/x", true).await.expect("moved");
    let seen = setting.server.seen();
    let Some(Request::Copy(copy)) = seen.get(5) else { panic!("{seen:?}") };
    assert_eq!(copy.items[0].expect, Expect::Revision(5));
}

#[tokio::test]
async fn what_goes_onto_a_shared_file_becomes_a_version_of_it() {
    let setting = setting([
        entry(20, Kind::File), // the source
        found(7),
        entry(7, Kind::File),  // the shared file
        entry(20, Kind::File), // the source, to copy
        outcome(Ok(NodeId([7; 16]))),
        outcome(Ok(NodeId([20; 16]))),
    ]);
    let error = setting.client.relocate("/mine", "@anna/docs", false).await.expect_err("taken");
    assert_eq!(error.code(), "exists");
    setting.client.relocate("/mine", "@anna/docs", true).await.expect("moved");
    let seen = setting.server.seen();
    let Some(Request::Copy(copy)) = seen.get(4) else { panic!("{seen:?}") };
    assert_eq!((&copy.items[0].to, copy.items[0].expect), (&below(7, &[]), Expect::Revision(5)));
}
