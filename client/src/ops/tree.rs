//! Entries one by one and in batches: stat, make, move, delete.

use super::{answer, check_count};
use crate::client::Client;
use crate::error::ClientError;
use crate::ids::new_op;
use crate::place::ToPlace;
use coffer_protocol::limits::{MAX_BATCH_DIRS, MAX_BATCH_NODES};
use coffer_protocol::message::account::AccountInfo;
use coffer_protocol::message::tree::{
    Copy, CopyItem, Delete, DeleteItem, Entry, Made, MakeDirs, NewDir, Stat,
};
use coffer_protocol::{Base, ErrorCode, NodeId, Place, Request, WireError};

impl Client {
    /// The signed-in user's account.
    pub async fn who_am_i(&self) -> Result<AccountInfo, ClientError> {
        answer!(self.ask(Request::WhoAmI).await?, Account, "who-am-i")
    }

    /// One entry.
    pub async fn stat(&self, place: &(impl ToPlace + ?Sized)) -> Result<Entry, ClientError> {
        self.at(&place.to_spot()?, async |place| {
            answer!(self.ask(Request::Stat(Stat { place })).await?, Entry, "stat")
        })
        .await
    }

    /// One entry, or `None` when nothing is there.
    pub async fn find(
        &self,
        place: &(impl ToPlace + ?Sized),
    ) -> Result<Option<Entry>, ClientError> {
        match self.stat(place).await {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.wire_code() == Some(ErrorCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates one directory. With `parents`, missing ones above it are
    /// created too, and one that is there already is no error.
    pub async fn mkdir(
        &self,
        place: &(impl ToPlace + ?Sized),
        parents: bool,
    ) -> Result<NodeId, ClientError> {
        self.at(&place.to_spot()?, async |place| self.mkdir_at(place, parents).await).await
    }

    async fn mkdir_at(&self, place: Place, parents: bool) -> Result<NodeId, ClientError> {
        let Place { base, names } = place;
        if names.is_empty() && !parents {
            return Err(match base {
                Base::Home => ClientError::HomeDirectory,
                // Something shared: whoever shares it has made it.
                Base::Node(_) => {
                    WireError::new(ErrorCode::EXISTS, "it is there already", "").into()
                }
            });
        }
        let base = Place { base, names: Vec::new() };
        if names.is_empty() {
            return Ok(self.stat(&base).await?.node);
        }
        let dirs = vec![NewDir { names, modified_millis: None }];
        let made = self.make_batch(base, dirs, parents, parents).await?;
        made.nodes.last().copied().ok_or(ClientError::UnexpectedAnswer { asked: "make-dirs" })
    }

    /// Creates directories below `base`, parents first, in as few requests as
    /// possible. With `adopt`, those that are there already are taken over.
    /// Returns one node for each, in order.
    pub async fn make_dirs(
        &self,
        base: &(impl ToPlace + ?Sized),
        dirs: &[NewDir],
        adopt: bool,
    ) -> Result<Vec<NodeId>, ClientError> {
        let spot = base.to_spot()?;
        let mut nodes = Vec::with_capacity(dirs.len());
        for batch in dirs.chunks(MAX_BATCH_DIRS) {
            let make = async |base| self.make_batch(base, batch.to_vec(), adopt, false).await;
            let made = self.at(&spot, make).await?;
            nodes.extend(made.nodes);
        }
        Ok(nodes)
    }

    async fn make_batch(
        &self,
        base: Place,
        dirs: Vec<NewDir>,
        adopt: bool,
        parents: bool,
    ) -> Result<Made, ClientError> {
        let wanted = dirs.len();
        let request = MakeDirs { op: new_op()?, base, dirs, adopt, parents };
        let made = answer!(self.ask(Request::MakeDirs(request)).await?, Made, "make-dirs")?;
        check_count(made.nodes.len(), wanted, "make-dirs")?;
        Ok(made)
    }

    /// Moves things to the trash. One outcome for each, in order; an `Err` of
    /// the whole means that the rest was not tried.
    pub async fn delete(
        &self,
        items: &[DeleteItem],
        recursive: bool,
    ) -> Result<Vec<Result<NodeId, WireError>>, ClientError> {
        let mut outcomes = Vec::with_capacity(items.len());
        for batch in items.chunks(MAX_BATCH_NODES) {
            let request = Delete { op: new_op()?, items: batch.to_vec(), recursive };
            let done = answer!(self.ask(Request::Delete(request)).await?, Outcomes, "delete")?;
            check_count(done.items.len(), batch.len(), "delete")?;
            outcomes.extend(done.items);
        }
        Ok(outcomes)
    }

    /// Copies files, batch by batch. One outcome for each, in order.
    pub async fn copy_files(
        &self,
        items: &[CopyItem],
    ) -> Result<Vec<Result<NodeId, WireError>>, ClientError> {
        let mut outcomes = Vec::with_capacity(items.len());
        for batch in items.chunks(MAX_BATCH_NODES) {
            let request = Copy { op: new_op()?, items: batch.to_vec() };
            let done = answer!(self.ask(Request::Copy(request)).await?, Outcomes, "copy")?;
            check_count(done.items.len(), batch.len(), "copy")?;
            outcomes.extend(done.items);
        }
        Ok(outcomes)
    }
}
