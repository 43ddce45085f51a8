//! A source does anything that a server does, a replica follows in its own time:
//! in batches of any size, some of them twice, with restarts and new beginnings
//! between them. At the same position both have the same state root, whatever
//! their engines.

use crate::following::{Bank, bring, catch_up, replica};
use crate::loading::fill;
use crate::refilling::{complete, gather, moment};
use crate::sample::{
    HOME, activity, changes, chunk, contact, file, first_user, group, group_id, group_share, id32,
    invite, member_share, node_id, other_user, segment, segment_id, share, share_id, trashed,
    upload, user_id, version,
};
use crate::site::Site;
use coffer_protocol::BlobId;
use coffer_store::{
    Change, CheckOptions, CollectLimits, Commit, CommitError, Retention, Store, UploadRow, Way,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const CHUNKS: u64 = 8;
const FILES: u64 = 5;
/// Bytes of the chunks; where they are kept is for each upload to choose.
const CHUNK_BYTES: usize = 90;

#[derive(Clone, Debug)]
enum Step {
    /// File, revision, chunks, whether these come inline, segments.
    Write(u64, u64, Vec<u64>, bool, Vec<u64>),
    PutSegment(u64, Vec<u64>),
    Change(Vec<Simple>),
    Collect,
    Expire,
    /// Most bytes of the batch, and how many entries come a second time.
    Follow(usize, u64),
    Sweep,
    Restart,
    Refill(usize),
    /// Bytes of a page, pages until it is cut short, and what is damaged before.
    Difference(usize, usize, u8),
}

/// A change of one row.
#[derive(Clone, Debug)]
enum Simple {
    Delete(u64),
    Trash(u64),
    DeleteVersion(u64, u64),
    DeleteSegment(u64),
    User(u64),
    DeleteUser(u64),
    Group(u64),
    DeleteGroup(u64),
    Share(u64, u64, u64),
    GroupShare(u64, u64, u64),
    MemberShare(u64, u64, u64),
    Unshare(u64),
    Contact(u64),
    DeleteContact(u64),
    Activity(u64, u64),
    DeleteActivity(u64),
    Setting(u64, u8),
    DeleteSetting(u64),
    Invite(u64, u32),
    DeleteInvite(u64),
    Upload(u64, u64),
    DeleteUpload(u64),
}

fn simple() -> impl Strategy<Value = Simple> {
    prop_oneof![
        4 => (0..FILES).prop_map(Simple::Delete),
        2 => (0..FILES).prop_map(Simple::Trash),
        2 => (0..FILES, 1..4u64).prop_map(|(f, r)| Simple::DeleteVersion(f, r)),
        1 => (0..3u64).prop_map(Simple::DeleteSegment),
        2 => (2..5u64).prop_map(Simple::User),
        1 => (2..5u64).prop_map(Simple::DeleteUser),
        2 => (0..2u64).prop_map(Simple::Group),
        1 => (0..2u64).prop_map(Simple::DeleteGroup),
        3 => (0..4u64, 0..FILES, 2..5u64).prop_map(|(n, f, u)| Simple::Share(n, f, u)),
        2 => (4..6u64, 0..FILES, 0..2u64).prop_map(|(n, f, g)| Simple::GroupShare(n, f, g)),
        2 => (6..8u64, 0..FILES, 0..2u64).prop_map(|(n, f, g)| Simple::MemberShare(n, f, g)),
        1 => (0..8u64).prop_map(Simple::Unshare),
        1 => (0..3u64).prop_map(Simple::Contact),
        1 => (0..3u64).prop_map(Simple::DeleteContact),
        3 => (0..9u64, 0..FILES).prop_map(|(n, f)| Simple::Activity(n, f)),
        1 => (0..9u64).prop_map(Simple::DeleteActivity),
        1 => (0..3u64, any::<u8>()).prop_map(|(n, v)| Simple::Setting(n, v)),
        1 => (0..3u64).prop_map(Simple::DeleteSetting),
        1 => (0..3u64, 0..5u32).prop_map(|(n, u)| Simple::Invite(n, u)),
        1 => (0..3u64).prop_map(Simple::DeleteInvite),
        1 => (0..3u64, 0..9u64).prop_map(|(n, l)| Simple::Upload(n, l)),
        1 => (0..3u64).prop_map(Simple::DeleteUpload),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let refs = || prop::collection::vec(0..CHUNKS, 0..4);
    let write = (0..FILES, 1..4u64, refs(), any::<bool>(), prop::collection::vec(0..3u64, 0..2));
    prop_oneof![
        10 => write.prop_map(|(f, r, c, i, s)| Step::Write(f, r, c, i, s)),
        2 => (0..3u64, refs()).prop_map(|(n, c)| Step::PutSegment(n, c)),
        12 => prop::collection::vec(simple(), 1..4).prop_map(Step::Change),
        4 => Just(Step::Collect),
        1 => Just(Step::Expire),
        6 => (0..6_000usize, 0..4u64).prop_map(|(b, o)| Step::Follow(b, o)),
        1 => Just(Step::Sweep),
        1 => Just(Step::Restart),
        1 => (0..3_000usize).prop_map(Step::Refill),
        2 => (0..900usize, 0..30usize, 0..9u8).prop_map(|(b, p, d)| Step::Difference(b, p, d)),
    ]
}

/// Some of the chunks are found by their content from now on.
fn learned(chunks: &[u64]) -> impl Iterator<Item = Change> {
    let known = chunks.iter().filter(|number| **number % 3 != 0);
    known.map(|number| Change::PutKnown {
        owner: user_id(1),
        blob: chunk(*number, CHUNK_BYTES).0,
        fingerprint: id32(*number),
    })
}

fn name(number: u64) -> u64 {
    100 + number
}

impl Simple {
    fn changes(&self) -> Vec<Change> {
        let one = match *self {
            Self::User(number) => return other_user(number),
            Self::Delete(number) => Change::DeleteNode(node_id(name(number))),
            Self::Trash(number) => Change::PutNode(trashed(file(name(number), HOME), 5_000)),
            Self::DeleteVersion(number, r) => Change::DeleteVersion(node_id(name(number)), r),
            Self::DeleteSegment(number) => Change::DeleteSegment(segment_id(number)),
            Self::DeleteUser(number) => Change::DeleteUser(user_id(number)),
            Self::Group(number) => Change::PutGroup(group(number)),
            Self::DeleteGroup(number) => Change::DeleteGroup(group_id(number)),
            Self::Share(n, f, user) => Change::PutShare(share(n, name(f), user)),
            Self::GroupShare(n, f, g) => Change::PutShare(group_share(n, name(f), g)),
            Self::MemberShare(n, f, g) => Change::PutShare(member_share(n, name(f), 2, g)),
            Self::Unshare(number) => Change::DeleteShare(share_id(number)),
            Self::Contact(number) => Change::PutContact(contact(number)),
            Self::DeleteContact(number) => {
                Change::DeleteContact { owner: user_id(1), tag: id32(number) }
            }
            Self::Activity(n, f) => Change::PutActivity(activity(n, 1_000 + n, name(f))),
            Self::DeleteActivity(n) => Change::DeleteActivity(activity(n, 1_000 + n, 0).activity),
            Self::Setting(n, value) => {
                Change::PutSetting { key: format!("s{n}"), value: vec![value] }
            }
            Self::DeleteSetting(n) => Change::DeleteSetting { key: format!("s{n}") },
            Self::Invite(n, uses) => Change::PutInvite(invite(n, uses)),
            Self::DeleteInvite(n) => Change::DeleteInvite(id32(n)),
            Self::Upload(n, leases) => Change::PutUpload(UploadRow { leases, ..upload(n) }),
            Self::DeleteUpload(n) => {
                Change::DeleteUpload { owner: user_id(1), upload: upload(n).upload }
            }
        };
        vec![one]
    }
}

struct World {
    source_site: Site,
    site: Site,
    source: Store,
    replica: Option<Store>,
    bank: Bank,
    now: i64,
}

impl World {
    async fn new(source_site: Site, site: Site) -> Self {
        let source = source_site.fresh().await;
        source.commit(first_user()).await.unwrap();
        let replica = Some(replica(&site).await);
        let bank = (0..CHUNKS).map(|number| chunk(number, CHUNK_BYTES)).collect();
        Self { source_site, site, source, replica, bank, now: 1_000_000 }
    }

    fn replica(&self) -> &Store {
        self.replica.as_ref().unwrap()
    }

    /// Commits, if the rules allow it: what is refused is no part of the history.
    async fn commit(&self, commit: Commit) {
        match self.source.commit(commit).await {
            Ok(_)
            | Err(
                CommitError::Duplicate(_)
                | CommitError::Inconsistent(_)
                | CommitError::NeedUpload(_),
            ) => {}
            Err(other) => panic!("{other}"),
        }
    }

    /// A commit with chunks, inline or in files.
    async fn upload(&self, chunks: &[u64], inline: bool, changes: Vec<Change>) {
        let mut commit = Commit { changes, ..Commit::default() };
        let distinct: std::collections::BTreeSet<u64> = chunks.iter().copied().collect();
        for number in distinct {
            let (blob, bytes) = chunk(number, CHUNK_BYTES);
            match inline {
                true => commit.inline.push((blob, bytes)),
                false => commit.pins.push(self.source.put_chunk(blob, bytes).await.unwrap()),
            }
        }
        self.commit(commit).await;
    }

    async fn step(&mut self, step: &Step) {
        self.now += 700;
        self.source_site.set_time(self.now);
        // Its clock is another one, and nobody may notice.
        self.site.set_time(self.now * 3);
        match step {
            Step::Write(number, revision, chunks, inline, segments) => {
                let refs: Vec<BlobId> = chunks.iter().map(|n| chunk(*n, CHUNK_BYTES).0).collect();
                let segments: Vec<_> = segments.iter().map(|n| segment_id(*n)).collect();
                let mut row = file(name(*number), HOME);
                (row.revision, row.content_revision) = (*revision, *revision);
                let put = version(name(*number), *revision, &refs, &segments);
                let mut all = vec![Change::PutNode(row), Change::PutVersion(put)];
                all.extend(learned(chunks));
                self.upload(chunks, *inline, all).await;
            }
            Step::PutSegment(number, chunks) => {
                let refs: Vec<BlobId> = chunks.iter().map(|n| chunk(*n, CHUNK_BYTES).0).collect();
                let put = Change::PutSegment(segment(*number, &refs));
                let all = [put].into_iter().chain(learned(chunks));
                self.upload(chunks, false, all.collect()).await;
            }
            Step::Change(all) => {
                self.commit(changes(all.iter().flat_map(Simple::changes).collect())).await;
            }
            Step::Collect => {
                let limits = CollectLimits { grace_millis: 500, chunks: 100 };
                self.source.collect_garbage(limits).await.unwrap();
            }
            Step::Expire => {
                let retention = Retention {
                    trash_millis: Some(self.now - 6_000),
                    versions: Some(1),
                    version_millis: Some(self.now),
                    upload_millis: self.now - 2_000,
                    activity_millis: Some(self.now - 1_004),
                };
                self.source.expire(&retention).await.unwrap();
            }
            Step::Follow(bytes, overlap) => self.follow(*bytes, *overlap).await,
            Step::Sweep => drop(self.replica().sweep_orphans().await.unwrap()),
            Step::Restart => self.restart().await,
            Step::Refill(bytes) => {
                fill(&self.bank, &self.source, self.replica(), *bytes).await;
                self.compare().await;
            }
            Step::Difference(bytes, pages, damage) => {
                self.damage(*damage).await;
                self.difference(*bytes, *pages).await;
                self.compare().await;
            }
        }
    }

    async fn restart(&mut self) {
        let replica = self.replica.take().unwrap();
        replica.shutdown().await.unwrap();
        drop(replica);
        self.replica = Some(self.site.open().await);
    }

    /// Damages rows of the replica, if there are such rows.
    async fn damage(&self, what: u8) {
        let zeros = "00".repeat(16);
        let sql = match what {
            0 => "UPDATE nodes SET revision=revision+7".to_owned(),
            1 => "DELETE FROM versions".to_owned(),
            2 => format!("UPDATE shares SET digest=X'{zeros}'"),
            3 => "UPDATE chunks SET data=NULL WHERE place=1".to_owned(),
            4 => "UPDATE chunks SET refs=refs+1".to_owned(),
            5 => "DELETE FROM totals".to_owned(),
            6 => "UPDATE activity SET sealed=X'01'".to_owned(),
            _ => return,
        };
        self.site.raw(&sql).await;
    }

    async fn difference(&mut self, bytes: usize, pages: usize) {
        let snapshot = self.source.snapshot().await.unwrap();
        let moment = moment(&snapshot, 1).await;
        let mut refill = self.replica().begin_refill(Way::Difference, moment).await.unwrap();
        gather(&snapshot, &mut refill, bytes, pages).await;
        drop(refill);
        self.restart().await;
        let resumed = self.replica().resume_refill(Way::Difference).await.unwrap();
        let mut refill = resumed.unwrap();
        gather(&snapshot, &mut refill, bytes, usize::MAX).await;
        complete(&self.bank, refill, self.replica()).await;
    }

    async fn follow(&self, bytes: usize, overlap: u64) {
        let replica = self.replica();
        let position = replica.position().await.unwrap();
        let entries =
            self.source.entries_after(position.seq.saturating_sub(overlap), bytes).await.unwrap();
        let (inline, pins) = bring(&self.bank, replica, &entries).await;
        let end = entries.last().map_or(0, |entry| entry.seq).max(position.seq);
        assert_eq!(replica.follow(entries, inline, pins).await.unwrap().seq, end);
    }

    async fn compare(&self) {
        let (source, replica) =
            (self.source.state_root().await.unwrap(), self.replica().state_root().await.unwrap());
        assert_eq!(source, replica);
    }

    /// Both machines are whole and equal.
    async fn finish(&self) {
        let replica = self.replica();
        catch_up(&self.bank, &self.source, replica).await;
        self.compare().await;
        assert_eq!(self.source.head().await.unwrap(), replica.head().await.unwrap());
        replica.verify_journal().await.unwrap();
        assert_eq!(replica.pinned(), 0);
        replica.sweep_orphans().await.unwrap();
        let mut found = Vec::new();
        for store in [&self.source, replica] {
            let report = store.check(CheckOptions::default(), |_| ()).await.unwrap();
            // Files without versions and the like are what the steps ask for; they
            // have to be the same on both.
            let mut problems: Vec<String> =
                report.problems.iter().map(|p| format!("{:?} {}", p.kind, p.object)).collect();
            problems.sort();
            for kind in ["RowDamaged", "Journal", "Totals", "Chunk", "Reference", "Content"] {
                assert!(problems.iter().all(|text| !text.starts_with(kind)), "{problems:?}");
            }
            found.push((problems, report.counts.chunks, report.counts.references));
        }
        assert_eq!(found[0], found[1]);
    }
}

fn check(sites: fn() -> (Site, Site), cases: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let steps = prop::collection::vec(step(), 10..70);
    let config =
        Config { cases, max_shrink_iters: 40, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        runtime.block_on(async {
            let (source, replica) = sites();
            let mut world = World::new(source, replica).await;
            for step in &steps {
                world.step(step).await;
            }
            world.finish().await;
            world.source.shutdown().await.unwrap();
            world.replica().shutdown().await.unwrap();
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn sqlite_mirrors_sqlite() {
    check(|| (Site::sqlite(), Site::sqlite()), 24);
}

#[test]
fn mysql_mirrors_mysql() {
    check(|| (Site::mysql(), Site::mysql()), 6);
}

#[test]
fn sqlite_mirrors_mysql() {
    check(|| (Site::mysql(), Site::sqlite()), 6);
}

#[test]
fn mysql_mirrors_sqlite() {
    check(|| (Site::sqlite(), Site::mysql()), 6);
}
