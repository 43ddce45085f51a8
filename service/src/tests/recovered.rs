//! Writes that the primary of an earlier epoch had acknowledged, and that come back.

use super::harness::{Bench, allowing, answer, open_config};
use super::sharing::with_user;
use super::user::User;
use crate::ServiceConfig;
use crate::fault::Outcome;
use coffer_crypto::MasterKey;
use coffer_protocol::Request;
use coffer_protocol::message::recovered::{
    DismissDiverged, Dismissed, DivergedEntry, DivergedPage, Happened, ListDiverged,
};
use coffer_protocol::message::share::Mode;
use coffer_protocol::message::tree::Expect;
use coffer_store::{Arrived, CheckOptions, JournalEntry};
use std::path::Path;
use std::time::Duration;

/// The day of the clock.
const DAY: &str = "2023-11-14";

/// Two machines that were one up to a point.
struct Parted {
    old: Bench,
    new: Bench,
    fork: (u64, [u8; 32]),
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Makes two machines of one. Whoever talked to it has gone by then: a connection keeps
/// the service, and with it the data directory, open.
async fn part(bench: Bench, config: ServiceConfig) -> Parted {
    bench.service.shutdown().await;
    bench.store.shutdown().await.unwrap();
    let Bench { dir, store, service, clock, master, .. } = bench;
    drop((store, service));
    let copied = tempfile::tempdir().unwrap();
    copy(&dir.path().join("data"), &copied.path().join("data"));
    let again = MasterKey::from_bytes(*master.expose());
    let new = Bench::opened(copied, again, clock.clone(), config).await;
    let old = Bench::opened(dir, master, clock, open_config()).await;
    let head = new.store.journal_head().await.unwrap();
    Parted { old, new, fork: (head.position.seq, head.chain_hash) }
}

impl Parted {
    /// Hands over what only the old one has.
    async fn hand_over(&self) -> Vec<JournalEntry> {
        self.old.service.shutdown().await;
        let entries = self.old.store.entries_after(self.fork.0, usize::MAX).await.unwrap();
        self.keep(&entries).await;
        entries
    }

    async fn keep(&self, entries: &[JournalEntry]) {
        let store = &self.new.store;
        let mut arrived = Arrived::default();
        for blob in store.diverged_wants(entries, &arrived, 1_000).await.unwrap() {
            let bytes = self.old.store.read_chunk(&blob).await.unwrap();
            if bytes.len() < 10_000 {
                arrived.inline.insert(blob, bytes);
            } else {
                arrived.pins.insert(blob, store.put_chunk(blob, bytes).await.unwrap());
            }
        }
        store.keep_diverged(entries, self.fork, &arrived).await.unwrap();
    }

    async fn check(&self) {
        let report = self.new.store.check(CheckOptions::default(), |_| {}).await.unwrap();
        assert_eq!(report.problems, []);
    }
}

async fn signed_in(bench: &Bench, name: &str) -> User {
    let mut user = bench.stranger(name);
    user.sign_in().await.unwrap();
    user
}

impl User {
    async fn diverged(&self, limit: u32) -> Outcome<DivergedPage> {
        let list = Request::ListDiverged(ListDiverged { after: None, limit });
        answer!(self.ask(list).await, Diverged).map(|page| *page)
    }

