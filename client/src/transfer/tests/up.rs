//! Uploads.

use super::fake::{Fake, SERVER};
use super::{SIZES, local_files, make_tree, noise, put, put_until};
use crate::error::ClientError;
use crate::transfer::buffers::Buffers;
use crate::transfer::caller::Caller as _;
use crate::transfer::{RemoteSource, StreamTarget, Tracker, big, download, stream};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{ErrorCode, Place};
use std::fs;
use std::io::{Cursor, Write as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_arrives_byte_for_byte() {
    let root = tempfile::tempdir().expect("directory");
    make_tree(root.path());
    let fake = Fake::new();
    let (report, progress) = put(&fake, root.path(), None).await;
    assert!(report.is_complete(), "{report:?}");
    assert!(fake.files() == local_files(root.path()), "contents differ");
    let bytes: usize = SIZES.iter().sum();
    assert_eq!((report.files, report.bytes), (SIZES.len() as u64, bytes as u64));
    assert_eq!(report.directories, 5);
    assert_eq!(report.machines, Some(1));
    assert_eq!((progress.files_done, progress.bytes_done), (report.files, report.bytes));
    assert_eq!((progress.files_known, progress.bytes_known), (report.files, report.bytes));
    assert!(progress.known_is_all);
    assert_eq!(fake.open_uploads(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_travel_many_to_a_request() {
    let root = tempfile::tempdir().expect("directory");
    for number in 0..2000 {
        let dir = root.path().join(format!("d{}", number % 20));
        fs::create_dir_all(&dir).expect("directory");
        fs::write(dir.join(format!("{number}")), noise(1000, number)).expect("file");
    }
    let fake = Fake::new();
    let (report, _) = put(&fake, root.path(), Some("top")).await;
    assert_eq!((report.files, report.directories), (2000, 21));
    assert_eq!(fake.files().len(), 2000);
    assert!(fake.calls("put-files") <= 5, "{}", fake.calls("put-files"));
    assert_eq!(fake.calls("put-chunk"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_has_is_not_sent() {
    let root = tempfile::tempdir().expect("directory");
    let fake = Fake::new();
    let mut content = noise(24 << 20, 3);
    fs::write(root.path().join("one"), &content).expect("file");
    put(&fake, root.path(), None).await;
    let sent = fake.calls("put-chunk");
    assert!(sent >= 6, "{sent}");
    let offers = fake.calls("offer");
    assert!(offers <= sent, "{offers}");

    fs::rename(root.path().join("one"), root.path().join("two")).expect("rename");
    let (report, progress) = put(&fake, root.path(), None).await;
    assert_eq!((report.files, fake.calls("put-chunk")), (1, sent));
    assert_eq!(progress.bytes_done, 24 << 20);
    content.splice(12 << 20..12 << 20, *b"inserted in the middle");
    fs::write(root.path().join("two"), &content).expect("file");
    let (report, _) = put(&fake, root.path(), None).await;
    assert!(report.is_complete(), "{report:?}");
    let changed = fake.calls("put-chunk") - sent;
    assert!((1..=3).contains(&changed), "{changed}");
    assert_eq!(fake.files()["two"], content);
}

#[tokio::test(flavor = "multi_thread")]
async fn content_in_memory_is_bounded() {
    let root = tempfile::tempdir().expect("directory");
    for number in 0..8 {
        fs::write(root.path().join(format!("{number}")), noise(12 << 20, number)).expect("file");
    }
    let fake = Fake::new();
    let (report, _) = put(&fake, root.path(), None).await;
    assert_eq!(report.files, 8);
    let most = fake.most_chunk_bytes();
    assert!(most > 1 << 20, "chunks travel together: {most}");
    assert!(most <= 32 << 20, "too many chunks travel together: {most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_directory_takes_only_its_own_files_along() {
    let root = tempfile::tempdir().expect("directory");
    make_tree(root.path());
    let fake = Fake::new();
    fake.faults(|faults| {
        faults.refused.insert("a".to_owned(), ErrorCode::NOT_A_DIRECTORY);
    });
    let (report, progress) = put(&fake, root.path(), None).await;
    let expected: usize =
        local_files(root.path()).keys().filter(|path| !path.starts_with("a/")).count();
    assert_eq!(fake.files().len(), expected);
    assert_eq!(report.files as usize, expected);
    // The two directories, and the files in them.
    assert_eq!(report.failed.count as usize, 2 + SIZES.len() - expected);
    assert_eq!(progress.files_done, progress.files_known);
    assert_eq!(progress.bytes_done, progress.bytes_known);
    let codes: Vec<_> = report.failed.items.iter().map(|(_, error)| error.code()).collect();
    assert!(codes.contains(&"not-a-directory"), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_fail_are_named_and_the_others_go_on() {
    let root = tempfile::tempdir().expect("directory");
    make_tree(root.path());
    let fake = Fake::new();
    fake.faults(|faults| {
        // A small one and a big one.
        faults.refused.insert("f2".to_owned(), ErrorCode::CONFLICT);
        faults.refused.insert("f7".to_owned(), ErrorCode::EXISTS);
    });
    let (report, _) = put(&fake, root.path(), None).await;
    let mut failed: Vec<_> = report
        .failed
        .items
        .iter()
        .map(|(path, error)| (path.rsplit('/').next().expect("a name"), error.code()))
        .collect();
    failed.sort_unstable();
    assert_eq!(failed, [("f2", "conflict"), ("f7", "exists")]);
    assert_eq!(report.files as usize, SIZES.len() - 2);
    assert_eq!(fake.open_uploads(), 0, "what failed was given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_the_server_forgot_starts_again() {
    let root = tempfile::tempdir().expect("directory");
    fs::write(root.path().join("big"), noise(9 << 20, 1)).expect("file");
    for (forgotten, dropped) in [(1, 0), (0, 1)] {
        let fake = Fake::new();
        fake.faults(|faults| (faults.forgotten, faults.dropped) = (forgotten, dropped));
        let (report, progress) = put(&fake, root.path(), None).await;
        assert!(report.is_complete(), "{report:?}");
        assert!(fake.files() == local_files(root.path()));
        assert_eq!(progress.bytes_done, 9 << 20, "what was sent twice counts once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_would_hit_every_file_ends_the_transfer() {
    let root = tempfile::tempdir().expect("directory");
    for number in 0..3000 {
        fs::write(root.path().join(format!("{number}")), b"x").expect("file");
    }
    let fake = Fake::new();
    fake.faults(|faults| {
        for number in 0..3000 {
            faults.refused.insert(number.to_string(), ErrorCode::DISK_FULL);
        }
    });
    let (report, _) = put(&fake, root.path(), None).await;
    let stopped = report.stopped.expect("stopped");
    assert_eq!(stopped.wire_code(), Some(ErrorCode::DISK_FULL));
    assert_eq!((report.files, report.failed.count), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_ends_an_upload_that_hangs() {
    let root = tempfile::tempdir().expect("directory");
    for number in 0..6 {
        fs::write(root.path().join(format!("{number}")), noise(20 << 20, number)).expect("file");
    }
    let fake = Fake::new();
    fake.faults(|faults| faults.stalled_puts = true);
    let cancel = CancellationToken::new();
    let later = cancel.clone();
    let asked = fake.clone();
    let canceller = tokio::spawn(async move {
        while asked.calls("put-chunk") < 8 {
            tokio::task::yield_now().await;
        }
        later.cancel();
    });
    let (report, _) = put_until(&fake, root.path(), None, &cancel).await;
    canceller.await.expect("no panic");
    assert!(matches!(report.stopped, Some(ClientError::Interrupted)));
    assert_eq!(report.files, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_while_it_is_read_is_reported() {
    let root = tempfile::tempdir().expect("directory");
    let path = root.path().join("log");
    fs::write(&path, noise(30 << 20, 1)).expect("file");
    let (cuts, mut taken) = mpsc::channel(1);
    let reading = path.clone();
    let reader = tokio::task::spawn_blocking(move || {
        big::read_file(&reading, SERVER, Buffers::new(32 << 20), &cuts)
    });
    taken.recv().await.expect("a chunk");
    let mut file = fs::File::options().append(true).open(&path).expect("file");
    file.write_all(b"more").expect("appended");
    while taken.recv().await.is_some() {}
    let outcome = reader.await.expect("no panic");
    assert!(matches!(outcome, Err(ClientError::LocalChanged { .. })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_any_length_become_files() {
    let fake = Fake::new();
    for size in SIZES {
        let content = noise(size, 3);
        let target = StreamTarget {
            to: Place::home().join(format!("s{size}")),
            modified_millis: 7,
            executable: false,
            expect: Expect::Anything,
        };
        let (tracker, cancel) = (Tracker::new(), CancellationToken::new());
        let source = Cursor::new(content.clone());
        stream::run(&fake, source, target, &tracker, &cancel).await.expect("written");
        assert!(fake.files()[&format!("s{size}")] == content, "{size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_some_systems_cannot_tell_apart_are_reported() {
    let root = tempfile::tempdir().expect("directory");
    fs::write(root.path().join("Upper"), b"x").expect("file");
    let (report, _) = put(&Fake::new(), root.path(), None).await;
    assert_eq!(report.collisions.count, 1);
    assert!(report.is_complete());
}

/// Lets everything that can happen without time happen.
async fn settle() {
    for _ in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_wait_for_the_limit_in_both_directions() {
    let root = tempfile::tempdir().expect("directory");
    let source = root.path().join("source");
    fs::create_dir(&source).expect("directory");
    fs::write(source.join("big"), noise(20 << 20, 1)).expect("file");
    for number in 0..200 {
        fs::write(source.join(number.to_string()), noise(50_000, number)).expect("file");
    }
    let fake = Fake::new();
    // The next piece after the first would have to wait for hours.
    let slow = std::num::NonZeroU64::new(64);
    fake.limits().up.set(slow);
    let sent = |fake: &Fake| fake.calls("put-chunk") + fake.calls("put-files");
    let (report, ()) = tokio::join!(put(&fake, &source, Some("t")), async {
        while sent(&fake) == 0 {
            settle().await;
        }
        settle().await;
        assert_eq!(sent(&fake), 1);
        fake.limits().up.set(None);
    });
    assert!(report.0.is_complete(), "{:?}", report.0);
    fake.limits().up.set(slow);
    fake.limits().down.set(slow);
    let asked = |fake: &Fake| fake.calls("read-chunk") + fake.calls("read-files");
    let to = root.path().join("to");
    let place = Place::parse("/t").expect("a path");
    let wanted = vec![RemoteSource { place, shown: "/t".to_owned(), to: to.clone() }];
    let (tracker, cancel) = (Tracker::new(), CancellationToken::new());
    let (report, ()) = tokio::join!(download::run(&fake, wanted, &tracker, &cancel), async {
        while asked(&fake) == 0 {
            settle().await;
        }
        settle().await;
        assert_eq!(asked(&fake), 1);
        fake.limits().down.set(None);
    });
    assert!(report.is_complete(), "{report:?}");
    assert!(local_files(&source) == local_files(&to), "contents differ");
}
