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
    let place = Place::parse(path).expect("a path");
    let source = RemoteSource { place, shown: path.to_owned(), to: to.to_owned() };
    download::run(fake, vec![source], &Tracker::new(), &CancellationToken::new()).await
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

/// Downloads `/big` until the chunks from `stalled_from` on do not come, and stops.
async fn interrupt(fake: &Fake, to: &Path, stalled_from: u64) {
    fake.faults(|faults| faults.stalled_from = Some(stalled_from));
    let cancel = CancellationToken::new();
    let (place, shown) = (Place::parse("/big").expect("a path"), "/big".to_owned());
    let source = RemoteSource { place, shown, to: to.to_owned() };
    let tracker = Tracker::new();
    let mut seen = tracker.subscribe();
    let (report, ()) = tokio::join!(download::run(fake, vec![source], &tracker, &cancel), async {
        let written = seen.wait_for(|progress| progress.bytes_done > 0).await;
        drop(written.expect("the tracker is there"));
        cancel.cancel();
    });
    assert!(matches!(report.stopped, Some(ClientError::Interrupted)));
    fake.faults(|faults| faults.stalled_from = None);
}

fn parts(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir).expect("readable");
    entries.map(|entry| entry.expect("readable").path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_download_goes_on_where_it_was() {
    let root = tempfile::tempdir().expect("directory");
    let (source, target) = (root.path().join("big"), root.path().join("target"));
    let content = noise(20 << 20, 1);
    fs::write(&source, &content).expect("file");
    fs::create_dir(&target).expect("directory");
    let fake = Fake::new();
    put(&fake, &source, Some("big")).await;
    let to = target.join("big");
    interrupt(&fake, &to, 5).await;
    let left = parts(&target);
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(!to.exists(), "a part is not the file");
    let kept = fs::metadata(&left[0]).expect("there").len() as usize;
    assert!(fs::read(&left[0]).expect("readable") == content[..kept], "a beginning of it");

    let before = fake.calls("read-chunk");
    assert!(get(&fake, "/big", &to).await.is_complete());
    let asked = fake.calls("read-chunk") - before;
    assert!(fs::read(&to).expect("there") == content, "contents differ");
    assert_eq!(parts(&target), std::slice::from_ref(&to), "the part became the file");
    fs::remove_file(&to).expect("removed");
    let before = fake.calls("read-chunk");
    assert!(get(&fake, "/big", &to).await.is_complete());
    assert!(asked < fake.calls("read-chunk") - before, "some of it was there: {asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_download_is_verified_before_it_counts() {
    let root = tempfile::tempdir().expect("directory");
    let (source, target) = (root.path().join("big"), root.path().join("target"));
    let mut content = noise(20 << 20, 1);
    fs::write(&source, &content).expect("file");
    fs::create_dir(&target).expect("directory");
    let fake = Fake::new();
    put(&fake, &source, Some("big")).await;
    let to = target.join("big");
    // Altered, longer than the file, and of a file that has changed since.
    for round in 0..3 {
        interrupt(&fake, &to, 6).await;
        let part = parts(&target).remove(0);
        let mut bytes = fs::read(&part).expect("readable");
        match round {
            0 => bytes[0] ^= 1,
            1 => bytes = [&content[..], &noise(9 << 20, 2)].concat(),
            _ => content.splice(1 << 20..1 << 20, *b"inserted").for_each(drop),
        }
        fs::write(&part, &bytes).expect("written");
        fs::write(&source, &content).expect("file");
        put(&fake, &source, Some("big")).await;
        assert!(get(&fake, "/big", &to).await.is_complete());
        assert!(fs::read(&to).expect("there") == content, "contents differ");
        assert_eq!(parts(&target), std::slice::from_ref(&to));
        fs::remove_file(&to).expect("removed");
    }
    // A file that cannot be had leaves nothing.
    interrupt(&fake, &to, 6).await;
    fake.faults(|faults| faults.altered = Some("big".to_owned()));
    assert_eq!(get(&fake, "/big", &to).await.failed.count, 1);
    assert!(parts(&target).is_empty(), "{:?}", parts(&target));
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
