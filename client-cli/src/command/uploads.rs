//! Uploads that are not finished: what there is, and giving them up.

use crate::app::App;
use crate::args::Uploads;
use crate::exit::Failure;
use crate::format;
use coffer_client::Exit;
use coffer_client::protocol::message::transfer::PendingUpload;
use serde::Serialize;

#[derive(Serialize)]
struct View<'a> {
    id: String,
    name: Option<&'a str>,
    bytes: u64,
    begun_millis: i64,
    touched_millis: i64,
}

pub(super) async fn uploads(app: &mut App, args: Uploads) -> Result<(), Failure> {
    let client = app.client().await?;
    let pending = client.pending_uploads().await?;
    match args {
        Uploads::List => list(app, &pending),
        Uploads::Cancel { ids, all } => {
            let chosen = if all { pending } else { choose(pending, &ids)? };
            for upload in &chosen {
                client.cancel_upload(upload.upload).await?;
            }
            let count = format::count(chosen.len() as u64, "upload", "uploads");
            app.out.done(format!("cancelled {count}"))?;
            Ok(())
        }
    }
}

/// The uploads that were named, by their ids or the beginning of them.
fn choose(pending: Vec<PendingUpload>, ids: &[String]) -> Result<Vec<PendingUpload>, Failure> {
    let is_named = |id: &str, upload: &PendingUpload| upload.upload.to_string().starts_with(id);
    let unknown = ids.iter().find(|id| {
        pending.iter().filter(|upload| is_named(id, upload)).count() != 1 || id.is_empty()
    });
    if let Some(id) = unknown {
        let message = format!("'{id}' names no upload, or several");
        let hint = "`coffer uploads list` shows all of them.";
        return Err(Failure::new(Exit::NotFound, "no-such-upload", message, hint));
    }
    let chosen = |upload: &PendingUpload| ids.iter().any(|id| is_named(id, upload));
    Ok(pending.into_iter().filter(chosen).collect())
}

fn list(app: &mut App, pending: &[PendingUpload]) -> Result<(), Failure> {
    for upload in pending {
        let id = upload.upload.to_string();
        if app.out.json {
            app.out.document(&View {
                id,
                name: upload.name.as_deref(),
                bytes: upload.bytes,
                begun_millis: upload.created_millis,
                touched_millis: upload.touched_millis,
            })?;
            continue;
        }
        let name = format::printable(upload.name.as_deref().unwrap_or("(no name)"));
        let (size, time) = (format::size(upload.bytes), format::time(upload.touched_millis));
        app.out.line(format!("{id}  {size:>10}  {time}  {name}"))?;
    }
    Ok(())
}
