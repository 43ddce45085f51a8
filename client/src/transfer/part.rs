//! The local file that a download is written to before it has its name.
//!
//! Guarantees: a file appears under its final name whole and verified, or not at
//! all: it is written as `.coffer-part-<something>` beside it and renamed at the
//! end. A part of a large file that was interrupted stays, and the next download of
//! the same file to the same name goes on with it, after every chunk in it was
//! verified; nobody else's file, no link and nothing that another process is at is
//! taken for one. What is left of other downloads goes after a week, and every part
//! that is no use goes at once.

use super::local::file_time;
use super::plan::PART_PREFIX;
use crate::error::ClientError;
use coffer_crypto::chunk::plain_hash;
use coffer_protocol::{NodeId, ServerId};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::{NamedTempFile, TempPath};

/// Parts of smaller files are not kept: they are hardly more than a chunk.
const KEPT_FROM_BYTES: u64 = 2 << 20;
/// How long a part may wait for a download that goes on with it.
const KEPT_FOR: Duration = Duration::from_hours(7 * 24);
/// Bytes of a hash in the name of a part that is to be found again.
const NAME_BYTES: usize = 16;

/// What is downloaded where: the same for the same file to the same name, whatever
/// its content is by then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) server: ServerId,
    pub(crate) node: NodeId,
    pub(crate) size: u64,
    pub(crate) to: &'a Path,
    pub(crate) executable: bool,
}

impl Origin<'_> {
    fn part_name(&self) -> String {
        let name = self.to.file_name().unwrap_or_default().as_encoded_bytes();
        let text = [b"part", &self.node.0[..], &[u8::from(self.executable)], name].concat();
        let hash = plain_hash(self.server.as_bytes(), &text);
        let hex = data_encoding::HEXLOWER.encode(&hash[..NAME_BYTES]);
        format!("{PART_PREFIX}{hex}")
    }
}

/// A file that is being written. Dropped, it is gone, unless it is worth to be kept
/// for another time.
#[derive(Debug)]
pub(crate) struct PartFile {
    part: NamedTempFile,
    to: PathBuf,
    modified_millis: i64,
    /// Whether it is found again.
    is_named: bool,
    /// Bytes that were there at the beginning and were not looked at yet.
    unseen: u64,
}

impl PartFile {
    /// Begins the file that will be `to`.
    pub(crate) fn create(
        to: &Path,
        modified_millis: i64,
        executable: bool,
    ) -> Result<Self, ClientError> {
        let part = anonymous(to, executable);
        let part = part.map_err(|error| ClientError::io("cannot write", to, plain(error)))?;
        Ok(Self { part, to: to.to_owned(), modified_millis, is_named: false, unseen: 0 })
    }

    /// Begins the file, or goes on with what is left of an earlier download of it.
    pub(crate) fn resume(origin: Origin<'_>, modified_millis: i64) -> Result<Self, ClientError> {
        let Origin { to, executable, .. } = origin;
        let begun = Self::create(to, modified_millis, executable)?;
        if origin.size < KEPT_FROM_BYTES {
            return Ok(begun);
        }
        let path = dir_of(to).join(origin.part_name());
        match claim(&path, begun.part.as_file()) {
            Ok(Some((part, len))) => Ok(Self { part, is_named: true, unseen: len, ..begun }),
            Ok(None) => Ok(begun.named(&path)),
            // Somebody else's, or in use: it stays, and this one is not kept.
            Err(error) => {
                tracing::debug!(%error, "a part of a download cannot be used");
                Ok(begun)
            }
        }
    }

    /// Gives it the name under which it is found again. Where that is impossible it
    /// is as good without.
    fn named(self, path: &Path) -> Self {
        let Self { part, to, modified_millis, .. } = self;
        let is_locked = part.as_file().try_lock().is_ok();
        let known = TempPath::try_from_path(path).ok().filter(|_| is_locked);
        let (part, is_named) = match known {
            Some(mut known) => match part.persist_noclobber(path) {
                Ok(file) => (NamedTempFile::from_parts(file, known), true),
                Err(error) => {
                    // What is there belongs to somebody else.
                    known.disable_cleanup(true);
                    (error.file, false)
                }
            },
            None => (part, false),
        };
        Self { part, to, modified_millis, is_named, unseen: 0 }
    }

    /// Whether an earlier download has left something that comes next.
    pub(crate) fn has_more(&self) -> bool {
        self.unseen > 0
    }

