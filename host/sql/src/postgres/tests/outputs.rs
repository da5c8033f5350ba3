//! Where the columns of a result come from.

use super::{all_sources, only, outputs, uses};

#[test]
fn result_columns_come_from_the_columns_that_flow_into_them() {
    outputs("SELECT 1, $1, now()", "~?column? <- ; ~?column? <- ; ~now <- ");
    outputs("SELECT count(*) FROM users", "~count <- ");
    outputs("SELECT password AS x FROM users", "x <- users.password");
    outputs("SELECT x.y FROM (SELECT ssn AS y FROM users) x", "y <- users.ssn");
    outputs("SELECT q.b FROM (SELECT id, ssn FROM users) q (a, b)", "b <- users.ssn");
    outputs("SELECT b FROM users u (a, b)", "b <- users.#2");
    outputs("SELECT u.ssn FROM users u (a)", "ssn <- users.ssn");
    outputs("SELECT c FROM (SELECT t.*, s.ssn FROM t, s) q (a, b, c)", "c <- s.ssn, t.*");
    outputs("SELECT *, 1 AS one FROM users", "* <- users.*; ~one <-  (inexact)");
}

#[test]
fn a_whole_row_holds_every_column() {
    outputs("SELECT u FROM users u", "~u <- users.*, users.u");
    outputs("SELECT (u).ssn FROM users u", "~ssn <- users.*, users.u");
    outputs("SELECT u.* FROM (SELECT u FROM users u) u", "~u <- users.*, users.u");
    outputs(
        "SELECT u::text, row_to_json(u), u.row_to_json, count(u) FROM users u",
        "~u <- users.*, users.u; ~row_to_json <- users.*, users.u; ~row_to_json <- users.*, users.row_to_json; ~count <- users.*, users.u",
    );
}

#[test]
fn a_subquery_passes_on_what_it_selects() {
    outputs("SELECT x FROM (SELECT ARRAY(SELECT ssn FROM users) AS x) q", "~x <- users.ssn");
    outputs("SELECT (SELECT 'y' WHERE u.ssn LIKE '1%') FROM users u", "~?column? <- users.ssn");
    outputs("SELECT (SELECT name FROM users WHERE token = $1)", "name <- users.name");
    outputs(
        "SELECT EXISTS (SELECT 1 FROM dummy WHERE u.ssn LIKE '1%') FROM users u",
        "~exists <- users.ssn",
    );
    outputs("SELECT (SELECT ssn FROM dummy LIMIT 1) FROM users", "~ssn <- dummy.ssn, users.ssn");
    outputs(
        "SELECT id IN (SELECT ssn FROM secret) FROM users",
        "~?column? <- secret.ssn, users.id, users.ssn",
    );
    outputs("SELECT id FROM a UNION SELECT ssn FROM users", "id <- a.id, users.ssn");
    outputs("SELECT * FROM a UNION SELECT ssn FROM users", "* <- a.*, users.ssn (inexact)");
    outputs(
        "SELECT id, name FROM a UNION SELECT * FROM users",
        "id <- a.id, users.*; name <- a.name, users.*",
    );
    outputs(
        "SELECT upper(x), length FROM (SELECT length(ssn), ssn AS x FROM users) q",
        "~upper <- users.ssn; ~length <- users.ssn",
    );
}

#[test]
fn joins_and_functions_pass_on_what_they_are_given() {
    outputs("SELECT j.k FROM (a JOIN b USING (k)) j", "k <- a.k, b.k");
    outputs("SELECT j.x FROM (a JOIN b ON true) AS j (x)", "x <- a.*, b.*");
    outputs("SELECT k FROM a JOIN b USING (k)", "k <- a.k, b.k");
    outputs("SELECT uu.k FROM a JOIN b USING (k) AS uu", "k <- a.k, b.k");
    outputs(
        "SELECT value FROM users u, json_each(row_to_json(u))",
        "~value <- users.*, users.u, users.value",
    );
    outputs("SELECT q.y FROM users u, LATERAL (SELECT u.ssn AS y) q", "y <- users.ssn");
    outputs("SELECT f.x FROM f(1) AS f (x)", "~x <- (call).f.*");
    outputs("SELECT x FROM ROWS FROM (unnest(ARRAY[1]) AS (x int)) AS t", "~x <- ");
}

