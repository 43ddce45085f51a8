//! Walking a whole tree, page by page.
//!
//! Guarantees: a directory comes before what is in it; the cursor is a stack of
//! directories that are checked again on every page (one that was moved,
//! deleted or never the user's to see is left out with everything below it); the work
//! and the memory of one page are bounded, so a page may come back empty with a
//! cursor.

use super::cursor::{self, Mark};
use super::node::{Dir, open_name};
use crate::cx::Cx;
use crate::fault::{Outcome, because, plain};
use coffer_protocol::NodeId;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_PAGE_ENTRIES, MAX_PATH_DEPTH, MAX_PATTERN_BYTES};
use coffer_protocol::message::tree::{Entry, Kind, Walk, WalkEntry, WalkPage};
use globset::{GlobBuilder, GlobMatcher};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;

/// Records one page looks at.
const MAX_LOOKED_AT: usize = 4096;
/// Records read at a time; what is left of them waits while the walk goes down.
const BATCH: u32 = 64;
/// Bytes of names a page carries, so that it fits a frame.
const MAX_NAME_BYTES_IN_PAGE: usize = 512 << 10;

/// A directory on the way down.
struct Level {
    dir: Dir,
    /// Names from the root of the walk down to here.
    above: Arc<[String]>,
    after: Option<[u8; 32]>,
    /// Opened entries that were not looked at yet, with their tags.
    waiting: VecDeque<(Entry, [u8; 32])>,
    /// Tag of the last record that was read; `None` at the end of the directory.
    read_up_to: Option<[u8; 32]>,
    exhausted: bool,
}

struct Walker<'a> {
    cx: &'a Cx,
    stack: Vec<Level>,
    pattern: Option<GlobMatcher>,
    page: WalkPage,
    name_bytes: usize,
    looked_at: usize,
}

impl Cx {
    /// One page of a tree.
    pub(crate) async fn walk(&self, request: &Walk) -> Outcome<WalkPage> {
        let pattern = request.pattern.as_deref().map(matcher).transpose()?;
        let root = self.node(&request.place).await?.into_dir()?;
        let stack = self.resume(root, &request.cursor).await?;
        let page = WalkPage { entries: Vec::new(), damaged: Vec::new(), next: Vec::new() };
        let mut walker = Walker { cx: self, stack, pattern, page, name_bytes: 0, looked_at: 0 };
        let limit = request.limit.clamp(1, MAX_PAGE_ENTRIES) as usize;
        walker.run(limit).await?;
        Ok(walker.finish())
    }

