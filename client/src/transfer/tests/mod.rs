//! The transfer engine against a server in memory.

mod down;
mod fake;
mod spread;
mod up;

use super::plan::LocalSource;
use super::upload::{self, Upload};
use super::{Progress, Report, Tracker};
use coffer_protocol::Place;
use coffer_protocol::message::tree::Expect;
use fake::Fake;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Bytes that do not repeat, the same for the same seed.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut data = Vec::with_capacity(len + 8);
    while data.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        data.extend_from_slice(&state.to_le_bytes());
    }
    data.truncate(len);
    data
}

/// Sizes around every border of the engine.
const SIZES: [usize; 9] = [0, 1, 4096, 65_535, 65_536, 262_144, 1_500_000, 8 << 20, (17 << 20) + 3];

/// A tree with files of every size at several depths.
fn make_tree(root: &Path) {
    for (number, size) in SIZES.into_iter().enumerate() {
        let dir = root.join(["", "a", "a/b", "c d"][number % 4]);
        fs::create_dir_all(&dir).expect("directory");
        fs::write(dir.join(format!("f{number}")), noise(size, number as u64)).expect("file");
    }
    fs::create_dir_all(root.join("empty/in empty")).expect("directory");
}

/// Contents of all files below a directory by path.
fn local_files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.expect("readable");
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(root).expect("below");
            let path = path.to_str().expect("Unicode").replace('\\', "/");
            files.insert(path, fs::read(entry.path()).expect("readable"));
        }
    }
    files
}

async fn put(fake: &Fake, path: &Path, name: Option<&str>) -> (Report, Progress) {
    put_until(fake, path, name, &CancellationToken::new()).await
}

async fn put_until(
    fake: &Fake,
    path: &Path,
    name: Option<&str>,
    cancel: &CancellationToken,
) -> (Report, Progress) {
    let tracker = Tracker::new();
    let seen = tracker.subscribe();
    let upload = Upload {
        base: Place::home(),
        sources: vec![LocalSource { path: path.to_owned(), name: name.map(str::to_owned) }],
        follow_links: false,
        expect: Expect::Anything,
    };
    let report = upload::run(fake, upload, &tracker, cancel).await;
    let progress = seen.borrow().clone();
    (report, progress)
}
