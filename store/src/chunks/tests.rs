//! Tests of the chunk files alone; those with SQL behind them are beside
//! `check` and `collect`.

use super::*;
use tempfile::TempDir;

/// Bytes that have the layout of a sealed chunk, and their id.
pub(crate) fn sealed(seed: u64, length: usize) -> (BlobId, Vec<u8>) {
    let mut bytes = vec![0; length.max(blob::MIN_SEALED_BYTES)];
    blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
    bytes[..4].copy_from_slice(b"CFXC");
    (blob::blob_id(&bytes).unwrap(), bytes)
}

fn store() -> (TempDir, ChunkStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = ChunkStore::create(dir.path(), Reserve::Bytes(0)).unwrap();
    (dir, store)
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_decoy_is_flushed_and_leaves_nothing() {
    let (_dir, store) = store();
    let (blob, bytes) = sealed(1, 100_000);
    let new = store.put(blob, 1, &bytes).unwrap();
    store.barrier(std::slice::from_ref(&new)).unwrap();
    let decoys: Vec<_> =
        (0..MAX_HELD_FILES + 5).map(|_| store.put_decoy(blob, 1, &bytes).unwrap()).collect();
    assert!(!names(&store.layout.tmp()).is_empty(), "something was written");
    store.barrier(&decoys[..1]).unwrap();
    store.barrier(&decoys).unwrap();
    drop(decoys);
    // They are removed by somebody who is not waited for.
    let begun = std::time::Instant::now();
    while !names(&store.layout.tmp()).is_empty() {
        assert!(begun.elapsed() < std::time::Duration::from_mins(1), "decoys are left");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(store.read(&blob, 1).unwrap(), bytes);
    drop(new);
    assert_eq!(store.held.load(Ordering::Relaxed), 0);
}

#[test]
fn what_was_put_is_read_again_also_by_the_next_process() {
    let (dir, store) = store();
    let (blob, bytes) = sealed(1, 100_000);
    let new = store.put(blob, 1, &bytes).unwrap();
    assert_eq!((new.blob(), new.generation(), new.bytes()), (blob, 1, 100_000));
    assert_eq!(store.read(&blob, 1).unwrap(), bytes);
    assert_eq!(store.size(&blob, 1).unwrap(), Some(100_000));
    assert_eq!(names(&store.layout.tmp()), Vec::<String>::new());
    drop(store);

    fs::write(dir.path().join("tmp/17"), b"half a chunk").unwrap();
    let store = ChunkStore::open(dir.path(), Reserve::default()).unwrap();
    assert_eq!(names(&store.layout.tmp()), Vec::<String>::new());
    assert_eq!(store.read(&blob, 1).unwrap(), bytes);
    assert!(matches!(store.read(&blob, 2), Err(ChunkError::Missing { .. })));
}

#[test]
fn opening_beside_a_running_server_leaves_its_temporary_files_alone() {
    let (dir, store) = store();
    fs::write(store.layout.tmp().join("17"), b"half a chunk").unwrap();
    ChunkStore::open_shared(dir.path(), Reserve::default()).unwrap();
    assert_eq!(names(&store.layout.tmp()), ["17"]);
}

#[test]
fn a_directory_that_is_not_a_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = ChunkStore::open(dir.path(), Reserve::default()).unwrap_err();
    assert!(matches!(error, ChunkError::NotADataDirectory { missing: "chunks/00", .. }), "{error}");
}

#[test]
fn few_chunks_are_flushed_one_by_one_and_many_together() {
    let (_dir, store) = store();
    let put = |seed| {
        let (blob, bytes) = sealed(seed, 200);
        store.put(blob, 1, &bytes).unwrap()
    };
    let chunks: Vec<_> = (0..40).map(put).collect();
    store.barrier(&[]).unwrap();
    assert_eq!(store.flush_counts(), FlushCounts::default());
    store.barrier(&chunks[..1]).unwrap();
    assert_eq!(store.flush_counts(), FlushCounts { files: 1, directories: 1, file_systems: 0 });
    let other = chunks.iter().find(|c| c.blob.0[0] != chunks[0].blob.0[0]).unwrap().clone();
    store.barrier(&[chunks[0].clone(), other]).unwrap();
    assert_eq!(store.flush_counts(), FlushCounts { files: 3, directories: 3, file_systems: 0 });
    store.barrier(&[chunks[0].clone(), chunks[0].clone()]).unwrap();
    assert_eq!(store.flush_counts(), FlushCounts { files: 5, directories: 4, file_systems: 0 });
    if cfg!(target_os = "linux") {
        store.barrier(&chunks).unwrap();
        assert_eq!(store.flush_counts(), FlushCounts { files: 5, directories: 4, file_systems: 1 });
    }
}

#[test]
fn descriptors_that_wait_for_a_barrier_are_bounded() {
    let (_dir, store) = store();
    let put = |seed| {
        let (blob, bytes) = sealed(seed, 60);
        store.put(blob, 1, &bytes).unwrap()
    };
    let chunks: Vec<_> = (0..MAX_HELD_FILES as u64 + 5).map(put).collect();
    let held = |chunks: &[NewChunk]| chunks.iter().filter(|c| c.held.is_some()).count();
    assert_eq!(held(&chunks), MAX_HELD_FILES);
    // Without the descriptor that wrote it, a single chunk gets the full barrier.
    store.barrier(&chunks[MAX_HELD_FILES..=MAX_HELD_FILES]).unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(store.flush_counts().file_systems, 1);
    }
    drop(chunks);
    assert_eq!(store.held.load(Ordering::Relaxed), 0);
    assert_eq!(held(&[put(1_000)]), 1);
}

