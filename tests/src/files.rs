//! Trees of test files, and comparing them.

use crate::Rng;
use std::collections::BTreeMap;
use std::path::Path;

/// Files of all interesting sizes, with interesting names, below `root`.
pub fn make_tree(root: &Path, rng: &mut Rng) {
    let sizes = [0, 1, 4096, 65_535, 65_536, 65_537, 262_144, 1_048_577, 9_000_000];
    for (number, size) in sizes.into_iter().enumerate() {
        write(&root.join(format!("sizes/file-{number}.bin")), &rng.bytes(size));
    }
    for name in ["leading space", "naïve café", "日本語.txt", "emoji 🗄️", "-dash", "a'b\"c"]
    {
        write(&root.join("names").join(name), name.as_bytes());
    }
    for dir in 0..20 {
        for file in 0..25 {
            write(&root.join(format!("many/d{dir}/f{file}.txt")), &rng.bytes(100 + file));
        }
    }
    std::fs::create_dir_all(root.join("empty/inner")).expect("create");
}

/// Writes a file and the directories above it.
pub fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("not the root")).expect("create");
    std::fs::write(path, bytes).expect("write");
}

/// Every path below `root` with its contents (`None` for a directory).
pub fn read_tree(root: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut tree = BTreeMap::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(&dir).expect("readable") {
            let path = entry.expect("entry").path();
            let name = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
            if path.is_dir() {
                tree.insert(name, None);
                waiting.push(path);
            } else {
                tree.insert(name, Some(std::fs::read(&path).expect("readable")));
            }
        }
    }
    tree
}

/// Panics, naming the first difference, unless both trees are the same.
pub fn assert_same_tree(left: &Path, right: &Path) {
    let (left, right) = (read_tree(left), read_tree(right));
    let names = |tree: &BTreeMap<String, _>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&left), names(&right));
    for (name, bytes) in &left {
        assert!(right.get(name) == Some(bytes), "{name} differs");
    }
}
