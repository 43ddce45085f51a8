//! Rows of shares that somebody with write access to the database has edited,
//! with digests that fit: a stronger mode, another recipient, a later end,
//! another owner, another node, swapped grants. None of them opens anything,
//! neither in a session that has the grant open nor in a fresh one.

use coffer_protocol::message::share::Mode;
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{NodeId, UserId};
use coffer_tests::person::{Person, inside, millis_from_now, node_place, user};
use coffer_tests::rows::{Cell, NODES, Row, SHARES, Table};
use coffer_tests::{Engine, Server};

static BIG: [u8; 70_000] = [1; 70_000];

/// What Ada has, and with whom it is shared.
struct Stage {
    server: Server,
    ada: Person,
    bob: Person,
    carol: Person,
    private: NodeId,
    /// Bob: READ.
    readable: NodeId,
    /// Bob: WRITE.
    writable: NodeId,
    /// Carol: WRITE.
    carols: NodeId,
    /// Bob: WRITE, but no longer.
    ended: NodeId,
}

impl Stage {
    async fn set(engine: Engine) -> Self {
        let server = Server::start(engine);
        let link = server.link().parse().expect("a link");
        let ada = Person::sign_up(&link, "ada").await;
        let bob = Person::sign_up(&link, "bob").await;
        let carol = Person::sign_up(&link, "carol").await;
        let paths = ["private", "readable", "writable", "carols", "ended"];
        let nodes = ada.make_dirs(&ada.own(""), &paths).await.expect("directories");
        for node in &nodes {
            ada.put(&inside(*node, "f"), b"content", Expect::Absent).await.expect("written");
        }
        let [private, readable, writable, carols, ended] = nodes[..] else { panic!("five") };
        let share = async |node, with: &Person, mode, end| {
            let with = user(&with.name);
            ada.share_until(&node_place(node), &with, mode, end).await.expect("shared");
        };
        share(readable, &bob, Mode::Read, None).await;
        share(writable, &bob, Mode::Write, None).await;
        share(carols, &carol, Mode::Write, None).await;
        share(ended, &bob, Mode::Write, Some(millis_from_now(1500))).await;
        for node in [readable, writable, ended] {
            assert_eq!(bob.read(&inside(node, "f"), None).await.expect("readable"), b"content");
        }
        tokio::time::sleep(std::time::Duration::from_millis(1600)).await;
        Self { server, ada, bob, carol, private, readable, writable, carols, ended }
    }

    fn row_of(&self, node: NodeId) -> Row {
        let wanted = Cell::Bytes(node.0.to_vec());
        let column = SHARES.column("node");
        let mut rows = SHARES.read(&self.server);
        rows.retain(|row| row[column] == wanted);
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }

    /// Nothing that Bob was not given is his, in no session.
    async fn nothing_is_gained(&self, what: &str) {
        let fresh = self.bob.again().await;
        for bob in [&self.bob, &fresh] {
            for node in [self.private, self.carols, self.ended] {
                let file = inside(node, "f");
                assert!(bob.read(&file, None).await.is_err(), "{what}: read");
                assert!(bob.list(&node_place(node)).await.is_err(), "{what}: listed");
                assert!(bob.cp(&file, &bob.own("taken")).await.is_err(), "{what}: copied");
                assert!(bob.put(&file, b"x", Expect::Anything).await.is_err(), "{what}: wrote");
            }
            let file = inside(self.readable, "f");
            assert!(bob.put(&file, b"x", Expect::Anything).await.is_err(), "{what}: wrote");
            assert!(bob.put_big(&file, &BIG, Expect::Anything).await.is_err(), "{what}");
            assert!(bob.mkdir(&node_place(self.readable), "new").await.is_err(), "{what}: made");
            assert!(bob.rm(&file).await.is_err(), "{what}: deleted");
            assert!(bob.mv(&file, &inside(self.readable, "g")).await.is_err(), "{what}: moved");
            // The neighbours go on.
            bob.list(&bob.own("")).await.expect("his own directory");
        }
        for node in [self.private, self.readable, self.writable, self.carols, self.ended] {
            let names = self.ada.list(&node_place(node)).await.expect("her own");
            assert_eq!(names, ["f"], "{what}");
            let read = self.ada.read(&inside(node, "f"), None).await;
            assert_eq!(read.expect("her own"), b"content", "{what}");
        }
    }

    async fn try_forged(&self, what: &str, table: &Table, original: &Row, forged: &Row) {
        assert_ne!(original, forged, "{what}");
        table.replace(&self.server, forged);
        self.nothing_is_gained(what).await;
        table.replace(&self.server, original);
    }
}

fn bytes(id: &[u8; 16]) -> Cell {
    Cell::Bytes(id.to_vec())
}

fn with<const N: usize>(row: &Row, changes: [(&str, Cell); N]) -> Row {
    let mut row = row.clone();
    for (column, cell) in changes {
        row[SHARES.column(column)] = cell;
    }
    row
}

