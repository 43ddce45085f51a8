//! Copies of files for other programs, in the clear: where they are and when they go.
//!
//! Guarantees: nobody but the user can read them (where the system knows such rights); each
//! run of the program has a directory of its own, locked for as long as it lives; a copy goes
//! when it is closed, with the program, or at the next start; one with changes that are not
//! saved is never deleted, but moved to where downloads go.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const LOCK: &str = "lock";
/// A directory without a lock that is younger than this may just get one.
const YOUNG: Duration = Duration::from_mins(1);
/// Names that are tried for what is moved away.
const MAX_NAMES: usize = 1000;

/// What is looked at to see whether a copy was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: SystemTime,
    size: u64,
}

/// How a copy is at present; `None` while a program puts another in its place.
pub(super) fn stamp(file: &Path) -> Option<Stamp> {
    let found = fs::metadata(file).ok()?;
    Some(Stamp { modified: found.modified().ok()?, size: found.len() })
}

/// The copies of this run.
pub(super) struct Copies {
    dir: PathBuf,
    _lock: File,
    made: u64,
}

impl Copies {
    /// Makes the directory for them below this one.
    pub(super) fn begin(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix("run-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let dir = builder.tempdir_in(root)?.keep();
        let lock = File::create_new(dir.join(LOCK))?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(Self { dir, _lock: lock, made: 0 })
    }

    /// A place for a copy: in a directory of its own, so that it keeps its name.
    pub(super) fn place(&mut self, name: &str) -> io::Result<PathBuf> {
        self.made += 1;
        let dir = self.dir.join(self.made.to_string());
        fs::create_dir(&dir)?;
        Ok(dir.join(name))
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        // What is not saved stays for the next start, which can tell of it.
        let copies = copies_in(&self.dir);
        if copies.iter().filter(|dir| !is_unsaved(dir)).all(|dir| remove(dir).is_ok())
            && !copies.iter().any(|dir| dir.exists())
        {
            // At worst the next start removes it.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn copies_in(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// What was saved of the copy in a directory stands beside that.
fn note_of(dir: &Path) -> PathBuf {
    dir.with_extension("saved")
}

/// Remembers that a copy is saved as it was at this time.
pub(super) fn note(file: &Path, saved: Stamp) -> io::Result<()> {
    let (Some(dir), Some(name)) = (file.parent(), file.file_name()) else { return Ok(()) };
    let since = saved.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let text = format!("{} {}\n{}", saved.size, since.as_nanos(), name.to_string_lossy());
    fs::write(note_of(dir), text)
}

/// The copy in a directory, if it has changes that are not saved.
fn unsaved(dir: &Path) -> Option<PathBuf> {
    let note = fs::read_to_string(note_of(dir)).ok()?;
    let (saved, name) = note.split_once('\n')?;
    let file = dir.join(name);
    let now = stamp(&file)?;
    let since = now.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (saved != format!("{} {}", now.size, since.as_nanos())).then_some(file)
}

fn is_unsaved(dir: &Path) -> bool {
    unsaved(dir).is_some()
}

fn remove(dir: &Path) -> io::Result<()> {
    fs::remove_dir_all(dir)?;
    match fs::remove_file(note_of(dir)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a copy. One that is not saved is moved into the other directory: where it is then.
pub(super) fn close(file: &Path, rescue: &Path) -> io::Result<Option<PathBuf>> {
    match file.parent() {
        Some(dir) => close_dir(dir, rescue),
        None => Ok(None),
    }
}

fn close_dir(dir: &Path, rescue: &Path) -> io::Result<Option<PathBuf>> {
    let kept = match unsaved(dir) {
        Some(file) => Some(move_into(&file, rescue)?),
        None => None,
    };
    remove(dir)?;
    Ok(kept)
}

/// Moves a file under a free name.
fn move_into(file: &Path, dir: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(dir)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name.as_str(), String::new()),
    };
    let numbered = (2..MAX_NAMES).map(|number| format!("{stem} ({number}){extension}"));
    for name in std::iter::once(name.clone()).chain(numbered) {
        let to = dir.join(name);
        // Nothing that is there is overwritten, also when it comes in this moment.
        match File::create_new(&to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            created => drop(created?),
        }
        // Not a rename: the other directory may be on another disk.
        fs::copy(file, &to)?;
        return Ok(to);
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Removes what earlier runs have left; what was not saved is moved, and named.
pub(super) fn tidy(root: &Path, rescue: &Path) -> Vec<PathBuf> {
    let runs = fs::read_dir(root).into_iter().flatten().flatten();
    runs.flat_map(|run| tidy_run(&run.path(), rescue)).collect()
}

fn tidy_run(run: &Path, rescue: &Path) -> Vec<PathBuf> {
    let lock = File::options().write(true).open(run.join(LOCK));
    let age = fs::metadata(run).and_then(|found| found.modified());
    let young = age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < YOUNG));
    // It is held until this is done.
    let _lock = match lock {
        Ok(lock) if lock.try_lock().is_err() => return Vec::new(),
        Err(_) if young => return Vec::new(),
        lock => lock,
    };
    let mut kept = Vec::new();
    for dir in copies_in(run) {
        match close_dir(&dir, rescue) {
            Ok(file) => kept.extend(file),
            // It stays where it is, for another try.
            Err(error) => {
                tracing::warn!(%error, "a copy of a file cannot be removed");
                return kept;
            }
        }
    }
    if let Err(error) = fs::remove_dir_all(run) {
        tracing::warn!(%error, "a directory for copies cannot be removed");
    }
    kept
}

/// Tells when a copy has to be saved: when it was changed, and has then come to rest.
#[derive(Debug)]
pub(super) struct Watch {
    saved: Stamp,
    last: Stamp,
    tried: Stamp,
}

impl Watch {
    /// A copy that is as it was fetched.
    pub(super) fn new(saved: Stamp) -> Self {
        Self { saved, last: saved, tried: saved }
    }

    /// Looks at it: whether it is to be saved now. What was tried in vain is not tried
    /// again before it changes.
    pub(super) fn look(&mut self, now: Stamp) -> bool {
        let rests = now == self.last;
        self.last = now;
        rests && now != self.saved && now != self.tried
    }

    /// It is tried to save it as it is now.
    pub(super) fn trying(&mut self, now: Stamp) {
        self.tried = now;
    }

    /// That has succeeded.
    pub(super) fn saved(&mut self) {
        self.saved = self.tried;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, size: u64) -> Stamp {
        Stamp { modified: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), size }
    }

    #[test]
    fn a_copy_is_saved_once_it_rests_and_not_again_before_it_changes() {
        let mut watch = Watch::new(at(1, 1));
        assert!(!watch.look(at(1, 1)));
        assert!(!watch.look(at(2, 1)), "it may still be written");
        assert!(watch.look(at(2, 1)));
        watch.trying(at(2, 1));
        assert!(!watch.look(at(2, 1)), "it was refused");
        assert!(!watch.look(at(3, 1)));
        assert!(watch.look(at(3, 1)));
        watch.trying(at(3, 1));
        watch.saved();
        assert!(!watch.look(at(3, 1)));
        // Changed while it was being saved, and back again.
        assert!(!watch.look(at(4, 2)) && watch.look(at(4, 2)));
    }

    fn copy(copies: &mut Copies, name: &str) -> PathBuf {
        let file = copies.place(name).expect("a place");
        fs::write(&file, "as it was").expect("written");
        note(&file, stamp(&file).expect("there")).expect("noted");
        file
    }

    #[test]
    fn copies_go_but_never_what_was_not_saved() {
        let dir = tempfile::tempdir().expect("directory");
        let (root, rescue) = (dir.path().join("opened"), dir.path().join("downloads"));
        let mut copies = Copies::begin(&root).expect("begun");
        let one = copy(&mut copies, "a.txt");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&copies.dir).expect("there").permissions().mode();
            assert_eq!(mode & 0o077, 0, "nobody else can enter");
        }
        assert_eq!(close(&one, &rescue).expect("closed"), None);
        assert!(!one.exists());
        let two = copy(&mut copies, "a.txt");
        fs::write(&two, "changed since").expect("written");
        let kept = close(&two, &rescue).expect("closed").expect("kept");
        assert_eq!(kept, rescue.join("a.txt"));

        let (clean, changed) = (copy(&mut copies, "b.txt"), copy(&mut copies, "a.txt"));
        fs::write(&changed, "changed as well").expect("written");
        assert!(tidy(&root, &rescue).is_empty(), "the run is alive");
        assert!(clean.exists());
        drop(copies);
        assert!(!clean.exists() && changed.exists());
        assert_eq!(tidy(&root, &rescue), [rescue.join("a (2).txt")]);
        assert_eq!(fs::read_to_string(rescue.join("a.txt")).expect("kept"), "changed since");
        assert_eq!(fs::read_to_string(rescue.join("a (2).txt")).expect("kept"), "changed as well");
        assert_eq!(fs::read_dir(&root).expect("readable").count(), 0);
    }

    #[test]
    fn the_note_beside_a_copy_is_as_documented() {
        let dir = tempfile::tempdir().expect("directory");
        let file = dir.path().join("1").join("a.txt");
        note(&file, at(7, 3)).expect("noted");
        let noted = fs::read(dir.path().join("1.saved")).expect("a note");
        assert_eq!(noted, b"3 7000000000\na.txt");
    }

    #[test]
    fn a_run_that_was_cut_off_is_tidied_up() {
        let dir = tempfile::tempdir().expect("directory");
        let root = dir.path().join("opened");
        let run = root.join("run-x");
        fs::create_dir_all(run.join("1")).expect("directories");
        fs::write(run.join(LOCK), "").expect("written");
        fs::write(run.join("1").join("half.txt"), "not whole yet").expect("written");
        assert!(tidy(&root, dir.path()).is_empty());
        assert!(!run.exists());
    }
}
