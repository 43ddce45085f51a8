//! An old version of a file becomes a file of its own.
//!
//! Guarantees: nothing that is there is overwritten; a version that cannot be read to its end
//! becomes no file; the contents are not on a disk in between.

use super::Shared;
use crate::command::Event;
use crate::look::LookEvent;
use coffer_client::protocol::ErrorCode;
use coffer_client::protocol::message::tree::{Expect, Version};
use coffer_client::transfer::{StreamTarget, Tracker};
use coffer_client::{ByteRange, Client, ClientError, RemotePath, human};
use std::io::{self, Read};
use tokio::io::{AsyncReadExt as _, DuplexStream};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// Bytes between reading and writing.
const PIPE_BYTES: usize = 256 << 10;
/// Names that are tried.
const MAX_NAMES: usize = 20;

impl Shared {
    pub(super) async fn beside(&self, client: &Client, path: &RemotePath, version: &Version) {
        match restore(client, path, version).await {
            Ok(copy) => self.tell(Event::Look(LookEvent::Beside(copy))).await,
            Err(error) => self.fail(error).await,
        }
    }
}

async fn restore(
    client: &Client,
    path: &RemotePath,
    version: &Version,
) -> Result<RemotePath, ClientError> {
    let time = human::time(version.written_millis);
    let mut refused = None;
    for name in names(path.last_name().unwrap_or_default(), &time).take(MAX_NAMES) {
        let above = path.parent().unwrap_or(RemotePath::Own(Vec::new()));
        let to = above.join(name);
        match copy(client, path, version, &to).await {
            Err(error) if error.wire_code() == Some(ErrorCode::EXISTS) => refused = Some(error),
            outcome => return outcome.map(|()| to),
        }
    }
    Err(refused.unwrap_or(ClientError::HomeDirectory))
}

/// `plan (2026-11-26 18.30).md`, and then numbered ones.
fn names(name: &str, time: &str) -> impl Iterator<Item = String> {
    // A colon is not allowed in names on every system.
    let time = time.replace(':', ".");
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem.to_owned(), format!(".{extension}")),
        _ => (name.to_owned(), String::new()),
    };
    (1..).map(move |number: usize| match number {
        1 => format!("{stem} ({time}){extension}"),
        number => format!("{stem} ({time}, {number}){extension}"),
    })
}

async fn copy(
    client: &Client,
    path: &RemotePath,
    version: &Version,
    to: &RemotePath,
) -> Result<(), ClientError> {
    let reader = client.open_file(path, Some(version.revision)).await?;
    let entry = &reader.info().entry;
    let target = StreamTarget {
        to: client.resolve(to).await?,
        modified_millis: entry.modified_millis,
        executable: entry.executable,
        expect: Expect::Absent,
    };
    let (mut into, from) = tokio::io::duplex(PIPE_BYTES);
    let source = Source { from, left: entry.size, handle: Handle::current() };
    let (cancel, tracker) = (CancellationToken::new(), Tracker::new());
    let read = async move {
        let outcome = reader.read_to(ByteRange::ALL, &mut into).await;
        drop(into);
        outcome
    };
    let (read, written) =
        tokio::join!(read, client.upload_stream(source, target, &tracker, &cancel));
    // Why nothing was written is told by what broke the pipe, if it was not the writing.
    match (read, written) {
        (_, Ok(_)) => Ok(()),
        (Err(ClientError::Output(_)) | Ok(_), Err(error)) | (Err(error), Err(_)) => Err(error),
    }
}

/// The version, as the upload reads it.
struct Source {
    from: DuplexStream,
    left: u64,
    handle: Handle,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.handle.block_on(self.from.read(buffer))?;
        self.left = self.left.saturating_sub(len as u64);
        // What ends early is not the version.
        match len == 0 && !buffer.is_empty() && self.left > 0 {
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_have_the_time_in_their_names() {
        let mut some = names("plan.md", "2026-11-26 18:30");
        assert_eq!(some.next().as_deref(), Some("plan (2026-11-26 18.30).md"));
        assert_eq!(some.next().as_deref(), Some("plan (2026-11-26 18.30, 2).md"));
        assert_eq!(names("README", "now").next().as_deref(), Some("README (now)"));
    }
}
