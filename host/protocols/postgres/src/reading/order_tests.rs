//! In which order rows may come, and where what is copied is tested.

use std::collections::BTreeSet;

use palisade_sql::{Dialect, PostgreSql, Trusted};

use super::Reading;
use crate::catalog::{ANYWHERE, Cascade, Index, Known, Relation, View};

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn table(oid: u32, name: &str, columns: &[&str]) -> Relation {
    Relation {
        oid,
        schema: "public".to_owned(),
        name: name.to_owned(),
        columns: (1..).zip(columns.iter().map(|name| (*name).to_owned())).collect(),
        types: (1..).zip(columns.iter().map(|_| "25.-1".to_owned())).collect(),
        ..Relation::default()
    }
}

/// `users`, with an index over `ssn` and one over `team` and `pin` that has `mail` besides; `kept`, which tests `ssn`;
/// `shown`, a view of `plain`; `part` of `whole`; `dotted`, in whose names there are dots.
fn known() -> Known {
    Known::of(known_relations())
}

fn known_relations() -> Vec<Relation> {
    let mut users = table(1, "users", &["id", "name", "ssn", "team", "pin", "mail"]);
    users.primary = names(&["id"]);
    let index =
        |keys: &[&str], carried: &[&str]| Index { keys: names(keys), carried: names(carried) };
    users.indexes.insert("users_ssn".to_owned(), index(&["ssn"], &[]));
    users.indexes.insert("users_team".to_owned(), index(&["team", "pin"], &["mail"]));
    let mut kept = table(2, "kept", &["ssn", "note", "short", "made"]);
    kept.tested = names(&["ssn"]);
    kept.types.insert(3, "1043.13".to_owned());
    kept.generated.insert(4);
    let mut split = table(3, "split", &["ssn", "region"]);
    split.split_by = names(&["ssn"]);
    let plain = table(4, "plain", &["x"]);
    let mut shown = table(5, "shown", &["ssn"]);
    let definition = "SELECT plain.x AS ssn FROM public.plain";
    shown.view = Some(View::read(definition, &Trusted::default()));
    let (mut whole, mut part) = (table(6, "whole", &["ssn"]), table(7, "part", &["ssn"]));
    whole.parts.push(part.place());
    part.parents.push(whole.place());
    let mut dotted = table(8, "dotted", &["id", "team", "x.ssn", "made"]);
    dotted.schema = "a.b".to_owned();
    dotted.generated.insert(4);
    dotted.tested = names(&["x.ssn"]);
    dotted.indexes.insert("dotted_team".to_owned(), index(&["team", "x.ssn"], &[]));
    vec![users, kept, split, plain, shown, whole, part, dotted]
}

fn read(text: &str) -> Reading {
    Reading::new(text, &PostgreSql.analyze(text), &known(), None, true)
}

/// Checks what is used by whose order rows may come, or whose values are tested.
fn check(text: &str, how: &str, expected: &str) {
    let reading = read(text);
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let operations = reading.command.operations.iter();
    let used = operations.filter(|operation| operation.facts.contains(&fact("how", how)));
    let used = used.map(|operation| format!("{} {}", operation.object, operation.fields.join(",")));
    assert_eq!(used.collect::<Vec<_>>().join("; "), expected, "{text}");
}

#[test]
fn what_an_index_picks_rows_by_brings_them_in_its_order() {
    check("SELECT id FROM users WHERE ssn IS NOT NULL", "by-index", "public.users ssn");
    check("SELECT id FROM users WHERE team = 5", "by-index", "public.users pin,team");
    check("SELECT id FROM users ORDER BY team", "by-index", "public.users pin,team");
    check("UPDATE users SET name = 'x' WHERE ssn IS NOT NULL", "by-index", "public.users ssn");
    check("SELECT id FROM users WHERE name = 'x'", "by-index", "");
    check("SELECT id FROM users WHERE ssn = $1", "by-index", "");
}

#[test]
fn an_index_that_has_all_that_is_asked_for_may_answer() {
    check("SELECT mail FROM users", "by-index", "public.users pin,team");
    check("SELECT pin, mail FROM users", "by-index", "public.users pin,team");
    check("SELECT mail, name FROM users", "by-index", "");
}

#[test]
fn what_shows_no_row_shows_no_order() {
    check("SELECT count(*) FROM users", "by-index", "");
    check("SELECT count(*) FROM users WHERE ssn IS NULL", "by-index", "");
    check("SELECT ssn FROM users", "by-index", "");
    check("DELETE FROM users WHERE ssn IS NULL", "by-index", "");
}

