//! The server's configuration: the file, and settings from the command line
//! (lines of the input that begin with `--set `).

use super::{Outcome, Target, text};
use coffer_server::Failure;
use coffer_server::config::{CONFIG_FILE, Overrides, load};
use std::sync::LazyLock;
use tempfile::TempDir;

pub(super) const TARGET: Target = Target {
    name: "config",
    words: &[
        b"listen",
        b"[database]\nurl = \"mysql://u@h/d\"\n",
        b"--set limits.connections=1\n",
        b"[log]\nlevel = \"debug\"\n",
        b"=",
        b"\"\"\"",
        b"18446744073709551615",
        b"-1",
        b"\xc3\xbc",
    ],
    corpus: || {
        [
            "",
            "listen = \"127.0.0.1:7440\"\nsign_up = \"invite\"\n",
            "[log]\nformat = \"json\"\n",
            "--set sign_up=closed\n--set log.format=json\n",
            include_str!("../../../deploy/coffer.toml"),
        ]
        .map(|file| file.as_bytes().to_vec())
        .to_vec()
    },
    run,
};

static DIRECTORY: LazyLock<Option<TempDir>> = LazyLock::new(|| tempfile::tempdir().ok());

fn run(input: &[u8]) -> Outcome {
    let Some(directory) = DIRECTORY.as_ref() else { return Err("no directory".to_owned()) };
    let text = text(input);
    let (mut file, mut flags) = (String::new(), Vec::new());
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("--set ") {
            Some(flag) => flags.push(flag.trim_end_matches('\n').to_owned()),
            None => file.push_str(line),
        }
    }
    let mut overrides = Overrides::default();
    overrides.set_flags(&flags).map_err(|failure| reason(&failure))?;
    let path = directory.path().join(CONFIG_FILE);
    std::fs::write(&path, &file).map_err(|error| error.to_string())?;
    load(directory.path(), &overrides).map(drop).map_err(|failure| reason(&failure))
}

/// The first plain word of a reason: most of a message quotes the input.
fn reason(failure: &Failure) -> String {
    let reason = failure.message.rsplit(": ").next().unwrap_or_default();
    let plain = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    let word = reason.split_whitespace().find(plain).unwrap_or_default();
    format!("{:?} {word}", failure.code)
}