#[test]
fn a_failed_flush_is_an_error_of_the_barrier() {
    let (_dir, store) = store();
    let (blob, bytes) = sealed(1, 200);
    let new = store.put(blob, 1, &bytes).unwrap();
    store.sync.break_flushes();
    assert!(store.barrier(std::slice::from_ref(&new)).is_err());
    assert!(store.barrier(&[new.clone(), new.clone(), new]).is_err());
}

#[test]
fn every_flipped_byte_is_found_named_and_kept() {
    let (_dir, store) = store();
    let (blob, bytes) = sealed(7, 300);
    store.put(blob, 1, &bytes).unwrap();
    let path = store.layout.chunk(&blob, 1);
    for position in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x40;
        fs::write(&path, &damaged).unwrap();
        match store.read(&blob, 1) {
            Err(ChunkError::Corrupt { blob: named, generation: 1 }) => assert_eq!(named, blob),
            other => panic!("flip at {position}: {other:?}"),
        }
        assert_eq!(fs::read(&path).unwrap(), damaged, "the file stays as it was found");
    }
    assert_eq!(names(&store.layout.quarantine()), [format!("{blob}.1.0")]);
}

#[test]
fn truncated_extended_and_swapped_files_are_found() {
    let (_dir, store) = store();
    let (blob, bytes) = sealed(1, 300);
    let (_, other) = sealed(2, 300);
    store.put(blob, 1, &bytes).unwrap();
    let path = store.layout.chunk(&blob, 1);
    let long = [&bytes[..], &[0]].concat();
    for damaged in [&bytes[..299], &bytes[..10], &[], &long, &other] {
        fs::write(&path, damaged).unwrap();
        assert!(matches!(store.read(&blob, 1), Err(ChunkError::Corrupt { .. })));
    }
    let huge = File::options().write(true).open(&path).unwrap();
    huge.set_len(1 << 40).unwrap();
    assert!(matches!(store.read(&blob, 1), Err(ChunkError::Corrupt { .. })));
    fs::remove_file(&path).unwrap();
    assert!(matches!(store.read(&blob, 1), Err(ChunkError::Missing { .. })));
}

#[test]
fn each_different_damage_is_kept_up_to_a_limit() {
    let (_dir, store) = store();
    let (blob, bytes) = sealed(1, 300);
    for round in 0..12 {
        store.put(blob, 1, &bytes).unwrap();
        fs::write(store.layout.chunk(&blob, 1), [round; 60]).unwrap();
        for _ in 0..2 {
            assert!(matches!(store.read(&blob, 1), Err(ChunkError::Corrupt { .. })));
        }
    }
    let mut kept = store.quarantined(100).unwrap();
    kept.sort();
    assert_eq!(kept, (0..8).map(|n| format!("{blob}.1.{n}")).collect::<Vec<_>>());
    assert_eq!(fs::read(store.layout.quarantine().join(&kept[3])).unwrap(), [3; 60]);
    assert_eq!(store.quarantined(3).unwrap().len(), 3);
}