#[test]
fn a_query_that_is_ordered_by_the_primary_key_has_no_other_order() {
    check("SELECT id FROM users WHERE ssn IS NOT NULL ORDER BY id", "by-index", "");
    check(
        "SELECT id, row_number() OVER () FROM users WHERE ssn IS NOT NULL ORDER BY id",
        "by-index",
        "public.users ssn",
    );
    check(
        "SELECT id FROM users WHERE ssn IS NOT NULL ORDER BY name",
        "by-index",
        "public.users ssn",
    );
}

#[test]
fn what_is_drawn_or_marked_row_by_row_shows_their_order() {
    for text in [
        "SELECT id FROM users WHERE ssn IS NOT NULL AND nextval('s') > 3 ORDER BY id",
        "SELECT id FROM users WHERE ssn IS NOT NULL AND random() < 0.5 ORDER BY id",
        "DELETE FROM users WHERE ssn IS NOT NULL AND random() < 0.5",
        "SELECT 1 FROM users WHERE ssn IS NOT NULL LIMIT 2 FOR UPDATE",
    ] {
        check(text, "by-index", "public.users ssn");
    }
    check("SELECT id FROM users WHERE name = lower($1) ORDER BY id FOR UPDATE", "by-index", "");
}

#[test]
fn what_row_policies_pick_rows_by_is_told_with_each_statement() {
    let mut known = known_relations();
    known.iter_mut().filter(|it| it.name == "users").for_each(|it| it.judged_by = names(&["team"]));
    let text = "SELECT id FROM users";
    let reading = Reading::new(text, &PostgreSql.analyze(text), &Known::of(known), None, true);
    let uses = reading.command.operations.iter().filter(|it| it.action == "use");
    let fields: Vec<_> = uses.map(|it| it.fields.join(",")).collect();
    assert_eq!(fields, ["team", "pin,team"], "it picks, and an index brings in its order");
}

#[test]
fn a_table_of_more_parts_than_are_asked_after_compares_every_column() {
    let mut known = known_relations();
    known.iter_mut().filter(|it| it.name == "plain").for_each(Relation::is_compared_throughout);
    let known = Known::of(known);
    let text = "INSERT INTO plain (x) SELECT ssn FROM users";
    let reading = Reading::new(text, &PostgreSql.analyze(text), &known, None, true);
    let used = reading.command.operations.iter().filter(|it| it.action == "use");
    assert!(used.into_iter().any(|it| it.object == "public.users" && it.fields == ["ssn"]));
    let stored = &reading.statements[0].exposure.stored;
    assert!(stored.iter().any(|it| it.into == ["public.plain.(more)"]));
}

#[test]
fn cluster_puts_rows_in_the_order_of_an_index() {
    check("CLUSTER users USING users_ssn", "by-index", "public.users ssn");
    check("CLUSTER users USING just_made", "by-index", "public.users *");
    check("CLUSTER users", "by-index", "public.users pin,ssn,team");
    check("CLUSTER", "by-index", "?.? *");
    assert!(read("CLUSTER").statements[0].exposure.in_doubt);
}

#[test]
fn what_is_copied_to_where_it_is_tested_is_compared() {
    // By a check, and by what generates a column of it.
    let twice = "public.users ssn; public.users ssn";
    check("INSERT INTO kept (ssn) SELECT ssn FROM users", "other", twice);
    check("INSERT INTO kept (note) SELECT ssn FROM users", "other", "public.users ssn");
    check("INSERT INTO plain SELECT ssn FROM users", "other", "");
    check("INSERT INTO kept (ssn) VALUES ('x')", "other", "");
    // A type that it may not fit into.
    check("INSERT INTO kept (short) SELECT ssn FROM users", "other", "public.users ssn");
}

#[test]
fn an_index_tells_whether_a_change_changes_anything() {
    let text = "UPDATE users SET ssn = plain.x FROM plain WHERE plain.x IS NULL";
    check(text, "other", "public.plain x");
    check("UPDATE users SET name = plain.x FROM plain WHERE plain.x IS NULL", "other", "");
    // What a row keeps of its own tells nothing.
    check("UPDATE users SET ssn = coalesce($1, ssn) WHERE id = 1", "other", "public.users ssn");
}

