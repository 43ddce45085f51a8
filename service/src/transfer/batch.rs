//! Small files, many to a request.
//!
//! Guarantees: a batch is one commit; a file that cannot be written (taken
//! name, lost race, wrong hash) fails alone; every byte is hashed here before
//! it is stored, and every file gets a random chunk key.

use super::content::{Content, FileWrite};
use super::destination::Spot;
use crate::answer::{Answer, Stored};
use crate::cx::Cx;
use crate::fault::{Outcome, because, per_item, plain, too_many};
use crate::op::{Draft, Mutation};
use crate::service::Core;
use crate::tree::create::no_random;
use crate::tree::node::{Dir, Node};
use crate::tree::resolve::good_name;
use bytes::Bytes;
use coffer_crypto::{ChunkKey, ManifestEntry, chunk};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_BATCH_FILES, MAX_PATH_DEPTH, SMALL_FILE_BYTES};
use coffer_protocol::message::transfer::{PutFile, PutFiles};
use coffer_protocol::{Base, BlobId, NodeId, OpId, WireError};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Payloads above this are hashed and sealed on a thread of their own.
const INLINE_BYTES: usize = 16 << 10;

/// One file, hashed and sealed.
struct Sealed {
    content: Content,
    inline: Option<(BlobId, Bytes)>,
}

/// A batch whose contents are sealed; its names are worked out per attempt.
pub(crate) struct Batch {
    request: PutFiles,
    sealed: Vec<Outcome<Sealed>>,
}

impl Batch {
    /// Hashes and seals the files of a payload.
    pub(crate) async fn seal(cx: &Cx, request: PutFiles, payload: Bytes) -> Outcome<Self> {
        if request.files.len() > MAX_BATCH_FILES {
            return Err(too_many("files", MAX_BATCH_FILES));
        }
        let total: u64 = request.files.iter().map(|file| u64::from(file.len)).sum();
        if total != payload.len() as u64 {
            return Err(because(ErrorCode::MALFORMED, "the lengths do not add up to the payload"));
        }
        let core = Arc::clone(&cx.core);
        let work = move || {
            let sealed = seal_all(&core, &request.files, &payload);
            Self { request, sealed }
        };
        if total as usize <= INLINE_BYTES {
            return Ok(work());
        }
        tokio::task::spawn_blocking(work).await.map_err(|_| plain(ErrorCode::INTERNAL))
    }
}

fn seal_all(core: &Core, files: &[PutFile], payload: &Bytes) -> Vec<Outcome<Sealed>> {
    let mut at = 0;
    let mut next = |file: &PutFile| {
        let data = payload.slice(at..at + file.len as usize);
        at += file.len as usize;
        seal_one(core, file, &data)
    };
    files.iter().map(&mut next).collect()
}

fn seal_one(core: &Core, file: &PutFile, data: &[u8]) -> Outcome<Sealed> {
    if data.len() >= SMALL_FILE_BYTES {
        let text = format!("a file of a batch has less than {SMALL_FILE_BYTES} bytes");
        return Err(because(ErrorCode::TOO_LARGE, text));
    }
    let plain_hash = chunk::plain_hash(&core.server_id.0, data);
    if plain_hash != file.hash.0 {
        return Err(plain(ErrorCode::HASH_MISMATCH));
    }
    if data.is_empty() {
        let content = Content::of_chunks(&core.server_id, Vec::new());
        return Ok(Sealed { content, inline: None });
    }
    let key = ChunkKey::generate().map_err(no_random)?;
    let sealed = chunk::seal(&key, data);
    let entry = ManifestEntry { blob_id: sealed.blob_id, key, plain_hash, len: data.len() as u32 };
    let content = Content::of_chunks(&core.server_id, vec![entry]);
    Ok(Sealed { content, inline: Some((BlobId(sealed.blob_id), sealed.bytes.into())) })
}

/// Files of one directory, by their place in the batch.
struct Group {
    dir: Dir,
    items: Vec<usize>,
}

