//! Whatever a SELECT does with a protected value, the value does not come out.
//!
//! Random SELECTs run directly at the server and then through the gateway.
//! Where a direct result shows a protected value, or a piece of one, the gateway's must not.

use std::collections::HashSet;
use std::error::Error;
use std::sync::LazyLock;

use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::harness::{Gateway, PASSWORD, Postgres, Settings};
use crate::masking::connect;

/// The SELECTs are made as the fuzz target of the SQL analysis makes them.
#[path = "../../host/sql/src/fuzzing/grammar/mod.rs"]
mod grammar;

use grammar::{Choices, Kind, Table};

/// How many SELECTs are made where `LINEAGE_COUNT` does not say.
const COUNT: u64 = 600;
/// The shortest piece of a protected value that is recognised, in characters.
const PIECE: usize = 6;

/// Values with no piece in common with anything else here.
const PROTECTED: [&str; 6] = [
    "QXZJVKWYPB7H",
    "GQ4KXWZVJMPF",
    "ZK9XQJWVHGBN",
    "VXQ2ZWKJYFHM",
    "JWZXV5QKGPNB",
    "KZQVJX8WMHYG",
];

const SCHEMA: &str = "
ALTER ROLE svc_orders SET statement_timeout = '3s';
ALTER ROLE svc_orders SET jit = off;
CREATE TABLE people (id int PRIMARY KEY, name text, password text);
INSERT INTO people VALUES (1, 'ann', 'QXZJVKWYPB7H'), (2, 'ben', 'GQ4KXWZVJMPF');
CREATE TABLE keys (id int, owner int, api_key text, note text);
INSERT INTO keys VALUES (1, 1, 'ZK9XQJWVHGBN', 'first'), (2, 2, 'VXQ2ZWKJYFHM', 'second');
CREATE TABLE parts (id int, token text, label text) PARTITION BY LIST (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 (label text, token text, id int);
ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES IN (2);
INSERT INTO parts VALUES (1, 'JWZXV5QKGPNB', 'one'), (2, 'KZQVJX8WMHYG', 'two');
CREATE TABLE plain (id int, name text);
INSERT INTO plain VALUES (1, 'ash'), (2, 'birch');
CREATE VIEW seen AS SELECT p.id, upper(p.password) AS remark, p.name FROM people p;
CREATE VIEW all_keys AS
  SELECT s.id, s.remark || k.api_key AS both_of, k.note FROM seen s JOIN keys k ON k.owner = s.id;
CREATE VIEW either AS
  SELECT id, name AS what FROM plain UNION ALL SELECT id, token FROM parts;
ANALYZE;
";

/// What the SELECTs are about.
const TABLES: &[Table] = &[
    ("people", &[("id", Kind::Int), ("name", Kind::Text), ("password", Kind::Text)]),
    (
        "keys",
        &[("id", Kind::Int), ("owner", Kind::Int), ("api_key", Kind::Text), ("note", Kind::Text)],
    ),
    ("parts", &[("id", Kind::Int), ("token", Kind::Text), ("label", Kind::Text)]),
    ("parts_1", &[("id", Kind::Int), ("token", Kind::Text), ("label", Kind::Text)]),
    ("parts_2", &[("label", Kind::Text), ("token", Kind::Text), ("id", Kind::Int)]),
    ("plain", &[("id", Kind::Int), ("name", Kind::Text)]),
    ("seen", &[("id", Kind::Int), ("remark", Kind::Text), ("name", Kind::Text)]),
    ("all_keys", &[("id", Kind::Int), ("both_of", Kind::Text), ("note", Kind::Text)]),
    ("either", &[("id", Kind::Int), ("what", Kind::Text)]),
];

/// As the baseline, but nothing is found by its looks.
const POLICY: &str = "
[[use]]
plugin = 'mask-secrets'
[use.config]
protect = ['*.*.password', '*.*.api_key', '*.*.token']
detect = []
[[use]]
plugin = 'sql-guard'
[use.config]
incomplete = 'deny'
";

#[tokio::test]
async fn no_select_brings_a_protected_value_out() {
    let postgres = Postgres::start();
    postgres.direct(SCHEMA);
    let gateway =
        Gateway::start(&postgres, Settings { insecure: true, ..Settings::policy(POLICY) });
    let direct = connect_directly(&postgres).await;
    let through = connect(&gateway).await;
    let mut tally = Tally::default();
    let first = number("LINEAGE_SEED", 1);
    for seed in first..first + number("LINEAGE_COUNT", COUNT) {
        let bytes = bytes(seed);
        let query = grammar::select(&mut Choices::new(&bytes), TABLES);
        tally.compare(&direct, &through, &query.text, seed).await;
    }
    eprintln!("{tally:?}");
    assert!(tally.leaks.is_empty(), "{} leak: {:#?}", tally.leaks.len(), tally.leaks);
    assert!(tally.ran * 3 > tally.made, "too few SELECTs are valid: {tally:?}");
    assert!(tally.showed * 4 > tally.ran, "too few SELECTs show what they must not: {tally:?}");
    assert!(tally.denied * 4 < tally.ran, "too many SELECTs are denied: {tally:?}");
}

/// What became of the SELECTs.
#[derive(Debug, Default)]
struct Tally {
    made: usize,
    /// These ran directly.
    ran: usize,
    /// These showed a protected value directly.
    showed: usize,
    /// These ran directly, and did not through the gateway.
    denied: usize,
    /// Results without protected values that the gateway changed all the same.
    covered: usize,
    leaks: Vec<String>,
}

impl Tally {
    async fn compare(&mut self, direct: &Client, through: &Client, text: &str, seed: u64) {
        self.made += 1;
        let Ok(shown) = run(direct, text, seed).await else { return };
        self.ran += 1;
        let shows = shown.iter().any(|value| is_recognised(value));
        self.showed += usize::from(shows);
        match run(through, text, seed).await {
            Err(error) => {
                self.denied += 1;
                eprintln!("seed {seed} is denied: {error:?}: {text}");
            }
            Ok(values) => {
                if values.iter().any(|value| is_recognised(value)) {
                    self.leaks.push(format!("seed {seed}: {text}"));
                }
                self.covered +=
                    usize::from(!shows && values.iter().any(|value| value.contains(&b'*')));
            }
        }
    }
}

/// The values of a result: by the simple protocol, or prepared and in binary.
async fn run(
    client: &Client,
    text: &str,
    seed: u64,
) -> Result<Vec<Vec<u8>>, tokio_postgres::Error> {
    let mut values = Vec::new();
    if seed.is_multiple_of(2) {
        for message in client.simple_query(text).await? {
            if let SimpleQueryMessage::Row(row) = message {
                let cells = (0..row.len()).filter_map(|at| row.get(at));
                values.extend(cells.map(|cell| cell.as_bytes().to_vec()));
            }
        }
        return Ok(values);
    }
    for row in client.query(text, &[]).await? {
        let cells = (0..row.len()).filter_map(|at| row.get::<_, Option<Raw>>(at));
        values.extend(cells.map(|cell| cell.0));
    }
    Ok(values)
}

/// A value as it came, of whatever type.
struct Raw(Vec<u8>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.to_vec()))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Whether a value has a piece of a protected one in it: forwards, backwards or in hexadecimal digits.
fn is_recognised(value: &[u8]) -> bool {
    static PIECES: LazyLock<HashSet<Vec<u8>>> = LazyLock::new(pieces);
    let mut text = value.to_ascii_uppercase();
    text.retain(u8::is_ascii_alphanumeric);
    [PIECE, 2 * PIECE].iter().any(|size| text.windows(*size).any(|piece| PIECES.contains(piece)))
}

