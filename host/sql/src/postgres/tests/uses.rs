//! Which columns decide or are computed with where nothing of them is shown.

use super::{only, outputs, uses};

#[test]
fn every_set_operation_but_union_all_compares_rows() {
    uses("SELECT ssn FROM users UNION ALL SELECT 'x'", "");
    uses("SELECT ssn FROM users INTERSECT ALL SELECT 'x'", "group users.ssn");
    uses("SELECT ssn FROM users EXCEPT ALL SELECT 'x'", "group users.ssn");
    uses(
        "SELECT EXISTS (SELECT ssn FROM users EXCEPT ALL SELECT 'x')",
        "predicate users.ssn, group users.ssn",
    );
}

#[test]
fn what_a_sample_is_taken_by_decides_over_rows() {
    uses(
        "SELECT 1 FROM a TABLESAMPLE system ((SELECT users.ssn FROM users))",
        "predicate users.ssn",
    );
    uses(
        "SELECT 1 FROM a TABLESAMPLE system (1) REPEATABLE ((SELECT users.ssn FROM users))",
        "predicate users.ssn",
    );
}

#[test]
fn columns_that_are_not_evaluated_are_told_all_the_same() {
    for text in ["SELECT EXISTS (SELECT u.f FROM users u)", "SELECT pg_typeof(u.f) FROM users u"] {
        let statement = only(text);
        assert_eq!(crate::rendering::render_sources(&statement.idle), "users.f", "{text}");
        assert_eq!(statement.sources().count(), 1, "{text}");
    }
}

#[test]
fn what_exists_selects_is_used_unless_it_is_a_column() {
    for plain in ["ssn", "u.*", "*, 1", "ssn, NULL::text, $1, count(*)"] {
        uses(&format!("SELECT EXISTS (SELECT {plain} FROM users u)"), "");
        uses(&format!("SELECT EXISTS (SELECT {plain} FROM users u UNION ALL SELECT 1)"), "");
    }
    for computed in
        ["1 / ssn", "generate_series(1, ssn)", "ssn::int", "(jsonb_each(ssn)).*", "(SELECT ssn)"]
    {
        for rest in ["", "OFFSET 0", "UNION ALL SELECT 1"] {
            let text = format!("SELECT EXISTS (SELECT {computed} FROM users {rest})");
            uses(&text, "predicate users.ssn");
        }
    }
}

#[test]
fn what_pg_typeof_is_given_is_used_unless_it_is_a_column() {
    uses("SELECT pg_typeof(ssn) FROM users", "");
    uses("SELECT pg_catalog.pg_typeof(u.ssn), pg_typeof($1) FROM users u", "");
    uses("SELECT pg_typeof(1 / ssn) FROM users", "expression users.ssn");
    uses("SELECT pg_typeof(ssn::int) FROM users", "expression users.ssn");
    uses("SELECT pg_typeof(generate_series(1, ssn)) FROM users", "predicate users.ssn");
    uses("SELECT pg_typeof(CASE WHEN ssn > 1 THEN 2 END) FROM users", "predicate users.ssn");
}

#[test]
fn a_function_of_ones_own_called_pg_typeof_may_show_what_it_is_given() {
    outputs("SELECT pg_typeof(ssn) FROM users", "~pg_typeof <- ");
    outputs("SELECT s.pg_typeof(ssn) FROM users", "~pg_typeof <- users.ssn, (call).s.pg_typeof.*");
}

#[test]
fn what_a_cycle_is_told_by_is_compared() {
    let query = "WITH RECURSIVE r(v) AS (SELECT ssn FROM users UNION ALL SELECT 'x' FROM r)";
    uses(&format!("{query} SELECT v FROM r"), "");
    uses(&format!("{query} CYCLE v SET c USING p SELECT v FROM r"), "group users.ssn");
    uses(&format!("{query} CYCLE v SET c USING p SELECT count(*) FROM r"), "group users.ssn");
    uses(
        &format!("{query} SEARCH DEPTH FIRST BY v SET o SELECT v FROM r ORDER BY o"),
        "sort users.ssn",
    );
}

#[test]
fn whatever_is_more_than_a_column_computes_with_it_wherever_it_stands() {
    for text in [
        "SELECT 1 / u.ssn FROM users u",
        "VALUES (1, 1 / (SELECT u.ssn FROM users u))",
        "SELECT 1 FROM (VALUES (1 / (SELECT u.ssn FROM users u)), (2)) v",
        "SELECT 1 FROM (SELECT (jsonb_strip_nulls(u.ssn)).* FROM users u) s",
        "SELECT sum(1) OVER w FROM a WINDOW w AS (ROWS (SELECT u.ssn FROM users u) PRECEDING)",
        "INSERT INTO a VALUES (1 / (SELECT u.ssn FROM users u))",
        "INSERT INTO users AS u (id) VALUES (1) ON CONFLICT DO UPDATE SET ssn = 1 / u.ssn",
        "UPDATE users u SET ssn = 1 / u.ssn",
        "UPDATE users u SET (ssn, id) = ROW (1 / u.ssn, 1)",
        "UPDATE a SET b[(SELECT u.ssn FROM users u)] = 1",
        "MERGE INTO a USING users u ON false WHEN NOT MATCHED THEN INSERT VALUES (1 / u.ssn)",
        "MERGE INTO a USING users u ON false WHEN MATCHED THEN UPDATE SET b = 1 / u.ssn",
    ] {
        uses(text, "expression users.ssn");
    }
}

#[test]
fn a_column_that_is_passed_on_as_it_is_decides_nothing() {
    for text in [
        "SELECT ssn, u.*, (u).* FROM users u",
        "SELECT 1 FROM (SELECT ssn, u FROM users u) s",
        "INSERT INTO a SELECT ssn FROM users",
        "UPDATE users SET ssn = old FROM (SELECT ssn AS old FROM users) s",
        "INSERT INTO users (id) VALUES (1) ON CONFLICT DO UPDATE SET ssn = excluded.ssn",
        "MERGE INTO a USING users u ON false WHEN NOT MATCHED THEN INSERT VALUES (u.ssn)",
        "DELETE FROM users RETURNING ssn",
    ] {
        uses(text, "");
    }
}

#[test]
fn what_rows_are_made_of_decides_over_them() {
    for name in ["generate_series", "pg_options_to_table", "aclexplode", "txid_snapshot_xip"] {
        uses(&format!("SELECT {name}(ssn) FROM users"), "predicate users.ssn");
    }
}
