//! What very many shares cost: a node shared with a thousand users, a user with
//! whom a thousand nodes are shared, and a shared directory with a hundred
//! thousand entries, on both engines.

use anyhow::{Context as _, Result};
use coffer_protocol::message::share::{Mode, WhichShares};
use coffer_protocol::message::tree::{Expect, List};
use coffer_protocol::{NodeId, limits};
use coffer_tests::person::{Person, inside, node_place, user};
use coffer_tests::relay::Relay;
use coffer_tests::{Engine, Server};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Users of one node, and nodes of one user.
const SHARES: usize = 1000;
/// Strangers whom one user may look up at once; a restart forgets them.
const LOOK_UPS: usize = 200;
/// Entries of the shared directory.
const ENTRIES: usize = 100_000;
/// Measurements of each kind; the table shows median and slowest.
const TIMES: usize = 25;
/// Measurements that sign in, which one address may not do without end.
const SIGN_INS: usize = 9;

/// What was measured, in order.
#[derive(Default)]
struct Figures(Vec<(String, Vec<Duration>)>);

impl Figures {
    async fn measure<T>(&mut self, what: &str, mut work: impl AsyncFnMut() -> T) {
        let mut times = Vec::with_capacity(TIMES);
        let signs_in = what.contains("sign-in");
        for _ in 0..if signs_in { SIGN_INS } else { TIMES } {
            let begun = Instant::now();
            drop(work().await);
            times.push(begun.elapsed());
        }
        times.sort();
        self.0.push((what.to_owned(), times));
    }

    fn render(&self, engine: Engine) -> String {
        let mut out = format!("\n{engine:?}\n\n| what | ms, median | slowest |\n|---|---|---|\n");
        let millis = |time: &Duration| time.as_secs_f64() * 1000.0;
        for (what, times) in &self.0 {
            let (median, slowest) = (&times[times.len() / 2], &times[times.len() - 1]);
            let _ = writeln!(out, "| {what} | {:.2} | {:.2} |", millis(median), millis(slowest));
        }
        out
    }
}

/// Measures both engines; returns the tables.
pub(crate) fn run() -> Result<String> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut out = String::new();
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        out.push_str(&runtime.block_on(measure(engine))?);
    }
    Ok(out)
}

async fn measure(engine: Engine) -> Result<String> {
    let mut server = Server::start(engine);
    let link = server.link().parse().context("link")?;
    let relay = Relay::start(&link).await;
    let relayed = relay.link(&link);
    let mut ada = Person::sign_up(&link, "ada").await;
    let mut bob = Person::sign_up(&link, "bob").await;
    let mut figures = Figures::default();

    let dir = ada.mkdir(&ada.own(""), "dir").await?;
    ada.put(&inside(dir, "f"), b"content", Expect::Absent).await?;
    ada.share(&node_place(dir), &user("bob"), Mode::Write).await?;
    as_recipient(&mut figures, "one share", &bob, dir, "dir").await;

    eprintln!("  {engine:?}: {SHARES} users");
    for number in 1..SHARES {
        if number % LOOK_UPS == 0 {
            server.stop();
            server.run();
            (ada, bob) = (ada.again().await, bob.again().await);
        }
        let name = format!("user-{number}");
        drop(Person::sign_up(&relayed, &name).await);
        ada.share(&node_place(dir), &user(&name), Mode::Read).await?;
    }
    let what = format!("{SHARES} shares of one node");
    as_recipient(&mut figures, &what, &bob, dir, "dir").await;
    as_owner(&mut figures, &what, &ada, dir).await;

    eprintln!("  {engine:?}: {SHARES} nodes");
    let carol = Person::sign_up(&link, "carol").await;
    let names: Vec<String> = (0..SHARES).map(|number| format!("node-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut last = dir;
    for names in names.chunks(limits::MAX_BATCH_DIRS) {
        for node in ada.make_dirs(&ada.own(""), names).await? {
            ada.share(&node_place(node), &user("carol"), Mode::Write).await?;
            last = node;
        }
    }
    ada.put(&inside(last, "f"), b"content", Expect::Absent).await?;
    let what = format!("{SHARES} shares to one user");
    as_recipient(&mut figures, &what, &carol, last, names[SHARES - 1]).await;

    eprintln!("  {engine:?}: {ENTRIES} entries");
    let entries: Vec<usize> = (0..ENTRIES).collect();
    for numbers in entries.chunks(limits::MAX_BATCH_FILES) {
        let place = |number: &usize| inside(dir, &format!("entry-{number}"));
        let files: Vec<_> = numbers.iter().map(|n| (place(n), &b"x"[..], Expect::Absent)).collect();
        ada.put_all(&files).await?;
    }
    let what = format!("shared, {ENTRIES} entries");
    as_recipient(&mut figures, &what, &bob, dir, "dir").await;
    Ok(figures.render(engine))
}

/// What somebody does with whom something is shared.
async fn as_recipient(figures: &mut Figures, what: &str, person: &Person, dir: NodeId, name: &str) {
    let named = |part: &str| format!("{what}: {part}");
    figures.measure(&named("sign-in"), async || person.again().await).await;
    figures
        .measure(&named("sign-in and `ls @`"), async || {
            person.again().await.shares(WhichShares::WithMe).await.expect("shares")
        })
        .await;
    figures
        .measure(&named("`ls @`"), async || {
            person.shares(WhichShares::WithMe).await.expect("shares")
        })
        .await;
    figures
        .measure(&named("sign-in and `stat @ada/name/f`"), async || {
            let fresh = person.again().await;
            let found = fresh.find_shared("ada", name).await.expect("found");
            fresh.stat(&inside(found.node, "f")).await.expect("there")
        })
        .await;
    figures
        .measure(&named("look up `@ada/name`"), async || {
            person.find_shared("ada", name).await.expect("found")
        })
        .await;
    let file = inside(dir, "f");
    figures.measure(&named("stat inside"), async || person.stat(&file).await.expect("there")).await;
    figures
        .measure(&named("`ls`, one page"), async || {
            let list = List { place: node_place(dir), cursor: None, limit: 1000 };
            person.list_page(list).await.expect("a page")
        })
        .await;
    figures
        .measure(&named("write inside"), async || {
            person.put(&file, b"content", Expect::Anything).await.expect("written")
        })
        .await;
}

/// What the owner does whose node is shared.
async fn as_owner(figures: &mut Figures, what: &str, ada: &Person, dir: NodeId) {
    let named = |part: &str| format!("{what}, the owner: {part}");
    figures.measure(&named("sign-in"), async || ada.again().await).await;
    let (place, file) = (node_place(dir), inside(dir, "f"));
    figures
        .measure(&named("`shares PATH`"), async || {
            ada.shares(WhichShares::Of(place.clone())).await.expect("shares")
        })
        .await;
    figures
        .measure(&named("write inside"), async || {
            ada.put(&file, b"content", Expect::Anything).await.expect("written")
        })
        .await;
    let mut number = 0;
    figures
        .measure(&named("rename the node"), async || {
            number += 1;
            let to = ada.own(if number % 2 == 1 { "renamed" } else { "dir" });
            ada.mv(&place, &to).await.expect("renamed")
        })
        .await;
    ada.mv(&place, &ada.own("dir")).await.ok();
}