    /// Reads what an earlier download left as the next `len` bytes, to be verified;
    /// `None` if there is less.
    pub(crate) fn read(&mut self, len: u32) -> Option<Vec<u8>> {
        self.unseen = self.unseen.checked_sub(u64::from(len))?;
        let mut bytes = vec![0; len as usize];
        // What cannot be read is fetched.
        self.part.as_file_mut().read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Goes on behind the first `len` bytes, and gives up what was behind them.
    pub(crate) fn cut(&mut self, len: u64) -> Result<(), ClientError> {
        self.unseen = 0;
        let file = self.part.as_file_mut();
        let cut = file.set_len(len).and_then(|()| file.seek(SeekFrom::Start(len)));
        cut.map(drop).map_err(|error| ClientError::io("cannot write", &self.to, error))
    }

    /// Appends to it.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        let written = self.part.as_file_mut().write_all(bytes);
        written.map_err(|error| ClientError::io("cannot write", &self.to, error))
    }

    /// From now on it is kept when it is dropped, if it can be found again.
    pub(crate) fn is_worth_keeping(&mut self) {
        self.part.disable_cleanup(self.is_named);
    }

    /// Removes it.
    pub(crate) fn discard(mut self) {
        self.part.disable_cleanup(false);
    }

    /// Gives it its time and its name.
    pub(crate) fn finish(self) -> Result<(), ClientError> {
        let Self { mut part, to, modified_millis, .. } = self;
        part.disable_cleanup(false);
        if let Some(time) = file_time(modified_millis) {
            // A time that cannot be set is no reason to fail.
            filetime::set_file_handle_times(part.as_file(), None, Some(time)).ok();
        }
        match part.persist(&to) {
            Ok(_) => Ok(()),
            Err(error) => Err(ClientError::io("cannot write", &to, error.error)),
        }
    }
}

/// The directory that a file is in.
fn dir_of(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// A new file beside `to`, under a name that nobody knows.
fn anonymous(to: &Path, executable: bool) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PART_PREFIX);
    #[cfg(unix)]
    {
        // The user's umask takes its share.
        use std::os::unix::fs::PermissionsExt as _;
        let mode = if executable { 0o777 } else { 0o666 };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = executable;
    builder.tempfile_in(dir_of(to))
}

/// Takes a part that an earlier download has left, with its length; `None` if there is
/// none. `own` is a file of this user in the same directory.
fn claim(path: &Path, own: &File) -> io::Result<Option<(NamedTempFile, u64)>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => require_own(&other?, &own.metadata()?)?,
    }
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    file.try_lock()?;
    let found = file.metadata()?;
    require_own(&found, &own.metadata()?)?;
    require_same(&found, &fs::symlink_metadata(path)?)?;
    let mut part = NamedTempFile::from_parts(file, TempPath::try_from_path(path)?);
    part.disable_cleanup(true);
    Ok(Some((part, found.len())))
}

fn refused(detail: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, detail)
}

/// Refuses what is no plain file, has other names, or that others can write to.
fn require_own(found: &Metadata, own: &Metadata) -> io::Result<()> {
    if !found.is_file() {
        return Err(refused("it is no file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if found.uid() != own.uid() || found.nlink() != 1 || found.mode() & 0o002 & !own.mode() != 0
        {
            return Err(refused("others can write to it"));
        }
    }
    #[cfg(not(unix))]
    let _ = own;
    Ok(())
}

/// Refuses a path that leads elsewhere by now.
fn require_same(opened: &Metadata, there: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if (opened.dev(), opened.ino()) != (there.dev(), there.ino()) {
            return Err(refused("it was replaced"));
        }
    }
    if opened.is_file() && there.is_file() { Ok(()) } else { Err(refused("it is no file")) }
}

/// Removes parts that nobody has gone on with for long. What cannot be looked at
/// stays.
pub(crate) fn sweep(dir: &Path) {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(PART_PREFIX.as_bytes()) {
            sweep_one(&entry.path(), SystemTime::now()).ok();
        }
    }
}

fn sweep_one(path: &Path, now: SystemTime) -> io::Result<()> {
    let there = fs::symlink_metadata(path)?;
    let is_old = |modified| now.duration_since(modified).is_ok_and(|age| age > KEPT_FOR);
    if !there.is_file() || !is_old(there.modified()?) {
        return Ok(());
    }
    let file = File::open(path)?;
    file.try_lock()?;
    require_same(&file.metadata()?, &fs::symlink_metadata(path)?)?;
    fs::remove_file(path)
}

