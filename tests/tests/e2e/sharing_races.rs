//! What is taken away while it is used. Whoever takes a share back, makes it
//! weaker, leaves it or lets it end is answered, and from then on no request
//! that begins yields a byte or makes a change; whatever was on its way before
//! has happened as a whole or not at all.
//!
//! `COFFER_RACE_ROUNDS` sets the number of rounds, 1,000 over both engines.

use coffer_protocol::message::share::Mode;
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{ErrorCode, NodeId, Place, WireError};
use coffer_tests::person::{Answer, Person, inside, millis_from_now, new_upload, node_place, user};
use coffer_tests::{Engine, Rng, Server, rounds};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Races that run side by side, each in a directory of its own.
const LANES: u32 = 4;

/// A file that is uploaded in chunks.
static BIG: [u8; 66_000] = [8; 66_000];

/// Requests that begin after the end and must fail.
const TRIES_AFTER: u32 = 2;

/// What the recipient does again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Reads a file that was opened before.
    Download,
    /// Reads many small files.
    ReadBatch,
    /// Sends a chunk beforehand, then commits.
    Upload,
    /// Writes small files.
    Write,
    /// Moves a file from one directory to another.
    Move,
    /// Renames a file.
    Rename,
}

const USES: [Use; 6] =
    [Use::Download, Use::ReadBatch, Use::Upload, Use::Write, Use::Move, Use::Rename];

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Unshare,
    /// WRITE becomes READ; ends what changes something.
    Weaken,
    Leave,
    Expire,
    /// The owner moves the directory out of the one that is shared.
    MoveAway,
    /// The owner deletes the shared directory.
    Delete,
}

const ENDS: [End; 6] =
    [End::Unshare, End::Weaken, End::Leave, End::Expire, End::MoveAway, End::Delete];

impl Use {
    fn changes(self) -> bool {
        !matches!(self, Self::Download | Self::ReadBatch)
    }
}

/// One race: its directory, and whether it has ended.
struct Race {
    root: NodeId,
    shared: NodeId,
    deep: NodeId,
    file: NodeId,
    revision: u64,
    ended: AtomicBool,
    expires: AtomicI64,
    done: AtomicU32,
}

impl Race {
    fn is_over(&self) -> bool {
        let expires = self.expires.load(Ordering::SeqCst);
        self.ended.load(Ordering::SeqCst) || (expires > 0 && millis_from_now(0) > expires)
    }
}

/// The recipient: uses it until some requests that began after the end failed.
async fn use_it(bob: &Person, race: &Race, how: Use) -> Result<(), String> {
    let mut at = [race.shared, race.deep];
    let mut name = "f".to_owned();
    let begun = Instant::now();
    let mut failed_after = 0;
    for number in 0.. {
        let upload = new_upload();
        if how == Use::Upload {
            bob.put_chunk(upload, &BIG).await.expect("a chunk has no place yet");
        }
        let over = race.is_over();
        let answer: Answer<()> = match how {
            Use::Download => bob.read_chunk(race.file, race.revision, 0).await.map(drop),
            Use::ReadBatch => bob.read_batch(race.file).await.map(drop),
            Use::Upload => {
                let to = inside(race.shared, &format!("up-{number}"));
                let commit = bob.commit_request(upload, &to, &BIG, Expect::Absent);
                let committed = bob.commit(commit).await;
                if committed.is_err() {
                    bob.abort(upload).await.expect("given up");
                }
                committed.map(drop)
            }
            Use::Write => {
                let to = inside(race.deep, "f");
                bob.put(&to, number.to_string().as_bytes(), Expect::Anything).await.map(drop)
            }
            Use::Move => {
                let (from, to) = (inside(at[0], "f"), inside(at[1], "f"));
                let moved = bob.mv(&from, &to).await;
                at.swap(0, usize::from(moved.is_ok()));
                moved.map(drop)
            }
            Use::Rename => {
                let new = format!("name-{number}");
                let (from, to) = (inside(race.shared, &name), inside(race.shared, &new));
                let renamed = bob.mv(&from, &to).await;
                name = if renamed.is_ok() { new } else { name };
                renamed.map(drop)
            }
        };
        match (over, answer) {
            (true, Ok(())) => return Err(format!("{how:?}: done, though it began after the end")),
            (_, Err(error)) if !is_refusal(&error) => return Err(format!("{how:?}: {error:?}")),
            (true, Err(_)) => failed_after += 1,
            (false, Ok(())) => drop(race.done.fetch_add(1, Ordering::SeqCst)),
            // It may be over by now, and the answer to that be on its way.
            (false, Err(_)) => {}
        }
        if failed_after >= TRIES_AFTER {
            return Ok(());
        }
        if begun.elapsed() > Duration::from_secs(30) {
            return Err(format!("{how:?}: never over"));
        }
    }
    unreachable!("the numbers do not end")
}

/// What somebody hears who may not (any more).
fn is_refusal(error: &WireError) -> bool {
    [ErrorCode::NOT_FOUND, ErrorCode::NOT_ALLOWED, ErrorCode::NO_SUCH_VERSION].contains(&error.code)
}

