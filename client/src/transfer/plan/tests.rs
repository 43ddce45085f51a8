//! What a walk finds, leaves out and refuses.

use super::*;
use std::fs;

fn steps(source: &LocalSource, follow: bool) -> Vec<String> {
    let base = RemoteDir::base(Place::home());
    let mut seen = Vec::new();
    let whole = walk(source, &base, follow, &mut |step| {
        seen.push(match step {
            Step::Dir(dir) => format!("dir {}", dir.dir.names.join("/")),
            Step::File(file) => {
                let above = file.dir.names.iter().chain([&file.name]);
                let path: Vec<_> = above.map(String::as_str).collect();
                format!("file {} {}", path.join("/"), file.stamp.len)
            }
            Step::Skipped(path, why) => format!("skip {} {why:?}", file_name(&path)),
            Step::Failed(path, _) => format!("fail {}", file_name(&path)),
        });
        true
    });
    assert!(whole);
    seen.sort();
    seen
}

fn file_name(path: &Path) -> String {
    path.file_name().expect("named").to_string_lossy().into_owned()
}

fn sample() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("directory");
    fs::create_dir_all(root.path().join("tree/a/b")).expect("directories");
    fs::write(root.path().join("tree/one"), b"1").expect("file");
    fs::write(root.path().join("tree/a/two"), b"22").expect("file");
    fs::write(root.path().join("tree/a/b/three"), b"333").expect("file");
    fs::write(root.path().join("tree/.coffer-part-xyz"), b"half").expect("file");
    root
}

#[test]
fn a_tree_goes_under_its_new_name() {
    let root = sample();
    let source = LocalSource { path: root.path().join("tree"), name: Some("new".into()) };
    assert_eq!(
        steps(&source, false),
        [
            "dir new",
            "dir new/a",
            "dir new/a/b",
            "file new/a/b/three 3",
            "file new/a/two 2",
            "file new/one 1",
            "skip .coffer-part-xyz PartialDownload",
        ]
    );
}

#[test]
fn contents_alone_go_into_the_base() {
    let root = sample();
    let source = LocalSource { path: root.path().join("tree"), name: None };
    assert_eq!(
        steps(&source, false),
        [
            "dir a",
            "dir a/b",
            "file a/b/three 3",
            "file a/two 2",
            "file one 1",
            "skip .coffer-part-xyz PartialDownload",
        ]
    );
}

#[test]
fn a_source_that_is_not_there_fails_by_name() {
    let root = sample();
    let source = LocalSource { path: root.path().join("gone"), name: Some("gone".into()) };
    assert_eq!(steps(&source, false), ["fail gone"]);
}

#[test]
fn the_walk_ends_when_nobody_listens() {
    let root = sample();
    let source = LocalSource { path: root.path().to_path_buf(), name: None };
    let mut count = 0;
    let whole = walk(&source, &RemoteDir::base(Place::home()), false, &mut |_| {
        count += 1;
        false
    });
    assert_eq!((whole, count), (false, 1));
}

#[cfg(unix)]
#[test]
fn links_and_special_files_follow_the_rule() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    let root = sample();
    let tree = root.path().join("tree");
    symlink(tree.join("a"), tree.join("to-a")).expect("link");
    symlink(&tree, tree.join("a/loop")).expect("link");
    symlink(tree.join("nowhere"), tree.join("broken")).expect("link");
    let _listener = UnixListener::bind(tree.join("socket")).expect("socket");
    symlink(&tree, root.path().join("given")).expect("link");
    let given = LocalSource { path: root.path().join("given"), name: Some("t".into()) };

    let left_out = steps(&given, false);
    assert!(left_out.contains(&"file t/one 1".into()), "a given link is followed");
    for skipped in ["skip to-a SymbolicLink", "skip loop SymbolicLink", "skip broken SymbolicLink"]
    {
        assert!(left_out.contains(&skipped.into()), "{skipped}");
    }
    assert!(left_out.contains(&"skip socket SpecialFile".into()));

    let followed = steps(&given, true);
    assert!(followed.contains(&"file t/to-a/two 2".into()));
    assert!(followed.contains(&"skip loop LinkLoop".into()));
    assert!(followed.contains(&"fail broken".into()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_unicode_fails_alone() {
    use std::os::unix::ffi::OsStrExt;
    let root = sample();
    let bad = std::ffi::OsStr::from_bytes(b"bad-\xff");
    fs::write(root.path().join("tree").join(bad), b"").expect("file");
    fs::create_dir(root.path().join("tree/a").join(bad)).expect("directory");
    fs::write(root.path().join("tree/a").join(bad).join("lost"), b"").expect("file");
    let source = LocalSource { path: root.path().join("tree"), name: Some("t".into()) };
    let seen = steps(&source, false);
    assert_eq!(seen.iter().filter(|line| line.starts_with("fail")).count(), 2);
    for other in ["file t/one 1", "file t/a/two 2", "file t/a/b/three 3"] {
        assert!(seen.contains(&other.into()), "{other}");
    }
    assert!(!seen.iter().any(|line| line.contains("lost")));
}

#[test]
fn a_file_without_a_name_becomes_the_content_of_the_base() {
    let root = sample();
    let one = LocalSource { path: root.path().join("tree/one"), name: Some(String::new()) };
    assert_eq!(steps(&one, false), ["file  1"]);
    let tree = LocalSource { path: root.path().join("tree/a"), name: Some(String::new()) };
    assert!(steps(&tree, false).contains(&"fail a".into()), "a directory cannot");
    let base = Place::child(coffer_protocol::NodeId([1; 16]), "x");
    let mut places = Vec::new();
    walk(&one, &RemoteDir::base(base.clone()), false, &mut |step| {
        if let Step::File(file) = step {
            places.push(file.place_in(&base));
        }
        true
    });
    assert_eq!(places, [base]);
}
