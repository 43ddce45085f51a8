//! Nothing stored can be read, and nothing altered is delivered.

use coffer_tests::coffer::{PASSWORD, utf8};
use coffer_tests::files::{read_tree, write};
use coffer_tests::{Coffer, Engine, Replica, Rng, Server};
use rusqlite::types::Value;
use std::path::Path;

/// Words that must not be found, each made so that it cannot occur by chance.
const WORDS: [(&str, &str); 5] = [
    ("directory name", "zebra-directory-canary"),
    ("file name", "walrus-file-canary.txt"),
    ("content", "the-content-canary-of-a-small-file"),
    ("contact", "contact-canary@example.org"),
    ("password", PASSWORD),
];

fn encodings(word: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![
        word.to_vec(),
        data_encoding::HEXLOWER.encode(word).into_bytes(),
        data_encoding::HEXUPPER.encode(word).into_bytes(),
        word.iter().flat_map(|byte| [*byte, 0]).collect(),
    ];
    for skip in 0..3 {
        let whole = &word[skip..];
        let whole = &whole[..whole.len() / 3 * 3];
        all.push(data_encoding::BASE64.encode(whole).into_bytes());
        all.push(data_encoding::BASE64URL.encode(whole).into_bytes());
    }
    all
}

fn find_in(dir: &Path, words: &[(String, Vec<u8>)]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, bytes) in read_tree(dir) {
        let Some(bytes) = bytes else { continue };
        for (what, word) in words {
            for encoding in encodings(word) {
                if memchr::memmem::find(&bytes, &encoding).is_some() {
                    found.push(format!("{what} in {name}"));
                }
            }
        }
    }
    found
}

/// Neither on a keyless replica, which never gets the key of the installation.
fn nothing_is_readable_on_a_replica(source: Engine, target: Engine) {
    let server = Server::start(source);
    let coffer = Coffer::sign_up(&server, "quagga-user-canary");
    let tree = coffer.path(WORDS[0].1);
    write(&tree.join(WORDS[1].1), WORDS[2].1.as_bytes());
    let mut replica = Replica::start(&server, target);
    let big = Rng::new("big").bytes(3_000_000);
    write(&tree.join("big"), &big);
    coffer.ok(&["put", utf8(&tree), "/"]);
    replica.assert_same_as(&server);
    replica.stop();
    let key = std::fs::read_to_string(server.data().join("master.key")).expect("master key");
    let raw = coffer_crypto::MasterKey::parse_file_text(&key).expect("a master key");
    let mut words: Vec<(String, Vec<u8>)> =
        WORDS.iter().map(|(what, word)| ((*what).to_owned(), word.as_bytes().to_vec())).collect();
    words.push(("user name".to_owned(), b"quagga-user-canary".to_vec()));
    words.push(("big content".to_owned(), big[1_500_000..1_500_032].to_vec()));
    words.push(("master key".to_owned(), raw.expose().to_vec()));
    // Some groups of the written form.
    let groups = key.trim().split_once(char::is_whitespace).expect("groups").1;
    words.push(("written master key".to_owned(), groups.as_bytes()[..24].to_vec()));
    // The scan finds what is there: the source has the key.
    assert!(find_in(&server.data(), &words).iter().any(|found| found.contains("master key")));
    let mut found = find_in(&replica.data(), &words);
    if let Some(database) = &mut replica.database {
        database.kill();
        found.extend(find_in(&database.data_dir(), &words));
    }
    let log = replica.log().into_bytes();
    let in_log = |(what, word): &(String, Vec<u8>)| {
        memchr::memmem::find(&log, word).map(|_| format!("{what} in the log"))
    };
    found.extend(words.iter().filter_map(in_log));
    assert!(found.is_empty(), "readable on the replica: {found:#?}");
    // Nothing of what makes a directory one that serves.
    for absent in ["master.key", "coffer-data", "anchor", "tls/authority.key.sealed"] {
        assert!(!replica.data().join(absent).exists(), "{absent}");
    }
}

