//! Repeated requests: whatever changes something gets its first answer again,
//! and changes nothing more.

use super::harness::{Bench, commit_upload, op, place, put_files};
use super::user::User;
use bytes::Bytes;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::tree::{
    Copy, CopyItem, Delete, DeleteItem, Expect, MakeDirs, Move, NewDir, PurgeTrash, PurgeVersions,
    PurgeWhat, RestoreTrash, RestoreVersion, TrashList, Walk,
};
use coffer_protocol::{Place, Request, Response, UploadId};

/// Everything a user can see.
async fn everything(user: &User) -> Vec<Response> {
    let place = Place::home();
    let walk = Walk { place, pattern: None, cursor: Vec::new(), limit: 1000 };
    let trash = TrashList { cursor: None, limit: 1000 };
    vec![
        user.ask(Request::Walk(walk)).await.unwrap(),
        user.ask(Request::TrashList(trash)).await.unwrap(),
    ]
}

/// Sends a request, and again from another session; the first answer.
async fn twice(bench: &Bench, user: &User, request: Request, payload: Bytes) -> Response {
    let (first, _) = user.send(request.clone(), payload.clone()).await.unwrap();
    let before = everything(user).await;
    let mut again = bench.stranger(&user.name);
    again.sign_in().await.unwrap();
    for user in [user, &again] {
        let (second, _) = user.send(request.clone(), payload.clone()).await.unwrap();
        assert_eq!(codes(&second), codes(&first), "{request:?}");
    }
    assert_eq!(everything(user).await, before, "{request:?}");
    first
}

/// An answer without the sentences of its errors.
fn codes(response: &Response) -> String {
    match response {
        Response::Outcomes(outcomes) => {
            let items = outcomes.items.iter().map(|item| item.clone().map_err(|e| e.code));
            format!("{:?} {}", items.collect::<Vec<_>>(), outcomes.position)
        }
        Response::BatchWritten(batch) => {
            let files = batch.files.iter().map(|file| file.clone().map_err(|e| e.code));
            format!("{:?}", files.collect::<Vec<_>>())
        }
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn every_mutating_request_can_be_repeated() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let none = Bytes::new;

    let (puts, payload) = put_files(
        op(),
        &[(place("/f"), b"one", Expect::Absent), (place("/no/where"), b"two", Expect::Absent)],
    );
    twice(&bench, &anna, puts, payload).await;
    let (puts, payload) = put_files(op(), &[(place("/f"), b"two", Expect::Revision(1))]);
    twice(&bench, &anna, puts, payload).await;

    let names = vec!["d".to_owned()];
    let dirs = vec![NewDir { names, modified_millis: None }];
    let base = Place::home();
    let make = MakeDirs { op: op(), base, dirs, adopt: false, parents: false };
    twice(&bench, &anna, Request::MakeDirs(make), none()).await;

    let upload = UploadId([1; 16]);
    anna.put_chunk(upload, 0, b"chunk").await.unwrap();
    let mut commit = commit_upload(upload, "/d/up", &[b"chunk"]);
    commit.expect = Expect::Absent;
    twice(&bench, &anna, Request::CommitUpload(commit), none()).await;

    let from = place("/d/up");
    let to = place("/moved");
    let request = Move { op: op(), from, to, replace: false };
    twice(&bench, &anna, Request::Move(request), none()).await;

    let copy = |from: &str, to: &str| CopyItem {
        from: place(from),
        to: place(to),
        expect: Expect::Absent,
    };
    let items = vec![copy("/f", "/g"), copy("/missing", "/h")];
    twice(&bench, &anna, Request::Copy(Copy { op: op(), items }), none()).await;

    let place_of = |path| DeleteItem { place: place(path), revision: None };
    let items = vec![place_of("/g"), place_of("/missing")];
    let delete = Delete { op: op(), items, recursive: false };
    let answer = twice(&bench, &anna, Request::Delete(delete), none()).await;
    let Response::Outcomes(outcomes) = answer else { panic!("unexpected {answer:?}") };
    let node = *outcomes.items[0].as_ref().unwrap();

    let restore = RestoreTrash { op: op(), node, to: None };
    twice(&bench, &anna, Request::RestoreTrash(restore), none()).await;

    let restore = RestoreVersion { op: op(), place: place("/f"), revision: 1 };
    twice(&bench, &anna, Request::RestoreVersion(restore), none()).await;

    let purge = PurgeVersions { op: op(), place: place("/f"), revisions: vec![2] };
    twice(&bench, &anna, Request::PurgeVersions(purge), none()).await;

    anna.rm("/g", false).await.unwrap();
    let purge = PurgeTrash { op: op(), what: PurgeWhat::Nodes(vec![node]) };
    let answer = twice(&bench, &anna, Request::PurgeTrash(purge), none()).await;
    assert!(matches!(answer, Response::Purged(purged) if purged.count == 1));
}

#[tokio::test]
async fn an_operation_id_is_not_shared_by_kinds_or_users() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let one = op();
    for user in [&anna, &bert] {
        let (puts, payload) = put_files(one, &[(place("/f"), b"mine", Expect::Absent)]);
        user.send(puts, payload).await.unwrap();
        assert_eq!(user.cat("/f").await.unwrap(), b"mine");
    }
    let request = Move { op: one, from: place("/f"), to: place("/g"), replace: false };
    let reused = anna.ask(Request::Move(request)).await;
    assert_eq!(super::harness::code(reused), ErrorCode::MALFORMED);
    assert_eq!(anna.names("/").await, ["f"]);
}

#[tokio::test]
async fn a_request_sent_twice_at_once_is_carried_out_once() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    for round in 0..10 {
        let path = format!("/f{round}");
        let (puts, payload) = put_files(op(), &[(place(&path), b"text", Expect::Absent)]);
        let (one, two) = tokio::join!(
            anna.send(puts.clone(), payload.clone()),
            anna.send(puts.clone(), payload.clone())
        );
        let (one, two) = (one.unwrap().0, two.unwrap().0);
        assert!(matches!(&one, Response::BatchWritten(written) if written.files[0].is_ok()));
        assert_eq!(codes(&one), codes(&two));
    }
    assert_eq!(anna.names("/").await.len(), 10);
}
