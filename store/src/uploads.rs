//! Uploads that are not finished, as their rows have them.

use crate::db::Value;
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

    /// What has arrived of all uploads of a user that are not finished, in bytes.
    pub async fn unfinished_bytes(&self, owner: UserId) -> Result<u64, StoreError> {
        let sql = "SELECT CAST(SUM(bytes) AS SIGNED) FROM uploads WHERE owner=?";
        let rows = self.read(move |conn| Ok(conn.query(sql, &[(&owner.0).into()])?)).await?;
        Ok(match rows.first().map(Vec::as_slice) {
            Some([Value::Int(bytes)]) => bytes.unsigned_abs(),
            _ => 0,
        })
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
        let params = [(&owner.0).into(), after.as_slice().into(), Value::Int(limit)];
        let condition = "owner=? AND upload>? ORDER BY upload LIMIT ?";
        self.read(move |conn| fetch_where(conn, condition, &params)).await
    }
}