#[test]
fn what_orders_and_chooses_a_value_flows_into_it() {
    outputs(
        "SELECT rank() OVER (ORDER BY ssn), first_value(ssn) OVER w, sum(n) OVER (w ROWS 1 PRECEDING) FROM users WINDOW w AS (PARTITION BY o)",
        "~rank <- users.ssn; ~first_value <- users.o, users.ssn; ~sum <- users.n, users.o",
    );
    outputs("SELECT mode() WITHIN GROUP (ORDER BY ssn) FROM users", "~mode <- users.ssn");
    outputs("SELECT CASE WHEN ssn = '1' THEN 1 END FROM users", "~case <- users.ssn");
    outputs("SELECT max(ssn) AS m FROM users GROUP BY o HAVING count(*) > 1", "~m <- users.ssn");
}

#[test]
fn queries_named_by_with_pass_on_what_they_select() {
    outputs("WITH x (a) AS (SELECT ssn FROM users) SELECT a FROM x", "a <- users.ssn");
    outputs(
        "WITH x AS MATERIALIZED (SELECT ssn FROM users), y AS (SELECT * FROM x) SELECT * FROM y",
        "ssn <- users.ssn",
    );
    outputs(
        "WITH RECURSIVE r (n, s) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, ssn FROM r, users) SELECT n, s FROM r",
        "~n <- users.ssn; ~s <- users.ssn",
    );
    outputs(
        "WITH RECURSIVE r AS (SELECT id FROM t UNION SELECT t.id FROM t JOIN r ON t.p = r.id) SEARCH DEPTH FIRST BY id SET o SELECT id, o FROM r",
        "~id <- t.id; ~o <- t.id",
    );
    outputs(
        "WITH d AS (DELETE FROM users RETURNING ssn AS gone) SELECT gone FROM d",
        "gone <- users.ssn",
    );
}

#[test]
fn returning_gives_back_what_was_written() {
    outputs(
        "INSERT INTO log (x, y) SELECT ssn, 1 FROM users RETURNING x, y, id",
        "~x <- log.x, users.ssn; y <- log.y; id <- log.id",
    );
    outputs("INSERT INTO log SELECT ssn FROM users RETURNING id", "~id <- log.id, users.ssn");
    outputs(
        "INSERT INTO log (x) VALUES (1) ON CONFLICT (x) DO UPDATE SET x = (SELECT ssn FROM users) RETURNING x",
        "~x <- log.ssn, log.x, users.ssn",
    );
    outputs(
        "INSERT INTO log (x) SELECT ssn FROM users ON CONFLICT (x) DO UPDATE SET y = excluded.x RETURNING y",
        "~y <- log.y, users.ssn",
    );
    outputs(
        "UPDATE log SET x = u.ssn FROM users u WHERE u.id = log.id RETURNING x, log.y, u.name",
        "~x <- log.x, users.ssn, users.x; y <- log.y; name <- users.name",
    );
    outputs(
        "UPDATE log SET (a, b) = (SELECT ssn, 1 FROM users) RETURNING a",
        "~a <- log.a, log.ssn, users.ssn",
    );
    outputs(
        "UPDATE users SET name = 'x' RETURNING old.ssn, new.name",
        "ssn <- users.ssn; name <- users.name",
    );
    outputs(
        "UPDATE users SET name = 'x' RETURNING WITH (OLD AS o) o.ssn, old",
        "ssn <- users.ssn; old <- users.old",
    );
    outputs("DELETE FROM users u USING t RETURNING u.ssn, t.a", "ssn <- users.ssn; a <- t.a");
    outputs(
        "MERGE INTO log USING users u ON u.id = log.id WHEN NOT MATCHED THEN INSERT (id, x) VALUES (u.id, u.ssn) RETURNING merge_action(), x",
        "~ <- ; ~x <- log.x, users.ssn, users.x",
    );
}

