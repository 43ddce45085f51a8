//! The first page of a PDF is drawn by a process of its own: see [`crate::pdf`].
//!
//! Guarantees: whatever a file does to what draws it ends that process and nothing else. It
//! has a bounded time, and few run at once; one that is not waited for any longer is ended.

use super::local;
use crate::pdf;
use crate::state::preview::{Page, Unshown};
use coffer_client::ClientError;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

/// The argument that has the program draw a page.
const DRAW: &str = "--draw-page";
/// Longest wait for a page.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most pages that are drawn at once.
pub(super) const MAX_DRAWN: usize = 3;

/// Has the first page drawn, its longest side `side` pixels.
pub(super) async fn draw(bytes: &[u8], side: u32) -> Result<Result<Page, Unshown>, ClientError> {
    let program = local::program("coffer-gui");
    let drawn = draw_with(&program, bytes, side, PATIENCE).await;
    drawn.map_err(|error| ClientError::io("cannot run", &program, error))
}

async fn draw_with(
    program: &Path,
    bytes: &[u8],
    side: u32,
    patience: Duration,
) -> io::Result<Result<Page, Unshown>> {
    let mut command = Command::new(program);
    command.arg(DRAW).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.kill_on_drop(true).spawn()?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (Some(mut input), Some(output)) = (input, output) else { return Ok(Err(Unshown::Broken)) };
    let give = async move {
        // What it does not want to read is no fault: its answer tells.
        let _ = input.write_all(&side.to_le_bytes()).await;
        let _ = input.write_all(bytes).await;
    };
    let mut answer = Vec::new();
    let take = async {
        let mut output = output.take(pdf::longest_answer(side));
        output.read_to_end(&mut answer).await
    };
    let run = async {
        let ((), taken) = tokio::join!(give, take);
        taken?;
        child.wait().await
    };
    match tokio::time::timeout(patience, run).await {
        Err(_) => Ok(Err(Unshown::TooMuch)),
        Ok(ended) => Ok(outcome(ended?, &answer, side)),
    }
}

fn outcome(ended: ExitStatus, answer: &[u8], side: u32) -> Result<Page, Unshown> {
    match ended.code() {
        Some(0) => pdf::understood(answer, side),
        Some(_) => Err(Unshown::Broken),
        // A signal: it ran into a limit.
        None => Err(Unshown::TooMuch),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    /// A program that does this instead of drawing.
    fn program(dir: &Path, script: &str) -> PathBuf {
        let path = dir.join("draws");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("executable");
        path
    }

    async fn drawn(script: &str, patience: Duration) -> Result<Page, Unshown> {
        let dir = tempfile::tempdir().expect("a directory");
        let program = program(dir.path(), script);
        draw_with(&program, &vec![0; 1 << 20], 2, patience).await.expect("it runs")
    }

    #[tokio::test]
    async fn whatever_becomes_of_the_process_has_an_answer() {
        let page = r"cat > /dev/null; printf '\0\7\0\0\0\1\0\0\0\1\0\0\0abcd'";
        let page = drawn(page, PATIENCE).await.expect("a page");
        assert_eq!((page.count, page.picture.rgba.as_slice()), (7, &b"abcd"[..]));
        assert_eq!(drawn(r"printf '\1'", PATIENCE).await, Err(Unshown::Locked), "nothing read");
        assert_eq!(drawn("cat > /dev/null; exit 101", PATIENCE).await, Err(Unshown::Broken));
        assert_eq!(drawn("kill -ABRT $$", PATIENCE).await, Err(Unshown::TooMuch));
        assert_eq!(drawn("exec cat", PATIENCE).await, Err(Unshown::TooMuch), "it talks and talks");
        assert_eq!(drawn("exec sleep 60", Duration::ZERO).await, Err(Unshown::TooMuch));
        let none = draw_with(Path::new("/nothing/here"), b"", 2, PATIENCE).await;
        assert_eq!(none.expect_err("no program").kind(), io::ErrorKind::NotFound);
    }
}
