//! Uploads that are not finished.

use super::{PAGE_ENTRIES, answer};
use crate::client::Client;
use crate::error::ClientError;
use bytes::Bytes;
use coffer_protocol::message::transfer::{AbortUpload, ListUploads, PendingUpload};
use coffer_protocol::{Request, Response, UploadId};

/// Most uploads that are listed.
const MOST: usize = 100_000;

impl Client {
    /// All uploads of the user that are not finished.
    pub async fn pending_uploads(&self) -> Result<Vec<PendingUpload>, ClientError> {
        let (mut uploads, mut after) = (Vec::new(), None);
        loop {
            let request = Request::ListUploads(ListUploads { after, limit: PAGE_ENTRIES });
            let page = answer!(self.ask(request).await?, Uploads, "list-uploads")?;
            uploads.extend(page.uploads);
            let next = page.next.filter(|next| after.is_none_or(|after| *next > after));
            if next.is_none() || uploads.len() >= MOST {
                return Ok(uploads);
            }
            after = next;
        }
    }

    /// Gives an upload up: what has arrived of it is not held any more.
    pub async fn cancel_upload(&self, upload: UploadId) -> Result<(), ClientError> {
        let request = Request::AbortUpload(AbortUpload { upload });
        match self.call(request, Bytes::new()).await? {
            (Response::Done, _) => Ok(()),
            _ => Err(ClientError::UnexpectedAnswer { asked: "abort-upload" }),
        }
    }
}
