//! PostgreSQL's frames, a statement's facts, and rows that are masked.

use std::hint::black_box;

use bytes::{BufMut, BytesMut};
use criterion::Criterion;
use palisade_mask::{CellForm, CellMask, Masker, Treated};
use palisade_policy::{Action, Treatment};
use palisade_postgres::codec::{Frame, backend, frontend, peek};
use palisade_sql::{Dialect, PostgreSql};

/// What pgbench sends for each transaction, with the number in its text.
pub(crate) const STATEMENT: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";

const LIMIT: u32 = 1 << 20;
const ROWS: usize = 100;
const COLUMNS: usize = 10;

pub(crate) fn all(criterion: &mut Criterion) {
    let rows = rows();
    criterion.bench_function("codec: 100 rows cut", |bencher| {
        bencher.iter(|| cut(black_box(&rows)));
    });
    let parse = message(b'P', format!("name\0{STATEMENT}\0\0\0").as_bytes());
    criterion.bench_function("codec: a Parse read", |bencher| {
        bencher.iter(|| {
            let header = peek(black_box(&parse), LIMIT).unwrap().unwrap();
            frontend::Parse::decode(&Frame::of(&parse, header)).unwrap().text.len()
        });
    });
    criterion.bench_function("facts of a statement", |bencher| {
        bencher.iter(|| PostgreSql.analyze(black_box(STATEMENT)));
    });
    // What is looked up first: texts of one shape, which differ in constants only, are analysed once.
    criterion.bench_function("the shape of a statement", |bencher| {
        bencher.iter(|| palisade_sql::shape(black_box(STATEMENT)).unwrap().len());
    });
    let masks = masks();
    let masker = Masker::new([7; 32]);
    let mut out = BytesMut::new();
    criterion.bench_function("100 rows masked, 2 of 10 columns", |bencher| {
        bencher.iter(|| {
            out.clear();
            mask(black_box(&rows), &masks, &masker, &mut out);
            out.len()
        });
    });
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![tag];
    frame.put_u32(u32::try_from(body.len() + 4).unwrap());
    frame.put_slice(body);
    frame
}

fn rows() -> Vec<u8> {
    let mut body = Vec::new();
    body.put_u16(u16::try_from(COLUMNS).unwrap());
    for _ in 0..COLUMNS {
        body.put_u32(12);
        body.put_slice(b"twelve bytes");
    }
    message(b'D', &body).repeat(ROWS)
}

fn cut(mut rest: &[u8]) -> usize {
    let mut values = 0;
    while let Some(header) = peek(rest, LIMIT).unwrap() {
        values += backend::Values::decode(&Frame::of(rest, header)).unwrap().count();
        rest = rest.get(header.size..).unwrap_or_default();
    }
    values
}

fn masks() -> Vec<CellMask> {
    let keep = || CellMask::new(&Treatment::default()).unwrap();
    let cover = || {
        let mut treatment = Treatment::default();
        treatment.add(0, &Action::Replace("********".to_owned()));
        CellMask::new(&treatment).unwrap()
    };
    (0..COLUMNS).map(|at| if at < 2 { cover() } else { keep() }).collect()
}

/// As a session masks rows, without its record.
fn mask(mut rest: &[u8], masks: &[CellMask], masker: &Masker, out: &mut BytesMut) {
    let mut cell = Vec::new();
    while let Some(header) = peek(rest, LIMIT).unwrap() {
        let values = backend::Values::decode(&Frame::of(rest, header)).unwrap();
        for (value, mask) in values.zip(masks) {
            let value = value.unwrap().unwrap_or_default();
            cell.clear();
            let shown = if mask.is_keep() {
                value
            } else {
                match masker.treat(mask, CellForm::Text, value, &mut cell) {
                    Treated::Changed => &cell,
                    Treated::Unchanged => value,
                    Treated::Null => &[],
                }
            };
            out.put_u32(u32::try_from(shown.len()).unwrap());
            out.put_slice(shown);
        }
        rest = rest.get(header.size..).unwrap_or_default();
    }
}