#[test]
fn nothing_is_readable_on_a_keyless_replica_on_sqlite() {
    nothing_is_readable_on_a_replica(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn nothing_is_readable_on_a_keyless_replica_on_mariadb() {
    nothing_is_readable_on_a_replica(Engine::Sqlite, Engine::MariaDb);
}

fn nothing_is_readable(engine: Engine) {
    let mut server = Server::start(engine);
    let coffer = Coffer::new();
    let (password, recovery) = (coffer.password_file(), coffer.recovery_file());
    coffer.ok(&[
        "signup",
        &server.link(),
        "--user",
        "quagga-user-canary",
        "--contact",
        WORDS[3].1,
        "--password-file",
        utf8(&password),
        "--recovery-file",
        utf8(&recovery),
    ]);
    let source = coffer.path(WORDS[0].1);
    write(&source.join(WORDS[1].1), WORDS[2].1.as_bytes());
    let big = Rng::new("big").bytes(3_000_000);
    write(&source.join("big"), &big);
    coffer.ok(&["put", utf8(&source), "/"]);
    coffer.ok(&["find", "walrus*"]);
    coffer.ok(&["rm", "-r", &format!("/{}", WORDS[0].1)]);
    coffer.ok(&["put", utf8(&source), "/"]);
    coffer.fails(3, &["cat", "/walrus-file-canary.txt"]);
    server.stop();
    let mut words: Vec<(String, Vec<u8>)> =
        WORDS.iter().map(|(what, word)| ((*what).to_owned(), word.as_bytes().to_vec())).collect();
    words.push(("user name".to_owned(), b"quagga-user-canary".to_vec()));
    words.push(("big content".to_owned(), big[1_500_000..1_500_032].to_vec()));
    let recovery = std::fs::read_to_string(&recovery).expect("recovery key");
    words.push(("recovery key".to_owned(), recovery.trim().as_bytes()[..20].to_vec()));
    // The scan finds what is there: the source itself is full of it.
    assert!(find_in(&source, &words).len() >= 2);
    let mut found = find_in(&server.data(), &words);
    if let Some(database) = &mut server.database {
        database.kill();
        found.extend(find_in(&database.data_dir(), &words));
    }
    let log = std::fs::read(server.log_path()).expect("log");
    let in_log = |(what, word): &(String, Vec<u8>)| {
        memchr::memmem::find(&log, word).map(|_| format!("{what} in the log"))
    };
    found.extend(words.iter().filter_map(in_log));
    assert!(found.is_empty(), "readable: {found:#?}");
}

#[test]
fn nothing_is_readable_on_sqlite() {
    nothing_is_readable(Engine::Sqlite);
}

#[test]
fn nothing_is_readable_on_mariadb() {
    nothing_is_readable(Engine::MariaDb);
}

/// A server with a small and a big file, stopped.
fn stored() -> (Server, Coffer, Vec<u8>) {
    let mut server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    let big = Rng::new("flip").bytes(400_000);
    coffer.ok(&["mkdir", "/d"]);
    coffer.write("/d/big", &big);
    coffer.write("/d/small", b"a small file");
    coffer.write("/d/neighbour", b"untouched");
    server.stop();
    (server, coffer, big)
}

#[test]
fn an_altered_chunk_is_named_and_never_delivered() {
    let (mut server, coffer, big) = stored();
    let chunks: Vec<_> = chunk_files(&server.data().join("chunks"));
    assert!(!chunks.is_empty());
    let mut rng = Rng::new("which byte");
    let first = std::fs::read(&chunks[0]).expect("chunk");
    // Each region of the format: header, ciphertext, tag.
    let len = first.len() as u64;
    let mut positions = vec![0, 4, 5, 6, 8, 15, 16, len - 32, len - 1];
    positions.extend((0..6).map(|_| rng.below(len)));
    for position in positions {
        let mut altered = first.clone();
        altered[position as usize] ^= 1 << rng.below(8);
        std::fs::write(&chunks[0], &altered).expect("write");
        let check = server.admin(&["check"]);
        assert!(!check.status.success(), "check misses byte {position}");
        let name = chunks[0].file_name().expect("name").to_string_lossy().into_owned();
        let report = String::from_utf8_lossy(&check.stdout).into_owned()
            + &String::from_utf8_lossy(&check.stderr);
        assert!(report.contains(&name[..16]), "not named: {report}");
        server.run();
        coffer.fails(7, &["cat", "/d/big"]);
        let target = coffer.path("out");
        let partly = coffer.fails(8, &["get", "/d", utf8(&target)]);
        assert!(partly.contains("big"), "{partly}");
        assert!(!target.join("big").exists(), "nothing of it is delivered");
        assert_eq!(std::fs::read(target.join("neighbour")).expect("neighbour"), b"untouched");
        server.stop();
        std::fs::remove_dir_all(target).expect("remove");
        restore(&server, &chunks[0], &first);
    }
    server.run();
    assert!(coffer.cat("/d/big") == big);
}

/// Puts the right bytes back; a quarantined chunk is found missing otherwise.
fn restore(server: &Server, path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("write");
    let quarantine = server.data().join("quarantine");
    for entry in std::fs::read_dir(quarantine).into_iter().flatten() {
        std::fs::remove_file(entry.expect("entry").path()).expect("remove");
    }
}

fn chunk_files(dir: &Path) -> Vec<std::path::PathBuf> {
    let tree = read_tree(dir);
    tree.into_iter().filter(|(_, bytes)| bytes.is_some()).map(|(name, _)| dir.join(name)).collect()
}

#[test]
fn altered_rows_are_named_and_never_believed() {
    let (mut server, coffer, big) = stored();
    let path = server.data().join("coffer.db");
    let columns = |database: &rusqlite::Connection, table: &str| -> Vec<String> {
        let mut statement = database.prepare(&format!("PRAGMA table_info({table})")).expect("sql");
        let names = statement.query_map([], |row| row.get(1)).expect("sql");
        names.map(|name| name.expect("name")).collect()
    };
    let mut tried = 0;
    for table in ["users", "nodes", "versions", "chunks", "journal"] {
        let names = columns(&rusqlite::Connection::open(&path).expect("open"), table);
        for column in names {
            let kept = std::fs::read(&path).expect("read");
            let database = rusqlite::Connection::open(&path).expect("open");
            // One bit of every value of the column; a row at a time would take long.
            let changed = flip(&database, table, &column);
            drop(database);
            if changed {
                tried += 1;
                let check = server.admin(&["check"]);
                assert!(!check.status.success(), "check misses {table}.{column}");
                if server.try_run() {
                    for (name, right) in [("/d/big", &big[..]), ("/d/small", b"a small file")] {
                        let ran = coffer.run(&["cat", name]);
                        let right = ran.code == 0 && ran.out == right;
                        assert!(ran.code != 0 || right, "{table}.{column}: wrong bytes delivered");
                    }
                }
                server.kill();
            }
            for suffix in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(server.data().join(format!("coffer.db{suffix}")));
            }
            std::fs::write(&path, kept).expect("write");
        }
    }
    assert!(tried > 20, "only {tried} columns could be altered");
    server.run();
    assert!(coffer.cat("/d/big") == big);
}

/// Flips the lowest bit of the last byte (or of the number) of the newest row
/// whose value is not NULL; false where nothing could be changed.
fn flip(database: &rusqlite::Connection, table: &str, column: &str) -> bool {
    let read = format!(
        "SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY rowid DESC LIMIT 1"
    );
    let found =
        database.query_row(&read, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Value>(1)?)));
    let Ok((row, value)) = found else { return false };
    let value = match value {
        Value::Integer(number) => Value::Integer(number ^ 1),
        Value::Blob(mut bytes) if !bytes.is_empty() => {
            *bytes.last_mut().expect("not empty") ^= 1;
            Value::Blob(bytes)
        }
        _ => return false,
    };
    let write = format!("UPDATE {table} SET {column} = ?1 WHERE rowid = ?2");
    database.execute(&write, rusqlite::params![value, row]).is_ok()
}
