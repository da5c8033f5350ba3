//! What statements are taken for in generic SQL.

use crate::Generic;

fn check(text: &str, expected: &str) {
    super::check(&Generic, text, expected);
}

fn outputs(text: &str, expected: &str) {
    super::outputs(&Generic, text, expected);
}

#[test]
fn a_query_reads_what_it_names() {
    check("SELECT \"Id\", Name FROM \"Users\"", "select Users [Id,name]");
    check(
        "WITH d AS (DELETE FROM a RETURNING id) SELECT * FROM d",
        "select a [id]; delete a {where: absent, cte: writable}",
    );
    check(
        "SELECT * INTO copied FROM users",
        "select users [*]; create copied {kind: table}; ~ ChangesCatalog",
    );
    check("SELECT q.* FROM users q", "select users [*]");
}

#[test]
fn parts_without_a_plain_meaning_are_gaps() {
    check(
        "SELECT * FROM ONLY users",
        "select only [*]; ! a table that goes by a word of the grammar is not accounted for",
    );
    check("SELECT TOP 5 * FROM t", "select t [*]; ! TOP is not accounted for");
    check(
        "SELECT * FROM a.b.c",
        "select b.c [*]; ! a name with more than two parts is not accounted for",
    );
    check("SELECT * EXCEPT (a) FROM t", "select t [*]; ! an altered star is not accounted for");
    check(
        "SELECT * FROM t PIVOT (sum(x) FOR y IN ('a'))",
        "! this kind of table is not accounted for; ! a relation of the statement is not accounted for",
    );
    check(
        "ATTACH DATABASE 'x' AS y",
        "other; ~ ChangesCatalog; ! the statement is of a kind that is not known",
    );
    check("SELECT x FROM t |> WHERE y", "select t [x]; ! a pipe operator is not accounted for");
}

#[test]
fn what_may_be_read_otherwise_or_not_at_all_is_a_gap() {
    check(
        "SELECT a FROM t WHERE b = 'x\\'",
        "! a backslash is an escape on some servers and not on others",
    );
    check("SELECT /* a /* b */ 1", "! nested comments end differently on different servers");
    check("SELECT 1 /* a */", "");
}

#[test]
fn what_is_written_is_told_and_whether_rows_are_chosen() {
    check(
        "DELETE FROM a USING b WHERE a.id = b.id",
        "select a [id]; select b [id]; delete a {where: present}",
    );
    check(
        "UPDATE a SET x = b.y FROM b WHERE a.id = b.id",
        "select a [id]; select b [y,id]; update a [x] {where: present}",
    );
    check(
        "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET x = b.x WHEN NOT MATCHED THEN INSERT (id) VALUES (b.id)",
        "select a [id]; select b [id,x]; merge a; update a [x] {via: merge}; insert a [id] {via: merge}",
    );
    check(
        "INSERT INTO a (x) SELECT ssn FROM users RETURNING x",
        "insert a [x]; select users [ssn]; select a [x]",
    );
}

#[test]
fn code_and_files_are_gaps() {
    check(
        "COPY users TO STDOUT",
        "copy-to users {place: client}; select users {via: copy}; ! COPY is not accounted for",
    );
}

#[test]
fn statements_about_the_session_are_told() {
    check(
        "EXPLAIN DELETE FROM users",
        "explain {explain: plan}; delete users {where: absent, explain: plan}",
    );
}

#[test]
fn result_columns_come_from_the_columns_that_flow_into_them() {
    outputs("SELECT \"Id\", Name FROM \"Users\"", "Id <- Users.Id; name <- Users.name");
    outputs("SELECT 1 /* a */", "~ <- ");
    outputs("INSERT INTO a (x) SELECT ssn FROM users RETURNING x", "~x <- a.x, users.ssn");
    outputs("WITH d AS (DELETE FROM a RETURNING id) SELECT * FROM d", "id <- a.id");
    outputs("SELECT q.* FROM users q", "* <- users.* (inexact)");
}
