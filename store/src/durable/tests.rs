//! The promises of `durable`, as far as a process can see them.

use super::*;
use std::os::unix::fs::PermissionsExt;

#[test]
fn an_atomic_write_replaces_the_file_and_leaves_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cluster.key");
    write_atomic(&path, b"old", 0o600).unwrap();
    fs::write(dir.path().join("cluster.key.tmp"), b"left by a crash").unwrap();
    write_atomic(&path, b"new", 0o600).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_failed_atomic_write_keeps_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("taken");
    fs::create_dir(&path).unwrap();
    let error = write_atomic(&path, b"x", 0o600).unwrap_err();
    assert!(matches!(error, DurableError::Flush(_)), "{error}");
    assert!(path.is_dir());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(write_atomic(&dir.path().join("absent/file"), b"x", 0o600).is_err());
    assert!(write_atomic(Path::new("/"), b"x", 0o600).is_err());
}

#[test]
fn directories_are_made_with_everything_above_them() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b/c");
    create_dirs_durable(&deep).unwrap();
    create_dirs_durable(&deep).unwrap();
    assert_eq!(fs::metadata(&deep).unwrap().permissions().mode() & 0o777, 0o700);
    fs::write(deep.join("file"), b"").unwrap();
    assert!(create_dirs_durable(&deep.join("file/under")).is_err());
}

#[test]
fn a_new_file_never_replaces_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    write_new(&path, b"1", 0o600).unwrap();
    assert!(matches!(write_new(&path, b"2", 0o600), Err(WriteError::Io { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"1");
}

#[test]
fn flushes_are_counted_and_can_be_broken() {
    let dir = tempfile::tempdir().unwrap();
    let handle = SyncHandle::open(dir.path()).unwrap();
    let path = dir.path().join("f");
    let file = write_new(&path, b"1", 0o600).unwrap();
    handle.flush_file(&file, &path).unwrap();
    handle.flush_dir(dir.path()).unwrap();
    handle.flush_many(std::iter::once(path.clone())).unwrap();
    if cfg!(target_os = "linux") {
        let expected = FlushCounts { files: 1, directories: 1, file_systems: 1 };
        assert_eq!(handle.counts(), expected);
    }
    handle.break_flushes();
    assert!(handle.flush_file(&file, &path).is_err());
    assert!(handle.flush_many(std::iter::empty()).is_err());
}