#[test]
fn columns_without_a_name_get_that_of_the_server() {
    outputs("SELECT text FROM (SELECT ssn::int::text FROM users) q", "~text <- users.ssn");
    outputs("SELECT 1::int::text, (SELECT 1)::text", "~text <- ; ~?column? <- ");
    outputs(
        "SELECT \"case\" FROM (SELECT CASE WHEN ssn = '1' THEN 1 ELSE 1::int END FROM users) q",
        "~case <- users.ssn",
    );
    outputs("SELECT nope FROM (SELECT (SELECT * FROM t), ssn FROM users) q", "nope <- t.*");
    outputs(
        "SELECT greatest FROM (SELECT greatest(ssn, '1'), 1 AS one FROM users) q",
        "~greatest <- users.ssn",
    );
}

#[test]
fn a_word_that_is_a_column_on_older_servers_is_read_both_ways() {
    outputs(
        "SELECT upper(system_user) FROM (SELECT ssn AS system_user FROM users) q",
        "~upper <- users.ssn",
    );
}

#[test]
fn names_that_resolve_to_nothing_may_be_anything() {
    outputs("SELECT nope FROM (SELECT ssn FROM users) q", "~nope <- users.ssn");
    outputs("SELECT q.nope FROM (SELECT ssn FROM users) q", "?~nope <- users.ssn");
    outputs("SELECT n FROM generate_series(1, 3) n, (SELECT ssn FROM users) q", "~n <- ");
    outputs("SELECT users.nope.ssn FROM users", "ssn <- users.ssn, users.nope.ssn");
    outputs("SELECT ghost.ssn FROM users", "ssn <- ghost.ssn, users.ssn");
    outputs("SELECT my_function(id) FROM users", "~my_function <- users.id, (call).my_function.*");
    outputs("SELECT * FROM my_function(1)", "*~ <- (call).my_function.* (inexact)");
    outputs("SELECT \"ssn\", \"SSN\" FROM users", "ssn <- users.ssn; SSN <- users.SSN");
    outputs(
        "SELECT public.users.ssn FROM public.users, other.users AS o",
        "ssn <- public.users.ssn",
    );
}

#[test]
fn statements_other_than_select_have_outputs() {
    outputs("TABLE users", "* <- users.* (inexact)");
    outputs("VALUES (1), ((SELECT ssn FROM users))", "~column1 <- users.ssn");
    outputs("SHOW search_path", "~search_path <- ");
    outputs(
        "EXPLAIN SELECT name FROM users WHERE ssn = '1'",
        "~QUERY PLAN <- users.name, users.ssn",
    );
    outputs("PREPARE p AS SELECT ssn FROM users", "ssn <- users.ssn");
    outputs("DECLARE c CURSOR FOR SELECT ssn FROM users", "ssn <- users.ssn");
    outputs("EXECUTE p", "*?~ <-  (inexact)");
    outputs("FETCH c", "*?~ <-  (inexact)");
    outputs("COPY users TO STDOUT", "* <- users.* (inexact)");
    outputs("COPY (SELECT upper(ssn) FROM users) TO STDOUT", "~upper <- users.ssn");
    outputs("CREATE TABLE copied AS SELECT ssn FROM users", "");
}

