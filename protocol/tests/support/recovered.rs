//! Examples of the messages about writes of an earlier primary.

use super::{NODE, variants};
use coffer_protocol::message::recovered::*;
use coffer_protocol::{Request, Response};

variants!(happened_name, HAPPENED, Happened:
    FileBack DirectoryBack FileLost Deleted Purged VersionPurged Moved Restored Shared Unshared
    GroupChanged GroupDeleted ContactChanged AccountChanged);

pub(crate) fn requests() -> Vec<Request> {
    vec![
        Request::ListDiverged(ListDiverged { after: None, limit: 0 }),
        Request::ListDiverged(ListDiverged { after: Some([0x90; 32]), limit: 100 }),
        Request::DismissDiverged(DismissDiverged { ids: vec![[0x91; 32]], all: false }),
        Request::DismissDiverged(DismissDiverged { ids: Vec::new(), all: true }),
    ]
}

/// Every value of `Happened`.
pub(crate) fn happened() -> Vec<Happened> {
    use Happened as H;
    vec![
        H::FileBack,
        H::DirectoryBack,
        H::FileLost,
        H::Deleted,
        H::Purged,
        H::VersionPurged,
        H::Moved,
        H::Restored,
        H::Shared,
        H::Unshared,
        H::GroupChanged,
        H::GroupDeleted,
        H::ContactChanged,
        H::AccountChanged,
    ]
}

/// Responses with their payloads.
pub(crate) fn responses() -> Vec<(Response, &'static [u8])> {
    let entry = |happened| DivergedEntry {
        id: [0x92; 32],
        happened,
        written_millis: super::MILLIS,
        names: vec!["letters".to_owned(), "a.txt".to_owned()],
        node: (happened == Happened::FileBack).then_some(NODE),
        other: String::new(),
    };
    let page = DivergedPage {
        entries: happened().into_iter().map(entry).collect(),
        next: Some([0x93; 32]),
        returned: 2,
        listed: 300,
        waiting: 0,
        lost: 1,
    };
    vec![
        (Response::Diverged(Box::new(page)), b""),
        (Response::Dismissed(Dismissed { count: 7, more: true }), b""),
    ]
}
