//! Downloads that are spread over several machines.

use super::fake::Fake;
use super::{Tracker, local_files, make_tree, noise, put};
use crate::error::ClientError;
use crate::rate::RateLimits;
use crate::transfer::caller::Caller;
use crate::transfer::spread::{Spread, Spreads, WORTH_BYTES};
use crate::transfer::{RemoteSource, Report, download};
use bytes::Bytes;
use coffer_protocol::{ErrorCode, Place, Request, Response, ServerId, WireError};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;

/// What a standby does with what it is asked.
enum Mood {
    Good,
    Refuses(ErrorCode),
    Lost,
    Silent,
}

struct Other {
    server: Fake,
    mood: Mood,
    asked: AtomicU64,
}

/// A primary with standbys that hold the same.
struct Machines {
    primary: Fake,
    others: Vec<Other>,
}

impl Machines {
    async fn with(source: &Path, moods: Vec<Mood>) -> Self {
        let primary = Fake::new();
        put(&primary, source, Some("t")).await;
        let others = moods.into_iter().map(|mood| {
            let server = primary.copy();
            Other { server, mood, asked: AtomicU64::new(0) }
        });
        let others = others.collect();
        Self { primary, others }
    }

    fn asked(&self) -> Vec<u64> {
        self.others.iter().map(|other| other.asked.load(Ordering::Relaxed)).collect()
    }

    async fn get(&self, to: &Path) -> Report {
        let place = Place::parse("/t").expect("a path");
        let source = RemoteSource { place, shown: "/t".to_owned(), to: to.to_owned() };
        let (tracker, cancel) = (Tracker::new(), CancellationToken::new());
        let spread = Spread::new(self);
        tokio::select! {
            report = download::run(&spread, vec![source], &tracker, &cancel) => report,
            never = spread.join_when_worth_it() => match never {},
        }
    }
}

impl Caller for Machines {
    async fn call(
        &self,
        request: Request,
        payload: Bytes,
    ) -> Result<(Response, Bytes), ClientError> {
        self.primary.call(request, payload).await
    }

    fn server_id(&self) -> ServerId {
        self.primary.server_id()
    }

    fn limits(&self) -> &RateLimits {
        self.primary.limits()
    }
}

impl Spreads for Machines {
    type Other = usize;

    async fn join_others(&self) -> Vec<usize> {
        (0..self.others.len()).collect()
    }

    async fn ask_other(
        &self,
        other: &usize,
        request: Request,
    ) -> Result<(Response, Bytes), ClientError> {
        let other = &self.others[*other];
        other.asked.fetch_add(1, Ordering::Relaxed);
        match other.mood {
            Mood::Good => other.server.call(request, Bytes::new()).await,
            Mood::Refuses(code) => Err(WireError::new(code, "no", "").into()),
            Mood::Lost => Err(ClientError::Lost { detail: "gone".to_owned() }),
            Mood::Silent => std::future::pending().await,
        }
    }
}

/// Enough to be worth it several times over, in big files and many small ones.
fn make_large(root: &Path) {
    make_tree(root);
    fs::write(root.join("large"), noise(3 * WORTH_BYTES as usize, 77)).expect("file");
    fs::create_dir(root.join("many")).expect("directory");
    for number in 0..300 {
        let content = noise(60_000, 1000 + number);
        fs::write(root.join(format!("many/{number}")), content).expect("file");
    }
}

async fn get_with(moods: Vec<Mood>) -> Vec<u64> {
    let root = tempfile::tempdir().expect("directory");
    let (source, target) = (root.path().join("source"), root.path().join("target"));
    make_large(&source);
    let machines = Machines::with(&source, moods).await;
    let report = machines.get(&target).await;
    assert!(report.is_complete(), "{report:?}");
    assert!(local_files(&source) == local_files(&target), "contents differ");
    machines.asked()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_download_is_shared_by_all_machines() {
    let asked = get_with(vec![Mood::Good, Mood::Good]).await;
    assert!(asked.iter().all(|asked| *asked > 3), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_one_is_not_worth_it() {
    let root = tempfile::tempdir().expect("directory");
    let (source, target) = (root.path().join("source"), root.path().join("target"));
    fs::create_dir(&source).expect("directory");
    fs::write(source.join("f"), noise(WORTH_BYTES as usize / 2, 1)).expect("file");
    let machines = Machines::with(&source, vec![Mood::Good]).await;
    assert!(machines.get(&target).await.is_complete());
    assert_eq!(machines.asked(), [0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_standby_does_not_have_undamaged_comes_from_the_primary() {
    for code in [ErrorCode::INTEGRITY, ErrorCode::BEHIND, ErrorCode::NOT_FOUND] {
        let asked = get_with(vec![Mood::Refuses(code)]).await;
        assert!(asked[0] > 1, "only this chunk, not the machine, is in doubt: {code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_is_gone_or_silent_is_left_out() {
    assert!(get_with(vec![Mood::Lost]).await[0] <= 2);
    assert_eq!(get_with(vec![Mood::Silent]).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_damaged_in_a_batch_comes_from_the_primary() {
    let root = tempfile::tempdir().expect("directory");
    let (source, target) = (root.path().join("source"), root.path().join("target"));
    make_large(&source);
    let machines = Machines::with(&source, vec![Mood::Good]).await;
    machines.others[0].server.faults(|faults| faults.unreadable = true);
    let report = machines.get(&target).await;
    assert!(report.is_complete(), "{report:?}");
    assert!(local_files(&source) == local_files(&target), "contents differ");
}
