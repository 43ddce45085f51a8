//! The work of a request does not grow with the number of shares: counted in
//! statements and in rows that the database touches, because a time proves
//! nothing on a busy machine. `cargo xtask bench sharing` measures times.

use coffer_protocol::NodeId;
use coffer_protocol::message::share::Mode;
use coffer_protocol::message::tree::{Expect, List};
use coffer_tests::person::{Person, inside, node_place, user};
use coffer_tests::rows::{Cell, SHARES};
use coffer_tests::{Engine, Server};

/// Requests of each kind that are counted together.
const REQUESTS: u64 = 20;
/// How often they are counted; the least counts, because what the server does
/// beside the requests only ever adds to it.
const TIMES: usize = 4;

/// What is asked again and again inside a shared directory.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Stat,
    List,
    Read,
    Write,
    FindShared,
}

const KINDS: [Kind; 5] = [Kind::Stat, Kind::List, Kind::Read, Kind::Write, Kind::FindShared];

async fn ask(person: &Person, dir: NodeId, kind: Kind) {
    let file = inside(dir, "f");
    match kind {
        Kind::Stat => drop(person.stat(&file).await.expect("there")),
        Kind::List => {
            let list = List { place: node_place(dir), cursor: None, limit: 100 };
            assert_eq!(person.list_page(list).await.expect("a page").entries.len(), 1);
        }
        Kind::Read => drop(person.read(&file, None).await.expect("read")),
        Kind::Write => {
            person.put(&file, b"again", Expect::Anything).await.expect("written");
        }
        Kind::FindShared => drop(person.find_shared("ada", "dir").await.expect("found")),
    }
}

/// Statements, and rows touched, since the database was started.
fn counted(server: &Server) -> (u64, u64) {
    let rows = server.sql(
        "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS \
         WHERE VARIABLE_NAME IN ('COM_STMT_EXECUTE','HANDLER_READ_FIRST','HANDLER_READ_KEY',\
         'HANDLER_READ_NEXT','HANDLER_READ_PREV','HANDLER_READ_RND','HANDLER_READ_RND_NEXT')",
    );
    let mut counts = (0, 0);
    for row in rows {
        let count: u64 = row[1].parse().expect("a number");
        match row[0].starts_with("COM") {
            true => counts.0 += count,
            false => counts.1 += count,
        }
    }
    counts
}

/// Statements and rows touched by one request of each kind.
async fn measure(server: &Server, person: &Person, dir: NodeId) -> Vec<(f64, f64)> {
    let mut measured = Vec::new();
    for kind in KINDS {
        // What a session keeps is there before it is counted.
        ask(person, dir, kind).await;
        let mut least = (f64::MAX, f64::MAX);
        for _ in 0..TIMES {
            let before = counted(server);
            for _ in 0..REQUESTS {
                ask(person, dir, kind).await;
            }
            let after = counted(server);
            let each = |before: u64, after: u64| (after - before) as f64 / REQUESTS as f64;
            least.0 = least.0.min(each(before.0, after.0));
            least.1 = least.1.min(each(before.1, after.1));
        }
        measured.push(least);
    }
    measured
}

/// What the server does beside the requests is allowed for.
fn assert_no_growth(what: &str, few: &[(f64, f64)], many: &[(f64, f64)]) {
    for (kind, (few, many)) in KINDS.iter().zip(few.iter().zip(many)) {
        eprintln!(
            "{what}, {kind:?}: statements {:.1} and {:.1}, rows {:.1} and {:.1}",
            few.0, many.0, few.1, many.1
        );
        assert!(many.0 <= few.0 * 1.2 + 2.0, "{what}: statements of {kind:?} grow");
        // A name is looked for among all names that the owner shares.
        if !matches!(kind, Kind::FindShared) {
            assert!(many.1 <= few.1 * 1.5 + 15.0, "{what}: rows of {kind:?} grow");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_do_not_cost_more_with_more_shares() {
    let server = Server::start(Engine::MariaDb);
    let link = server.link().parse().expect("a link");
    let ada = Person::sign_up(&link, "ada").await;
    let bob = Person::sign_up(&link, "bob").await;
    let dir = ada.mkdir(&ada.own(""), "dir").await.expect("made");
    ada.put(&inside(dir, "f"), b"content", Expect::Absent).await.expect("written");
    let with_bob = user("bob");
    ada.share(&node_place(dir), &with_bob, Mode::Write).await.expect("shared");
    let few = measure(&server, &bob, dir).await;

    // The same node with very many others: rows as they would be, made by hand.
    let own = SHARES.read(&server).remove(0);
    let rows: Vec<_> = (0..2000_u32)
        .map(|number| {
            let mut row = own.clone();
            let id = |mark: u8| {
                let mut id = [mark; 16];
                id[..4].copy_from_slice(&number.to_be_bytes());
                Cell::Bytes(id.to_vec())
            };
            row[SHARES.column("share")] = id(0xaa);
            row[SHARES.column("recipient")] = id(0xbb);
            row
        })
        .collect();
    SHARES.insert_all(&server, &rows);
    assert_no_growth("many recipients", &few, &measure(&server, &bob, dir).await);
    server.sql(&format!("DELETE FROM shares WHERE share LIKE CONCAT('%', X'{}')", "AA".repeat(12)));
    assert_eq!(SHARES.read(&server).len(), 1);

    // Very many others with the same recipient.
    let names: Vec<String> = (0..400).map(|number| format!("other-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for node in ada.make_dirs(&ada.own(""), &names).await.expect("made") {
        ada.share(&node_place(node), &with_bob, Mode::Read).await.expect("shared");
    }
    assert_no_growth("many shares", &few, &measure(&server, &bob, dir).await);
    let fresh = bob.again().await;
    assert_no_growth("many shares, afresh", &few, &measure(&server, &fresh, dir).await);
    server.assert_check_is_clean();
}
