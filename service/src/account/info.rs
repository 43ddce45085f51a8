//! What a user can see of their own account.

use crate::cx::Cx;
use crate::fault::Outcome;
use crate::rows::read_failed;
use coffer_protocol::message::account::AccountInfo;

impl Cx {
    /// The signed-in user's account.
    pub(crate) async fn who_am_i(&self) -> Outcome<AccountInfo> {
        let row = self.account().await?;
        let usage = self.store().usage(row.user).await.map_err(|error| read_failed(&error))?;
        let allowance = self.core.allowance(row.user).await?;
        let position = self.position().await?;
        Ok(AccountInfo {
            user_id: row.user,
            user_name: self.core.user_name(&row)?,
            contact: self.core.contact(&row)?,
            created_millis: row.created_millis,
            home: row.home,
            nodes: usage.nodes,
            bytes: usage.bytes,
            most_bytes: allowance.bytes,
            most_nodes: allowance.nodes,
            position,
            machines: self.core.holders(position),
        })
    }
}