/// Ends it, and says so once that was answered.
async fn end_it(ada: &Person, bob: &Person, race: &Race, how: End, after: Duration, with: &str) {
    tokio::time::sleep(after).await;
    let shared = node_place(race.shared);
    match how {
        End::Unshare => drop(ada.unshare(&shared, &user(with)).await.expect("taken back")),
        End::Weaken => drop(ada.share(&shared, &user(with), Mode::Read).await.expect("weaker")),
        End::Leave => drop(bob.leave(race.shared).await.expect("left")),
        // It ends by itself: the time was said when it was shared.
        End::Expire => return,
        End::MoveAway => {
            let away = inside(race.root, "away");
            ada.mv(&node_place(race.deep), &away).await.expect("moved");
        }
        End::Delete => drop(ada.rm(&shared).await.expect("deleted")),
    }
    race.ended.store(true, Ordering::SeqCst);
}

/// The tree of a race, as its owner sees it.
async fn state(ada: &Person, root: NodeId) -> String {
    let tree = ada.walk(&node_place(root), None).await.expect("a tree");
    let account = ada.account().await;
    format!("{tree:?} {} {}", account.nodes, account.bytes)
}

/// `with` is the user name of the recipient; `bob` uses, `again` leaves.
async fn one_race(
    ada: &Person,
    (bob, again): (&Person, &Person),
    number: u32,
    (how, end): (Use, End),
    after: Duration,
) -> Result<u32, String> {
    let home = ada.own("");
    let paths =
        [format!("r{number}"), format!("r{number}/s{number}"), format!("r{number}/s{number}/d")];
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let nodes = ada.make_dirs(&home, &paths).await.expect("directories");
    let [root, shared, deep] = nodes[..] else { panic!("three") };
    // What is read, and what moves away, is in the deep directory.
    let place: Place = match how {
        Use::Move | Use::Rename => inside(shared, "f"),
        _ => inside(deep, "f"),
    };
    let written = ada.put(&place, b"content", Expect::Absent).await.expect("written");
    let expires = (end == End::Expire).then(|| millis_from_now(100 + after.as_millis() as i64));
    let (what, with) = (node_place(shared), user(&bob.name));
    match ada.share_until(&what, &with, Mode::Write, expires).await {
        // A machine that is busy with something else: the time was up before.
        Err(_) if end == End::Expire => return Ok(0),
        shared => drop(shared.expect("shared")),
    }
    let race = Race {
        root,
        shared,
        deep,
        file: written.node,
        revision: written.revision,
        ended: AtomicBool::new(false),
        expires: AtomicI64::new(expires.unwrap_or(0)),
        done: AtomicU32::new(0),
    };
    let (used, ()) =
        tokio::join!(use_it(bob, &race, how), end_it(ada, again, &race, end, after, &bob.name));
    used.map_err(|text| format!("{end:?} against {text}"))?;
    let before = state(ada, root).await;
    // Nothing that was on its way comes in late.
    tokio::time::sleep(Duration::from_millis(2)).await;
    let late = state(ada, root).await;
    // The lane is alone with its accounts: the whole usage is compared.
    (before == late)
        .then_some(race.done.load(Ordering::SeqCst))
        .ok_or_else(|| format!("{end:?} against {how:?}: changed after the end\n{before}\n{late}"))
}

/// Which uses an end ends.
fn meets(how: Use, end: End) -> bool {
    match end {
        End::Weaken => how.changes(),
        // What is deep in the directory that moves away.
        End::MoveAway => matches!(how, Use::Download | Use::ReadBatch | Use::Write | Use::Move),
        _ => true,
    }
}

fn race(engine: Engine) {
    let server = Server::start(engine);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let total = rounds("COFFER_RACE_ROUNDS", 1000) / 2;
    let begun = Instant::now();
    let pairs: Vec<(Use, End)> = ENDS
        .iter()
        .flat_map(|end| USES.iter().map(|how| (*how, *end)))
        .filter(|(how, end)| meets(*how, *end))
        .collect();
    let pairs = Arc::new(pairs);
    let done: u32 = runtime.block_on(async {
        let link = server.link().parse().expect("a link");
        let mut lanes = Vec::new();
        for lane in 0..LANES {
            let ada = Person::sign_up(&link, &format!("ada-{lane}")).await;
            let bob = Person::sign_up(&link, &format!("bob-{lane}")).await;
            let (pairs, mut rng) = (Arc::clone(&pairs), Rng::new("race"));
            lanes.push(tokio::spawn(async move {
                let again = bob.again().await;
                let mut done = 0;
                for number in (lane..total).step_by(LANES as usize) {
                    let pair = pairs[number as usize % pairs.len()];
                    let after = Duration::from_micros(rng.below(15_000));
                    let raced = one_race(&ada, (&bob, &again), number, pair, after).await;
                    done += raced.unwrap_or_else(|fault| panic!("round {number}: {fault}"));
                }
                done
            }));
        }
        let mut done = 0;
        for lane in lanes {
            done += lane.await.expect("no lane found a fault");
        }
        done
    });
    eprintln!("{engine:?}: {total} rounds, {done} requests in time, {:?}", begun.elapsed());
    assert!(total < 100 || done > total / 4, "too few requests came in time to mean anything");
    server.assert_check_is_clean();
}

#[test]
fn nothing_comes_after_the_end_on_sqlite() {
    race(Engine::Sqlite);
}

#[test]
fn nothing_comes_after_the_end_on_mariadb() {
    race(Engine::MariaDb);
}