#[test]
fn rows_that_are_stored_in_an_order_of_an_index_show_it_by_their_places() {
    check("INSERT INTO plain SELECT ssn FROM users", "by-index", "public.users ssn");
    check("CREATE TABLE sorted AS SELECT ssn FROM users", "by-index", "public.users ssn");
}

#[test]
fn what_a_view_is_made_of_is_compared_when_it_is_written_to() {
    let mut known = known_relations();
    known.iter_mut().filter(|it| it.name == "plain").for_each(|it| {
        it.unique = names(&["x"]);
        it.runs = vec![("public".to_owned(), "hung".to_owned())];
        it.parts = vec![("audit".to_owned(), "log".to_owned())];
    });
    let text = "INSERT INTO shown (ssn) VALUES ('x')";
    let reading = Reading::new(text, &PostgreSql.analyze(text), &Known::of(known), None, true);
    let operations = reading.command.operations.iter();
    let done: Vec<_> = operations.map(|it| format!("{} {}", it.action, it.object)).collect();
    for expected in ["use public.plain", "call public.hung", "insert audit.log"] {
        assert!(done.iter().any(|it| it == expected), "{done:?}");
    }
    assert!(reading.statements[0].is_opaque(), "what hangs on the table runs");
}

#[test]
fn what_follows_a_key_takes_over_what_is_written_to_it() {
    let mut known = known_relations();
    known.iter_mut().filter(|it| it.name == "plain").for_each(|it| {
        it.unique = names(&["x"]);
        it.cascades = vec![(Cascade::Update, ("public".to_owned(), "child".to_owned()))];
    });
    let known = Known::of(known);
    let nowhere = |text: &str| {
        let reading = Reading::new(text, &PostgreSql.analyze(text), &known, None, true);
        let mut stored = reading.statements[0].exposure.stored.iter();
        stored.any(|it| it.into.is_empty() && it.from == ["public.users.ssn"])
    };
    assert!(nowhere("UPDATE plain SET x = users.ssn FROM users"));
    assert!(nowhere("UPDATE shown SET ssn = users.ssn FROM users"), "through a view");
    assert!(!nowhere("INSERT INTO plain (x) SELECT ssn FROM users"), "nothing follows a new row");
}

#[test]
fn what_a_view_computed_is_asked_for_by_no_parameter() {
    let mut known = known_relations();
    let definition = "SELECT plain.x AS plain, \"left\"(plain.x, 1) AS first FROM public.plain";
    let mut computed = table(9, "computed", &["plain", "first"]);
    computed.view = Some(View::read(definition, &Trusted::default()));
    known.push(computed);
    let known = Known::of(known);
    let how = |condition: &str| {
        let text = format!("SELECT 1 FROM computed WHERE {condition}");
        let reading = Reading::new(&text, &PostgreSql.analyze(&text), &known, None, true);
        let mut used = reading.command.operations.iter().filter(|it| it.object == "public.plain");
        let used = used.find(|it| it.action == "use").cloned().unwrap();
        used.facts.into_iter().find(|(fact, _)| fact == "how").unwrap().1
    };
    assert_eq!(how("plain = $1"), "equals-parameter");
    assert_eq!(how("plain IS NULL"), "null-test");
    assert_eq!(how("first = $1"), "other");
    assert_eq!(how("first IS NULL"), "other");
}

#[test]
fn what_is_copied_is_copied_to_generated_columns_too() {
    let stored =
        &read("INSERT INTO kept (note) SELECT ssn FROM users").statements[0].exposure.stored;
    let into: Vec<_> = stored.iter().map(|stored| stored.into.join(",")).collect();
    assert_eq!(into, ["public.kept.made", "public.kept.note"]);
}

#[test]
fn a_generated_column_takes_what_it_is_made_of() {
    let mut known = known_relations();
    let made = ("made".to_owned(), names(&["note"]));
    known.iter_mut().filter(|it| it.name == "kept").for_each(|it| it.made = [made.clone()].into());
    let known = Known::of(known);
    let into = |column: &str| {
        let text = format!("INSERT INTO kept ({column}) SELECT ssn FROM users");
        let reading = Reading::new(&text, &PostgreSql.analyze(&text), &known, None, true);
        let stored = &reading.statements[0].exposure.stored;
        stored.iter().map(|stored| stored.into.join(",")).collect::<Vec<_>>()
    };
    assert_eq!(into("note"), ["public.kept.made", "public.kept.note"]);
    assert_eq!(into("ssn"), ["public.kept.ssn"]);
}

