//! Room for uploads that are not finished.
//!
//! Guarantees: what has arrived of a user's unfinished uploads, and what is stored on
//! the account that will pay for them, do not exceed the allowance of that account
//! together; what a client announces is set aside before the first byte is sent, so
//! that uploads at the same moment do not take the room from each other halfway; the
//! same upload on two connections counts once; without an allowance nothing is counted.

use super::upload::Upload;
use crate::allowance::{Allowance, of_another, size};
use crate::cx::Cx;
use crate::fault::{Outcome, because, plain};
use crate::rows::read_failed;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{UploadId, UserId, WireError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What an upload of unknown length sets aside at once, where there is that much.
const STEP_BYTES: u64 = 16 << 20;

type Key = (UserId, UploadId);

/// What open uploads have set aside.
#[derive(Default)]
pub(crate) struct Reservations(Mutex<HashMap<Key, Entry>>);

struct Entry {
    payer: UserId,
    bytes: u64,
    /// Bytes of chunks that were sent.
    sent: u64,
    /// Open uploads of this id.
    holders: u32,
}

impl Reservations {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a chunk that fits what is set aside.
    fn fits(&self, key: &Key, len: u64) -> bool {
        let mut table = self.lock();
        let entry = table.get_mut(key).filter(|entry| entry.sent + len <= entry.bytes);
        entry.map(|entry| entry.sent += len).is_some()
    }

    /// Other uploads of the same user that the same account pays for: what they have
    /// set aside, and which they are.
    fn others(&self, key: &Key, payer: UserId) -> (u64, Vec<UploadId>) {
        let table = self.lock();
        let others = table.iter().filter(|((user, upload), entry)| {
            *user == key.0 && *upload != key.1 && entry.payer == payer
        });
        others.fold((0, Vec::new()), |(bytes, mut ids), ((_, upload), entry)| {
            ids.push(*upload);
            (bytes + entry.bytes, ids)
        })
    }

    fn payer(&self, key: &Key) -> Option<UserId> {
        self.lock().get(key).map(|entry| entry.payer)
    }
}

/// Room of one open upload; dropped, it is free again.
pub(crate) struct Reserved {
    table: Arc<Reservations>,
    key: Key,
}

impl Reserved {
    fn new(table: &Arc<Reservations>, key: Key, payer: UserId) -> Self {
        let none = || Entry { payer, bytes: 0, sent: 0, holders: 0 };
        table.lock().entry(key).or_insert_with(none).holders += 1;
        Self { table: Arc::clone(table), key }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        if let Some(entry) = table.get_mut(&self.key) {
            entry.holders -= 1;
            if entry.holders == 0 {
                table.remove(&self.key);
            }
        }
    }
}

/// What stands against an upload.
struct Load {
    used: u64,
    /// Other uploads of the user that are not finished.
    others: u64,
}

impl Load {
    fn fits(&self, bytes: u64, most: u64) -> bool {
        self.used.saturating_add(self.others).saturating_add(bytes) <= most
    }

    fn refusal(&self, bytes: u64, most: u64) -> WireError {
        if self.others == 0 {
            let text = format!(
                "the storage allowance is used up: {} of {} are in use, and this takes {}",
                size(self.used),
                size(most),
                size(bytes)
            );
            return because(ErrorCode::QUOTA, text);
        }
        let text = format!(
            "the storage allowance is used up: {} of {} are in use, uploads that are not finished \
             take {}, and this takes {}",
            size(self.used),
            size(most),
            size(self.others),
            size(bytes)
        );
        let hint = "finish or cancel the uploads that are not finished (`coffer uploads`), or \
                    purge the trash or old versions";
        WireError { message: text, hint: hint.to_owned(), ..plain(ErrorCode::QUOTA) }
    }
}

impl Cx {
    /// Sets room aside for an upload of `bytes`, which `payer` will pay for.
    pub(crate) async fn reserve(
        &self,
        id: UploadId,
        upload: &Upload,
        payer: UserId,
        bytes: u64,
    ) -> Outcome<()> {
        let allowance = self.core.allowance(payer).await?;
        let Some(most) = allowance.bytes else { return Ok(()) };
        let key = (self.user(), id);
        upload.reserve(|| Reserved::new(&self.core.reservations, key, payer));
        let load = self.load(&key, payer).await?;
        self.set_aside(&key, bytes, &load, most, payer)
    }

    /// Sets room aside for a chunk that is to be stored.
    pub(crate) async fn reserve_chunk(
        &self,
        id: UploadId,
        upload: &Upload,
        len: u64,
    ) -> Outcome<()> {
        let key = (self.user(), id);
        if self.core.reservations.fits(&key, len) {
            return Ok(());
        }
        // An upload that was never offered is the user's own.
        let payer = self.core.reservations.payer(&key).unwrap_or(self.user());
        let Allowance { bytes: Some(most), .. } = self.core.allowance(payer).await? else {
            return Ok(());
        };
        upload.reserve(|| Reserved::new(&self.core.reservations, key, payer));
        let load = self.load(&key, payer).await?;
        let sent = self.core.reservations.lock().get(&key).map_or(0, |entry| entry.sent);
        let wanted = sent.saturating_add(len);
        let ahead = sent.saturating_add(len.max(STEP_BYTES));
        let bytes = if load.fits(ahead, most) { ahead } else { wanted };
        self.set_aside(&key, bytes, &load, most, payer)?;
        if let Some(entry) = self.core.reservations.lock().get_mut(&key) {
            entry.sent += len;
        }
        Ok(())
    }

    fn set_aside(
        &self,
        key: &Key,
        bytes: u64,
        load: &Load,
        most: u64,
        payer: UserId,
    ) -> Outcome<()> {
        let mut table = self.core.reservations.lock();
        let Some(entry) = table.get_mut(key) else { return Ok(()) };
        if bytes > entry.bytes && !load.fits(bytes, most) {
            return Err(match payer == self.user() {
                true => load.refusal(bytes, most),
                false => of_another(),
            });
        }
        entry.payer = payer;
        entry.bytes = entry.bytes.max(bytes);
        Ok(())
    }

    /// What is stored on the payer's account, and what other uploads of the user take:
    /// those that are open what they have set aside, the rest what is held of them.
    async fn load(&self, key: &Key, payer: UserId) -> Outcome<Load> {
        let store = self.store();
        let failed = |error| read_failed(&error);
        let used = store.usage(payer).await.map_err(failed)?.bytes;
        let mut held = store.unfinished_bytes(key.0).await.map_err(failed)?;
        let (open, mut ids) = self.core.reservations.others(key, payer);
        ids.push(key.1);
        for id in ids {
            let row = store.upload(key.0, id).await.map_err(failed)?;
            held = held.saturating_sub(row.map_or(0, |row| row.bytes));
        }
        Ok(Load { used, others: held.saturating_add(open) })
    }
}
