//! Damage on one of two machines, healed from the other.

use crate::damage::{TABLES, altered, one_of_everything};
use crate::following::{Bank, catch_up, replica};
use crate::sample::{HOME, changes, chunk, file, first_user, node_id, version};
use crate::site::{Raw, Site};
use coffer_store::{
    Change, CheckOptions, ChunkState, CollectLimits, Commit, Healed, Held, Helper, MOST_DAMAGED,
    RowKey, ScrubCursor, ScrubOptions, Store, StoreError, Want,
};
use std::collections::BTreeSet;
use std::pin::Pin;

/// Two machines with one of everything, at one position.
struct Pair {
    sites: [Site; 2],
    stores: [Store; 2],
}

/// Which of the two.
const SOURCE: usize = 0;
const REPLICA: usize = 1;

impl Pair {
    async fn new(site: Site) -> Self {
        let source_site = site.another();
        let source = one_of_everything(&source_site).await;
        let (blob, bytes) = chunk(10, 200);
        let mut bank = Bank::from([(blob, bytes)]);
        // And a chunk that is a file.
        let (blob, bytes) = chunk(77, 70_000);
        bank.insert(blob, bytes.clone());
        let pins = vec![source.put_chunk(blob, bytes).await.unwrap()];
        let all = vec![
            Change::PutNode(file(77, HOME)),
            Change::PutVersion(version(77, 1, &[blob], &[])),
            // What a check would miss.
            Change::PutVersion(version(14, 1, &[], &[])),
        ];
        source.commit(Commit { pins, ..changes(all) }).await.unwrap();
        let copy = replica(&site).await;
        catch_up(&bank, &source, &copy).await;
        Self { sites: [source_site, site], stores: [source, copy] }
    }

    fn helper(side: usize) -> Helper {
        if side == SOURCE { Helper::Replica } else { Helper::Source }
    }

    /// Hands over everything that one side wants.
    async fn heal(&self, side: usize) -> Vec<Healed> {
        let (hurt, other) = (&self.stores[side], &self.stores[1 - side]);
        let mut outcomes = Vec::new();
        for want in hurt.wanted(usize::MAX, |_| true) {
            outcomes.push(match want {
                Want::Chunk(blob) => {
                    let bytes = other.read_chunk_now(&blob).await.unwrap();
                    hurt.accept_chunk(blob, bytes, Self::helper(side)).await.unwrap()
                }
                Want::Row(key) => {
                    let row = other.row_as_of(&key).await.unwrap();
                    hurt.accept_row(&key, row, Self::helper(side)).await.unwrap()
                }
                Want::Entry(seq) => {
                    let entry = other.entry_as_it_is(seq).await.unwrap().unwrap();
                    hurt.accept_entry(entry, Self::helper(side)).await.unwrap()
                }
            });
        }
        outcomes
    }

    async fn assert_whole(&self) {
        for store in &self.stores {
            assert_eq!(store.unhealed().total(), 0);
            let report = store.check(CheckOptions::default(), |_| ()).await.unwrap();
            assert!(report.is_clean(), "{:?}", report.problems);
        }
        let [one, two] = [self.stores[0].state_root(), self.stores[1].state_root()];
        assert_eq!(one.await.unwrap(), two.await.unwrap());
    }
}

/// An answer that needs no wait.
fn ready(answer: bool) -> Pin<Box<dyn Future<Output = bool> + Send>> {
    Box::pin(std::future::ready(answer))
}

/// One round of the scrub; returns what it found.
async fn scrub(store: &Store) -> u64 {
    let (mut cursor, mut found) = (ScrubCursor::default(), 0);
    loop {
        let step = store.scrub_step(&cursor, ScrubOptions::default()).await.unwrap();
        found += step.damaged;
        match step.next {
            Some(next) => cursor = next,
            None => return found,
        }
    }
}