fn pieces() -> HashSet<Vec<u8>> {
    let backwards = |text: &str| text.chars().rev().collect::<String>();
    let mut pieces = HashSet::new();
    for protected in PROTECTED {
        for form in [protected.to_owned(), backwards(protected)] {
            for (text, size) in
                [(hex(&form.to_lowercase()), 2 * PIECE), (hex(&form), 2 * PIECE), (form, PIECE)]
            {
                pieces.extend(text.as_bytes().windows(size).map(<[u8]>::to_vec));
            }
        }
    }
    pieces
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}

async fn connect_directly(postgres: &Postgres) -> Client {
    let target = format!(
        "host=127.0.0.1 port={} user=svc_orders password={PASSWORD} dbname=orders sslmode=disable",
        postgres.port
    );
    let (client, connection) = tokio_postgres::connect(&target, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// The bytes of a seed (SplitMix64).
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_be_bytes()
    };
    (0..64).flat_map(|_| next()).collect()
}

#[test]
fn a_protected_value_is_recognised_in_what_is_made_of_it() {
    for shown in ["QXZJVKWYPB7H", "xx zjvkwyp", "H7BPYWKV", "Q,X,Z,J,V,K", "5a4a564b5759"] {
        assert!(is_recognised(shown.as_bytes()), "{shown}");
    }
    for shown in ["", "ann", "plain", "zzzzzz", "********"] {
        assert!(!is_recognised(shown.as_bytes()), "{shown}");
    }
}
