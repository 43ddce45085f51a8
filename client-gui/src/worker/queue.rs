//! What is unfinished of uploads and downloads, kept beside the profile from one run of
//! the program to the next: `transfers.json` (docs/formats.md).
//!
//! Guarantees: only the user can read the file; it is replaced whole; one that cannot be
//! read is as if it were empty; a transfer whose paths are not text is not kept.

use super::Shared;
use crate::command::Event;
use crate::state::Problem;
use crate::state::transfer::{Kept, Work};
use coffer_client::{ClientError, Home, RemotePath};
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::path::PathBuf;

const FILE: &str = "transfers.json";
/// Version of the format.
const VERSION: u32 = 1;
/// Longest file, in bytes. What does not fit is not kept.
const MAX_BYTES: usize = 8 << 20;

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    transfers: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    paused: bool,
    #[serde(flatten)]
    work: Written,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Written {
    Up { to: String, from: Vec<PathBuf> },
    Down { from: Vec<String>, to: PathBuf, targets: Vec<PathBuf> },
}

impl Shared {
    pub(super) async fn keep_transfers(&self, profile: String, kept: Vec<Kept>) {
        let home = self.home.clone();
        let wrote = tokio::task::spawn_blocking(move || write(&home, &profile, &kept)).await;
        if let Ok(Err(error)) = wrote {
            self.tell(Event::Failed(Problem::from(error))).await;
        }
    }

    pub(super) async fn kept_transfers(&self, profile: String) {
        let home = self.home.clone();
        let kept = tokio::task::spawn_blocking(move || read(&home, &profile)).await;
        self.tell(Event::Kept(kept.ok().flatten().unwrap_or_default())).await;
    }
}

fn write(home: &Home, profile: &str, kept: &[Kept]) -> Result<(), ClientError> {
    let path = home.profile_dir(profile)?.join(FILE);
    let mut transfers: Vec<_> = kept.iter().map(entry).collect();
    transfers.retain(|entry| serde_json::to_string(entry).is_ok());
    if transfers.is_empty() && !path.exists() {
        return Ok(());
    }
    let mut text = serde_json::to_vec(&File { version: VERSION, transfers })
        .map_err(|error| ClientError::io("cannot write", &path, error.into()))?;
    if text.len() > MAX_BYTES {
        text = format!("{{\"version\":{VERSION},\"transfers\":[]}}").into_bytes();
    }
    coffer_client::home::write_private(&path, &text)
}

fn read(home: &Home, profile: &str) -> Option<Vec<Kept>> {
    let path = home.profile_dir(profile).ok()?.join(FILE);
    let mut text = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut text).ok()?;
    let file: File = serde_json::from_slice(&text).ok().filter(|_| text.len() <= MAX_BYTES)?;
    let known = file.version == VERSION;
    known.then(|| file.transfers.into_iter().filter_map(kept).collect())
}

fn entry(kept: &Kept) -> Entry {
    let work = match kept.work.clone() {
        Work::Up { dir, sources } => Written::Up { to: dir.to_string(), from: sources },
        Work::Down { sources, dir, targets } => {
            let from = sources.iter().map(RemotePath::to_string).collect();
            Written::Down { from, to: dir, targets }
        }
    };
    Entry { paused: kept.paused, work }
}

/// `None` for a path that this version does not understand.
fn kept(entry: Entry) -> Option<Kept> {
    let work = match entry.work {
        Written::Up { to, from } => Work::Up { dir: to.parse().ok()?, sources: from },
        Written::Down { from, to, targets } => {
            let sources: Result<Vec<_>, _> = from.iter().map(|path| path.parse()).collect();
            let sources = sources.ok()?;
            let whole = targets.is_empty() || targets.len() == sources.len();
            whole.then_some(Work::Down { sources, dir: to, targets })?
        }
    };
    Some(Kept { work, paused: entry.paused })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> RemotePath {
        text.parse().expect("a path")
    }

    #[test]
    fn what_is_unfinished_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().expect("directory");
        let home = Home::at(dir.path());
        assert_eq!(read(&home, "p"), None);
        let queue = vec![
            Kept {
                work: Work::Up { dir: remote("@ada/docs"), sources: vec!["/tmp/a b".into()] },
                paused: true,
            },
            Kept {
                work: Work::Down {
                    sources: vec![remote("/films/x.mov")],
                    dir: "/home/ada".into(),
                    targets: vec!["/home/ada/x (2).mov".into()],
                },
                paused: false,
            },
        ];
        write(&home, "p", &queue).expect("written");
        assert_eq!(read(&home, "p"), Some(queue));
        let path = home.profile_dir("p").expect("a profile").join(FILE);
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(
            text,
            concat!(
                r#"{"version":1,"transfers":[{"paused":true,"up":{"to":"@ada/docs","#,
                r#""from":["/tmp/a b"]}},{"paused":false,"down":{"from":["/films/x.mov"],"#,
                r#""to":"/home/ada","targets":["/home/ada/x (2).mov"]}}]}"#
            )
        );
        write(&home, "p", &[]).expect("written");
        assert_eq!(read(&home, "p"), Some(Vec::new()));
    }

    #[test]
    fn a_file_of_another_version_or_without_sense_is_no_obstacle() {
        let dir = tempfile::tempdir().expect("directory");
        let home = Home::at(dir.path());
        let path = home.profile_dir("p").expect("a profile").join(FILE);
        std::fs::create_dir_all(path.parent().expect("above")).expect("directory");
        for text in ["{", r#"{"version":2,"transfers":[]}"#, "[]"] {
            std::fs::write(&path, text).expect("write");
            assert_eq!(read(&home, "p"), None, "{text}");
        }
        let odd = r#"{"version":1,"transfers":[{"paused":false,"up":{"to":"x","from":[]}}]}"#;
        std::fs::write(&path, odd).expect("write");
        assert_eq!(read(&home, "p"), Some(Vec::new()));
    }
}