    /// The list, once everything was worked through.
    async fn recovered(&self, waiting: u64) -> Vec<(Happened, String)> {
        for _ in 0..1_000 {
            let page = self.diverged(100).await.unwrap();
            if page.waiting == waiting {
                assert_eq!(page.next, None);
                return page.entries.iter().map(shown).collect();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("writes still wait: {:?}", self.diverged(0).await);
    }

    async fn dismiss(&self, ids: Vec<[u8; 32]>, all: bool) -> Dismissed {
        let request = Request::DismissDiverged(DismissDiverged { ids, all });
        answer!(self.ask(request).await, Dismissed).unwrap()
    }
}

fn shown(entry: &DivergedEntry) -> (Happened, String) {
    let mut text = entry.names.join("/");
    if !entry.other.is_empty() {
        text = format!("{text} ({})", entry.other);
    }
    (entry.happened, text)
}

fn list(items: &[(Happened, &str)]) -> Vec<(Happened, String)> {
    items.iter().map(|(happened, text)| (*happened, (*text).to_owned())).collect()
}

#[tokio::test]
async fn what_was_written_comes_back_beside_what_is_here() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.mkdir("/d").await.unwrap();
    for name in ["/d/both.txt", "/d/old", "/same"] {
        anna.put(name, b"before", Expect::Absent).await.unwrap();
    }
    drop(anna);
    let parted = part(bench, open_config()).await;

    let anna = signed_in(&parted.old, "anna").await;
    anna.put("/d/both.txt", b"old side 1", Expect::Anything).await.unwrap();
    anna.put("/d/both.txt", b"old side 2", Expect::Anything).await.unwrap();
    anna.put("/d/old", b"only there", Expect::Anything).await.unwrap();
    anna.put("/same", b"the same on both", Expect::Anything).await.unwrap();
    anna.put("/d/new.txt", b"new there", Expect::Absent).await.unwrap();
    anna.put("/d/taken.txt", b"new there too", Expect::Absent).await.unwrap();
    anna.mkdir("/tree").await.unwrap();
    anna.mkdir("/tree/inner").await.unwrap();
    anna.mkdir("/tree/empty").await.unwrap();
    let large: Vec<u8> = (0..200_000_u32).map(|n| ((n * 31) >> 3) as u8).collect();
    anna.upload("/tree/inner/large", &[&large[..], b"tail"]).await.unwrap();
    anna.put("/tree/first", b"renamed there", Expect::Absent).await.unwrap();
    anna.mv("/tree/first", "/tree/second", false).await.unwrap();

    let anna = signed_in(&parted.new, "anna").await;
    anna.put("/d/both.txt", b"new side", Expect::Anything).await.unwrap();
    anna.put("/same", b"the same on both", Expect::Anything).await.unwrap();
    anna.put("/d/taken.txt", b"another one", Expect::Absent).await.unwrap();

    let entries = parted.hand_over().await;
    assert_eq!(anna.recovered(12).await, []);
    let anna = signed_in(&parted.new, "anna").await;
    let copy =
        |name: &str, extension: &str| format!("{name} (conflicted copy from {DAY}){extension}");
    let both = format!("/d/{}", copy("both", ".txt"));
    let back = anna.recovered(0).await;
    assert!(
        back.iter().all(|(happened, _)| {
            [Happened::FileBack, Happened::DirectoryBack].contains(happened)
        }),
        "{back:?}"
    );
    assert_eq!(back.len(), 10, "{back:?}");
    assert_eq!(anna.cat("/d/both.txt").await.unwrap(), b"new side");
    assert_eq!(anna.cat(&both).await.unwrap(), b"old side 2");
    let place = super::harness::place(&both);
    assert_eq!(anna.read(place, Some(1)).await.unwrap(), b"old side 1");
    assert_eq!(anna.cat("/d/old").await.unwrap(), b"before");
    assert_eq!(anna.cat(&format!("/d/{}", copy("old", ""))).await.unwrap(), b"only there");
    assert_eq!(anna.cat("/d/new.txt").await.unwrap(), b"new there");
    assert_eq!(anna.cat("/d/taken.txt").await.unwrap(), b"another one");
    let taken = format!("/d/{}", copy("taken", ".txt"));
    assert_eq!(anna.cat(&taken).await.unwrap(), b"new there too");
    assert_eq!(anna.names("/").await, ["d", "same", "tree"]);
    assert_eq!(anna.names("/tree").await, ["empty", "inner", "second"]);
    assert_eq!(anna.cat("/tree/second").await.unwrap(), b"renamed there");
    let whole = [&large[..], b"tail"].concat();
    assert!(anna.cat("/tree/inner/large").await.unwrap() == whole);
    parted.check().await;

    // Handing the same over again changes nothing, also when everything was dismissed.
    let gone = anna.dismiss(Vec::new(), true).await;
    assert_eq!((gone.count, gone.more), (10, false));
    parted.keep(&entries).await;
    let anna = signed_in(&parted.new, "anna").await;
    assert_eq!(anna.recovered(0).await, []);
    assert_eq!(anna.names("/tree").await, ["empty", "inner", "second"]);
    parted.check().await;
}

#[tokio::test]
async fn what_is_no_content_is_listed_and_not_done() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    anna.mkdir("/d").await.unwrap();
    for name in ["/gone", "/d/f", "/purged", "/shared", "/given"] {
        anna.put(name, b"text", Expect::Absent).await.unwrap();
    }
    anna.share("/given", "bert", Mode::Read).await.unwrap();
    drop((anna, bert));
    let parted = part(bench, open_config()).await;

    let anna = signed_in(&parted.old, "anna").await;
    anna.rm("/gone", false).await.unwrap();
    anna.mv("/d/f", "/d/g", false).await.unwrap();
    anna.share("/shared", "bert", Mode::Write).await.unwrap();
    anna.unshare("/given", with_user("bert")).await.unwrap();
    parted.hand_over().await;

