//! What the parts of a command's way cost, one by one, so that what got slower is found where it is.
//!
//! `tests/bench/parts.py` compares them, as ratios to the calibration loop, with what is checked in.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark that cannot be set up has nothing to measure"
)]

mod judging;
mod protocol;
mod storing;
mod web;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

/// Work that depends on nothing of ours: what everything else is measured by.
fn calibration(criterion: &mut Criterion) {
    let bytes: Vec<u8> = (0..=255).cycle().take(4096).collect();
    criterion.bench_function("calibration", |bencher| {
        bencher.iter(|| {
            black_box(&bytes).iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            })
        });
    });
}

criterion_group! {
    name = parts;
    config = Criterion::default()
        .sample_size(60)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500));
    targets = calibration, protocol::all, web::all, judging::all, storing::all
}
criterion_main!(parts);
