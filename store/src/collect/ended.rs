//! Shares that have ended, and records of activity that are old enough. Nobody
//! is given access by a share that is still there after its end: this only
//! clears away.

use super::expire::Expired;
use crate::changes::Change;
use crate::commit::Precondition;
use crate::db::Value;
use crate::error::StoreError;
use crate::pages::bytes;
use crate::sharing::activity_id;
use crate::store::Store;
use coffer_protocol::ShareId;

/// Shares that are deleted by one commit.
const SHARES: i64 = 256;
/// Records of activity that are deleted by one commit.
const RECORDS: i64 = 1000;

/// A share that has ended: where the walk is, the share, its revision.
type Ended = (i64, ShareId, u64);

impl Store {
    /// Deletes shares that have ended. One that is renewed at the moment stays.
    pub(super) async fn expire_shares(
        &self,
        now: i64,
        gone: &mut Expired,
    ) -> Result<(), StoreError> {
        let mut after = (i64::MIN, ShareId([0; 16]));
        loop {
            let page = self.ended_shares(now, after).await?;
            let Some((millis, share, _)) = page.last() else { return Ok(()) };
            after = (*millis, *share);
            if self.drop_shares(&page).await? {
                gone.shares += page.len() as u64;
                continue;
            }
            for share in &page {
                match self.drop_shares(std::slice::from_ref(share)).await? {
                    true => gone.shares += 1,
                    false => gone.busy += 1,
                }
            }
        }
    }

    /// Deletes shares, unless one of them has changed.
    async fn drop_shares(&self, shares: &[Ended]) -> Result<bool, StoreError> {
        let at = |(_, share, revision): &Ended| Precondition::ShareAt {
            share: *share,
            revision: *revision,
        };
        let changes = shares.iter().map(|(_, share, _)| Change::DeleteShare(*share)).collect();
        self.commit_unless_changed(shares.iter().map(at).collect(), changes).await
    }

    async fn ended_shares(
        &self,
        now: i64,
        (millis, share): (i64, ShareId),
    ) -> Result<Vec<Ended>, StoreError> {
        let sql = "SELECT expires_millis,share,revision FROM shares WHERE expires_millis<=? \
                   AND expires_millis>=? AND (expires_millis>? OR share>?) \
                   ORDER BY expires_millis,share LIMIT ?";
        let (millis, share) = (Value::Int(millis), Value::from(&share.0));
        let params = [Value::Int(now), millis.clone(), millis, share, Value::Int(SHARES)];
        let rows = self.read(move |conn| Ok(conn.query(sql, &params)?)).await?;
        let ended = |row: Vec<Value>| match row.as_slice() {
            [Value::Int(millis), share, Value::Int(revision)] => {
                Some((*millis, ShareId(bytes(share)?), u64::try_from(*revision).ok()?))
            }
            _ => None,
        };
        Ok(rows.into_iter().filter_map(ended).collect())
    }

    /// Deletes records of activity from before this time, damaged ones as well.
    pub(super) async fn expire_activity(
        &self,
        before: i64,
        gone: &mut Expired,
    ) -> Result<(), StoreError> {
        let sql = "SELECT activity FROM activity WHERE activity<? ORDER BY activity LIMIT ?";
        let params = [Value::from(&activity_id(before)), Value::Int(RECORDS)];
        loop {
            let params = params.clone();
            let rows = self.read(move |conn| Ok(conn.query(sql, &params)?)).await?;
            let ids = rows.iter().filter_map(|row| bytes(row.first()?));
            let changes: Vec<Change> = ids.map(Change::DeleteActivity).collect();
            if changes.is_empty() {
                return Ok(());
            }
            gone.activity += changes.len() as u64;
            self.commit_changes(changes).await?;
        }
    }
}
