//! What is made of functions that somebody wrote.

use proptest::prelude::*;

use crate::{Dialect, Object, PostgreSql, Routine};

fn routine(text: &str) -> Routine {
    let analysis = PostgreSql.analyze(text);
    let mut statements = analysis.statements.into_iter();
    let mut statement = statements.next().expect("a statement");
    statement.defines.append(&mut statement.blocks);
    statement.defines.pop().expect("a function")
}

fn plpgsql(body: &str) -> Routine {
    routine(&format!("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ {body} $f$"))
}

fn relations(routine: &Routine) -> Vec<String> {
    let relation = |object: &Object| match object {
        Object::Relation(name) => Some(name.to_string()),
        Object::Other(_) => None,
    };
    routine.operations.iter().filter_map(|operation| relation(&operation.object)).collect()
}

#[test]
fn a_body_in_sql_does_what_its_statements_do() {
    let f = routine(
        "CREATE FUNCTION s.f(a int) RETURNS int LANGUAGE sql AS 'DELETE FROM t; SELECT g(id) FROM u'",
    );
    assert_eq!((f.name.to_string(), f.gaps.len()), ("s.f".to_owned(), 0));
    assert_eq!(relations(&f), ["t", "u"]);
    assert!(f.unknown.contains("g"));
}

#[test]
fn a_body_in_plpgsql_may_read_whatever_it_names() {
    let f = plpgsql("DECLARE n int; BEGIN SELECT count(*) INTO n FROM \"My\".Users; RETURN n; END");
    assert_eq!(f.gaps, [""; 0]);
    for name in ["My", "users", "n"] {
        assert!(relations(&f).contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn a_body_in_plpgsql_that_writes_or_puts_sql_together_is_not_followed() {
    for body in [
        "BEGIN EXECUTE 'x'; END",
        "BEGIN execute 'x'; END",
        "BEGIN INSERT INTO t VALUES (1); END",
        "BEGIN UPDATE t SET a = 1; END",
        "BEGIN PERFORM query_to_xml('x', true, true, ''); END",
        "BEGIN PERFORM dblink('x', 'y'); END",
        "BEGIN PERFORM pg_notify('x', 'y'); END",
        "BEGIN PERFORM setval('s', 1); END",
        "BEGIN OPEN c FOR SELECT 1; END",
        "BEGIN RETURN U&\"\\0061\"; END",
        "BEGIN COMMIT; END",
        "BEGIN SET search_path = x; END",
        "BEGIN CALL p(); END",
    ] {
        assert_ne!(plpgsql(body).gaps, [""; 0], "{body}");
    }
}

#[test]
fn calls_of_others_are_told_from_words_of_the_language() {
    let f = plpgsql("BEGIN IF (a) THEN RETURN s.g(1) + lower('x')::numeric(3); END IF; END");
    assert_eq!(f.gaps, [""; 0]);
    assert_eq!(f.unknown.iter().collect::<Vec<_>>(), ["s.g"]);
    assert!(f.calls.contains("lower") && f.calls.contains("if"));
    assert!(f.casts.contains("numeric"));
}

#[test]
fn what_surrounds_a_body_must_be_plain() {
    for options in [
        "(a int DEFAULT g()) RETURNS int LANGUAGE sql",
        "() RETURNS int LANGUAGE sql SET standard_conforming_strings = off",
        "() RETURNS int LANGUAGE c",
        "() RETURNS int LANGUAGE sql TRANSFORM FOR TYPE hstore",
    ] {
        let f = routine(&format!("CREATE FUNCTION f{options} AS 'SELECT 1'"));
        assert_ne!(f.gaps, [""; 0], "{options}");
    }
    let f = routine(
        "CREATE FUNCTION f(a int DEFAULT 1, b text[] DEFAULT ARRAY['x']) RETURNS int LANGUAGE sql \
         IMMUTABLE STRICT SECURITY DEFINER COST 10 SET search_path = s AS 'SELECT 1'",
    );
    assert_eq!(f.gaps, [""; 0]);
}

#[test]
fn a_block_is_read_like_a_function() {
    assert_eq!(routine("DO $$ BEGIN PERFORM 1 FROM t; END $$").gaps, [""; 0]);
    let analysis = PostgreSql.analyze("DO LANGUAGE plperl $$ 1 $$");
    assert!(!analysis.is_complete());
}

#[test]
fn types_without_code_of_their_own_only_make_values() {
    for text in [
        "CREATE TYPE t AS ENUM ('a')",
        "CREATE TYPE t AS (a int)",
        "CREATE TYPE t AS RANGE (subtype = int4)",
    ] {
        assert!(PostgreSql.analyze(text).is_complete(), "{text}");
        assert_eq!(routine(text).gaps, [""; 0], "{text}");
    }
    let range = "CREATE TYPE t AS RANGE (subtype = int4, subtype_diff = g)";
    assert!(!PostgreSql.analyze(range).is_complete());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_body_is_read_or_is_not(body in "(\\PC|[a-z \"'().;:=|$]){0,60}") {
        let definition = format!("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f_f$ {body} $f_f$");
        PostgreSql.analyze(&definition);
        PostgreSql.analyze(&format!("DO $f_f${body}$f_f$"));
    }

    #[test]
    fn what_stands_before_a_word_does_not_hide_it(before in "[a-z0-9 ().;:=|<>,+*\"-]{0,30}") {
        let quotes = before.matches('"').count();
        let comment = before.contains("--");
        prop_assume!(quotes % 2 == 0 && !comment);
        let f = plpgsql(&format!("BEGIN {before} EXECUTE x; END"));
        prop_assert!(!f.gaps.is_empty());
    }
}
