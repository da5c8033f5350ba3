//! How fast bodies are masked as they come: JSON as an API sends it, in chunks of 16 KiB.
//!
//! `cargo bench -p palisade-mask --bench stream` prints bytes a second of one core for each case, and at last those of the
//! fastest of many rounds, which a busy machine disturbs least.

#![allow(
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark has no readers of its interface"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use palisade_mask::stream::{JsonStream, Limits, MaskStream, Masks, TextStream};
use palisade_mask::{DocumentMask, Masker, detectors};
use palisade_policy::{Action, Masking, Plan, Shape};

const CHUNK: usize = 16 * 1024;

/// About a megabyte of orders: ids, dates, links, names and sentences, one customer and one card each.
fn orders(indent: bool) -> Vec<u8> {
    let (line, pad, gap) = if indent { ("\n", "    ", " ") } else { ("", "", "") };
    let mut text = String::from("[");
    for id in 0_u32.. {
        if text.len() > 1_000_000 {
            break;
        }
        let comma = if id == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}{line}{pad}{{\"id\":{gap}{id},{line}{pad}\"uuid\":{gap}\"{:08x}-7f2d-4d3b-9a51-4f3f0c9c{:04x}\",{line}{pad}\
             \"url\":{gap}\"https://api.example.com/v1/customers/{}/orders/{id}\",{line}{pad}\
             \"created_at\":{gap}\"2026-11-{:02}T08:{:02}:00Z\",{line}{pad}\"status\":{gap}\"shipped\",{line}{pad}\
             \"total\":{gap}{}.{:02},{line}{pad}\"currency\":{gap}\"EUR\",{line}{pad}\"paid\":{gap}true,{line}{pad}\"coupon\":{gap}null,{line}{pad}\
             \"customer\":{gap}{{\"name\":{gap}\"Customer Number {id}\",{gap}\"secret_note\":{gap}\"prefers mornings\",{gap}\"city\":{gap}\"Bremen\"}},{line}{pad}\
             \"lines\":{gap}[{{\"sku\":{gap}\"SKU-{:05}\",{gap}\"quantity\":{gap}{},{gap}\"title\":{gap}\"A sturdy box of things, large\"}}],{line}{pad}\
             \"api_key\":{gap}\"k{id}\",{line}{pad}\"note\":{gap}\"The order was shipped to Bremen on Monday, and the rest of it is due today.\"{line}{pad}}}",
            id.wrapping_mul(2_654_435_761),
            id % 0xffff,
            id % 977,
            1 + id % 28,
            id % 60,
            id % 500,
            id % 100,
            id * 7 % 100_000,
            1 + id % 9,
        );
    }
    text.push(']');
    text.into_bytes()
}

/// About a megabyte of small entries, in which two of seven keys are to be covered.
fn entries() -> Vec<u8> {
    let entry =
        r#"{"id": 1234567, "name": "Ada Lovelace", "city": "London", "tags": ["a", "b"], "note": "#;
    let note = "x".repeat(60);
    let secrets = r#""password": "correct-horse-battery", "api_key": "k-8d1f0c"}"#;
    let entry = format!("{entry}\"{note}\", {secrets}");
    format!("[{}]", vec![entry; 4400].join(", ")).into_bytes()
}

fn masks(keys: &[&str], detect: bool) -> Masks {
    let keys = keys.iter().map(|key| ((*key).to_owned(), Action::Replace("********".to_owned())));
    let every = || Action::Scan(detectors().map(|detector| detector.name.to_owned()).collect());
    let rest = if detect { every() } else { Action::Keep };
    let plan = Plan { fields: Vec::new(), keys: keys.collect(), rest };
    let mut masking = Masking::default();
    let added = masking.add(0, &Shape::Document("application/json".to_owned()), &plan);
    assert_eq!(added, Ok(()), "the plan fits");
    let plan = DocumentMask::new(&masking).map(Arc::new);
    let Ok(plan) = plan else { unreachable!("all detectors are known") };
    Masks { plan, masker: Masker::new([7; 32]), limits: Limits::default() }
}

/// Feeds all of it, and gives how much came out.
fn run(machine: &mut dyn MaskStream, text: &[u8], out: &mut Vec<u8>) -> usize {
    let mut length = 0;
    for chunk in text.chunks(CHUNK) {
        out.clear();
        assert_eq!(machine.feed(black_box(chunk), out), Ok(()));
        length += out.len();
    }
    assert_eq!(machine.finish(out), Ok(()));
    length
}

type New = fn(Masks) -> Box<dyn MaskStream>;

/// One body and what is done with it.
struct Case {
    name: &'static str,
    new: New,
    masks: Masks,
    text: Vec<u8>,
}

fn cases() -> Vec<Case> {
    const KEYS: &[&str] = &["api_key", "*secret*"];
    const SECRETS: &[&str] = &["*password*", "*secret*", "*token*", "*api_key*", "ssn"];
    let json: New = |masks| Box::new(JsonStream::new(masks));
    let text: New = |masks| Box::new(TextStream::new(masks));
    [
        ("json, two keys and all detectors", json, masks(KEYS, true), orders(false)),
        ("json, entries, two keys and all detectors", json, masks(SECRETS, true), entries()),
        ("json, two keys", json, masks(KEYS, false), orders(false)),
        ("json, nothing to do", json, masks(&[], false), orders(false)),
        ("json, indented, two keys and all detectors", json, masks(KEYS, true), orders(true)),
        ("text, all detectors", text, masks(&[], true), orders(true)),
    ]
    .into_iter()
    .map(|(name, new, masks, text)| Case { name, new, masks, text })
    .collect()
}

fn streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream");
    let mut out = Vec::new();
    for case in cases() {
        group.throughput(Throughput::Bytes(case.text.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(case.name), |bencher| {
            bencher.iter(|| run((case.new)(case.masks.clone()).as_mut(), &case.text, &mut out));
        });
    }
    group.finish();
    println!("fastest of many rounds");
    for case in cases() {
        let rounds = (0..300).map(|_| {
            let start = Instant::now();
            black_box(run((case.new)(case.masks.clone()).as_mut(), &case.text, &mut out));
            start.elapsed()
        });
        let fastest = rounds.min().unwrap_or(Duration::MAX);
        let speed = case.text.len() as f64 / 1e6 / fastest.as_secs_f64();
        println!("{:44} {speed:6.0} MB/s", case.name);
    }
}

criterion_group! {
    name = speed;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = streams
}
criterion_main!(speed);