/// `UPDATE` of one column of the row with these values.
fn update(
    table: &str,
    columns: &[&str],
    keys: usize,
    row: &[Raw],
    index: usize,
    to: &Raw,
) -> String {
    let name = columns.get(index).copied().unwrap_or("digest");
    let place: Vec<String> =
        (0..keys).map(|key| format!("{}={}", columns[key], row[key].literal())).collect();
    format!("UPDATE {table} SET {name}={} WHERE {}", to.literal(), place.join(" AND "))
}

async fn last_row(site: &Site, table: &str, columns: &[&str]) -> Vec<Raw> {
    let list = columns.join(",");
    let rows = site.raw(&format!("SELECT {list},digest FROM {table}")).await;
    rows.into_iter().next_back().unwrap()
}

pub(crate) async fn every_row_is_healed_on_either_side(site: Site) {
    let pair = Pair::new(site).await;
    for side in [SOURCE, REPLICA] {
        for (table, keys, names) in TABLES {
            if ["cluster_state", "journal"].contains(&table) {
                continue;
            }
            let columns: Vec<&str> = names.split(' ').collect();
            let row = last_row(&pair.sites[side], table, &columns).await;
            // A key so far off cannot be told from another one: the replica compares
            // all rows then, which has a test of its own.
            for index in keys..=columns.len() {
                let to = altered(columns.get(index).unwrap_or(&"digest"), &row[index]);
                let sql = update(table, &columns, keys, &row, index, &to);
                pair.sites[side].raw(&sql).await;
                assert_eq!(scrub(&pair.stores[side]).await, 1, "{side} {table} {index}");
                let outcomes = pair.heal(side).await;
                assert_eq!(outcomes, [Healed::Good], "{side} {table} {index}");
                assert_eq!(last_row(&pair.sites[side], table, &columns).await, row);
            }
        }
    }
    pair.assert_whole().await;
    let kept = std::fs::read_dir(pair.sites[SOURCE].config.data_dir.join("quarantine")).unwrap();
    assert!(kept.count() > 10, "damaged rows are kept");
}

pub(crate) async fn one_bit_is_put_right_without_help(site: Site) {
    let pair = Pair::new(site).await;
    let side = REPLICA;
    for (table, keys, names) in TABLES {
        let columns: Vec<&str> = names.split(' ').collect();
        let row = last_row(&pair.sites[side], table, &columns).await;
        for index in 0..=columns.len() {
            let one = match &row[index] {
                _ if (table, index) == ("cluster_state", 0) => continue,
                Raw::Null => continue,
                Raw::Int(number) => Raw::Int(number ^ 4),
                Raw::Bytes(bytes) if bytes.is_empty() => continue,
                Raw::Bytes(bytes) => {
                    let mut bytes = bytes.clone();
                    let at = bytes.len() / 2;
                    bytes[at] ^= 0x10;
                    Raw::Bytes(bytes)
                }
            };
            pair.sites[side].raw(&update(table, &columns, keys, &row, index, &one)).await;
            assert_eq!(scrub(&pair.stores[side]).await, 0, "{table} {index}");
            assert_eq!(last_row(&pair.sites[side], table, &columns).await, row, "{table} {index}");
        }
    }
    // And by whoever reads it first.
    let tables = ["nodes"];
    for table in tables {
        pair.sites[side].raw(&format!("UPDATE {table} SET created_millis=1001")).await;
    }
    assert!(pair.stores[side].node(node_id(77)).await.unwrap().is_some());
    scrub(&pair.stores[side]).await;
    pair.assert_whole().await;
}

