//! What a statement costs that was not seen before, beside what PostgreSQL's grammar alone costs for it.
//!
//! `make bench` prints both and, for each statement, how many times its parse the whole analysis is: a statement is parsed
//! once, and everything else is the walk over its tree.

#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark prints what it measured")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use palisade_sql::{Dialect, PostgreSql};

/// Ordinary statements, from the shortest to what a report or a client's own look at the catalog asks.
const STATEMENTS: [(&str, &str); 6] = [
    ("pgbench-select", "SELECT abalance FROM pgbench_accounts WHERE aid = $1;"),
    ("pgbench-update", "UPDATE pgbench_accounts SET abalance = abalance + $1 WHERE aid = $2;"),
    (
        "orm-select",
        "SELECT \"shop_order\".\"id\", \"shop_order\".\"status\", \"shop_order\".\"placed\", \
         \"shop_customer\".\"id\", \"shop_customer\".\"name\", \"shop_customer\".\"email\" FROM \"shop_order\" \
         INNER JOIN \"shop_customer\" ON (\"shop_order\".\"customer_id\" = \"shop_customer\".\"id\") \
         WHERE (\"shop_order\".\"status\" IN ($1, $2) AND NOT (\"shop_customer\".\"email\" IS NULL)) \
         ORDER BY \"shop_order\".\"placed\" DESC LIMIT 21",
    ),
    (
        "insert-returning",
        "INSERT INTO orders (customer_id, status, note) VALUES ($1, 'new', $2), ($3, 'new', $4) \
         ON CONFLICT (id) DO UPDATE SET note = excluded.note RETURNING id, placed",
    ),
    (
        "report",
        "WITH recent AS (SELECT customer_id, date_trunc('month', placed) AS month, sum(total) AS total \
         FROM orders WHERE placed > now() - interval '1 year' GROUP BY 1, 2) \
         SELECT c.name, r.month, r.total, rank() OVER (PARTITION BY r.month ORDER BY r.total DESC) AS place, \
         CASE WHEN r.total > 1000 THEN 'large' ELSE 'small' END AS size FROM recent r \
         JOIN customers c ON c.id = r.customer_id WHERE EXISTS (SELECT 1 FROM visits v WHERE v.customer_id = c.id) \
         ORDER BY r.month, place",
    ),
    (
        "psql-describe",
        "SELECT c.oid, n.nspname, c.relname, pg_catalog.pg_get_userbyid(c.relowner) AS \"Owner\" \
         FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname OPERATOR(pg_catalog.~) '^(orders)$' COLLATE pg_catalog.default \
         AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3;",
    ),
];

fn parse(text: &str) {
    let _ = black_box(pg_query::parse(black_box(text), 0));
}

fn analyze(text: &str) {
    black_box(PostgreSql.analyze(black_box(text)));
}

fn statements(criterion: &mut Criterion) {
    for (part, run) in [("parse", parse as fn(&str)), ("analysis", analyze)] {
        let mut group = criterion.benchmark_group(part);
        for (name, text) in STATEMENTS {
            group.bench_with_input(BenchmarkId::from_parameter(name), text, |bencher, text| {
                bencher.iter(|| run(text));
            });
        }
        group.finish();
    }
    ratios();
}

/// Both in turn, so that a noisy machine is as noisy to one as to the other.
fn ratios() {
    println!("statement            analysis   parse   ratio");
    for (name, text) in STATEMENTS {
        let (mut whole, mut alone) = (Vec::new(), Vec::new());
        for _ in 0..41 {
            alone.push(time(|| parse(text)));
            whole.push(time(|| analyze(text)));
        }
        let (whole, alone) = (median(whole), median(alone));
        println!("{name:20} {whole:6.1} µs {alone:5.1} µs {:7.2}", whole / alone);
    }
}

/// Microseconds that one run takes, of many.
fn time(run: impl Fn()) -> f64 {
    const RUNS: u32 = 50;
    let start = Instant::now();
    for _ in 0..RUNS {
        run();
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(RUNS)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

criterion_group! {
    name = cost;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = statements
}
criterion_main!(cost);