    /// Rebuilds the stack of a cursor, as far as it is still true.
    async fn resume(&self, root: Dir, bytes: &[u8]) -> Outcome<Vec<Level>> {
        if bytes.is_empty() {
            return Ok(vec![Level::new(root, Arc::from([]), None)]);
        }
        let marks = cursor::decode(bytes).ok_or_else(|| plain(ErrorCode::BAD_CURSOR))?;
        let Some((first, rest)) = marks.split_first() else {
            return Err(plain(ErrorCode::BAD_CURSOR));
        };
        if first.directory != root.id {
            return Err(plain(ErrorCode::BAD_CURSOR));
        }
        let mut stack = vec![Level::new(root, Arc::from([]), first.after)];
        for mark in rest {
            let Some(top) = stack.last() else { break };
            match self.resume_level(top, mark).await {
                Ok(level) => stack.push(level),
                Err(error) if gone(error.code) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(stack)
    }

    async fn resume_level(&self, top: &Level, mark: &Mark) -> Outcome<Level> {
        let row = self.row_below(&top.dir, mark.directory).await?;
        if row.lookup_tag.is_none() {
            return Err(plain(ErrorCode::NOT_FOUND));
        }
        let name = open_name(&top.dir.keys, &row)?;
        let keys = self.keys_below(&top.dir.keys, &row)?;
        if row.kind != coffer_store::KIND_DIRECTORY {
            return Err(plain(ErrorCode::NOT_A_DIRECTORY));
        }
        Ok(Level::new(top.dir.inner(row.node, keys), below(&top.above, name), mark.after))
    }
}

/// Errors that say that a directory is not where it was.
fn gone(code: ErrorCode) -> bool {
    [ErrorCode::NOT_FOUND, ErrorCode::NOT_A_DIRECTORY, ErrorCode::INTEGRITY].contains(&code)
}

fn below(above: &[String], name: String) -> Arc<[String]> {
    above.iter().cloned().chain([name]).collect()
}

impl Level {
    fn new(dir: Dir, above: Arc<[String]>, after: Option<[u8; 32]>) -> Self {
        Self { dir, above, after, waiting: VecDeque::new(), read_up_to: None, exhausted: false }
    }
}

impl Walker<'_> {
    async fn run(&mut self, limit: usize) -> Outcome<()> {
        while !self.stack.is_empty() && !self.is_full(limit) {
            self.step().await?;
        }
        Ok(())
    }

    fn is_full(&self, limit: usize) -> bool {
        self.page.entries.len() >= limit
            || self.page.damaged.len() >= limit
            || self.looked_at >= MAX_LOOKED_AT
            || self.name_bytes >= MAX_NAME_BYTES_IN_PAGE
    }

    /// Looks at one entry of the directory at the top, or reads more of it, or
    /// goes back up.
    async fn step(&mut self) -> Outcome<()> {
        let depth = self.stack.len();
        let Some(top) = self.stack.last_mut() else { return Ok(()) };
        let Some((entry, tag)) = top.waiting.pop_front() else {
            if top.exhausted {
                self.stack.pop();
                return Ok(());
            }
            return self.fill().await;
        };
        // Behind the last entry of a batch come at most records that do not open.
        top.after = if top.waiting.is_empty() { top.read_up_to.or(Some(tag)) } else { Some(tag) };
        self.looked_at += 1;
        let above = Arc::clone(&top.above);
        if entry.kind == Kind::Directory {
            match depth < MAX_PATH_DEPTH {
                true => self.descend(&entry).await?,
                false => self.page.damaged.push(entry.node),
            }
        }
        if self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(nfc(&entry.name))) {
            self.name_bytes += entry.name.len() + above.iter().map(String::len).sum::<usize>();
            self.page.entries.push(WalkEntry { above: above.to_vec(), entry });
        }
        Ok(())
    }

    async fn descend(&mut self, entry: &Entry) -> Outcome<()> {
        let Some(top) = self.stack.last() else { return Ok(()) };
        let row = match self.cx.row_below(&top.dir, entry.node).await {
            Ok(row) => row,
            Err(error) if gone(error.code) => return Ok(()),
            Err(error) => return Err(error),
        };
        let keys = self.cx.keys_below(&top.dir.keys, &row)?;
        let above = below(&top.above, entry.name.clone());
        self.stack.push(Level::new(top.dir.inner(row.node, keys), above, None));
        Ok(())
    }

    /// Reads the next records of the directory at the top.
    async fn fill(&mut self) -> Outcome<()> {
        let Some(top) = self.stack.last_mut() else { return Ok(()) };
        let page = self.cx.children(top.dir.id, top.after, BATCH).await?;
        self.looked_at += 1 + page.damaged.len();
        (top.exhausted, top.read_up_to) = (page.next.is_none(), page.next);
        self.page.damaged.extend(page.damaged);
        let tags: HashMap<NodeId, [u8; 32]> =
            page.rows.iter().filter_map(|row| Some((row.node, row.lookup_tag?))).collect();
        let opened = self.cx.open_rows(top.dir.clone(), page.rows).await?;
        self.page.damaged.extend(opened.damaged);
        let tagged = |entry: Entry| tags.get(&entry.node).map(|tag| (entry, *tag));
        top.waiting.extend(opened.entries.into_iter().filter_map(tagged));
        if top.waiting.is_empty() {
            top.after = top.read_up_to.or(top.after);
        }
        Ok(())
    }

    fn finish(mut self) -> WalkPage {
        let marks: Vec<_> = self
            .stack
            .iter()
            .map(|level| Mark { directory: level.dir.id, after: level.after })
            .collect();
        self.page.next = cursor::encode(&marks);
        self.page
    }
}

fn nfc(name: &str) -> String {
    name.nfc().collect()
}

fn matcher(pattern: &str) -> Outcome<GlobMatcher> {
    if pattern.len() > MAX_PATTERN_BYTES {
        let text = format!("the search pattern is longer than {MAX_PATTERN_BYTES} bytes");
        return Err(because(ErrorCode::BAD_PATTERN, text));
    }
    GlobBuilder::new(&nfc(pattern))
        .case_insensitive(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| because(ErrorCode::BAD_PATTERN, error.kind().to_string()))
}
