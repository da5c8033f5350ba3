//! Which columns decide or are computed with where nothing of them is shown.

use super::{only, outputs, uses};
use crate::{Dialect, PostgreSql};

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
        "MERGE INTO a USING users u ON false WHEN NOT MATCHED THEN INSERT VALUES (1 / u.ssn)",
        "MERGE INTO a USING users u ON false WHEN MATCHED THEN UPDATE SET b = 1 / u.ssn",
    ] {
        uses(text, "expression users.ssn");
    }
}

#[test]
fn what_a_subscript_is_assigned_to_is_taken_apart() {
    let text = "UPDATE users SET ssn['a'] = 'x', id[(SELECT b.x FROM b)] = 1";
    uses(text, "expression b.x, expression users.id, expression users.ssn");
    uses("UPDATE users SET ssn = 'x'", "");
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

#[test]
fn an_index_orders_the_rows_of_its_table() {
    let ordered = "sort users.ssn";
    uses("CREATE INDEX ON users (ssn)", ordered);
    uses("CREATE INDEX ON users (ssn DESC) INCLUDE (id)", ordered);
    uses("ALTER TABLE users ADD UNIQUE (ssn)", ordered);
    uses("ALTER TABLE users ADD CONSTRAINT k PRIMARY KEY (ssn)", ordered);
    let by_index = only("CREATE INDEX ON users (ssn)").uses;
    assert!(by_index.iter().all(|used| used.how == crate::How::ByIndex), "{by_index:?}");
    // A table that is only now made holds nothing yet.
    uses("CREATE TABLE own (ssn text UNIQUE)", "");
}

#[test]
fn a_constraint_that_is_added_tests_what_is_there() {
    uses("ALTER TABLE users ADD FOREIGN KEY (ssn) REFERENCES guesses", "join users.ssn");
    uses("ALTER TABLE users ALTER COLUMN ssn TYPE varchar(9)", "expression users.ssn");
    uses("ALTER TABLE users ADD COLUMN ssn varchar(9)", "");
}

#[test]
fn what_gives_something_else_for_each_row_draws() {
    for text in [
        "SELECT id FROM users WHERE nextval('s') > 3",
        "SELECT id FROM users WHERE pg_catalog.random() < 0.5",
        "DELETE FROM users WHERE clock_timestamp() > now()",
        "SELECT id FROM users WHERE set_config('a.b', current_setting('a.b') || 'x', true) > 'xxx'",
        "SELECT id FROM users WHERE own(1)",
    ] {
        assert!(only(text).draws, "{text}");
    }
    for text in
        ["SELECT id FROM users WHERE lower(name) = 'a' AND born < now()", "DELETE FROM users"]
    {
        assert!(!only(text).draws, "{text}");
    }
}

#[test]
fn the_order_of_rows_is_told_of_plain_queries_alone() {
    let ordered = |text: &str| crate::rendering::render_sources(&only(text).ordered_by);
    for text in [
        "SELECT id, name FROM users ORDER BY id",
        "SELECT id, ssn IS NULL, born::text, 1, $1 FROM users ORDER BY id",
        "SELECT name FROM users WHERE ssn IS NULL ORDER BY users.id DESC LIMIT 3",
        "SELECT * FROM users u ORDER BY u.id",
        "DECLARE c CURSOR FOR SELECT name FROM users ORDER BY id",
    ] {
        assert_eq!(ordered(text), "users.id", "{text}");
    }
    assert_eq!(ordered("SELECT name AS id FROM users ORDER BY id"), "users.name");
    for text in [
        "SELECT id FROM users",
        "SELECT array_agg(id) FROM users ORDER BY min(id)",
        "SELECT id, row_number() OVER () FROM users ORDER BY id",
        "SELECT id, nextval('s') FROM users ORDER BY id",
        "SELECT u.id FROM users u, orders o ORDER BY u.id",
        "SELECT id FROM users GROUP BY id ORDER BY id",
        "SELECT id FROM users WHERE id IN (SELECT id FROM users) ORDER BY id",
        "SELECT id FROM (SELECT id FROM users ORDER BY id) s",
        "SELECT id FROM users ORDER BY id + 0",
        "SELECT id FROM users ORDER BY id USING <",
        "SELECT id FROM users UNION ALL SELECT id FROM users ORDER BY id",
    ] {
        assert_eq!(ordered(text), "", "{text}");
    }
}

#[test]
fn a_row_policy_decides_by_what_it_computes() {
    uses("CREATE POLICY p ON users USING (starts_with(ssn, '5'))", "predicate users.ssn");
    uses("ALTER POLICY p ON users USING (starts_with(ssn, '5'))", "predicate users.ssn");
}

#[test]
fn a_subscript_that_is_assigned_to_is_computed_with_wherever_it_stands() {
    for text in [
        "INSERT INTO own (doc[(SELECT ssn FROM users)]) VALUES ('1')",
        "UPDATE own SET doc[(SELECT ssn FROM users)] = '1'",
        "MERGE INTO own o USING (VALUES (1)) v(n) ON false WHEN NOT MATCHED THEN INSERT (doc[(SELECT ssn FROM users)]) VALUES ('1')",
    ] {
        let analysis = PostgreSql.analyze(text);
        let stores = &analysis.statements[0].stores;
        assert!(stores.iter().any(|it| it.source.column == "ssn"), "{text}: {stores:?}");
    }
}
