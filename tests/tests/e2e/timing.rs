//! Whether an upload tells its user that others have the same content already: the
//! answers, the round trips, the bytes; and, over many uploads, the time.
//!
//! `COFFER_TIMING_UPLOADS=400` is the run that docs/security.md gives figures of: so many
//! of each kind, in random order.

use coffer_protocol::link::Link;
use coffer_protocol::message::transfer::{OfferContent, PlanChunk};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{Hash32, Place, Request, Response};
use coffer_tests::person::new_upload;
use coffer_tests::proxy::Direction;
use coffer_tests::{Engine, Person, Proxy, Rng, Server, rounds};
use std::time::{Duration, Instant};

const CHUNK: usize = 1 << 20;

/// How long the steps of one upload take: offer, chunk, commit.
type Times = [Duration; 3];

fn hash(person: &Person, data: &[u8]) -> Hash32 {
    Hash32(coffer_crypto::chunk::plain_hash(person.server_id().as_bytes(), data))
}

/// The same content each time; made anew for either kind, so that it takes the same time.
fn content(seed: u64, unknown: bool, number: usize) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_be_bytes()).update(&[u8::from(unknown)]);
    hasher.update(&(number as u64).to_be_bytes());
    let mut content = vec![0; CHUNK];
    hasher.finalize_xof().fill(&mut content);
    content
}

/// Uploads one chunk as a client does, and says what it saw.
async fn upload(person: &Person, name: &str, data: &[u8]) -> (Times, Vec<String>) {
    let (upload, to) = (new_upload(), Place::child(person.home, name));
    let chunk = PlanChunk { hash: hash(person, data), len: data.len() as u32 };
    let offer = OfferContent {
        upload,
        to: to.clone(),
        expect: Expect::Absent,
        size: Some(data.len() as u64),
        first: 0,
        chunks: vec![chunk],
    };
    let begun = Instant::now();
    let offered = person.ask(Request::OfferContent(Box::new(offer))).await;
    let offer_time = begun.elapsed();
    let begun = Instant::now();
    let sent = person.put_chunk(upload, data).await;
    let chunk_time = begun.elapsed();
    let commit = person.commit_request(upload, &to, data, Expect::Absent);
    let begun = Instant::now();
    let committed = person.ask(Request::CommitUpload(commit)).await;
    let commit_time = begun.elapsed();
    let Ok(Response::Written(written)) = committed else { panic!("{committed:?}") };
    let seen = vec![
        format!("{offered:?}"),
        format!("{sent:?}"),
        format!("{} {} {}", written.revision, written.machines, written.case_collision),
    ];
    ([offer_time, chunk_time, commit_time], seen)
}

/// Mann-Whitney U, as the number of standard deviations from what equal distributions
/// give, and the difference of the medians with its 95 % confidence interval (bootstrap).
fn compare(known: &[f64], unknown: &[f64], rng: &mut Rng) -> (f64, f64, (f64, f64)) {
    let (m, n) = (known.len() as f64, unknown.len() as f64);
    let above = |a: &f64, b: &f64| {
        if a > b {
            1.0
        } else if a < b {
            0.0
        } else {
            0.5
        }
    };
    let u: f64 = known.iter().flat_map(|a| unknown.iter().map(move |b| above(a, b))).sum();
    let z = (u - m * n / 2.0) / (m * n * (m + n + 1.0) / 12.0).sqrt();
    let mut differences: Vec<f64> = (0..1000)
        .map(|_| median(&resample(known, rng)) - median(&resample(unknown, rng)))
        .collect();
    differences.sort_by(f64::total_cmp);
    (z, median(known) - median(unknown), (differences[25], differences[974]))
}

fn resample(values: &[f64], rng: &mut Rng) -> Vec<f64> {
    (0..values.len()).map(|_| values[rng.below(values.len() as u64) as usize]).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn content_of_others_is_answered_like_unknown_content() {
    let each = rounds("COFFER_TIMING_UPLOADS", 6) as usize;
    let mut rng = Rng::new("timing");
    let seed = rng.number();
    let server = Server::start(Engine::Sqlite);
    let proxy = Proxy::to(&server.address);
    let link: Link = proxy.link(&server.link()).parse().expect("a link");
    let (ada, bob) = (Person::sign_up(&link, "ada").await, Person::sign_up(&link, "bob").await);
    let mut left = [each, each];
    let mut kinds = Vec::new();
    while left != [0, 0] {
        let kind = rng.below((left[0] + left[1]) as u64) as usize >= left[0];
        left[usize::from(kind)] -= 1;
        kinds.push(kind);
    }
    // What ada has, long before bob comes.
    for number in 0..each {
        upload(&ada, &format!("a{number}"), &content(seed, false, number)).await;
    }
    let mut next = [0, 0];
    let (mut times, mut answers) = ([vec![], vec![]], [vec![], vec![]]);
    let mut bytes = Vec::new();
    for (number, unknown) in kinds.into_iter().enumerate() {
        let kind = usize::from(unknown);
        let data = content(seed, unknown, next[kind]);
        next[kind] += 1;
        let count = || (proxy.passed(Direction::Forth), proxy.passed(Direction::Back));
        let before = count();
        let (took, seen) = upload(&bob, &format!("b{number:06}"), &data).await;
        let after = count();
        times[kind].push(took);
        answers[kind].push(seen);
        bytes.push((after.0 - before.0, after.1 - before.1));
    }
    answers.iter_mut().for_each(Vec::dedup);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].len(), 1, "every upload is answered in the same way");
    // Integers of variable length make a few bytes of difference.
    for way in [|(forth, _): &(u64, u64)| *forth, |(_, back): &(u64, u64)| *back] {
        let all: Vec<u64> = bytes.iter().map(way).collect();
        let (least, most) = (all.iter().min(), all.iter().max());
        assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 16), "{all:?}");
    }
    for (step, name) in ["offer", "chunk", "commit"].into_iter().enumerate() {
        let micros = |times: &Vec<Times>| -> Vec<f64> {
            times.iter().map(|time| time[step].as_secs_f64() * 1e6).collect()
        };
        let (held, fresh) = (micros(&times[0]), micros(&times[1]));
        let (z, difference, (from, to)) = compare(&held, &fresh, &mut rng);
        eprintln!(
            "{name}: held by another {:.0} µs, unknown {:.0} µs in the median of {each}; \
             difference {difference:.0} µs (95 %: {from:.0} to {to:.0}), Mann-Whitney z {z:.2}",
            median(&held),
            median(&fresh)
        );
    }
    server.assert_check_is_clean();
}
