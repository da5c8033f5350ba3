use std::collections::BTreeMap;

use palisade_sql::{Dialect, PostgreSql, Trusted};

use super::*;
use crate::catalog::{ANYWHERE, Relation, View};

fn relation(oid: u32, schema: &str, name: &str, columns: &[&str]) -> Relation {
    let columns = columns.iter().enumerate();
    let columns: BTreeMap<i16, String> =
        columns.map(|(at, name)| (i16::try_from(at).unwrap() + 1, (*name).to_owned())).collect();
    Relation {
        oid,
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns,
        ..Relation::default()
    }
}

/// Two tables called `log`, a table with secrets, views on it, a partition of it.
fn known() -> Known {
    let mut view = relation(4, "public", "seen", &["id", "remark"]);
    view.view = Some(View::read(
        "SELECT s.id, upper(s.password) AS remark FROM public.secrets s",
        &Trusted::default(),
    ));
    let mut view_of_view = relation(5, "public", "again", &["note"]);
    view_of_view.view =
        Some(View::read("SELECT seen.remark AS note FROM public.seen", &Trusted::default()));
    let mut part = relation(6, "public", "secrets_1", &["id", "password"]);
    part.parents.push(("public".to_owned(), "secrets".to_owned()));
    Known::of(vec![
        relation(1, "public", "log", &["id"]),
        relation(2, "audit", "log", &["id"]),
        relation(3, "public", "secrets", &["id", "name", "password"]),
        view,
        view_of_view,
        part,
    ])
}

fn read(text: &str) -> Reading {
    Reading::new(text, &PostgreSql.analyze(text), &known(), None, true)
}

/// The objects of a text's operations, with their actions.
fn check(text: &str, expected: &[&str]) {
    let reading = read(text);
    let operations = reading.command.operations.iter();
    let shown: Vec<_> = operations.map(|o| format!("{} {}", o.action, o.object)).collect();
    assert_eq!(shown, expected, "{text}");
}

/// The sources of the only column of a text's result.
fn check_sources(text: &str, expected: &[&str]) {
    let reading = read(text);
    assert_eq!(reading.statements[0].lineage.of(0, 1), expected, "{text}");
}

#[test]
fn a_name_without_schema_stands_for_every_relation_of_that_name() {
    check("DELETE FROM log WHERE false", &["delete public.log", "delete audit.log"]);
    check("DELETE FROM audit.log WHERE false", &["delete audit.log"]);
}

#[test]
fn a_name_that_nothing_is_found_under_has_no_schema_that_is_known() {
    check("SELECT FROM nothing", &["select ?.nothing"]);
}

#[test]
fn what_is_done_to_a_view_is_done_to_what_it_reads() {
    check(
        "DELETE FROM again WHERE false",
        &["delete public.again", "delete public.secrets", "delete public.seen"],
    );
}

#[test]
fn a_gap_becomes_an_operation_with_its_reason() {
    let reading = read("DO $$ BEGIN EXECUTE 'x'; END $$");
    assert!(!reading.command.complete);
    assert!(reading.command.operations.iter().any(|o| o.action == UNACCOUNTED));
}

#[test]
fn a_views_column_comes_from_what_the_view_takes_it_from() {
    check_sources(
        "SELECT reverse(note) FROM again",
        &["public.again.note", "public.secrets.password", "public.seen.remark"],
    );
    check_sources("SELECT id + 1 FROM seen", &["public.secrets.id", "public.seen.id"]);
}

#[test]
fn a_partitions_column_is_its_parents_too() {
    check_sources(
        "SELECT upper(password) FROM secrets_1",
        &["public.secrets.password", "public.secrets_1.password"],
    );
}

#[test]
fn a_star_beside_an_expression_is_told_apart_by_the_catalog() {
    let lineage = &read("SELECT *, upper(name) FROM secrets").statements[0].lineage;
    assert_eq!(lineage.of(2, 4), ["public.secrets.password"]);
    assert_eq!(lineage.of(3, 4), ["public.secrets.name"]);
}

#[test]
fn a_star_in_a_union_may_hold_what_either_side_has() {
    let lineage =
        &read("SELECT * FROM log UNION SELECT password FROM secrets").statements[0].lineage;
    assert!(lineage.of(0, 1).contains(&"public.secrets.password".to_owned()));
}

#[test]
fn a_child_read_before_its_parent_takes_none_of_the_parents_other_parts_away() {
    let named = |name: &str| ("public".to_owned(), name.to_owned());
    let mut parent = relation(1, "public", "staff", &["ssn"]);
    parent.parts = vec![named("clerks"), named("drivers")];
    let mut child = relation(2, "public", "clerks", &["ssn"]);
    child.parents = vec![named("staff")];
    let known = Known::of(vec![parent, child]);
    let text = "SELECT c.ssn || p.ssn FROM clerks c, staff p";
    let reading = Reading::new(text, &PostgreSql.analyze(text), &known, None, true);
    let expected = ["public.clerks.ssn", "public.drivers.ssn", "public.staff.ssn"];
    assert_eq!(reading.statements[0].lineage.of(0, 1), expected);
}

#[test]
fn parts_beyond_those_that_are_told_one_by_one_may_be_any_table_of_their_schemas() {
    let mut parent = relation(1, "public", "staff", &["ssn"]);
    let part = |at: usize| (if at < 64 { "public" } else { "kept" }, format!("staff_{at}"));
    parent.parts = (0..200).map(part).map(|(schema, name)| (schema.to_owned(), name)).collect();
    let sources = |parent: &Relation| {
        let text = "SELECT ssn FROM staff";
        let known = Known::of(vec![parent.clone()]);
        let reading = Reading::new(text, &PostgreSql.analyze(text), &known, None, true);
        reading.statements[0].lineage.of(0, 1).to_vec()
    };
    let all = sources(&parent);
    assert_eq!(all.len(), 1 + 64 + 1);
    assert!(all.contains(&"public.staff_63.ssn".to_owned()));
    assert!(all.contains(&"kept.?.ssn".to_owned()));
    parent.parts.clear();
    parent.has_more_parts();
    assert_eq!(sources(&parent), ["?.?.ssn", "public.staff.ssn"]);
}

#[test]
fn a_result_of_another_width_than_expected_may_hold_all_of_the_statements_sources() {
    let lineage = &read("SELECT name, password FROM secrets").statements[0].lineage;
    assert_eq!(lineage.of(0, 3), ["public.secrets.name", "public.secrets.password"]);
}

#[test]
fn what_cannot_be_read_may_hold_anything() {
    assert_eq!(Reading::unreadable(String::new(), "no").statements.len(), 0);
    assert_eq!(StatementReading::default().lineage.of(0, 1), [ANYWHERE]);
}

#[test]
fn what_is_run_by_its_name_may_change_what_names_stand_for() {
    for text in ["EXECUTE p", "FETCH c", "EXPLAIN ANALYZE EXECUTE p"] {
        assert!(read(text).statements[0].may_change_paths(), "{text}");
    }
}