#[test]
fn all_sources_are_those_used_outside_of_predicates() {
    all_sources("SELECT name FROM users WHERE ssn = '1'", "users.name");
    all_sources("SELECT count(*) FROM (SELECT ssn FROM users) q", "users.ssn");
    all_sources("CREATE TABLE copied AS SELECT ssn FROM users WHERE id = 1", "users.ssn");
    all_sources("INSERT INTO log SELECT ssn FROM users", "users.ssn");
    all_sources("SELECT ssn INTO copied FROM users", "users.ssn");
    all_sources("UPDATE log SET x = (SELECT u.ssn FROM users u)", "users.ssn");
    all_sources(
        "MERGE INTO a USING users u ON a.id = u.id WHEN MATCHED THEN UPDATE SET x = u.ssn",
        "users.ssn",
    );
    all_sources(
        "MERGE INTO a USING users u ON a.id = u.id WHEN NOT MATCHED THEN INSERT VALUES (u.ssn)",
        "users.ssn",
    );
    all_sources("ALTER TABLE users ADD g text GENERATED ALWAYS AS (ssn) STORED", "users.ssn");
    all_sources("ALTER TABLE users ALTER x TYPE text USING ssn", "users.ssn");
    all_sources("ALTER TABLE users RENAME ssn TO foo", "");
    all_sources("COPY users (id, ssn) TO STDOUT", "users.id, users.ssn");
    all_sources("SELECT pg_notify('c', ssn) FROM users", "users.ssn");
    all_sources("UPDATE log SET x = (SELECT max(ssn) FROM users)", "log.ssn, users.ssn");
    all_sources("SELECT 1 FROM users ORDER BY ssn", "");
}

#[test]
fn a_position_or_an_output_name_is_a_group_key_wherever_it_stands() {
    for keys in [
        "1",
        "(1)",
        "ROLLUP (1)",
        "CUBE (1)",
        "GROUPING SETS (1, ())",
        "GROUPING SETS (ROLLUP ((1)))",
    ] {
        uses(&format!("SELECT ssn AS s FROM users GROUP BY {keys}"), "group users.ssn");
    }
    for keys in ["(1, 2)", "ROLLUP (1, 2)", "CUBE ((1, 2))", "GROUPING SETS ((1, 2), (1))"] {
        let text = format!("SELECT ssn, id FROM users GROUP BY {keys}");
        uses(&text, "group users.id, group users.ssn");
    }
    // A name may also be an input column's.
    for keys in ["s", "CUBE (s)"] {
        let text = format!("SELECT ssn AS s FROM users GROUP BY {keys}");
        uses(&text, "group users.s, group users.ssn");
    }
    uses("SELECT ssn FROM users GROUP BY ROW(1)", "");
}

#[test]
fn columns_that_decide_without_being_put_out_are_uses() {
    uses("SELECT 1 FROM users WHERE ssn LIKE '1%'", "predicate users.ssn");
    uses(
        "SELECT 1 FROM users GROUP BY ssn HAVING max(token) > '' ORDER BY name",
        "predicate users.token, sort users.name, group users.ssn",
    );
    uses("SELECT ssn AS s FROM users ORDER BY s", "sort users.ssn");
    uses("SELECT ssn FROM users ORDER BY 1", "sort users.ssn");
    uses("SELECT DISTINCT ssn FROM users", "group users.ssn");
    uses("SELECT 1 FROM a JOIN users u ON u.ssn = a.x", "join a.x, join users.ssn");
    uses("SELECT 1 FROM a JOIN users USING (ssn)", "join a.ssn, join users.ssn");
    uses("SELECT 1 FROM a NATURAL JOIN users", "join a.*, join users.*");
    uses("SELECT 1 FROM (SELECT ssn AS s FROM users) q WHERE s = '1'", "predicate users.ssn");
    uses(
        "SELECT 1 FROM a WHERE EXISTS (SELECT ssn FROM users WHERE users.id = a.id)",
        "predicate a.id, predicate users.id",
    );
    uses(
        "INSERT INTO users (ssn) VALUES ('1') ON CONFLICT (ssn) DO NOTHING",
        "predicate users.ssn",
    );
    uses("DELETE FROM users WHERE ssn = '1'", "predicate users.ssn");
    uses("SELECT 1 LIMIT (SELECT max(ssn) FROM users)", "predicate users.ssn");
    uses("SELECT 1 FROM users WHERE users IS NOT NULL", "predicate users.*, predicate users.users");
    uses("SELECT name AS ssn FROM users GROUP BY ssn", "group users.name, group users.ssn");
}

