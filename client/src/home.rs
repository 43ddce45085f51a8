//! Where the client keeps what it remembers, and how it writes it.
//!
//! Everything is under one directory: `COFFER_HOME` if set, otherwise the
//! operating system's place for configuration. Directories are the user's
//! alone; files are replaced whole, so a crash leaves the old or the new one.

use crate::error::ClientError;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Largest file of a profile that is read.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// Longest profile name.
const MAX_PROFILE_NAME_BYTES: usize = 64;

/// The configuration directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// Finds the directory for this user; it need not exist yet.
    pub fn locate() -> Result<Self, ClientError> {
        locate(&|name| std::env::var_os(name).filter(|value| !value.is_empty()))
            .map(Self::at)
            .ok_or(ClientError::NoHome)
    }

    /// Uses this directory.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of a profile.
    pub fn profile_dir(&self, profile: &str) -> Result<PathBuf, ClientError> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if profile.is_empty()
            || profile.len() > MAX_PROFILE_NAME_BYTES
            || !profile.chars().all(good)
        {
            return Err(ClientError::BadProfileName(profile.to_owned()));
        }
        Ok(self.root.join("profiles").join(profile))
    }

    /// The profiles that exist, in order of their names.
    pub fn profiles(&self) -> Result<Vec<String>, ClientError> {
        let dir = self.root.join("profiles");
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ClientError::io("cannot read", &dir, error)),
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| self.profile_dir(name).is_ok())
            .collect();
        names.sort_unstable();
        Ok(names)
    }
}

type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

fn locate(variable: Variable<'_>) -> Option<PathBuf> {
    match variable("COFFER_HOME") {
        Some(home) => Some(PathBuf::from(home)),
        None => system_directory(variable).map(|dir| dir.join("coffer")),
    }
}

#[cfg(windows)]
fn system_directory(variable: Variable<'_>) -> Option<PathBuf> {
    variable("APPDATA").map(PathBuf::from)
}

#[cfg(target_os = "macos")]
fn system_directory(variable: Variable<'_>) -> Option<PathBuf> {
    Some(PathBuf::from(variable("HOME")?).join("Library").join("Application Support"))
}

#[cfg(not(any(windows, target_os = "macos")))]
fn system_directory(variable: Variable<'_>) -> Option<PathBuf> {
    // The XDG rules: a relative path is ignored.
    match variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(dir) => Some(dir),
        None => Some(PathBuf::from(variable("HOME")?).join(".config")),
    }
}

/// Creates a directory (and those above it) that only the user may enter.
pub(crate) fn create_private_dir(dir: &Path) -> Result<(), ClientError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| ClientError::io("cannot create", dir, error))
}

/// Replaces a file whole. It is only ever readable by the user: the new file
/// is made with mode 0600 before anything is in it.
pub fn write_private(path: &Path, contents: &[u8]) -> Result<(), ClientError> {
    let failed = |error| ClientError::io("cannot write", path, error);
    let dir = path.parent().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    create_private_dir(dir)?;
    // Exclusive creation under a random name; mode 0600 where there are modes.
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(dir).map_err(failed)?;
    file.write_all(contents).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Reads a small file; `None` if it is not there.
pub(crate) fn read_small(path: &Path) -> Result<Option<Vec<u8>>, ClientError> {
    let failed = |error| ClientError::io("cannot read", path, error);
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut contents = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, MAX_FILE_BYTES + 1), &mut contents)
        .map_err(failed)?;
    if contents.len() as u64 > MAX_FILE_BYTES {
        let detail = "it is far too long".to_owned();
        return Err(ClientError::ProfileDamaged { path: path.to_owned(), detail });
    }
    Ok(Some(contents))
}

/// Removes a file; one that is not there is removed already.
pub(crate) fn remove(path: &Path) -> Result<(), ClientError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ClientError::io("cannot remove", path, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_wins_over_the_system() {
        let set = |name: &str| (name == "COFFER_HOME").then(|| "/keep".into());
        assert_eq!(locate(&set), Some(PathBuf::from("/keep")));
        assert_eq!(locate(&|_| None), None);
    }

    #[cfg(not(any(windows, target_os = "macos")))]
    #[test]
    fn the_xdg_rules_hold() {
        let with = |xdg: &'static str| {
            move |name: &str| match name {
                "XDG_CONFIG_HOME" => Some(xdg.into()),
                "HOME" => Some("/home/anna".into()),
                _ => None,
            }
        };
        assert_eq!(locate(&with("/conf")), Some(PathBuf::from("/conf/coffer")));
        assert_eq!(locate(&with("relative")), Some(PathBuf::from("/home/anna/.config/coffer")));
    }

    #[test]
    fn profile_names_cannot_leave_the_directory() {
        let home = Home::at("/keep");
        for bad in ["", ".", "..", "a/b", "a\\b", "a b", "\u{e4}", &"x".repeat(65)] {
            let error = home.profile_dir(bad).expect_err(bad);
            assert_eq!(error.code(), "bad-profile-name");
        }
        let dir = home.profile_dir("work-2").expect("a name");
        assert_eq!(dir, Path::new("/keep/profiles/work-2"));
    }
}
