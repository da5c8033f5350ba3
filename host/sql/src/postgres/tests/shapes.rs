//! Texts that differ in their constants alone: which have one shape, and that what is known of one is so of all.

use std::path::Path;

use proptest::prelude::*;

use crate::fuzzing::{WORDS, generated};
use crate::{Dialect, PostgreSql, shape};

const MARK: char = '\u{1}';

#[test]
fn texts_that_differ_in_their_constants_have_one_shape() {
    let same = [
        ["SELECT a FROM t WHERE id = 1", "SELECT a FROM t WHERE id = 2147483647"],
        ["SELECT a FROM t WHERE id = 2147483648", "SELECT a FROM t WHERE id = 99999999999"],
        ["SELECT a FROM t WHERE id = -1.5;", "SELECT a FROM t WHERE id = -10.25;"],
        ["SELECT 'it''s', 7", "SELECT '', 0"],
        ["SELECT 'a'\n'b', $1", "SELECT ''\n'--', $1"],
        ["SELECT date '2024-01-01' AS \"1\"", "SELECT date 'x' AS \"1\""],
    ];
    for [one, other] in same {
        assert!(shape(one).is_some(), "{one}");
        assert_eq!(shape(one), shape(other), "{one}");
    }
}

#[test]
fn kinds_and_sizes_of_constants_are_told_apart() {
    let texts = ["1", "2147483648", "9223372036854775808", "1.0", "'1'", "NULL", "$1", "\"1\""];
    let shapes = texts.map(|text| shape(&format!("SELECT 1, {text} FROM t")).unwrap());
    let different: std::collections::BTreeSet<_> = shapes.iter().collect();
    assert_eq!(different.len(), texts.len(), "{different:?}");
}

#[test]
fn what_may_be_read_in_another_way_has_no_shape() {
    for text in [
        "E'\\''",
        "e'a'",
        "B'1'",
        "x'1f'",
        "N'a'",
        "U&'a'",
        "u&'a'",
        "U&\"a\" , 1",
        "'a\\'",
        "$$a$$",
        "$a$1$a$",
        "1 -- one",
        "1 /* one */",
        "1e5",
        "1.",
        "1..2",
        ".5",
        "t.5",
        "0x1f",
        "1_000",
        "1a",
        "$1a",
        "'a",
        "\"a",
        "'ü'",
        "1, ü",
        "x::float(24)",
        "'!' UESCAPE '!', 1",
        "1\u{b}",
        "'\u{1}'",
        "1 \u{1}",
        "'a\0'",
        "date'2024-01-01'",
    ] {
        assert_eq!(shape(&format!("SELECT {text}")), None, "{text}");
    }
    assert_eq!(shape("SELECT a FROM t WHERE id = $1"), None, "nothing is left out");
    assert_eq!(shape(&format!("SELECT {}", "1,".repeat(5000))), None, "it is long");
}

#[test]
fn what_depends_on_a_constant_is_known_of_that_text_alone() {
    for text in [
        "SELECT a, b FROM t ORDER BY 1",
        "SELECT a, b FROM t GROUP BY 1",
        "SELECT a, b FROM t GROUP BY ROLLUP (1)",
        "SELECT a, b FROM t GROUP BY GROUPING SETS ((1, 2), ())",
        "SELECT DISTINCT ON (2) a, b FROM t",
        "SELECT set_config('role', 'x', true)",
        "SELECT nextval('s')",
        "SELECT currval('s'::regclass)",
        "SELECT setval('s', 5)",
        "SELECT nextval(pg_get_serial_sequence('t', 'id'))",
        "DELETE FROM t WHERE 1 = 1",
        "DELETE FROM t WHERE id = 1 OR NOT id = 1",
        "UPDATE t SET a = 1 WHERE a > 5 OR a <= 5",
        "SET x = 1",
        "COPY t TO STDOUT DELIMITER ','",
        "COMMENT ON TABLE t IS 'x'",
        "PREPARE p AS SELECT 1",
        "EXPLAIN SELECT 1",
        "FETCH 5 FROM c",
        "SELECT 1; BEGIN",
        "SELECT 1 INTO t",
        "SELECT 1 FROM",
    ] {
        assert!(!PostgreSql.analyze(text).of_shape, "{text}");
    }
    for text in [
        "SELECT abalance FROM pgbench_accounts WHERE aid = 5;",
        "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y') RETURNING a",
        "UPDATE t SET a = 'x' WHERE id = 7",
        "DELETE FROM t WHERE id IN (1, 2, 3)",
        "SELECT substring(name, 1, 2) FROM t WHERE name LIKE 'a%' LIMIT 10",
    ] {
        assert!(PostgreSql.analyze(text).of_shape, "{text}");
    }
}

