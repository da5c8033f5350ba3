//! `COPY`: what goes where, and how its lines are made.

use super::check;
use crate::{CopyFormat, CopyOut, Dialect, Effect, PostgreSql, Quoted};

#[test]
fn copy_tells_relation_and_place() {
    check(
        "COPY users TO STDOUT",
        "copy-to users [*] {place: client}; select users [*]; ~ CopyOut(Relation { name: Name { schema: None, name: \"users\" }, columns: [] })",
    );
    check(
        "COPY users (id, ssn) TO STDOUT WITH (FORMAT csv, HEADER)",
        "copy-to users [id,ssn] {place: client}; select users [id,ssn]; ~ CopyOut(Relation { name: Name { schema: None, name: \"users\" }, columns: [\"id\", \"ssn\"] })",
    );
    check(
        "COPY (SELECT ssn FROM users) TO STDOUT",
        "copy-to {place: client}; select users [ssn]; ~ CopyOut(Query { reads: [Name { schema: None, name: \"users\" }] })",
    );
    check(
        "COPY (DELETE FROM users RETURNING *) TO STDOUT",
        "copy-to {place: client}; delete users {where: absent}; select users [*]; ~ CopyOut(Query { reads: [Name { schema: None, name: \"users\" }] })",
    );
    check(
        "COPY users FROM STDIN",
        "copy-from users [*] {place: client}; insert users [*] {via: copy}; ~ CopyIn",
    );
    check(
        "COPY users (id) FROM STDIN WHERE id > 1",
        "copy-from users [id] {place: client}; insert users [id] {via: copy}; select users [id]; ~ CopyIn",
    );
    check(
        "COPY users TO '/tmp/x'",
        "copy-to users [*] {place: file}; select users [*]; ! COPY reads or writes a file of the server",
    );
    check(
        "COPY users TO PROGRAM 'cat'",
        "copy-to users [*] {place: program}; select users [*]; ! COPY runs a program of the server",
    );
    check(
        "COPY users FROM PROGRAM 'cat'",
        "copy-from users [*] {place: program}; insert users [*] {via: copy}; ! COPY runs a program of the server",
    );
    check(
        "COPY users FROM '/tmp/x'",
        "copy-from users [*] {place: file}; insert users [*] {via: copy}; ! COPY reads or writes a file of the server",
    );
    check(
        "COPY users TO STDOUT (ENCODING 'SJIS')",
        "copy-to users [*] {place: client}; select users [*]; ~ CopyOut(Relation { name: Name { schema: None, name: \"users\" }, columns: [] }); ! COPY in another encoding than UTF-8",
    );
    check(
        "COPY BINARY users TO STDOUT",
        "copy-to users [*] {place: client}; select users [*]; ~ CopyOut(Relation { name: Name { schema: None, name: \"users\" }, columns: [] })",
    );
    check(
        "COPY users TO STDOUT WITH DELIMITER '|' NULL 'x' CSV HEADER QUOTE '\"' FORCE QUOTE ssn",
        "copy-to users [*] {place: client}; select users [*]; ~ CopyOut(Relation { name: Name { schema: None, name: \"users\" }, columns: [] })",
    );
}

fn copy_out(text: &str) -> CopyOut {
    let analysis = PostgreSql.analyze(text);
    let effects = analysis.statements.into_iter().flat_map(|statement| statement.effects);
    let mut copies = effects.filter_map(|effect| match effect {
        Effect::CopyOut(copy) => Some(*copy),
        _ => None,
    });
    copies.next().unwrap()
}

#[test]
fn the_defaults_of_copy_are_those_of_its_format() {
    let text = copy_out("COPY t TO STDOUT");
    assert_eq!((text.format, text.header), (CopyFormat::Text, false));
    assert_eq!((text.delimiter.as_str(), text.null.as_str()), ("\t", "\\N"));
    let csv = copy_out("COPY t TO STDOUT (FORMAT CSV)");
    assert_eq!((csv.delimiter.as_str(), csv.null.as_str()), (",", ""));
    assert_eq!((csv.quote.as_str(), csv.escape.as_str()), ("\"", "\""));
    assert_eq!(copy_out("COPY t TO STDOUT BINARY").format, CopyFormat::Binary);
}

#[test]
fn the_options_of_copy_are_kept_as_written() {
    let copy = copy_out(
        "COPY t TO STDOUT (FORMAT 'csv', HEADER true, DELIMITER 'A', NULL ' x ', QUOTE '''', \
         FORCE_QUOTE (a, b))",
    );
    assert_eq!((copy.format, copy.header), (CopyFormat::Csv, true));
    assert_eq!((copy.delimiter.as_str(), copy.null.as_str()), ("A", " x "));
    assert_eq!((copy.quote.as_str(), copy.escape.as_str()), ("'", "'"));
    assert_eq!(copy.force_quote, Quoted::Columns(vec!["a".into(), "b".into()]));
    let old = copy_out("COPY t TO STDOUT DELIMITER '|' CSV HEADER ESCAPE '~' FORCE QUOTE *");
    assert_eq!((old.delimiter.as_str(), old.escape.as_str()), ("|", "~"));
    assert_eq!((old.header, old.force_quote), (true, Quoted::All));
    assert!(!copy_out("COPY t TO STDOUT (HEADER off)").header);
}

#[test]
fn an_option_is_read_where_it_is_written_plainly() {
    for option in [
        "HEADER (off)",
        "HEADER *",
        "HEADER 2",
        "DELIMITER 1",
        "DELIMITER *",
        "DELIMITER (';')",
        "QUOTE 1",
        "ESCAPE (x)",
        "NULL 70613",
        "NULL ('x')",
        "FORMAT (csv)",
        "FORMAT 1",
        "ENCODING (sjis)",
        "ENCODING 'sjis'",
        "SOMETHING 'else'",
    ] {
        let text = format!("COPY t TO STDOUT ({option})");
        assert!(!copy_out(&text).is_known, "{option}");
        assert!(!PostgreSql.analyze(&text).gaps.is_empty(), "{option}");
    }
    for option in [
        "HEADER",
        "HEADER 0",
        "HEADER off",
        "HEADER 'on'",
        "HEADER match",
        "DELIMITER ';'",
        "NULL ''",
        "FORMAT CSV",
        "FORCE_QUOTE *",
        "FORCE_QUOTE (a, b)",
        "ENCODING 'UTF-8'",
    ] {
        assert!(copy_out(&format!("COPY t TO STDOUT ({option})")).is_known, "{option}");
    }
}
