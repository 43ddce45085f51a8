//! Rules on source files, checked as text.

use anyhow::Result;
use std::path::{Path, PathBuf};

/// A file longer than this holds more than one idea.
const MAX_LINES: usize = 600;

/// Text that may stand only in files whose path starts with one of the given.
struct Reserved {
    text: &'static str,
    allowed: &'static [&'static str],
    why: &'static str,
}

const RESERVED: &[Reserved] = &[
    Reserved { text: "sync_all(", allowed: DURABLE, why: "flushes live in store/src/durable.rs" },
    Reserved { text: "sync_data(", allowed: DURABLE, why: "flushes live in store/src/durable.rs" },
    Reserved { text: "syncfs(", allowed: DURABLE, why: "flushes live in store/src/durable.rs" },
    Reserved { text: "fs::rename(", allowed: DURABLE, why: "renames live in store/src/durable.rs" },
    Reserved {
        text: "bincode::",
        allowed: &["protocol/src", "protocol/tests"],
        why: "bincode stays behind protocol/src/codec.rs",
    },
];

/// The server side flushes in one file; the client's local files are its own.
const DURABLE: &[&str] = &["store/src/durable", "client/", "client-cli/", "tests/", "bench/"];

/// Checks every Rust file that belongs to the project.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for file in rust_files(root)? {
        let text = std::fs::read_to_string(root.join(&file))?;
        let name = file.to_string_lossy();
        faults.extend(check_file(&name, &text).into_iter().map(|fault| format!("{name}: {fault}")));
    }
    Ok(faults)
}

fn check_file(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.starts_with("//!") && !text.starts_with("#![") {
        faults.push("does not say at its top what it guarantees".to_owned());
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        faults.push(format!("{lines} lines; split it below {MAX_LINES}"));
    }
    // This file has to spell the words it looks for.
    if name.starts_with("xtask/") {
        return faults;
    }
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for rule in RESERVED {
            if code.contains(rule.text) && !rule.allowed.iter().any(|path| name.starts_with(path)) {
                faults.push(format!("line {}: `{}` ({})", number + 1, rule.text, rule.why));
            }
        }
        for word in ["TODO", "FIXME", "XXX:"] {
            if line.contains(word) && !line.contains(&format!("{word}(")) {
                faults.push(format!("line {}: {word} without an owner", number + 1));
            }
        }
    }
    faults
}

fn rust_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(root)?.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaches_are_found() {
        let faults = |name: &str, text: &str| check_file(name, text).len();
        assert_eq!(faults("store/src/a.rs", "//! Fine.\n"), 0);
        assert_eq!(faults("store/src/a.rs", "fn f() {}\n"), 1);
        assert_eq!(faults("store/src/a.rs", "//! A.\nfile.sync_all()?;\n"), 1);
        assert_eq!(faults("store/src/durable.rs", "//! A.\nfile.sync_all()?;\n"), 0);
        assert_eq!(faults("store/src/a.rs", "//! A.\n// TODO later\n"), 1);
        assert_eq!(faults("store/src/a.rs", &"//! A.\n".repeat(601)), 1);
    }
}