/// Checks in what way columns are used.
fn ways(text: &str, expected: &[(crate::Usage, crate::How, &str)]) {
    let statement = only(text);
    let found: Vec<_> =
        statement.uses.iter().map(|used| (used.usage, used.how, used.source.to_string())).collect();
    let expected: Vec<_> =
        expected.iter().map(|(usage, how, source)| (*usage, *how, (*source).to_owned())).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn equality_with_a_parameter_is_told_from_other_comparisons() {
    use crate::How::{AmongThemselves, EqualsConstant, EqualsParameter, NullTest, Other};
    use crate::Usage::{Expression, Group, Predicate};
    let ssn = "users.ssn";
    ways("SELECT 1 FROM users WHERE ssn = $1", &[(Predicate, EqualsParameter, ssn)]);
    ways("SELECT 1 FROM users WHERE $1::text = ssn", &[(Predicate, EqualsParameter, ssn)]);
    ways("SELECT 1 FROM users WHERE ssn IN ($1, $2)", &[(Predicate, EqualsParameter, ssn)]);
    ways("SELECT 1 FROM users WHERE ssn = ANY ($1)", &[(Predicate, Other, ssn)]);
    ways("SELECT 1 FROM users WHERE ssn = ANY (ARRAY[$1])", &[(Predicate, Other, ssn)]);
    ways("SELECT 1 FROM users WHERE ssn IN ($1, 'x')", &[(Predicate, EqualsConstant, ssn)]);
    ways("SELECT 1 FROM users WHERE ssn = 'x'", &[(Predicate, EqualsConstant, ssn)]);
    ways("SELECT 1 FROM users WHERE ssn <> $1", &[(Predicate, Other, ssn)]);
    ways("SELECT 1 FROM users WHERE lower(ssn) = $1", &[(Predicate, Other, ssn)]);
    ways("SELECT 1 FROM users WHERE ssn IS NULL", &[(Predicate, NullTest, ssn)]);
    ways("SELECT DISTINCT ssn FROM users", &[(Group, AmongThemselves, ssn)]);
    ways("SELECT ssn FROM users UNION SELECT 'x'", &[(Group, Other, ssn)]);
    ways("SELECT upper(ssn) FROM users", &[(Expression, Other, ssn)]);
    ways("SELECT ssn FROM users", &[]);
    ways(
        "SELECT 1 FROM generate_series(1, (SELECT max(ssn) FROM users))",
        &[(Predicate, Other, ssn)],
    );
}

#[test]
fn what_was_computed_is_asked_for_by_no_parameter_and_is_not_merely_tested_for_null() {
    use crate::How::{EqualsParameter, NullTest, Other};
    use crate::Usage::{Expression, Predicate};
    let (ssn, computes) = ("users.ssn", (Expression, Other, "users.ssn"));
    let from = "SELECT 1 FROM (SELECT left(ssn, 1) AS a, ssn AS b FROM users) s WHERE";
    for condition in ["a = $1", "a IS NULL", "s IS NULL"] {
        ways(&format!("{from} {condition}"), &[(Predicate, Other, ssn), computes]);
    }
    ways(&format!("{from} b = $1"), &[(Predicate, EqualsParameter, ssn), computes]);
    ways(&format!("{from} b IS NULL"), &[(Predicate, NullTest, ssn), computes]);
    let outer = "SELECT 1 FROM a LEFT JOIN users ON true WHERE users.ssn IS NULL";
    ways(outer, &[(Predicate, NullTest, ssn)]);
}

#[test]
fn a_type_of_somebodys_own_may_take_many_values_for_equal() {
    use crate::How::{EqualsParameter, Other};
    use crate::Usage::Predicate;
    let ssn = "users.ssn";
    ways("SELECT 1 FROM users WHERE ssn = $1::loose", &[(Predicate, Other, ssn)]);
    ways("SELECT 1 FROM users WHERE ssn = $1::uuid", &[(Predicate, EqualsParameter, ssn)]);
}

#[test]
fn a_place_in_a_stars_result_is_the_relations_column_there() {
    uses("SELECT * FROM users ORDER BY 2", "sort users.#2");
    uses("SELECT 1 FROM users AS u(a, b) WHERE b = 1", "predicate users.#2");
}