/// Checks into which columns a copy of `ssn` goes, each with all names by which it may be protected there.
fn check_stored(text: &str, expected: &[&str]) {
    let stored = &read(text).statements[0].exposure.stored;
    let from_ssn = stored.iter().filter(|stored| stored.from.contains(&"public.users.ssn".into()));
    let into: Vec<_> = from_ssn.map(|stored| stored.into.join(",")).collect();
    assert_eq!(into, expected, "{text}");
}

#[test]
fn what_is_copied_through_a_view_goes_to_the_table_alone() {
    check_stored("INSERT INTO shown (ssn) SELECT ssn FROM users", &["public.plain.x"]);
    check_stored("UPDATE shown SET ssn = u.ssn FROM users u", &["public.plain.x"]);
}

#[test]
fn of_several_tables_of_a_name_only_those_count_that_have_the_column() {
    let mut known = known_relations();
    let mut other = table(9, "plain", &["ssn"]);
    other.schema = "beside".to_owned();
    known.push(other);
    let text = "INSERT INTO plain (x) SELECT ssn FROM users";
    let reading = Reading::new(text, &PostgreSql.analyze(text), &Known::of(known), None, true);
    let stored = &reading.statements[0].exposure.stored;
    assert_eq!(stored.iter().map(|it| it.into.join(",")).collect::<Vec<_>>(), ["public.plain.x"]);
}

#[test]
fn what_is_copied_to_a_parent_may_lie_in_any_part() {
    check_stored("INSERT INTO whole (ssn) SELECT ssn FROM users", &["public.whole.ssn"]);
    check_stored(
        "INSERT INTO part (ssn) SELECT ssn FROM users",
        &["public.part.ssn,public.whole.ssn"],
    );
}

#[test]
fn rows_that_become_a_part_go_each_column_to_its_own() {
    let text = "ALTER TABLE kept INHERIT users";
    let stored = &read(text).statements[0].exposure.stored;
    let both = stored.iter().map(|it| format!("{} {}", it.from.join(","), it.into.join(",")));
    assert!(both.into_iter().any(|it| it == "public.kept.ssn public.users.ssn"), "{stored:?}");
    assert!(stored.iter().all(|it| it.from.len() == 1 || it.into != ["public.users.ssn"]));
}

#[test]
fn a_part_that_is_let_go_has_its_own_name_alone() {
    let text = "ALTER TABLE part NO INHERIT whole";
    let stored = &read(text).statements[0].exposure.stored;
    let both = stored.iter().map(|it| format!("{} {}", it.from.join(","), it.into.join(",")));
    let expected = ["public.part.ssn,public.whole.ssn public.part.ssn"];
    assert_eq!(both.collect::<Vec<_>>(), expected);
}

#[test]
fn a_dot_in_a_name_hides_nothing() {
    check_stored(
        "INSERT INTO dotted (\"x.ssn\") SELECT ssn FROM users",
        &["a.b.dotted.made", "a.b.dotted.x.ssn"],
    );
    let twice = "public.users ssn; public.users ssn";
    check("INSERT INTO dotted (\"x.ssn\") SELECT ssn FROM users", "other", twice);
    check("SELECT id FROM dotted WHERE team = 5", "by-index", "a.b.dotted team,x.ssn");
    check("SELECT id FROM dotted WHERE \"x.ssn\" < 'x'", "other", "a.b.dotted x.ssn");
}

#[test]
fn a_part_that_is_let_go_is_compared_with_nothing() {
    check("ALTER TABLE split DETACH PARTITION users", "other", "");
}

#[test]
fn bounds_of_partitions_are_compared_with_what_is_there() {
    check(
        "ALTER TABLE split ATTACH PARTITION users FOR VALUES FROM ('a') TO ('b')",
        "other",
        "public.split ssn; public.users ssn",
    );
    check(
        "CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM ('a') TO ('b')",
        "other",
        "public.split ssn",
    );
}

#[test]
fn samples_of_values_may_come_from_anywhere() {
    let mut stats = table(4, "pg_stats", &["tablename", "most_common_vals"]);
    stats.schema = "pg_catalog".to_owned();
    let known = Known::of(vec![stats]);
    let text = "SELECT most_common_vals FROM pg_stats";
    let reading = Reading::new(text, &PostgreSql.analyze(text), &known, None, true);
    let sources = reading.statements[0].lineage.of(0, 1);
    assert_eq!(sources, [ANYWHERE, "pg_catalog.pg_stats.most_common_vals"]);
}
