//! Uploads that are not finished, as their rows have them.

use crate::error::StoreError;
use crate::reads::MAX_PAGE;
use crate::rows::{UploadRow, fetch_where};
use crate::store::Store;
use coffer_protocol::{UploadId, UserId};

impl Store {
    /// An upload of a user.
    pub async fn upload(
        &self,
        owner: UserId,
        upload: UploadId,
    ) -> Result<Option<UploadRow>, StoreError> {
        self.by_key(vec![(&owner.0).into(), (&upload.0).into()]).await
    }

    /// Uploads of a user in the order of their ids, after the given one; at most
    /// [`MAX_PAGE`].
    pub async fn uploads(
        &self,
        owner: UserId,
        after: Option<UploadId>,
        limit: u32,
    ) -> Result<Vec<UploadRow>, StoreError> {
        let after = after.map_or(Vec::new(), |id| id.0.to_vec());
        let limit = i64::from(limit.min(MAX_PAGE));
        let params = [(&owner.0).into(), after.as_slice().into(), crate::db::Value::Int(limit)];
        let condition = "owner=? AND upload>? ORDER BY upload LIMIT ?";
        self.read(move |conn| fetch_where(conn, condition, &params)).await
    }
}
