//! Versions and copies of files.

use super::harness::{Bench, answer, code, op, place};
use super::user::User;
use coffer_protocol::Request;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::tree::{
    Copy, CopyItem, Expect, PurgeVersions, RestoreVersion, VersionPage, Versions,
};

async fn versions(user: &User, path: &str) -> VersionPage {
    let request = Versions { place: place(path), before: None, limit: 100 };
    answer!(user.ask(Request::Versions(request)).await, Versions).unwrap()
}

#[tokio::test]
async fn versions_are_kept_brought_back_and_purged() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    for text in ["one", "two", "three"] {
        anna.put("/f", text.as_bytes(), Expect::Anything).await.unwrap();
    }
    let page = versions(&anna, "/f").await;
    let seen: Vec<_> = page.versions.iter().map(|v| (v.revision, v.size, v.current)).collect();
    assert_eq!(seen, [(3, 5, true), (2, 3, false), (1, 3, false)]);
    assert!(page.versions.iter().all(|version| version.author == "anna"));
    assert_eq!(anna.read(place("/f"), Some(1)).await.unwrap(), b"one");
    let bring = |revision| {
        Request::RestoreVersion(RestoreVersion { op: op(), place: place("/f"), revision })
    };
    let written = answer!(anna.ask(bring(1)).await, Written).unwrap();
    assert_eq!(written.revision, 4);
    assert_eq!(anna.cat("/f").await.unwrap(), b"one");
    assert_eq!(code(anna.ask(bring(9)).await), ErrorCode::NO_SUCH_VERSION);
    let purge = |revisions: &[u64]| {
        let revisions = revisions.to_vec();
        Request::PurgeVersions(PurgeVersions { op: op(), place: place("/f"), revisions })
    };
    assert_eq!(code(anna.ask(purge(&[4])).await), ErrorCode::NOT_ALLOWED);
    let purged = answer!(anna.ask(purge(&[2])).await, Purged).unwrap();
    assert_eq!((purged.count, purged.more), (1, false));
    let purged = answer!(anna.ask(purge(&[])).await, Purged).unwrap();
    assert_eq!(purged.count, 2);
    assert_eq!(versions(&anna, "/f").await.versions.len(), 1);
    assert_eq!(anna.cat("/f").await.unwrap(), b"one");
}

#[tokio::test]
async fn copies_are_files_of_their_own() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.put("/f", b"text", Expect::Absent).await.unwrap();
    anna.mkdir("/d").await.unwrap();
    let item = |from: &str, to: &str, expect| CopyItem { from: place(from), to: place(to), expect };
    let items = vec![
        item("/f", "/d/g", Expect::Absent),
        item("/d", "/e", Expect::Absent),
        item("/f", "/f", Expect::Anything),
        item("/missing", "/h", Expect::Absent),
    ];
    let request = Request::Copy(Copy { op: op(), items });
    let items = answer!(anna.ask(request).await, Outcomes).unwrap().items;
    let codes: Vec<_> = items.iter().map(|item| item.clone().err().map(|e| e.code)).collect();
    let wanted = [
        None,
        Some(ErrorCode::IS_A_DIRECTORY),
        Some(ErrorCode::EXISTS),
        Some(ErrorCode::NOT_FOUND),
    ];
    assert_eq!(codes, wanted);
    assert_ne!(anna.node("/d/g").await, anna.node("/f").await);
    anna.put("/f", b"changed", Expect::Anything).await.unwrap();
    assert_eq!(anna.cat("/d/g").await.unwrap(), b"text");
}