/// Rows in the place of those that were there: one column edited, then several
/// that belong together.
async fn edited_rows(stage: &Stage, bob: UserId) {
    let readable = stage.row_of(stage.readable);
    let writable = stage.row_of(stage.writable);
    let carols = stage.row_of(stage.carols);
    let ended = stage.row_of(stage.ended);
    let grant = |row: &Row| row[SHARES.column("grant_ct")].clone();
    let share = |row: &Row| row[SHARES.column("share")].clone();
    let write = ("mode", Cell::Number(2));
    let later = Cell::Number(millis_from_now(3_600_000));
    let private = ("node", bytes(&stage.private.0));
    let to_bob = ("recipient", bytes(&bob.0));
    let forgeries: Vec<(&str, &Row, Row)> = vec![
        ("READ to WRITE", &readable, with(&readable, [write.clone()])),
        ("a mode that there is not", &readable, with(&readable, [("mode", Cell::Number(3))])),
        ("a later end", &ended, with(&ended, [("expires_millis", later.clone())])),
        ("no end", &ended, with(&ended, [("expires_millis", Cell::Null)])),
        ("another recipient", &carols, with(&carols, [to_bob.clone()])),
        ("another node", &writable, with(&writable, [private.clone()])),
        ("another node, to read", &readable, with(&readable, [private.clone()])),
        ("another owner", &carols, with(&carols, [to_bob.clone(), ("owner", bytes(&bob.0))])),
        (
            "a stronger share in its place",
            &readable,
            with(&writable, [("share", share(&readable)), ("node", bytes(&stage.readable.0))]),
        ),
        (
            "the grant of a stronger share",
            &readable,
            with(&readable, [write.clone(), ("grant_ct", grant(&writable))]),
        ),
        (
            "somebody else's grant",
            &readable,
            with(&readable, [("node", bytes(&stage.carols.0)), ("grant_ct", grant(&carols))]),
        ),
        (
            "one's own grant in somebody else's row",
            &carols,
            with(&carols, [to_bob.clone(), ("grant_ct", grant(&writable))]),
        ),
        ("a member of a group", &carols, with(&carols, [to_bob.clone(), ("via", bytes(&[5; 16]))])),
        (
            "a share with a group",
            &readable,
            with(&readable, [write.clone(), ("recipient_kind", Cell::Number(2))]),
        ),
        (
            "an owner's key of another epoch",
            &readable,
            with(&readable, [write.clone(), ("key_epoch", Cell::Number(2))]),
        ),
    ];
    for (what, original, forged) in &forgeries {
        stage.try_forged(what, &SHARES, original, forged).await;
    }
}

/// Rows that were not there before.
async fn added_rows(stage: &Stage, bob: UserId) {
    let readable = stage.row_of(stage.readable);
    let writable = stage.row_of(stage.writable);
    let carols = stage.row_of(stage.carols);
    let to_bob = ("recipient", bytes(&bob.0));
    let private = ("node", bytes(&stage.private.0));
    let write = ("mode", Cell::Number(2));
    let fresh = ("share", bytes(&[0xab; 16]));
    let added = [
        ("a copy for another node", with(&writable, [fresh.clone(), private.clone()])),
        (
            "a copy for the home directory",
            with(&writable, [fresh.clone(), ("node", bytes(&stage.ada.home.0))]),
        ),
        ("a copy for another recipient", with(&carols, [fresh.clone(), to_bob.clone()])),
        (
            "a stronger copy",
            with(&readable, [fresh.clone(), write.clone(), ("via", bytes(&[6; 16]))]),
        ),
    ];
    for (what, row) in &added {
        SHARES.insert(&stage.server, row);
        stage.nothing_is_gained(what).await;
        stage.server.sql(&format!("DELETE FROM shares WHERE share=X'{}'", "AB".repeat(16)));
    }
}

async fn forge(engine: Engine) {
    let stage = Stage::set(engine).await;
    let (ada, bob) = (stage.ada.account().await.user_id, stage.bob.account().await.user_id);
    stage.nothing_is_gained("nothing forged").await;
    edited_rows(&stage, bob).await;
    added_rows(&stage, bob).await;
    moved_nodes(&stage, ada, bob).await;

    // With every row as it was, everything is as it was.
    stage.nothing_is_gained("everything back").await;
    let written = stage.bob.put(&inside(stage.writable, "f"), b"content", Expect::Anything).await;
    written.expect("WRITE still writes");
    let carol = &stage.carol;
    assert_eq!(carol.read(&inside(stage.carols, "f"), None).await.expect("hers"), b"content");
    stage.server.assert_check_is_clean();
}

/// What is put below a share by editing nodes does not open there, and what is
/// said to be somebody else's is not.
async fn moved_nodes(stage: &Stage, ada: UserId, bob: UserId) {
    let column = |name| NODES.column(name);
    let rows = NODES.read(&stage.server);
    let of = |id: NodeId| {
        let wanted = Cell::Bytes(id.0.to_vec());
        rows.iter().find(|row| row[column("node")] == wanted).expect("a node").clone()
    };
    let private = of(stage.private);
    assert_eq!(private[column("owner")], bytes(&ada.0));
    let mut below = private.clone();
    below[column("parent")] = bytes(&stage.writable.0);
    let mut given = private.clone();
    given[column("owner")] = bytes(&bob.0);
    let mut taken = given.clone();
    taken[column("parent")] = bytes(&stage.bob.home.0);
    for (what, forged) in
        [("moved below a share", below), ("given to Bob", given), ("put into Bob's home", taken)]
    {
        NODES.replace(&stage.server, &forged);
        let fresh = stage.bob.again().await;
        for bob in [&stage.bob, &fresh] {
            let file = inside(stage.private, "f");
            assert!(bob.read(&file, None).await.is_err(), "{what}: read");
            assert!(bob.put(&file, b"x", Expect::Anything).await.is_err(), "{what}: wrote");
            let renamed = inside(stage.writable, "mine");
            assert!(bob.mv(&node_place(stage.private), &renamed).await.is_err(), "{what}: moved");
            let through = inside(stage.writable, "private/f");
            assert!(bob.read(&through, None).await.is_err(), "{what}: read through the share");
        }
        NODES.replace(&stage.server, &private);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_rows_open_nothing_on_sqlite() {
    forge(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_rows_open_nothing_on_mariadb() {
    forge(Engine::MariaDb).await;
}
