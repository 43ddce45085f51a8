//! Single files through a pipe.

use super::attend::watched;
use super::tree::destination;
use super::{COLLISION, remote};
use crate::app::App;
use crate::args::{Cat, Write};
use crate::exit::Failure;
use coffer_client::protocol::ErrorCode;
use coffer_client::protocol::message::tree::Expect;
use coffer_client::transfer::{StreamTarget, Tracker};
use coffer_client::{ByteRange, ClientError, Exit, RemotePath};
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;

pub(super) async fn cat(app: &mut App, args: Cat) -> Result<(), Failure> {
    let at = remote(&args.path)?;
    let client = app.client().await?;
    client.limit_downloads(args.pace.limit_rate);
    let range = args.range.map_or(ByteRange::ALL, |(start, last)| ByteRange {
        start,
        end: last.map(|last| last.saturating_add(1)),
    });
    let reader = client.open_file(&at, args.version).await?;
    reader.read_to(range, &mut tokio::io::stdout()).await?;
    Ok(())
}

pub(super) async fn write(app: &mut App, args: Write) -> Result<(), Failure> {
    let at = remote(&args.path)?;
    let client = app.client().await?;
    client.limit_uploads(args.pace.limit_rate);
    let name = match at.last_name() {
        Some(name) => name,
        None if matches!(at, RemotePath::Own(_)) => return Err(ClientError::HomeDirectory.into()),
        None => return Err(ClientError::ManyThings { path: args.path }.into()),
    };
    let (to, shown) = destination(&client, &args.path, name).await?;
    if to != at {
        let code = ErrorCode::IS_A_DIRECTORY.name();
        let failure = Failure::new(Exit::Failed, code, "it is a directory", "");
        return Err(failure.about(args.path));
    }
    let to = client.resolve(&to).await?;
    let expect = match args.if_revision {
        None => Expect::Anything,
        Some(0) => Expect::Absent,
        Some(revision) => Expect::Revision(revision),
    };
    let modified_millis = SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    let target = StreamTarget { to, modified_millis, executable: args.executable, expect };
    let (tracker, cancel) = (Tracker::new(), CancellationToken::new());
    let input = std::io::stdin();
    let work = client.upload_stream(input, target, &tracker, &cancel);
    let written = watched(app, &client, &tracker, &cancel, work).await?;
    if written.case_collision {
        app.out.note(COLLISION);
    }
    if app.out.json {
        return app.out.document(&serde_json::json!({
            "path": shown,
            "node": written.node.to_string(),
            "revision": written.revision,
            "position": written.position.to_string(),
            "machines": written.machines,
        }));
    }
    let durable = crate::format::durable(Some(written.machines));
    app.out.done(format!("wrote {shown}, revision {}{durable}", written.revision))
}