/// Takes the path of the part out of an error: the user knows the final one.
fn plain(error: io::Error) -> io::Error {
    match error.kind() {
        kind @ (io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::StorageFull) => kind.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(to: &Path) -> Origin<'_> {
        let (server, node) = (ServerId([1; 32]), NodeId([2; 16]));
        Origin { server, node, size: KEPT_FROM_BYTES, to, executable: false }
    }

    fn begin(to: &Path) -> PartFile {
        PartFile::resume(origin(to), 0).expect("a part")
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).expect("readable").flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().into_string().expect("Unicode")).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_interrupted_is_found_again_and_becomes_the_file() {
        let dir = tempfile::tempdir().expect("directory");
        let to = dir.path().join("file");
        let mut part = begin(&to);
        assert!(!part.has_more());
        part.write(b"beginning").expect("written");
        part.is_worth_keeping();
        drop(part);
        assert_eq!(names(dir.path()), [origin(&to).part_name()]);
        let mut part = begin(&to);
        assert!(part.has_more());
        assert_eq!(part.read(5).expect("there"), b"begin");
        assert_eq!(part.read(100), None);
        part.cut(5).expect("cut");
        part.write(b" again").expect("written");
        part.finish().expect("renamed");
        assert_eq!(fs::read(&to).expect("there"), b"begin again");
        assert_eq!(names(dir.path()), ["file"]);
    }

    #[test]
    fn what_is_no_use_does_not_stay() {
        let dir = tempfile::tempdir().expect("directory");
        let to = dir.path().join("file");
        drop(begin(&to));
        let mut part = begin(&to);
        part.is_worth_keeping();
        part.discard();
        let small = Origin { size: KEPT_FROM_BYTES - 1, ..origin(&to) };
        let mut part = PartFile::resume(small, 0).expect("a part");
        part.is_worth_keeping();
        drop(part);
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn two_at_once_do_not_disturb_each_other() {
        let dir = tempfile::tempdir().expect("directory");
        let to = dir.path().join("file");
        let (mut one, mut two) = (begin(&to), begin(&to));
        one.write(b"one").expect("written");
        two.write(b"two").expect("written");
        two.is_worth_keeping();
        two.finish().expect("renamed");
        assert_eq!(fs::read(&to).expect("there"), b"two");
        one.finish().expect("renamed");
        assert_eq!(fs::read(&to).expect("there"), b"one");
        assert_eq!(names(dir.path()), ["file"]);
    }

    #[test]
    fn other_files_and_names_have_other_parts() {
        let one = origin(Path::new("/a/one"));
        assert_eq!(one.part_name(), origin(Path::new("/b/one")).part_name());
        let executable = Origin { executable: true, ..one };
        let other = Origin { node: NodeId([3; 16]), ..one };
        for different in [origin(Path::new("/a/two")), executable, other] {
            assert_ne!(one.part_name(), different.part_name());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_or_what_others_can_write_to_is_left_alone() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let dir = tempfile::tempdir().expect("directory");
        let (to, outside) = (dir.path().join("file"), dir.path().join("outside"));
        fs::write(&outside, b"precious").expect("file");
        let at = dir.path().join(origin(&to).part_name());
        let begin_and_write = || {
            let mut part = begin(&to);
            assert!(!part.has_more());
            part.write(b"new").expect("written");
            part.is_worth_keeping();
        };
        symlink(&outside, &at).expect("link");
        begin_and_write();
        fs::remove_file(&at).expect("removed");
        fs::hard_link(&outside, &at).expect("link");
        begin_and_write();
        fs::remove_file(&at).expect("removed");
        fs::write(&at, b"theirs").expect("file");
        fs::set_permissions(&at, fs::Permissions::from_mode(0o666)).expect("a mode");
        begin_and_write();
        assert_eq!(fs::read(&at).expect("there"), b"theirs");
        assert_eq!(fs::read(&outside).expect("there"), b"precious");
        assert_eq!(names(dir.path()).len(), 2, "nothing else is left");
    }

    #[test]
    fn parts_go_after_a_week_but_not_those_in_use() {
        let dir = tempfile::tempdir().expect("directory");
        let to = dir.path().join("file");
        let mut used = begin(&to);
        used.write(b"x").expect("written");
        let old = SystemTime::now() - KEPT_FOR - Duration::from_mins(1);
        used.part.as_file().set_modified(old).expect("a time");
        for (name, time) in [("old", old), ("young", SystemTime::now())] {
            let path = dir.path().join(format!("{PART_PREFIX}{name}"));
            File::create(path).expect("file").set_modified(time).expect("a time");
        }
        let other = File::create(dir.path().join("other")).expect("file");
        other.set_modified(old).expect("a time");
        sweep(dir.path());
        let young = format!("{PART_PREFIX}young");
        let mut expected = [origin(&to).part_name(), young, "other".to_owned()];
        expected.sort();
        assert_eq!(names(dir.path()), expected);
    }
}
