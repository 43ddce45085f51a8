//! Fills a machine with what its source has at one moment, over a connection on which
//! it has proved itself.
//!
//! Guarantees: what an earlier attempt has brought is not brought again, as far as the
//! source still has its snapshot, and chunk files never are; a bounded number of
//! requests is in flight, and a bounded number of bytes in memory; the rest is
//! [`coffer_store::Refill`]'s.

use bytes::Bytes;
use coffer_protocol::error::{ErrorCode, Retry};
use coffer_protocol::limits::MAX_PULL_KEYS;
use coffer_protocol::message::peer::{
    BeginSnapshot, EndSnapshot, PullChunk, PullKeys, PullRows, SnapshotBegun,
};
use coffer_protocol::{BlobId, Position, Request, Response, WireError};
use coffer_store::{
    Arrival, MAX_ABSENT, Moment, NextPage, Refill, RowPage, Store, StoreError, Way,
};
use coffer_transport::{CallError, Connection};
use futures_util::stream::{self, StreamExt as _};
use std::collections::HashSet;
use std::time::Duration;

/// Bytes of a page of rows, and of one of digests.
const ROW_BYTES: u32 = 960 << 10;
const DIGEST_BYTES: u32 = 128 << 10;
/// Chunk files on their way at a time.
const FILES_IN_FLIGHT: usize = 8;
/// Longest pause that a source may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How a machine is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It has no rows that are worth something: until the end there is nothing to
    /// read.
    Load,
    /// It follows, and what it has differs: one transaction replaces that.
    Difference,
    /// The same for one that was the primary; the same transaction makes it a
    /// replica.
    Rewind,
}

/// How far a filling is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Rows that were looked at.
    pub rows: u64,
    /// About how many there are.
    pub of: u64,
    /// Chunk files that are missing; known once all rows are here.
    pub missing: Option<u64>,
}

/// A machine could not be filled. Nothing is lost: the next attempt goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefillError {
    /// The source cannot be asked, or says no.
    #[error(transparent)]
    Source(#[from] CallError),
    /// Its answer makes no sense.
    #[error("the source answers something else than was asked")]
    Strange,
    /// The store of this machine.
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Done<T> = Result<T, RefillError>;

/// A filling at work.
struct Filling<'a> {
    store: &'a Store,
    connection: &'a Connection,
    way: Way,
    report: &'a (dyn Fn(Filled) + Send + Sync),
    filled: Filled,
}

/// Fills this machine with what the source has at one moment; returns the moment.
/// Nothing else may write to the store meanwhile. `report` is told how far it is.
pub async fn refill(
    store: &Store,
    connection: &Connection,
    how: How,
    report: &(dyn Fn(Filled) + Send + Sync),
) -> Done<Position> {
    let way = match how {
        How::Load => Way::Load,
        How::Difference | How::Rewind => Way::Difference,
    };
    let mut filling = Filling { store, connection, way, report, filled: Filled::default() };
    let mut refill = filling.begin().await?;
    filling.filled.of = refill.moment().rows;
    filling.rows(&mut refill).await?;
    filling.end(&refill).await;
    let absent = filling.files(&refill).await?;
    if !absent.is_empty() {
        tracing::warn!(chunks = absent.len(), "the source does not have these any more");
    }
    Ok(refill.finish(&absent, how == How::Rewind).await?)
}

