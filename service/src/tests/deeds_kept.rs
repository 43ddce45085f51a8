//! The record of who did what as it is kept: its secrecy, damage, pages, its end.

use super::deeds::{EVERYTHING, kinds, located, tick};
use super::harness::{Bench, answer, op, open_config};
use crate::ServiceConfig;
use coffer_protocol::Request;
use coffer_protocol::message::event::{ActivityRecord, Deed, ListActivity};
use coffer_protocol::message::share::Mode;
use coffer_protocol::message::tree::Expect;
use coffer_store::Retention;
use std::time::Duration;

#[tokio::test]
async fn the_record_says_nothing_to_who_reads_the_database() {
    let bench = Bench::new().await;
    let (anna, _bert) = (bench.user("anna").await, bench.user("bert").await);
    anna.put("/private-name", b"text", Expect::Absent).await.unwrap();
    anna.mv("/private-name", "/other-private-name", false).await.unwrap();
    anna.share("/other-private-name", "bert", Mode::Read).await.unwrap();
    anna.cat("/other-private-name").await.unwrap();
    bench.service.core.write_waiting().await;
    let sql = bench.sql();
    let mut query = sql.prepare("SELECT sealed FROM activity").unwrap();
    let rows: Vec<Vec<u8>> =
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4 + 2);
    for row in rows {
        for text in ["private", "name", "bert", "192.0.2.1"] {
            assert!(!row.windows(text.len()).any(|bytes| bytes == text.as_bytes()));
        }
        assert_eq!((row.len() - 18) % 32, 0, "lengths say little");
    }
}

#[tokio::test]
async fn damaged_records_are_counted_and_hide_no_other() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    anna.mkdir("/d").await.unwrap();
    anna.share("/d", "bert", Mode::Read).await.unwrap();
    for name in ["/d/a", "/d/b", "/d/c"] {
        tick(&bench);
        anna.put(name, b"x", Expect::Absent).await.unwrap();
    }
    bench.service.core.write_waiting().await;
    let sql = bench.sql();
    let newest = "SELECT activity FROM activity ORDER BY activity DESC LIMIT 1";
    let changed = sql
        .execute(&format!("UPDATE activity SET sealed=zeroblob(50) WHERE activity=({newest})"), [])
        .unwrap();
    assert_eq!(changed, 1);
    for reader in [&anna, &bert] {
        let page = reader.activity_page(EVERYTHING).await.unwrap();
        assert_eq!((page.damaged, page.next), (1, None));
        let names: Vec<_> = page.records.iter().flat_map(|record| &record.names).collect();
        assert!(names.contains(&&"a".to_owned()) && names.contains(&&"b".to_owned()));
        assert!(!names.contains(&&"c".to_owned()));
    }
}

#[tokio::test]
async fn pages_follow_each_other_and_end() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    anna.mkdir("/d").await.unwrap();
    anna.share("/d", "bert", Mode::Read).await.unwrap();
    for number in 0..10 {
        tick(&bench);
        anna.put(&format!("/d/{number}"), b"x", Expect::Absent).await.unwrap();
        anna.put(&format!("/{number}"), b"x", Expect::Absent).await.unwrap();
    }
    let half = bench.millis() - 4000;
    for (reader, all) in [(&anna, 22), (&bert, 12)] {
        let (mut cursor, mut seen) = (None, Vec::new());
        loop {
            let request = ListActivity { cursor, limit: 3, ..EVERYTHING };
            let page = reader.activity_page(request).await.unwrap();
            assert!(page.records.len() <= 3);
            seen.extend(page.records);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        seen.retain(|record| !matches!(record.deed, Deed::SignedIn(_)));
        assert_eq!(seen.len(), all);
        assert!(seen.is_sorted_by_key(|record| std::cmp::Reverse(record.at_millis)));
        let since = ListActivity { since_millis: Some(half), ..EVERYTHING };
        let page = reader.activity_page(since).await.unwrap();
        assert!(page.records.iter().all(|record| record.at_millis >= half));
        assert_eq!(page.records.len(), if all == 22 { 10 } else { 5 });
    }
}

#[tokio::test]
async fn who_may_only_read_learns_of_deletions_since_the_share_began() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let carl = bench.user("carl").await;
    anna.mkdir("/d").await.unwrap();
    for name in ["/d/before", "/d/after", "/d/stays"] {
        anna.put(name, b"x", Expect::Absent).await.unwrap();
    }
    anna.rm("/d/before", false).await.unwrap();
    tick(&bench);
    anna.share("/d", "bert", Mode::Read).await.unwrap();
    anna.share("/d", "carl", Mode::Write).await.unwrap();
    anna.rm("/d/after", false).await.unwrap();
    let deleted = |records: Vec<ActivityRecord>| -> Vec<_> {
        let deleted = records.into_iter().filter(|record| record.deed == Deed::Deleted);
        deleted.map(|record| record.location.unwrap()).collect()
    };
    let (owner, before, after) = (Some("anna"), &["d", "before"], &["d", "after"]);
    let (before, after) = (located(owner, before), located(owner, after));
    let of_bert = bert.deeds(None).await;
    let hidden = |record: &ActivityRecord| record.names == ["before"];
    assert!(!of_bert.iter().any(hidden), "what was in the trash is not shared to be read");
    assert_eq!(deleted(of_bert), std::slice::from_ref(&after));
    assert_eq!(deleted(carl.deeds(None).await), [before, after]);
    let of_anna = deleted(anna.deeds(None).await);
    assert_eq!(of_anna[1], located(None, &["d", "after"]));
    anna.rm("/d", true).await.unwrap();
    for recipient in [&bert, &carl] {
        let last = recipient.deeds(None).await;
        assert_eq!(kinds(&last), [Deed::Deleted], "nothing more than that it is gone");
        assert_eq!(last[0].location, Some(located(owner, &["d"])));
    }
    assert!(anna.deeds(None).await.iter().any(hidden), "one's own trash is one's own");
}

#[tokio::test]
async fn what_is_old_enough_goes_and_what_is_purged_takes_its_record_along() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.put("/old", b"x", Expect::Absent).await.unwrap();
    bench.clock.advance(Duration::from_hours(24 * 10));
    let mut anna = anna;
    anna.sign_in().await.unwrap();
    anna.put("/new", b"x", Expect::Absent).await.unwrap();
    bench.service.core.write_waiting().await;
    let day = 24 * 60 * 60 * 1000;
    let retention = Retention { activity_millis: Some(9 * day), ..Retention::default() };
    assert_eq!(bench.store.expire(&retention).await.unwrap().activity, 2);
    let records = anna.deeds(None).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].names, ["new"]);
    let node = anna.rm("/new", false).await.unwrap();
    let what = coffer_protocol::message::tree::PurgeWhat::Nodes(vec![node]);
    let purge = coffer_protocol::message::tree::PurgeTrash { op: op(), what };
    answer!(anna.ask(Request::PurgeTrash(purge)).await, Purged).unwrap();
    assert_eq!(anna.deeds(None).await, []);
}

#[tokio::test]
async fn nothing_is_recorded_where_nothing_is_to_be_kept() {
    let bench = Bench::with(ServiceConfig { record_activity: false, ..open_config() }).await;
    let mut anna = bench.user("anna").await;
    anna.put("/f", b"x", Expect::Absent).await.unwrap();
    anna.cat("/f").await.unwrap();
    anna.sign_in().await.unwrap();
    bench.service.core.write_waiting().await;
    assert_eq!(anna.every_record(None).await, []);
}