pub(crate) async fn chunks_are_healed_on_either_side(site: Site) {
    let pair = Pair::new(site).await;
    let (blob, good) = chunk(77, 70_000);
    let (inline, small) = chunk(10, 200);
    for side in [SOURCE, REPLICA] {
        let store = &pair.stores[side];
        let path = store.config().data_dir().join(format!("chunks/{:02x}/{blob}.1", blob.0[0]));
        let mut contents: Vec<Option<Vec<u8>>> = vec![None, Some(Vec::new())];
        // Header, ciphertext, tag; shorter, longer, another one.
        for at in [0, 3, 15, 16, 35_000, 69_967, 69_968, 69_999] {
            let mut bytes = good.to_vec();
            bytes[at] ^= 0x40;
            contents.push(Some(bytes));
        }
        contents.push(Some(good[..69_999].to_vec()));
        contents.push(Some([&good[..], &[0]].concat()));
        contents.push(Some(chunk(78, 70_000).1.to_vec()));
        for (number, content) in contents.into_iter().enumerate() {
            match content {
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            assert!(store.read_chunk(&blob).await.is_err());
            assert_eq!(store.unhealed().chunks, 1, "a reader finds it at once");
            assert_eq!(scrub(store).await, 1, "{side} {number}");
            assert_eq!(pair.heal(side).await, [Healed::Good], "{side} {number}");
            assert_eq!(store.read_chunk(&blob).await.unwrap(), good);
        }
        for data in [Raw::Null, Raw::Bytes(vec![0; 200]), Raw::Bytes(small[..199].to_vec())] {
            let (data, id) = (data.literal(), Raw::Bytes(inline.0.to_vec()).literal());
            pair.sites[side]
                .raw(&format!("UPDATE chunks SET data={data} WHERE blob_id={id}"))
                .await;
            assert_eq!(scrub(store).await, 1);
            let mut wrong = small.to_vec();
            wrong[60] ^= 1;
            let refused = store.accept_chunk(inline, wrong.into(), Helper::Source).await.unwrap();
            assert!(matches!(refused, Healed::Refused(_)));
            assert_eq!(pair.heal(side).await, [Healed::Good]);
            assert_eq!(store.read_chunk(&inline).await.unwrap(), small);
        }
    }
    pair.assert_whole().await;
    // A reader who waits does not notice.
    let store = &pair.stores[SOURCE];
    let path = store.config().data_dir().join(format!("chunks/{:02x}/{blob}.1", blob.0[0]));
    std::fs::write(&path, b"nothing").unwrap();
    let _helper = store.helper();
    let (read, ()) = tokio::join!(store.read_chunk(&blob), async {
        while store.unhealed().chunks == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        pair.heal(SOURCE).await;
    });
    assert_eq!(read.unwrap(), good);
}

pub(crate) async fn entries_are_healed_on_either_side(site: Site) {
    let pair = Pair::new(site).await;
    let (_, keys, names) = TABLES.iter().find(|(table, ..)| *table == "journal").unwrap();
    let columns: Vec<&str> = names.split(' ').collect();
    let list = columns.join(",");
    let sql = format!("SELECT {list},digest FROM journal ORDER BY seq");
    let all = async |site: &Site| site.raw(&sql).await;
    let whole = all(&pair.sites[SOURCE]).await;
    assert_eq!(whole.len(), 3);
    for side in [SOURCE, REPLICA] {
        let site = &pair.sites[side];
        for row in &whole {
            for index in *keys..=columns.len() {
                let to = altered(columns.get(index).unwrap_or(&"digest"), &row[index]);
                site.raw(&update("journal", &columns, *keys, row, index, &to)).await;
                assert!(scrub(&pair.stores[side]).await >= 1, "{side} {index}");
                assert!(pair.heal(side).await.contains(&Healed::Good), "{side} {index}");
                assert_eq!(all(site).await, whole);
            }
        }
        // Two side by side, and all of them gone.
        for seqs in [&[1, 2][..], &[2, 3], &[1, 2, 3]] {
            for seq in seqs {
                site.raw(&format!("DELETE FROM journal WHERE seq={seq}")).await;
            }
            scrub(&pair.stores[side]).await;
            assert_eq!(pair.stores[side].unhealed().entries, seqs.len());
            let outcomes = pair.heal(side).await;
            assert_eq!(outcomes.last(), Some(&Healed::Good), "{outcomes:?}");
            assert_eq!(all(site).await, whole);
        }
        assert_eq!(pair.stores[side].verify_journal().await.unwrap(), 3);
    }
    // One that does not fit the chain, whatever it says of itself.
    let store = &pair.stores[SOURCE];
    pair.sites[SOURCE].raw("DELETE FROM journal WHERE seq=2").await;
    scrub(store).await;
    let mut entry = pair.stores[REPLICA].entry_as_it_is(2).await.unwrap().unwrap();
    entry.committed_millis += 1;
    let refused = store.accept_entry(entry, Helper::Replica).await.unwrap();
    assert!(matches!(refused, Healed::Refused(_)), "{refused:?}");
    pair.heal(SOURCE).await;
    pair.assert_whole().await;
}

pub(crate) async fn what_is_offered_at_another_moment_is_refused(site: Site) {
    let pair = Pair::new(site).await;
    let [source, copy] = &pair.stores;
    let id = Raw::Bytes(node_id(77).0.to_vec()).literal();
    pair.sites[SOURCE].raw(&format!("UPDATE nodes SET name_ct=X'00' WHERE node={id}")).await;
    assert_eq!(scrub(source).await, 1);
    let key = match source.wanted(1, |_| true).as_slice() {
        [Want::Row(key)] => key.clone(),
        other => panic!("{other:?}"),
    };
    let offered = copy.row_as_of(&key).await.unwrap();
    let put = Change::PutSetting { key: "x".to_owned(), value: vec![1] };
    source.commit(changes(vec![put])).await.unwrap();
    let outcome = source.accept_row(&key, offered, Helper::Replica).await.unwrap();
    assert_eq!(outcome, Healed::Elsewhere);
    assert!(matches!(source.node(node_id(77)).await, Err(StoreError::DamagedRow { .. })));
    // The source stands still for a moment, in which the replica comes to it.
    catch_up(&Bank::new(), source, copy).await;
    let mut offered = copy.row_as_of(&key).await.unwrap();
    offered.chain_hash[0] ^= 1;
    let outcome = source.accept_row(&key, offered, Helper::Replica).await.unwrap();
    assert_eq!(outcome, Healed::Elsewhere, "another history");
    let mut other = copy.row_as_of(&key).await.unwrap();
    other.row = copy
        .row_as_of(&RowKey { table: key.table, key: node_id(14).0.to_vec() })
        .await
        .unwrap()
        .row;
    let outcome = source.accept_row(&key, other, Helper::Replica).await.unwrap();
    assert!(matches!(outcome, Healed::Refused(_)), "another row: {outcome:?}");
    assert_eq!(pair.heal(SOURCE).await, [Healed::Good]);
    // Commits go on.
    let content = Change::PutVersion(version(90, 1, &[], &[]));
    source.commit(changes(vec![Change::PutNode(file(90, HOME)), content])).await.unwrap();
    catch_up(&Bank::new(), source, copy).await;
    pair.assert_whole().await;
}

pub(crate) async fn what_is_sound_is_not_written_over(site: Site) {
    let pair = Pair::new(site).await;
    let [source, copy] = &pair.stores;
    for (table, _, names) in TABLES {
        if ["cluster_state", "journal"].contains(&table) {
            continue;
        }
        let columns: Vec<&str> = names.split(' ').collect();
        let row = last_row(&pair.sites[SOURCE], table, &columns).await;
        assert!(!row.is_empty());
    }
    let key = RowKey { table: 4, key: node_id(77).0.to_vec() };
    let row = copy.row_as_of(&key).await.unwrap();
    let outcome = source.accept_row(&key, row.clone(), Helper::Replica).await.unwrap();
    assert_eq!(outcome, Healed::Sound);
    // One that is missing is damage as well: the replica has it at this very moment.
    let id = Raw::Bytes(node_id(77).0.to_vec()).literal();
    pair.sites[SOURCE].raw(&format!("DELETE FROM nodes WHERE node={id}")).await;
    let outcome = source.accept_row(&key, row, Helper::Replica).await.unwrap();
    assert_eq!(outcome, Healed::Good);
    let absent = RowKey { table: 4, key: node_id(999).0.to_vec() };
    let none = copy.row_as_of(&absent).await.unwrap();
    assert_eq!(none.row, None);
    assert_eq!(source.accept_row(&absent, none, Helper::Replica).await.unwrap(), Healed::Sound);
    let admin = Store::open_admin(pair.sites[0].config.clone(), pair.sites[0].environment()).await;
    let admin = admin.unwrap();
    let (blob, bytes) = chunk(77, 70_000);
    let refused = admin.accept_chunk(blob, bytes, Helper::Replica).await;
    assert!(matches!(refused, Err(StoreError::AdminOnly)));
    pair.assert_whole().await;
}

pub(crate) async fn the_breaker_ends_healing(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let many = MOST_DAMAGED as u64 + 20;
    let batch = crate::sample::batch(100..100 + many, 300);
    let chunks: Vec<_> = batch.inline.clone();
    store.commit(batch).await.unwrap();
    site.raw("UPDATE chunks SET data=NULL").await;
    scrub(&store).await;
    assert!(store.breaker_tripped());
    assert_eq!(store.wanted(usize::MAX, |_| true), []);
    let (blob, bytes) = chunks[0].clone();
    let refused = store.accept_chunk(blob, bytes.clone(), Helper::Replica).await.unwrap();
    assert!(matches!(refused, Healed::Refused(_)));
    let limits = CollectLimits { grace_millis: 0, chunks: 100 };
    let collected = store.collect_garbage(limits).await.unwrap();
    assert_eq!(collected.held, Some(Held::Breaker));
    store.overrule_breaker(true);
    assert_eq!(store.wanted(usize::MAX, |_| true).len() as u64, many);
    for (blob, bytes) in chunks {
        let outcome = store.accept_chunk(blob, bytes, Helper::Replica).await.unwrap();
        assert_eq!(outcome, Healed::Good);
    }
    store.overrule_breaker(false);
    assert_eq!((scrub(&store).await, store.unhealed().total()), (0, 0));
    assert_eq!(store.collect_garbage(limits).await.unwrap().held, None);
}

pub(crate) async fn the_collector_waits_for_replicas(site: Site) {
    let pair = Pair::new(site).await;
    let [source, copy] = &pair.stores;
    let (blob, _) = chunk(77, 70_000);
    source.commit(changes(vec![Change::DeleteNode(node_id(77))])).await.unwrap();
    let limits = CollectLimits { grace_millis: 0, chunks: 100 };
    let behind = copy.position().await.unwrap().seq;
    let away = |seq: u64| ready(seq <= behind);
    let first = source.collect_garbage_when(limits, &away).await.unwrap();
    assert_eq!((first.condemned, first.deleted, first.held), (1, 0, None));
    let condemned = source.position().await.unwrap().seq;
    pair.sites[SOURCE].set_time(5_000_000);
    for _ in 0..3 {
        let held = source.collect_garbage_when(limits, &away).await.unwrap();
        assert_eq!((held.deleted, held.held), (0, Some(Held::Replicas)));
    }
    assert_eq!(source.chunk(blob).await.unwrap().unwrap().state, ChunkState::Condemned);
    assert!(source.read_chunk(&blob).await.is_ok(), "who is behind can still have it");
    catch_up(&Bank::new(), source, copy).await;
    let asked = std::sync::Mutex::new(BTreeSet::new());
    let back = |seq: u64| {
        asked.lock().unwrap().insert(seq);
        ready(true)
    };
    let done = source.collect_garbage_when(limits, &back).await.unwrap();
    assert_eq!((done.deleted, done.held), (1, None));
    assert!(asked.lock().unwrap().iter().all(|seq| *seq >= condemned));
    assert_eq!(source.chunk(blob).await.unwrap(), None);
    catch_up(&Bank::new(), source, copy).await;
    assert_eq!(copy.chunk(blob).await.unwrap(), None);
    assert_eq!(copy.sweep_orphans().await.unwrap().orphans, 1, "only now does its file go");
    pair.assert_whole().await;
}