impl Filling<'_> {
    fn report(&self) {
        (self.report)(self.filled);
    }

    /// Goes on with an earlier attempt, or begins.
    async fn begin(&self) -> Done<Refill> {
        let earlier = self.store.resume_refill(self.way).await?;
        if let Some(complete) = earlier.as_ref().filter(|refill| refill.next().is_none()) {
            tracing::info!(moment = %complete.moment().position, "all rows are here already");
            return earlier.ok_or(RefillError::Strange);
        }
        let resume = earlier.as_ref().map(|refill| refill.moment().snapshot);
        let begun = self.snapshot(resume).await?;
        let SnapshotBegun { snapshot, position, chain_hash, root, rows } = begun;
        match earlier {
            Some(refill) if resume == Some(snapshot) => {
                tracing::info!(moment = %position, "going on with the rows of a snapshot");
                Ok(refill)
            }
            earlier => {
                // The new one begins where nobody holds what the old one holds.
                drop(earlier);
                tracing::info!(moment = %position, rows, way = ?self.way, "filling begins");
                let moment = Moment { snapshot, position, chain_hash, root, rows };
                Ok(self.store.begin_refill(self.way, moment).await?)
            }
        }
    }

    /// Asks for a snapshot until the source has one ready.
    async fn snapshot(&self, resume: Option<[u8; 16]>) -> Done<SnapshotBegun> {
        loop {
            let request = Request::BeginSnapshot(BeginSnapshot { resume });
            match self.connection.call(request, Bytes::new()).await {
                Ok((Response::SnapshotBegun(begun), _)) => return Ok(begun),
                Ok(_) => return Err(RefillError::Strange),
                Err(CallError::Wire(WireError {
                    code: ErrorCode::BUSY,
                    retry: Retry::AfterMillis(millis),
                    ..
                })) => {
                    let pause = Duration::from_millis(millis.into()).min(LONGEST_PAUSE);
                    tokio::time::sleep(pause).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Brings all rows; the next page is on its way while one is taken in.
    async fn rows(&mut self, refill: &mut Refill) -> Done<()> {
        let snapshot = refill.moment().snapshot;
        let mut due = refill.next();
        let mut waiting: Option<RowPage> = None;
        while let Some(at) = due {
            let page = match waiting.take() {
                Some(page) => page,
                None => self.pull(snapshot, at.clone()).await?,
            };
            self.filled.rows += u64::from(page.count);
            let following = page.next.clone();
            let ahead = async {
                match following {
                    Some(after) => {
                        let next = NextPage { table: at.table, after: Some(after) };
                        self.pull(snapshot, next).await.map(Some)
                    }
                    None => Ok(None),
                }
            };
            let taken = self.take(refill, at.table, page);
            let (taken, ahead) = tokio::join!(taken, ahead);
            taken?;
            waiting = ahead?;
            self.report();
            due = refill.next();
        }
        Ok(())
    }

    async fn take(&self, refill: &mut Refill, table: u8, page: RowPage) -> Done<()> {
        if self.way == Way::Load {
            return Ok(refill.load(page).await?);
        }
        let snapshot = refill.moment().snapshot;
        let mut page = refill.open(page)?;
        while let Some(wanted) = refill.compare(&mut page).await? {
            for keys in wanted.chunks(MAX_PULL_KEYS) {
                let mut rest = keys;
                while !rest.is_empty() {
                    let pull = PullKeys { snapshot, table, keys: rest.to_vec() };
                    let rows = self.answer(Request::PullKeys(pull)).await?;
                    let count = refill.replace(table, rows.rows).await?;
                    if count == 0 || count > rest.len() {
                        return Err(RefillError::Strange);
                    }
                    rest = &rest[count..];
                }
            }
        }
        Ok(())
    }

    async fn pull(&self, snapshot: [u8; 16], at: NextPage) -> Done<RowPage> {
        let digests = self.way == Way::Difference;
        let max_bytes = if digests { DIGEST_BYTES } else { ROW_BYTES };
        let NextPage { table, after } = at;
        self.answer(Request::PullRows(PullRows { snapshot, table, after, max_bytes, digests }))
            .await
    }

    async fn answer(&self, request: Request) -> Done<RowPage> {
        match self.connection.call(request, Bytes::new()).await? {
            (Response::PulledRows(pulled), rows) => {
                Ok(RowPage { rows: rows.to_vec(), count: pulled.count, next: pulled.next })
            }
            _ => Err(RefillError::Strange),
        }
    }

    /// The source need not hold the snapshot any longer.
    async fn end(&self, refill: &Refill) {
        let end = EndSnapshot { snapshot: refill.moment().snapshot };
        if let Err(error) = self.connection.call(Request::EndSnapshot(end), Bytes::new()).await {
            tracing::debug!(%error, "a snapshot ends by itself");
        }
    }

    /// Brings the files that are missing; returns those that the source lacks.
    async fn files(&mut self, refill: &Refill) -> Done<HashSet<BlobId>> {
        let mut left = refill.count_missing().await?;
        self.filled.missing = Some(left);
        self.report();
        tracing::info!(missing = left, "fetching the chunks that are missing");
        let mut walk = refill.files()?;
        let this = &*self;
        let mut absent = HashSet::new();
        while let Some(missing) = refill.missing(&mut walk).await? {
            let mut puts = stream::iter(missing)
                .map(|one| async move { (one.blob, this.file(one).await) })
                .buffer_unordered(FILES_IN_FLIGHT);
            while let Some((blob, there)) = puts.next().await {
                if !there? && absent.len() < MAX_ABSENT {
                    absent.insert(blob);
                }
                left = left.saturating_sub(1);
                (this.report)(Filled { missing: Some(left), ..this.filled });
            }
        }
        Ok(absent)
    }

    /// Brings one file; `false`: the source does not have it any more.
    async fn file(&self, one: Arrival) -> Done<bool> {
        let request = Request::PullChunk(PullChunk { blob: one.blob });
        match self.connection.call(request, Bytes::new()).await {
            Ok((Response::Chunk, bytes)) => {
                self.store.put_replicated(one.blob, one.generation, bytes).await?;
                Ok(true)
            }
            Ok(_) => Err(RefillError::Strange),
            Err(CallError::Wire(error)) if error.code == ErrorCode::NOT_FOUND => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
