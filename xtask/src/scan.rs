//! Looks for words in stored bytes, raw and in the encodings in which they
//! might have leaked.

use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A word in one of its encodings.
pub(crate) struct Needle {
    /// What the word is, for the report.
    pub(crate) what: String,
    bytes: Vec<u8>,
}

/// Where a word was found.
pub(crate) struct Found {
    /// The file.
    pub(crate) file: PathBuf,
    /// Which word, in which encoding.
    pub(crate) what: String,
}

/// All encodings of a word that are looked for.
pub(crate) fn needles(what: &str, word: &[u8]) -> Vec<Needle> {
    let hex: String = word.iter().map(|byte| format!("{byte:02x}")).collect();
    let utf16: Vec<u8> = word.iter().flat_map(|byte| [*byte, 0]).collect();
    let mut all = vec![
        ("raw", word.to_vec()),
        ("hexadecimal", hex.clone().into_bytes()),
        ("upper-case hexadecimal", hex.to_uppercase().into_bytes()),
        ("UTF-16", utf16),
    ];
    // In base64 a word looks different at each of the three byte offsets.
    for skip in 0..3 {
        let whole = word.get(skip..).unwrap_or_default();
        let whole = &whole[..whole.len() / 3 * 3];
        all.push(("base64", base64(whole)));
    }
    all.into_iter()
        .filter(|(_, bytes)| bytes.len() >= 6)
        .map(|(encoding, bytes)| Needle { what: format!("{what} ({encoding})"), bytes })
        .collect()
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |value: u32| DIGITS[(value & 63) as usize];
    bytes
        .chunks_exact(3)
        .flat_map(|three| {
            let value = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            [digit(value >> 18), digit(value >> 12), digit(value >> 6), digit(value)]
        })
        .collect()
}

/// Scans every file below `root`; returns the number of bytes scanned.
pub(crate) fn scan(root: &Path, needles: &[Needle], found: &mut Vec<Found>) -> Result<u64> {
    let longest = needles.iter().map(|needle| needle.bytes.len()).max().unwrap_or(1);
    let mut total = 0;
    let mut waiting = vec![root.to_path_buf()];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(&dir).with_context(|| format!("{}", dir.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.is_file() {
                total += scan_file(&path, needles, longest, found)?;
            }
        }
    }
    Ok(total)
}

fn scan_file(
    path: &Path,
    needles: &[Needle],
    longest: usize,
    found: &mut Vec<Found>,
) -> Result<u64> {
    let mut file = File::open(path).with_context(|| format!("{}", path.display()))?;
    let mut buffer = vec![0; 4 << 20];
    let (mut kept, mut total) = (0, 0);
    loop {
        let read = file.read(&mut buffer[kept..])?;
        if read == 0 {
            return Ok(total);
        }
        total += read as u64;
        let window = &buffer[..kept + read];
        for needle in
            needles.iter().filter(|needle| memchr::memmem::find(window, &needle.bytes).is_some())
        {
            found.push(Found { file: path.to_path_buf(), what: needle.what.clone() });
        }
        let keep = window.len().min(longest - 1);
        let start = window.len() - keep;
        buffer.copy_within(start..start + keep, 0);
        kept = keep;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_found_across_a_buffer_edge() {
        let dir = std::env::temp_dir().join(format!("coffer-scan-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("create");
        let word = b"a-secret-word";
        for (number, needle) in needles("word", word).into_iter().enumerate() {
            let mut bytes = vec![7_u8; (4 << 20) - 5];
            bytes.extend(&needle.bytes);
            let file = dir.join(number.to_string());
            std::fs::write(&file, bytes).expect("write");
            let mut found = Vec::new();
            scan(&dir, &[needle], &mut found).expect("scan");
            assert!(found.iter().any(|found| found.file == file));
            std::fs::remove_file(file).expect("remove");
        }
        std::fs::remove_dir(&dir).expect("remove");
    }
}
