//! Events on their way to the disk.

use std::hint::black_box;

use criterion::Criterion;
use palisade_store::{Options, SessionId, Store};

/// As long as the record of one of pgbench's statements, in bytes.
const EVENT: usize = 420;

pub(crate) fn all(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let event = vec![b'x'; EVENT];
    criterion.bench_function("an event stored", |bencher| {
        bencher.iter(|| store.append(SessionId(7), 0, black_box(&event)).unwrap());
    });
}
