//! Downloads.

use super::fake::{Fake, HOME};
use super::{Report, SIZES, Tracker, local_files, make_tree, noise, put};
use crate::error::ClientError;
use crate::transfer::{RemoteSource, download, local};
use coffer_protocol::Place;
use std::fs;
use std::path::Path;
use tokio_util::sync::CancellationToken;

async fn get(fake: &Fake, path: &str, to: &Path) -> Report {
    get_until(fake, path, to, &CancellationToken::new()).await
}

async fn get_until(fake: &Fake, path: &str, to: &Path, cancel: &CancellationToken) -> Report {
    let place = Place::parse(path).expect("a path");
    let source = RemoteSource { place, shown: path.to_owned(), to: to.to_owned() };
    download::run(fake, vec![source], &Tracker::new(), cancel).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_comes_back_as_it_went() {
    let root = tempfile::tempdir().expect("directory");
    let (source, target) = (root.path().join("source"), root.path().join("target"));
    make_tree(&source);
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_234_567_890_123);
    for name in ["f0", "f4"] {
        let file = fs::File::options().write(true).open(source.join(name)).expect("file");
        file.set_modified(old).expect("a time");
    }
    filetime::set_file_mtime(source.join("a/b"), old.into()).expect("a time");
    let fake = Fake::new();
    assert!(put(&fake, &source, Some("tree")).await.0.is_complete());
    let report = get(&fake, "/tree", &target).await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!((report.files as usize, report.directories), (SIZES.len(), 6));
    assert!(local_files(&source) == local_files(&target), "contents differ");
    assert!(target.join("empty/in empty").is_dir());
    for name in ["f0", "f4", "a/b"] {
        let metadata = fs::metadata(target.join(name)).expect("there");
        assert_eq!(local::modified_millis(&metadata), 1_234_567_890_123, "{name}");
    }
    // Once more, over what is there.
    assert!(get(&fake, "/tree", &target).await.is_complete());
    assert!(local_files(&source) == local_files(&target), "contents differ");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_executable_bit_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().expect("directory");
    let (source, target) = (root.path().join("source"), root.path().join("target"));
    fs::create_dir(&source).expect("directory");
    for (name, size, mode) in [("s", 1, 0o755), ("b", 99_999, 0o700), ("n", 1, 0o644)] {
        fs::write(source.join(name), noise(size, 1)).expect("file");
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(source.join(name), mode).expect("a mode");
    }
    let fake = Fake::new();
    put(&fake, &source, Some("t")).await;
    assert!(get(&fake, "/t", &target).await.is_complete());
    for (name, executable) in [("s", true), ("b", true), ("n", false)] {
        let metadata = fs::metadata(target.join(name)).expect("there");
        assert_eq!(local::is_executable(&metadata), executable, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_becomes_the_path_it_was_given() {
    let root = tempfile::tempdir().expect("directory");
    let fake = Fake::new();
    fake.add(HOME, "small", Some(b"contents"));
    let to = root.path().join("other name");
    assert_eq!(get(&fake, "/small", &to).await.files, 1);
    assert_eq!(fs::read(&to).expect("readable"), b"contents");
    let missing = get(&fake, "/missing", &root.path().join("x")).await;
    assert_eq!(missing.failed.items[0].1.code(), "not-found");
    assert!(!root.path().join("x").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_never_leave_the_target() {
    let root = tempfile::tempdir().expect("directory");
    let target = root.path().join("deep/target");
    fs::create_dir_all(&target).expect("directory");
    let fake = Fake::new();
    for name in ["../up", "..", "/absolute", "a/b", "", "."] {
        fake.add(HOME, name, Some(b"evil"));
    }
    let up = fake.add(HOME, "..", None);
    fake.add(up, "below", Some(b"evil"));
    fake.add(HOME, "good", Some(b"good"));
    let report = get(&fake, "/", &target).await;
    let files = local_files(root.path());
    assert_eq!(files.keys().collect::<Vec<_>>(), ["deep/target/good"]);
    assert_eq!((report.files, report.failed.count), (1, 7));
    assert!(!Path::new("/absolute").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_altered_is_named_and_not_delivered() {
    let root = tempfile::tempdir().expect("directory");
    let (source, target) = (root.path().join("source"), root.path().join("target"));
    make_tree(&source);
    let fake = Fake::new();
    put(&fake, &source, Some("t")).await;
    // A small one, and one of many chunks.
    for (name, path) in [("f1", "a/f1"), ("f8", "f8")] {
        fake.faults(|faults| faults.altered = Some(name.to_owned()));
        let report = get(&fake, "/t", &target).await;
        assert_eq!(report.failed.count, 1);
        let (failed, error) = &report.failed.items[0];
        assert_eq!(failed, &format!("/t/{path}"));
        assert!(matches!(error, ClientError::Integrity { .. }), "{error:?}");
        let mut expected = local_files(&source);
        expected.remove(path);
        assert!(local_files(&target) == expected, "the others are there, and nothing else");
        fs::remove_dir_all(&target).expect("removed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_download_leaves_no_half_written_file() {
    let root = tempfile::tempdir().expect("directory");
    let source = root.path().join("big");
    fs::write(&source, noise(20 << 20, 1)).expect("file");
    let fake = Fake::new();
    put(&fake, &source, Some("big")).await;
    fake.faults(|faults| faults.stalled_from = Some(5));
    let target = root.path().join("target");
    fs::create_dir(&target).expect("directory");
    let part_is_there = || fs::read_dir(&target).expect("readable").next().is_some();
    let cancel = CancellationToken::new();
    let to = target.join("big");
    let (report, ()) = tokio::join!(get_until(&fake, "/big", &to, &cancel), async {
        while !part_is_there() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    assert!(matches!(report.stopped, Some(ClientError::Interrupted)));
    assert!(!part_is_there(), "neither the file nor a part of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_stays_as_it_is() {
    let root = tempfile::tempdir().expect("directory");
    let fake = Fake::new();
    let dir = fake.add(HOME, "d", None);
    fake.add(dir, "inner", Some(b"inner"));
    fake.add(HOME, "f", Some(b"f"));
    let target = root.path();
    fs::write(target.join("d"), b"a file").expect("file");
    fs::create_dir(target.join("f")).expect("directory");
    let report = get(&fake, "/", target).await;
    assert_eq!((report.files, report.failed.count), (0, 3));
    assert_eq!(fs::read(target.join("d")).expect("readable"), b"a file");
    assert_eq!(local_files(target).len(), 1, "no part is left");
}