#[test]
fn a_disk_that_cannot_be_read_is_not_a_damaged_chunk() {
    let (_dir, store) = store();
    let (blob, bytes) = sealed(1, 300);
    store.put(blob, 1, &bytes).unwrap();
    store.break_reads();
    assert!(matches!(store.read(&blob, 1), Err(ChunkError::Io { action: "read", .. })));
    assert_eq!(names(&store.layout.quarantine()), Vec::<String>::new());
}

#[test]
fn removal_goes_through_the_trash_and_spares_the_next_generation() {
    let (_dir, store) = store();
    let (blob, bytes) = sealed(1, 300);
    store.put(blob, 1, &bytes).unwrap();
    store.put(blob, 2, &bytes).unwrap();
    store.remove(&blob, 1, 1_000).unwrap();
    store.remove(&blob, 1, 2_000).unwrap();
    assert!(matches!(store.read(&blob, 1), Err(ChunkError::Missing { .. })));
    assert_eq!(store.read(&blob, 2).unwrap(), bytes);

    fs::write(store.layout.trash().join("not ours"), b"").unwrap();
    assert_eq!(store.purge_trash(1_000, 10).unwrap(), 0);
    assert_eq!(store.purge_trash(1_001, 0).unwrap(), 0);
    assert_eq!(store.purge_trash(1_001, 10).unwrap(), 1);
    assert_eq!(names(&store.layout.trash()), ["not ours"]);
}

#[test]
fn the_listing_shows_chunks_and_what_does_not_belong_there() {
    let (_dir, store) = store();
    let mut expected = Vec::new();
    for seed in 0..20 {
        let (blob, bytes) = sealed(seed, 60);
        store.put(blob, 3, &bytes).unwrap();
        expected.push(blob);
    }
    let misplaced = store.layout.shard(!expected[0].0[0]).join(format!("{}.3", expected[0]));
    fs::write(&misplaced, b"").unwrap();
    let (mut found, mut strays) = (Vec::new(), Vec::new());
    for listed in store.list() {
        match listed.unwrap() {
            Listed::Chunk { blob, generation: 3 } => found.push(blob),
            Listed::Chunk { generation, .. } => panic!("generation {generation}"),
            Listed::Stray(path) => strays.push(path),
        }
    }
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(strays, [misplaced]);
    let first = expected[0].0[0];
    let in_shard = store.list_shard(first).count();
    assert_eq!(in_shard, expected.iter().filter(|b| b.0[0] == first).count());
    fs::remove_dir_all(store.layout.shard(9)).unwrap();
    assert!(store.list().any(|listed| listed.is_err()));
}

#[test]
fn uploads_stop_at_the_reserve() {
    let (dir, store) = store();
    let free = store.free_space().unwrap().free;
    store.admit_upload(1).unwrap();
    assert!(matches!(store.admit_upload(free.saturating_mul(2)), Err(ChunkError::DiskFull)));
    let store = ChunkStore::open(dir.path(), Reserve::Bytes(u64::MAX)).unwrap();
    assert!(matches!(store.admit_upload(0), Err(ChunkError::DiskFull)));
    let (blob, bytes) = sealed(1, 300);
    store.put(blob, 1, &bytes).expect("replication and repair may use the reserve");
}

/// A file system of a few hundred KiB; `None` where we may not mount one.
struct TinyDisk(TempDir);

impl TinyDisk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=400k,mode=0700", "tmpfs"])
            .arg(dir.path())
            .output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(dir))
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_reported_and_leaves_nothing_behind() {
    let Some(disk) = TinyDisk::mount() else {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    };
    let store = ChunkStore::create(disk.0.path(), Reserve::Bytes(0)).unwrap();
    let mut stored = Vec::new();
    let full = (0..10).find_map(|seed| {
        let (blob, bytes) = sealed(seed, 100_000);
        match store.put(blob, 1, &bytes) {
            Ok(_) => {
                stored.push((blob, bytes));
                None
            }
            Err(error) => Some(error),
        }
    });
    assert!(matches!(full, Some(ChunkError::DiskFull)), "{full:?}");
    assert!(!stored.is_empty());
    assert_eq!(names(&store.layout.tmp()), Vec::<String>::new());
    for (blob, bytes) in &stored {
        assert_eq!(store.read(blob, 1).unwrap(), bytes);
    }
    let (first, _) = stored[0];
    store.remove(&first, 1, 0).unwrap();
    store.purge_trash(1, 10).unwrap();
    let (blob, bytes) = sealed(99, 90_000);
    store.put(blob, 1, &bytes).expect("the removal has made room");
}