#[test]
fn constants_are_looked_at_in_one_file_alone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/postgres");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() || path.ends_with("constants.rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for (at, line) in source.lines().enumerate() {
            let binds = line.split("AConst(").skip(1).any(|after| !after.starts_with("_)"));
            let compares = line.contains(".node ==") || line.contains(".node !=");
            let looks = binds || compares || line.contains("a_const") || line.contains("isnull");
            assert!(!looks, "{}:{}: {line}", path.display(), at + 1);
        }
    }
}

/// A text of this shape with other constants, chosen by `choices`.
fn exchanged(shape: &str, choices: &[u8]) -> String {
    let mut choices = choices.iter().copied().cycle();
    let mut text = String::new();
    let mut characters = shape.chars();
    while let Some(character) = characters.next() {
        if character != MARK {
            text.push(character);
            continue;
        }
        let choice = usize::from(choices.next().unwrap_or_default());
        let among = match characters.next() {
            Some('i') => ["0", "1", "2", "7", "2147483647"],
            Some('l') => {
                ["2147483648", "9223372036854775807", "3000000000", "4294967296", "5000000000"]
            }
            Some('n') => [
                "9223372036854775808",
                "99999999999999999999",
                "1000000000000000000000",
                "9999999999999999999999",
                "18446744073709551616",
            ],
            Some('d') => ["0.0", "1.5", "3.14159265358979323846", "0.1", "100.001"],
            _ => [
                "''",
                "'x'",
                "'it''s'",
                "'secrets.users'",
                "'-- /* ; SELECT password FROM vault.users'",
            ],
        };
        text.push_str(among[choice % among.len()]);
    }
    text
}

/// Whether it has a shape of which something is known.
fn holds_for_its_shape(text: &str, choices: &[u8]) -> bool {
    let Some(of_text) = shape(text) else { return false };
    let analysis = PostgreSql.analyze(text);
    if !analysis.of_shape {
        return false;
    }
    for turn in 0..4 {
        let choices: Vec<u8> =
            choices.iter().map(|choice| choice.wrapping_mul(31).wrapping_add(turn)).collect();
        let other = exchanged(&of_text, &choices);
        assert_eq!(shape(&other).as_ref(), Some(&of_text), "{text}\n{other}");
        assert_eq!(PostgreSql.analyze(&other), analysis, "{text}\n{other}");
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn what_is_known_of_a_generated_text_is_so_of_all_of_its_shape(
        bytes in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        holds_for_its_shape(&generated(&bytes), &bytes);
    }

    #[test]
    fn what_is_known_of_any_words_is_so_of_all_of_their_shape(
        words in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        choices in prop::collection::vec(any::<u8>(), 1..20),
    ) {
        let words: Vec<_> = words.iter().map(|word| *word.get(WORDS)).collect();
        holds_for_its_shape(&format!("SELECT {}", words.join(" ")), &choices);
    }
}

#[test]
fn what_is_known_of_a_statement_of_the_corpora_is_so_of_all_of_its_shape() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bypass");
    let mut held = 0;
    for folder in ["ordinary", "roads"] {
        for file in std::fs::read_dir(corpora.join(folder)).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            // Statements of SQL files end a paragraph; those of roads are TOML's texts in one line.
            let statements: Vec<String> = match folder {
                "ordinary" => text.split(";\n").map(|it| it.trim().to_owned()).collect(),
                _ => text.split("[\"").flat_map(|it| it.split("\", \"")).map(unescaped).collect(),
            };
            let choices = b"constants";
            held += statements.iter().filter(|it| holds_for_its_shape(it, choices)).count();
        }
    }
    assert!(
        held > 300,
        "{held} statements of the corpora have a shape of which something is known"
    );
}

fn unescaped(text: &str) -> String {
    text.split("\"]").next().unwrap_or_default().replace("\\\"", "\"")
}
