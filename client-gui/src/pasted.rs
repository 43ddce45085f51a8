//! Files that another program has put on the clipboard, as the text that goes with them.
//!
//! Guarantees: text that does not name files of this computer, line by line and nothing
//! else, names none; so does one of which the first files are not there. Nothing that is
//! named is left out.

use percent_encoding::percent_decode_str;
use std::path::PathBuf;

/// So many of the files are looked for: a text that only looks like paths shows soon, and
/// of files that are gone the upload tells.
const LOOKED_FOR: usize = 8;
/// Lines that some file managers put above the files.
const HEADS: [&str; 3] = ["x-special/nautilus-clipboard", "copy", "cut"];

/// The files and directories that a text names: absolute paths, or URIs of the scheme
/// `file` (RFC 8089), one in each line.
pub(crate) fn files(text: &str) -> Vec<PathBuf> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines = lines.skip_while(|line| HEADS.contains(line));
    let named: Option<Vec<PathBuf>> = lines.map(path).collect();
    let there = |paths: &Vec<PathBuf>| paths.iter().take(LOOKED_FOR).all(|path| path.exists());
    named.filter(there).unwrap_or_default()
}

fn path(line: &str) -> Option<PathBuf> {
    let path = match line.strip_prefix("file://") {
        Some(uri) => {
            let (host, rest) = uri.split_at(uri.find('/')?);
            if !matches!(host, "" | "localhost") {
                return None;
            }
            // `file:///C:/…` on Windows.
            let rest = if cfg!(windows) { rest.trim_start_matches('/') } else { rest };
            PathBuf::from(percent_decode_str(rest).decode_utf8().ok()?.as_ref())
        }
        None => PathBuf::from(line),
    };
    path.is_absolute().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn file_managers_name_files_in_their_ways() {
        let dir = tempfile::tempdir().expect("a directory");
        let (plain, odd) = (dir.path().join("plan.md"), dir.path().join("a b ü%.txt"));
        std::fs::write(&plain, "a").expect("written");
        std::fs::write(&odd, "b").expect("written");
        let (at, both) = (dir.path().display(), vec![plain.clone(), odd.clone()]);
        for text in [
            format!("{at}/plan.md\n{at}/a b ü%.txt"),
            format!("file://{at}/plan.md\r\nfile://{at}/a%20b%20%C3%BC%25.txt\r\n"),
            format!(
                "x-special/nautilus-clipboard\ncopy\nfile://localhost{at}/plan.md\n\
                 file://{at}/a%20b%20%c3%bc%25.txt\n"
            ),
        ] {
            assert_eq!(files(&text), both, "{text}");
        }
        let many = vec![format!("{at}/plan.md"); 5000].join("\n");
        assert_eq!(files(&many).len(), 5000, "none is left out");
        for text in [
            String::new(),
            "plan.md".to_owned(),
            format!("{at}/plan.md is what I mean"),
            format!("{at}/plan.md\n{at}/nothing"),
            format!("file://elsewhere{at}/plan.md"),
            format!("https://elsewhere{at}/plan.md"),
            "file://".to_owned(),
        ] {
            assert_eq!(files(&text), Vec::<PathBuf>::new(), "{text}");
        }
    }
}
