//! No text makes any dialect panic, overflow a worker's stack, or take long.

use super::{Dialect, MAX_TEXT};
use crate::{Analysis, Generic, MySql, PostgreSql};
use proptest::prelude::*;
use std::time::{Duration, Instant};

const DIALECTS: [&dyn Dialect; 3] = [&PostgreSql, &MySql, &Generic];

/// The stack of a thread that runs tasks.
const WORKER_STACK: usize = 2 << 20;

/// Far above what any of these takes in an unoptimised build on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Analyses a text in every dialect on a worker's stack.
fn analyses(text: &str) -> Vec<Analysis> {
    let text = text.to_owned();
    let worker = std::thread::Builder::new().stack_size(WORKER_STACK).spawn(move || {
        let run = |dialect: &&dyn Dialect| {
            let start = Instant::now();
            let analysis = dialect.analyze(&text);
            assert!(start.elapsed() < SOON, "{} took {:?}", dialect.name(), start.elapsed());
            analysis
        };
        DIALECTS.iter().map(run).collect()
    });
    worker.unwrap().join().unwrap()
}

fn is_a_gap(text: &str) {
    for analysis in analyses(text) {
        assert!(!analysis.is_complete());
    }
}

fn ends(text: &str) {
    analyses(text);
}

#[test]
fn a_hundred_thousand_parentheses_are_a_gap() {
    is_a_gap(&format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)));
    is_a_gap(&format!("SELECT {}", "(".repeat(100_000)));
}

#[test]
fn fifty_thousand_terms_are_a_gap() {
    is_a_gap(&format!("SELECT 1{}", "+1".repeat(50_000)));
}

#[test]
fn chains_of_every_kind_end() {
    ends(&format!("SELECT true{}", " AND true".repeat(20_000)));
    ends(&format!("SELECT true{}", " AND a = 1".repeat(900)));
    ends(&format!("SELECT 1{}", "+1".repeat(1_900)));
    ends(&format!("SELECT 1{}", " UNION SELECT 1".repeat(10_000)));
    ends(&format!("SELECT 1{}", " UNION SELECT 1".repeat(900)));
    ends(&format!("SELECT * FROM a {}", " JOIN a USING (x)".repeat(2_000)));
    ends(&format!("SELECT 'x'{}", "::text".repeat(1_500)));
    ends(&format!("SELECT a{}", "[1]".repeat(5_000)));
    ends(&format!("SELECT a{}", ".b".repeat(5_000)));
}

#[test]
fn nests_of_every_kind_end() {
    for depth in [10, 20, 24, 30, 60, 5_000] {
        let nested = |open: &str, inner: &str, close: &str| {
            ends(&format!("SELECT {}{inner}{}", open.repeat(depth), close.repeat(depth)));
        };
        nested("(", "1", ")");
        nested("((SELECT ", "1", "))");
        nested("f(", "1", ")");
        nested("CASE WHEN ", "1", " THEN 1 END");
        nested("NOT ", "true", "");
        nested("- ", "1", "");
        nested("ARRAY[", "1", "]");
        nested("EXISTS (SELECT ", "1", ")");
        nested("* FROM (SELECT ", "1", ") x");
        nested("* FROM (", "a", ")");
        nested("* FROM (((", "a JOIN b ON true", ")))");
        ends(&format!("{}SELECT 1{}", "(".repeat(depth), ")".repeat(depth)));
        ends(&format!(
            "{}SELECT 1{}",
            "WITH RECURSIVE x AS (".repeat(depth),
            ") SELECT 1".repeat(depth)
        ));
        ends(&format!("{}SELECT 1", "EXPLAIN ".repeat(depth)));
        ends(&"/*".repeat(depth));
    }
}

#[test]
fn names_that_could_be_columns_of_very_many_tables_end() {
    let tables = (0..20_000).map(|index| format!("t{index}")).collect::<Vec<_>>().join(",");
    let columns = (0..20_000).map(|index| format!("c{index}")).collect::<Vec<_>>().join(",");
    is_a_gap(&format!("SELECT {columns} FROM {tables}"));
}

#[test]
fn queries_that_double_each_other_end() {
    let mut text = "WITH q0 AS (SELECT a, b, c FROM t)".to_owned();
    for index in 1..60 {
        text.push_str(&format!(", q{index} AS (SELECT * FROM q{0} x, q{0} y)", index - 1));
    }
    is_a_gap(&(text + " SELECT * FROM q59"));
}

