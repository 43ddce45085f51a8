//! Printing of a short text, for what is better kept on paper.
//!
//! Guarantees: the text goes through a pipe to the printing system of the desktop, and
//! nowhere else: to no file, and not into arguments, which others can see; no wait is
//! without an end. Where there is no such system (Windows), nothing is offered.

use std::io::{self, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Whether printing is offered: CUPS is there on Linux, the BSDs and macOS.
pub(crate) const IS_OFFERED: bool = cfg!(unix);
/// The command of CUPS, which prints what it reads.
const PROGRAM: &str = "lp";
/// Longest wait for it to take the text over.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time between two looks whether it has.
const LOOK: Duration = Duration::from_millis(20);
/// It has said everything when nothing comes for so long after its end.
const SILENCE: Duration = Duration::from_secs(1);
/// Most that is read of what it complains about.
const MAX_COMPLAINT: u64 = 400;

/// Hands a text to the default printer.
///
/// # Errors
/// There is no printing system, or no printer; the text says which.
pub(crate) fn print(text: &str) -> io::Result<()> {
    print_with(Path::new(PROGRAM), text)
}

fn print_with(program: &Path, text: &str) -> io::Result<()> {
    let mut child = Command::new(program)
        .args(["-t", "Coffer"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // Short texts fit the pipe; whoever does not read it is found by the wait.
    let written = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(text.as_bytes()));
    let ended_well = wait(&mut child, PATIENCE)?;
    if ended_well {
        return written;
    }
    match complaint(child) {
        said if said.is_empty() => Err(io::Error::other("it refuses, and says nothing")),
        said => Err(io::Error::other(said)),
    }
}

/// Whether it ended well. One that does not end is ended.
fn wait(child: &mut Child, patience: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if begun.elapsed() > patience {
            child.kill()?;
            child.wait()?;
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(LOOK);
    }
}

/// What it said before it ended. A process that it has left behind may hold the pipe open
/// for as long as it likes, so nobody waits for the end of it.
fn complaint(child: Child) -> String {
    let Some(said) = child.stderr else { return String::new() };
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for byte in BufReader::new(said.take(MAX_COMPLAINT)).bytes().map_while(Result::ok) {
            if tell.send(byte).is_err() {
                break;
            }
        }
    });
    let bytes: Vec<u8> = std::iter::from_fn(|| told.recv_timeout(SILENCE).ok()).collect();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// A program that does this with what is printed.
    fn program(dir: &Path, script: &str) -> std::path::PathBuf {
        let path = dir.join("lp");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("executable");
        path
    }

    #[test]
    fn the_text_goes_through_a_pipe() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = dir.path().display();
        let lp = program(dir.path(), &format!("cat > {at}/paper; echo \"$@\" > {at}/arguments"));
        print_with(&lp, "ABCD-EFGH\n").expect("printed");
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect("readable");
        assert_eq!(
            (read("paper").as_str(), read("arguments").as_str()),
            ("ABCD-EFGH\n", "-t Coffer\n")
        );
    }

    #[test]
    fn whoever_cannot_print_says_why() {
        let dir = tempfile::tempdir().expect("a directory");
        let none = print_with(&dir.path().join("nothing"), "text").expect_err("no program");
        assert_eq!(none.kind(), io::ErrorKind::NotFound);
        let lp =
            program(dir.path(), "cat > /dev/null; echo 'lp: no default destination' >&2; exit 1");
        let refused = print_with(&lp, "text").expect_err("no printer");
        assert_eq!(refused.to_string(), "lp: no default destination");
        // What it leaves behind holds its output open, and ends only when we let it.
        let gate = dir.path().join("gate");
        let left = format!("mkfifo {0}; cat {0} > /dev/null &", gate.display());
        let lp = program(dir.path(), &format!("{left}\necho 'no printer' >&2; exit 1"));
        let refused = print_with(&lp, "text").expect_err("no printer");
        assert_eq!(refused.to_string(), "no printer");
        std::fs::write(gate, "").expect("somebody reads");
        let lp = program(dir.path(), "exec sleep 60");
        let mut child = Command::new(lp).spawn().expect("started");
        let late = wait(&mut child, Duration::ZERO).expect_err("it does not end");
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    }
}
