//! Writes downloads into local directories.
//!
//! Names from the server never lead out of the directory, and no symbolic link
//! below the target is followed.

use super::local::file_time;
use super::part;
use crate::error::ClientError;
use coffer_protocol::{ErrorCode, WireError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Once;

/// Whose rules for file names hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    Unix,
    Windows,
}

const HERE: Rules = if cfg!(windows) { Rules::Windows } else { Rules::Unix };

/// Refuses a name that cannot be one local file or directory name here.
pub fn check_name(name: &str) -> Result<(), ClientError> {
    refusal(name, HERE).map_or(Ok(()), |reason| {
        let message = format!("its name cannot be used on this computer: {reason}");
        let hint = "Rename it on the server with `coffer mv`, then get it again.";
        Err(WireError::new(ErrorCode::BAD_NAME, message, hint).into())
    })
}

fn refusal(name: &str, rules: Rules) -> Option<&'static str> {
    if name.is_empty() || name == "." || name == ".." {
        return Some("it does not name a file");
    }
    if name.contains(['/', '\0']) {
        return Some("it contains a path separator or a zero byte");
    }
    if rules == Rules::Unix {
        return None;
    }
    if name.contains(['\\', ':', '<', '>', '"', '|', '?', '*']) || name.contains(char::is_control) {
        return Some("it contains a character that Windows does not allow");
    }
    if name.ends_with(['.', ' ']) {
        return Some("it ends with a dot or a space");
    }
    is_device(name).then_some("it is the name of a device")
}

/// Windows keeps these names for devices, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str()) {
        return true;
    }
    let numbered = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    numbered.is_some_and(|number| {
        let mut digits = number.chars();
        let is_digit = digits.next().is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c));
        is_digit && digits.next().is_none()
    })
}

/// A local directory that files go into. When the last of them is done, the
/// directory gets the modification time it has on the server.
#[derive(Debug)]
pub(crate) struct LocalDir {
    path: PathBuf,
    modified_millis: Option<i64>,
    /// Kept until everything below is done: writing here changes its time.
    _parent: Option<Arc<LocalDir>>,
    swept: Once,
}

impl Drop for LocalDir {
    fn drop(&mut self) {
        if let Some(time) = self.modified_millis.and_then(file_time) {
            // A time that cannot be set is no reason to fail.
            filetime::set_file_mtime(&self.path, time).ok();
        }
    }
}

impl LocalDir {
    fn new(path: PathBuf, modified_millis: Option<i64>, parent: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { path, modified_millis, _parent: parent, swept: Once::new() })
    }

    /// A directory the user named: it is there, and may be a link.
    pub(crate) fn given(path: &Path) -> Arc<Self> {
        Self::new(path.to_owned(), None, None)
    }

    /// Removes, once, what downloads left here long ago.
    pub(crate) fn sweep(&self) {
        self.swept.call_once(|| part::sweep(&self.path));
    }

    /// The top of a tree, at a path the user named: made if it is not there.
    pub(crate) fn top(path: &Path, modified_millis: i64) -> Result<Arc<Self>, ClientError> {
        if !path.is_dir() {
            fs::create_dir(path).map_err(|error| ClientError::io("cannot create", path, error))?;
        }
        Ok(Self::new(path.to_owned(), Some(modified_millis), None))
    }

    /// A directory in this one, under a name from the server: made, or adopted
    /// if it is there and is no link.
    pub(crate) fn child(
        self: &Arc<Self>,
        name: &str,
        modified_millis: Option<i64>,
    ) -> Result<Arc<Self>, ClientError> {
        check_name(name)?;
        let path = self.path.join(name);
        let failed = |error| ClientError::io("cannot create", &path, error);
        if let Err(error) = fs::create_dir(&path) {
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(failed(error));
            }
            if !fs::symlink_metadata(&path).map_err(failed)?.is_dir() {
                let detail = "something that is not a directory is in the way";
                return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, detail)));
            }
        }
        Ok(Self::new(path, modified_millis, Some(Arc::clone(self))))
    }

    /// Where a file with a name from the server goes.
    pub(crate) fn file(&self, name: &str) -> Result<PathBuf, ClientError> {
        check_name(name)?;
        Ok(self.path.join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::part::PartFile;

    #[test]
    fn names_that_lead_elsewhere_are_refused_everywhere() {
        for rules in [Rules::Unix, Rules::Windows] {
            for bad in ["", ".", "..", "a/b", "/", "../x", "a\0"] {
                assert!(refusal(bad, rules).is_some(), "{bad:?}");
            }
            for good in ["a", ".hidden", "...", "..a", "über", "a b"] {
                let allowed = refusal(good, rules).is_none();
                assert!(allowed || rules == Rules::Windows && good == "...", "{good:?}");
            }
        }
    }

    #[test]
    fn windows_has_more_names_that_are_no_files() {
        for bad in [
            "a\\b",
            "c:x",
            "a?",
            "NUL",
            "nul.txt",
            "Com1",
            "LPT9.tar.gz",
            "com²",
            "con .x",
            "x.",
            "x ",
            "a\u{7}",
        ] {
            assert!(refusal(bad, Rules::Windows).is_some(), "{bad:?}");
            assert!(refusal(bad, Rules::Unix).is_none(), "{bad:?}");
        }
        for good in ["console", "COM", "COM10", "lpt", "nulls.txt"] {
            assert!(refusal(good, Rules::Windows).is_none(), "{good:?}");
        }
    }

    #[test]
    fn a_file_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().expect("directory");
        let to = dir.path().join("final");
        let mut part = PartFile::create(&to, 0, false).expect("created");
        part.write(b"half").expect("written");
        assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 1);
        drop(part);
        assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 0);
    }

    #[test]
    fn a_finished_file_has_its_name_time_and_bit() {
        let dir = tempfile::tempdir().expect("directory");
        let to = dir.path().join("final");
        let mut part = PartFile::create(&to, 1_234_567_890_000, true).expect("created");
        part.write(b"whole").expect("written");
        part.finish().expect("renamed");
        let metadata = fs::metadata(&to).expect("there");
        assert_eq!(fs::read(&to).expect("readable"), b"whole");
        assert_eq!(super::super::local::modified_millis(&metadata), 1_234_567_890_000);
        assert!(cfg!(not(unix)) || super::super::local::is_executable(&metadata));
    }

    #[test]
    fn directories_get_their_times_when_all_below_is_done() {
        let root = tempfile::tempdir().expect("directory");
        let top = LocalDir::top(&root.path().join("top"), 1_000_000).expect("made");
        let inner = top.child("inner", Some(2_000_000)).expect("made");
        drop(top);
        let file = inner.file("file").expect("a name");
        PartFile::create(&file, 0, false).expect("created").finish().expect("renamed");
        drop(inner);
        let millis = |path: &str| {
            let metadata = fs::metadata(root.path().join(path)).expect("there");
            super::super::local::modified_millis(&metadata)
        };
        assert_eq!(millis("top"), 1_000_000);
        assert_eq!(millis("top/inner"), 2_000_000);
    }

    #[cfg(unix)]
    #[test]
    fn links_below_the_target_are_not_followed() {
        let root = tempfile::tempdir().expect("directory");
        let outside = tempfile::tempdir().expect("directory");
        std::os::unix::fs::symlink(outside.path(), root.path().join("link")).expect("link");
        let top = LocalDir::given(root.path());
        assert!(top.child("link", None).is_err());
        assert!(top.child("..", None).is_err());
        assert!(top.file("../x").is_err());
    }
}