impl Mutation for Batch {
    fn op(&self) -> OpId {
        self.request.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        let files = &self.request.files;
        let mut draft = Draft::new(Answer::Batch(Vec::new()));
        let mut outcomes = vec![Err(plain(ErrorCode::INTERNAL)); files.len()];
        for group in self.groups(cx, &mut outcomes).await? {
            let names: Vec<&str> = group.items.iter().map(|item| name(&files[*item])).collect();
            let there = cx.children_named(&group.dir, &names).await?;
            let collide = cx.collisions(&group.dir, &names).await?;
            let mut seen = HashSet::new();
            for (item, (there, case_collision)) in
                group.items.into_iter().zip(there.into_iter().zip(collide))
            {
                let first = seen.insert(group.dir.keys.lookup_tag(name(&files[item])));
                let written = self.write(cx, &mut draft, Some(&group.dir), item, there);
                outcomes[item] = match first {
                    true => per_item(written.await)?,
                    false => Err(named_twice()),
                }
                .map(|stored| Stored { case_collision, ..stored });
            }
        }
        self.write_direct(cx, &mut draft, &mut outcomes).await?;
        draft.answer = Answer::Batch(outcomes);
        Ok(draft)
    }
}

fn name(file: &PutFile) -> &str {
    file.to.names.last().map_or("", String::as_str)
}

/// The file that is itself the place, where it is one.
fn direct(file: &PutFile) -> Option<NodeId> {
    match file.to.base {
        Base::Node(id) if file.to.names.is_empty() => Some(id),
        _ => None,
    }
}

fn named_twice() -> WireError {
    because(ErrorCode::EXISTS, "the batch names it twice")
}

fn refused(error: &WireError) -> WireError {
    error.clone()
}

impl Batch {
    /// Finds the directories of all files that can be written so far.
    async fn groups(&self, cx: &Cx, outcomes: &mut [Outcome<Stored>]) -> Outcome<Vec<Group>> {
        let mut found: HashMap<(Base, &[String]), Outcome<Dir>> = HashMap::new();
        let mut groups: HashMap<NodeId, Group> = HashMap::new();
        for (item, file) in self.request.files.iter().enumerate() {
            if let Err(error) = &self.sealed[item] {
                outcomes[item] = Err(refused(error));
                continue;
            }
            if direct(file).is_some() {
                continue;
            }
            let Some((last, above)) = checked(file) else {
                outcomes[item] = Err(plain(ErrorCode::BAD_NAME));
                continue;
            };
            if let Err(error) = good_name(last) {
                outcomes[item] = Err(error);
                continue;
            }
            let dir = match found.entry((file.to.base, above)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    new.insert(per_item(cx.live_directory(file.to.base, above).await)?)
                }
            };
            match dir {
                Ok(dir) => groups
                    .entry(dir.id)
                    .or_insert_with(|| Group { dir: dir.clone(), items: Vec::new() })
                    .items
                    .push(item),
                Err(error) => outcomes[item] = Err(refused(error)),
            }
        }
        Ok(groups.into_values().collect())
    }

    /// Writes to the files that are named by their ids.
    async fn write_direct(
        &self,
        cx: &Cx,
        draft: &mut Draft,
        outcomes: &mut [Outcome<Stored>],
    ) -> Outcome<()> {
        for (item, file) in self.request.files.iter().enumerate() {
            let Some(id) = direct(file).filter(|_| self.sealed[item].is_ok()) else { continue };
            let twice = outcomes.iter().flatten().any(|stored| stored.node == id);
            let there = if twice { Err(named_twice()) } else { cx.live_node(id).await };
            let there = per_item(there)?.map(Some);
            outcomes[item] = per_item(self.write(cx, draft, None, item, there).await)?;
        }
        Ok(())
    }

    async fn write(
        &self,
        cx: &Cx,
        draft: &mut Draft,
        dir: Option<&Dir>,
        item: usize,
        there: Outcome<Option<Node>>,
    ) -> Outcome<Stored> {
        let there = there?;
        let file = &self.request.files[item];
        let sealed = self.sealed[item].as_ref().map_err(refused)?;
        let spot = match (&there, dir) {
            (Some(node), _) => Spot::Taken(node),
            (None, Some(dir)) => Spot::Free(dir, name(file)),
            (None, None) => return Err(plain(ErrorCode::BAD_NAME)),
        };
        let write = FileWrite {
            spot,
            expect: file.expect,
            content: &sealed.content,
            modified_millis: file.modified_millis,
            executable: file.executable,
            case_collision: false,
        };
        let stored = cx.write_file(draft, &write).await?;
        draft.inline.extend(sealed.inline.clone());
        Ok(stored)
    }
}

/// The name of a file and the names above it.
fn checked(file: &PutFile) -> Option<(&String, &[String])> {
    file.to.names.split_last().filter(|_| file.to.names.len() <= MAX_PATH_DEPTH)
}
