//! The uploads of a user that are not finished.
//!
//! Guarantees: a user sees own uploads only; their names are sealed where they
//! are stored, under the key that seals the names in the home directory.

use super::upload::Upload;
use crate::cx::Cx;
use crate::fault::Outcome;
use crate::rows::read_failed;
use crate::tree::create::FIRST_EPOCH;
use coffer_crypto::NodeKind;
use coffer_protocol::limits::MAX_PAGE_ENTRIES;
use coffer_protocol::message::transfer::{ListUploads, PendingUpload, UploadPage};
use coffer_store::UploadRow;

impl Cx {
    /// One page of the user's uploads that are not finished.
    pub(crate) async fn list_uploads(&self, request: &ListUploads) -> Outcome<UploadPage> {
        let limit = request.limit.clamp(1, MAX_PAGE_ENTRIES);
        let rows = self.store().uploads(self.user(), request.after, limit).await;
        let rows = rows.map_err(|error| read_failed(&error))?;
        let next = (rows.len() as u32 == limit).then(|| rows.last().map(|row| row.upload));
        let mut uploads = Vec::with_capacity(rows.len());
        for row in rows {
            let name = self.upload_name(&row).await?;
            let UploadRow { upload, bytes, created_millis, touched_millis, .. } = row;
            uploads.push(PendingUpload { upload, name, bytes, created_millis, touched_millis });
        }
        Ok(UploadPage { uploads, next: next.flatten() })
    }

    /// The name of the file, sealed for the record of the upload; empty where it has
    /// none.
    pub(crate) async fn seal_upload_name(&self, row: &UploadRow, of: &Upload) -> Outcome<Vec<u8>> {
        let Some(name) = of.name() else { return Ok(Vec::new()) };
        let home = self.home().await?;
        let id = &row.upload.0;
        Ok(home.keys.seal_name(&home.id.0, name, id, NodeKind::File, FIRST_EPOCH))
    }

    async fn upload_name(&self, row: &UploadRow) -> Outcome<Option<String>> {
        if row.note_ct.is_empty() {
            return Ok(None);
        }
        let home = self.home().await?;
        let id = &row.upload.0;
        // A name that does not open is no reason not to show the upload.
        let opened = home.keys.open_name(&home.id.0, &row.note_ct, id, NodeKind::File, FIRST_EPOCH);
        Ok(opened.ok())
    }
}