    let anna = signed_in(&parted.new, "anna").await;
    let shown = anna.recovered(0).await;
    let expected = list(&[
        (Happened::Deleted, "gone"),
        (Happened::Moved, "d/f (g)"),
        (Happened::Shared, "shared (bert)"),
        (Happened::Unshared, "given (bert)"),
    ]);
    assert_eq!(shown, expected);
    assert_eq!(anna.names("/").await, ["d", "given", "gone", "purged", "shared"]);
    assert_eq!(anna.names("/d").await, ["f"]);
    let by_me = anna.by_me().await;
    assert_eq!(by_me.len(), 1);
    // One is dismissed, then the others.
    let first = anna.diverged(1).await.unwrap();
    assert!(first.next.is_some());
    assert_eq!(anna.dismiss(vec![first.entries[0].id], false).await.count, 1);
    assert_eq!(anna.recovered(0).await, expected[1..]);
    assert_eq!(anna.dismiss(Vec::new(), true).await.count, 3);
    assert_eq!(anna.recovered(0).await, []);
    parted.check().await;
}

#[tokio::test]
async fn what_has_lost_its_place_comes_back_elsewhere() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.mkdir("/d").await.unwrap();
    anna.put("/d/f.txt", b"before", Expect::Absent).await.unwrap();
    drop(anna);
    let parted = part(bench, open_config()).await;

    let anna = signed_in(&parted.old, "anna").await;
    anna.put("/d/f.txt", b"there", Expect::Anything).await.unwrap();
    anna.put("/d/new", b"new", Expect::Absent).await.unwrap();
    let anna = signed_in(&parted.new, "anna").await;
    anna.rm("/d", true).await.unwrap();
    anna.put("/Recovered", b"in the way", Expect::Absent).await.unwrap();
    parted.hand_over().await;

    let anna = signed_in(&parted.new, "anna").await;
    anna.recovered(0).await;
    assert_eq!(anna.names("/").await, ["Recovered", "Recovered 2"]);
    let conflicted = format!("f (conflicted copy from {DAY}).txt");
    assert_eq!(anna.names("/Recovered 2").await, [conflicted.clone(), "new".to_owned()]);
    assert_eq!(anna.cat(&format!("/Recovered 2/{conflicted}")).await.unwrap(), b"there");
    assert_eq!(anna.cat("/Recovered 2/new").await.unwrap(), b"new");
    parted.check().await;
}

#[tokio::test]
async fn a_writer_of_a_share_writes_for_the_owner_and_an_allowance_waits() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let shared = anna.mkdir("/shared").await.unwrap();
    anna.share("/shared", "bert", Mode::Write).await.unwrap();
    drop((anna, bert));
    let parted = part(bench, open_config()).await;

    let bert = signed_in(&parted.old, "bert").await;
    let inside = coffer_protocol::Place {
        base: coffer_protocol::Base::Node(shared),
        names: vec!["of bert".to_owned()],
    };
    let request =
        super::harness::put_files(super::harness::op(), &[(inside, b"0123456789", Expect::Absent)]);
    bert.send(request.0, request.1).await.unwrap();
    parted.hand_over().await;

    let bert = signed_in(&parted.new, "bert").await;
    assert_eq!(bert.recovered(0).await, []);
    let anna = signed_in(&parted.new, "anna").await;
    assert_eq!(anna.recovered(0).await, list(&[(Happened::FileBack, "shared/of bert")]));
    assert_eq!(anna.cat("/shared/of bert").await.unwrap(), b"0123456789");
    parted.check().await;
}

#[tokio::test]
async fn what_does_not_fit_the_allowance_waits_for_room() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.put("/big", &[1; 900], Expect::Absent).await.unwrap();
    let config = allowing(1_000);
    drop(anna);
    let parted = part(bench, config).await;
    let anna = signed_in(&parted.old, "anna").await;
    anna.put("/more", &[2; 200], Expect::Absent).await.unwrap();
    parted.hand_over().await;

    let anna = signed_in(&parted.new, "anna").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(anna.recovered(1).await, []);
    anna.rm("/big", false).await.unwrap();
    let purge = coffer_protocol::message::tree::PurgeTrash {
        op: super::harness::op(),
        what: coffer_protocol::message::tree::PurgeWhat::Everything,
    };
    anna.ask(Request::PurgeTrash(purge)).await.unwrap();
    let anna = signed_in(&parted.new, "anna").await;
    assert_eq!(anna.recovered(0).await, list(&[(Happened::FileBack, "more")]));
    assert_eq!(anna.cat("/more").await.unwrap(), [2; 200]);
    parted.check().await;
}