#[test]
fn warnings_of_the_grammar_do_not_add_up() {
    let text = "CREATE GLOBAL TEMP TABLE t();".repeat(20_000);
    assert!(!PostgreSql.analyze(&text).is_complete());
}

#[test]
fn a_text_beyond_the_limit_is_a_gap() {
    is_a_gap(&format!("SELECT '{}'", "x".repeat(MAX_TEXT)));
}

#[test]
fn what_the_parser_would_take_too_long_for_is_a_gap() {
    let gap = |text: &str| assert!(!PostgreSql.analyze(text).is_complete());
    gap(&"/*".repeat(300_000));
    gap(&format!("{}{}", "/* ".repeat(60), "*/ ".repeat(60)));
    gap(&format!("SELECT 1{}", "/**/".repeat(2_000)));
    gap(&format!("SELECT {}1", "+".repeat(500_000)));
    gap(&format!("SELECT 1 -- {}", "+-".repeat(600)));
    gap(&format!("SELECT {}*", "*,".repeat(300_000)));
    gap(&format!("SELECT 1 FROM t WHERE id=1{}", " or id=1".repeat(110_000)));
    gap(&format!("SELECT 1 FROM {}a {}", "a,".repeat(4_000), "FOR UPDATE ".repeat(50_000)));
    gap(&format!("SELECT {}* FROM {}a", "*,".repeat(2_000), "a,".repeat(3_000)));
    gap(&format!("GRANT SELECT ON a{} TO b{}", ",a".repeat(50_000), ",b".repeat(50_000)));
}

#[test]
fn rulers_and_a_few_comments_are_read() {
    let complete = |text: &str| assert!(PostgreSql.analyze(text).is_complete());
    complete(&format!("{}\nSELECT 1", "-".repeat(100_000)));
    complete(&format!("/*{}*/ SELECT 1", "*".repeat(900)));
    complete(&format!("SELECT 1{}", " /* a /* b */ */".repeat(400)));
    complete(&format!("SELECT '{}'", "word ".repeat(190_000)));
}

#[test]
fn a_large_insert_is_read() {
    let rows = vec!["(1, 'a')"; 10_000].join(",");
    for analysis in analyses(&format!("INSERT INTO t (x, y) VALUES {rows}")) {
        assert!(analysis.is_complete(), "{:?}", analysis.gaps);
    }
}

#[test]
fn several_threads_analyse_at_once() {
    let threads: Vec<_> = (0..8)
        .map(|index| {
            std::thread::spawn(move || {
                for _ in 0..50 {
                    let analysis = PostgreSql.analyze(&format!("SELECT c{index} FROM t{index}"));
                    assert!(analysis.is_complete());
                    let fields = &analysis.statements[0].operations[0].fields;
                    assert_eq!(*fields, [format!("c{index}")]);
                    assert!(!PostgreSql.analyze("SELEC").is_complete());
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Words and signs of SQL.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "SELECT", "FROM", "WHERE", "WITH", "RECURSIVE", "AS", "(", ")", ",", "*", "a", "b.c", "t",
    "1", "'x'", "$1", "UNION", "ALL", "INSERT INTO", "VALUES", "UPDATE", "SET", "=",
    "DELETE FROM", "RETURNING", "JOIN", "USING", "ON", "LATERAL", "DROP TABLE", "ALTER TABLE",
    "ADD COLUMN", "int", "GROUP BY", "ORDER BY", "OVER", "CASE WHEN", "THEN", "END", "EXISTS",
    "IN", "NOT", "AND", "OR", "::text", "[1]", "CREATE TABLE", "COPY", "TO STDOUT", "EXPLAIN",
    "PREPARE p", "EXECUTE p", "DECLARE c CURSOR FOR", "GRANT", "MERGE INTO", "WHEN MATCHED",
    "DO NOTHING", "ON CONFLICT", ";", "count(*)", "f(", "ARRAY[", "]", "ROWS FROM (", "/*", "*/",
    "--", "\n", "\"", "$$", "E'\\'", "U&\"\\0061\"", "TABLE", "FOR UPDATE", "DEFAULT",
];

/// Words and signs of SQL in any order come further into the parsers than any text.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS);
    prop::collection::vec(word, 0..30).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_text_panics(text in "[^\0]{0,200}") {
        for dialect in DIALECTS {
            dialect.analyze(&text);
        }
    }

    #[test]
    fn no_row_of_words_panics(text in words()) {
        for dialect in DIALECTS {
            dialect.analyze(&text);
        }
    }
}
