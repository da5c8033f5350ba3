//! `INSERT`, `UPDATE`, `DELETE`, `MERGE`, `TRUNCATE`: what they write, and whether they choose rows.

use super::check;

#[test]
fn an_insert_tells_its_columns_and_conflicts() {
    check("INSERT INTO a SELECT x FROM b", "insert a [*]; select b [x]");
    check("INSERT INTO a (x, y) VALUES (1, $1)", "insert a [x,y]");
    check("INSERT INTO a DEFAULT VALUES", "insert a [*]");
    check("INSERT INTO a (x) VALUES (1) RETURNING id", "insert a [x]; select a [id]");
    check(
        "INSERT INTO a (id, x) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET x = excluded.x WHERE a.y > 1",
        "insert a [id,x] {conflict: update}; select a [y]; update a [x] {conflict: update}",
    );
    check(
        "INSERT INTO a (id) VALUES (1) ON CONFLICT DO NOTHING",
        "insert a [id] {conflict: nothing}",
    );
}

#[test]
fn a_where_that_chooses_no_rows_is_as_good_as_none() {
    check("UPDATE users SET name = 'x'", "update users [name] {where: absent}");
    check(
        "UPDATE users SET name = 'x' WHERE id = 1",
        "update users [name] {where: present}; select users [id]",
    );
    check("UPDATE users SET name = 'x' WHERE true", "update users [name] {where: constant}");
    check(
        "UPDATE users SET name = other WHERE id = 1 RETURNING ssn",
        "update users [name] {where: present}; select users [other,id,ssn]",
    );
    check(
        "UPDATE a SET (x, y) = (SELECT p, q FROM b WHERE b.id = a.id)",
        "update a [x,y] {where: absent}; select b [id,p,q]; select a [id,p,q]",
    );
    check(
        "UPDATE a SET x = b.y FROM b WHERE a.id = b.id",
        "update a [x] {where: present}; select b [y,id]; select a [id]",
    );
    check(
        "UPDATE a SET x = 1 FROM b WHERE b.id = 3",
        "update a [x] {where: constant}; select b [id]",
    );
    check(
        "UPDATE ONLY a AS t SET x[1] = 2 WHERE t.id = 1",
        "update a [x] {only: true, where: present}; select a [id]",
    );
    check("DELETE FROM users", "delete users {where: absent}");
    check("DELETE FROM users WHERE 1 = 1", "delete users {where: constant}");
    check("DELETE FROM users WHERE 'a' = 'a'", "delete users {where: constant}");
    check("DELETE FROM users WHERE id = id", "delete users {where: constant}; select users [id]");
    check(
        "DELETE FROM users WHERE id = 1 OR true",
        "delete users {where: constant}; select users [id]",
    );
    check(
        "DELETE FROM users WHERE id = 1 AND true",
        "delete users {where: present}; select users [id]",
    );
    check("DELETE FROM users WHERE $1", "delete users {where: constant}");
    check(
        "DELETE FROM users WHERE EXISTS (SELECT 1 FROM flags WHERE flags.enabled)",
        "delete users {where: constant}; select flags [enabled]",
    );
    check("DELETE FROM users WHERE random() < 2", "delete users {where: constant}");
    check(
        "DELETE FROM users WHERE id IN (SELECT id FROM gone)",
        "delete users {where: present}; select users [id]; select gone [id]",
    );
    check("DELETE FROM users WHERE CURRENT OF c", "delete users {where: present}");
    check(
        "DELETE FROM ONLY users USING b WHERE users.id = b.id RETURNING users.*",
        "delete users {only: true, where: present}; select b [id]; select users [id,*]",
    );
}

/// Checks what is said of the rows that a statement chooses, for the last operation of which it is said.
fn rows(text: &str, expected: &str) {
    let statement = super::only(text);
    let mut facts = statement.operations.iter().flat_map(|operation| &operation.facts);
    let found = facts.rfind(|(name, _)| *name == "where");
    assert_eq!(found.map(|(_, value)| value.as_str()), Some(expected), "{text}");
}

#[test]
fn a_type_that_puts_the_same_in_every_row_is_a_write() {
    rows("ALTER TABLE orders ALTER note TYPE text USING 'gone'", "absent");
    let kept = super::only("ALTER TABLE orders ALTER note TYPE int USING note::int");
    assert!(kept.operations.iter().all(|operation| operation.action != "update"));
}

#[test]
fn what_chooses_rows_of_another_entry_chooses_none_of_the_target() {
    rows("DELETE FROM orders USING orders o2 WHERE o2.id > 0", "constant");
    // Every row finds itself.
    rows("DELETE FROM orders USING orders o2 WHERE orders.id = o2.id", "constant");
    rows("UPDATE orders a SET x = 1 FROM orders b WHERE b.id = a.id", "constant");
    rows("DELETE FROM orders a USING orders b WHERE a.id IN (1, b.id)", "constant");
    rows("DELETE FROM orders a USING orders b WHERE (a.id, 1) = (b.id, 1)", "constant");
    rows("DELETE FROM orders a USING orders b WHERE (a.id, a.n) = (b.id, 1)", "present");
    rows("DELETE FROM orders a USING orders b WHERE a.id = b.id AND 1 = 1", "constant");
    for chosen in [
        "UPDATE jobs SET x = 1 FROM (SELECT id FROM jobs WHERE n > 1 LIMIT 1) q WHERE jobs.id = q.id",
        "WITH q AS (SELECT id FROM jobs LIMIT 1) UPDATE jobs SET x = 1 FROM q WHERE jobs.id = q.id",
        "UPDATE jobs a SET x = 1 FROM jobs p WHERE p.id = a.id AND p.state = 'q'",
        "DELETE FROM jobs USING (SELECT ctid FROM jobs LIMIT 2) d WHERE jobs.ctid = d.ctid",
        "MERGE INTO jobs t USING (SELECT id FROM jobs WHERE n > 3) s ON t.id = s.id WHEN MATCHED THEN DELETE",
    ] {
        rows(chosen, "present");
    }
    rows("DELETE FROM orders a USING orders b WHERE a.id = b.parent", "present");
    rows("DELETE FROM orders a USING orders b WHERE a.id = b.id AND a.n > b.n", "present");
    rows("DELETE FROM orders o1 USING orders WHERE orders.id > 0", "constant");
    rows("UPDATE orders SET a = 1 FROM orders o2 WHERE o2.id > 0", "constant");
    rows("UPDATE orders o SET a = 1 WHERE o.id > 0", "present");
    rows("DELETE FROM orders WHERE EXISTS (SELECT 1 FROM orders o WHERE o.id > 0)", "constant");
    rows("DELETE FROM orders WHERE EXISTS (SELECT 1 FROM b WHERE b.id = orders.id)", "present");
    rows("DELETE FROM s.orders WHERE s.orders.id > 0", "present");
    rows(
        "DELETE FROM a USING (WITH a AS (SELECT 1 x) SELECT * FROM a) q WHERE q.x = 1",
        "constant",
    );
}

#[test]
fn what_is_compared_with_itself_chooses_no_rows() {
    rows("DELETE FROM t WHERE id IS NOT DISTINCT FROM id", "constant");
    rows("DELETE FROM t WHERE id BETWEEN id AND id", "constant");
    rows("DELETE FROM t WHERE id BETWEEN 1 AND id", "present");
    rows("DELETE FROM t WHERE id = id OR false", "constant");
    rows("DELETE FROM t WHERE (id = id) IS TRUE", "constant");
    rows("DELETE FROM t WHERE (id = id) = true", "constant");
    rows("DELETE FROM t WHERE id - id = 0", "constant");
    rows("DELETE FROM t WHERE t.id = id", "constant");
    rows("DELETE FROM t WHERE id IN (1, id)", "constant");
    rows("DELETE FROM t WHERE COALESCE(id, 1) = COALESCE(id, 1)", "constant");
    rows("DELETE FROM t WHERE COALESCE(id, 1) = COALESCE(id, 2)", "present");
    rows("DELETE FROM t WHERE (id, a) = (id, a)", "constant");
    rows("DELETE FROM t WHERE lower(a) = lower(a)", "constant");
    rows("DELETE FROM t WHERE id IS NOT NULL", "present");
    rows("DELETE FROM t WHERE id = ANY (ARRAY[1, 2])", "present");
    rows("DELETE FROM t WHERE id IN (1, 2)", "present");
    rows("DELETE FROM t WHERE -id < 0", "present");
}

#[test]
fn two_columns_of_one_name_are_not_one_column() {
    rows("DELETE FROM a USING b WHERE a.id = b.id", "present");
    rows("DELETE FROM a USING b WHERE a.id IS NOT DISTINCT FROM b.id", "present");
}

#[test]
fn a_merge_chooses_rows_by_its_join_or_by_a_condition() {
    rows("MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE", "constant");
    rows("MERGE INTO a USING b ON b.id = 1 WHEN MATCHED THEN DELETE", "constant");
    rows("MERGE INTO a USING a b ON b.id = 1 WHEN MATCHED THEN UPDATE SET x = 1", "constant");
    rows("MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE", "present");
    rows("MERGE INTO a USING b ON true WHEN MATCHED AND a.id = 1 THEN DELETE", "present");
    rows("MERGE INTO a USING b ON a.id = b.id WHEN NOT MATCHED BY SOURCE THEN DELETE", "constant");
}

#[test]
fn a_sequence_that_a_constant_names_is_read_or_written() {
    check(
        "SELECT setval('public.\"S\"', 1)",
        "call setval {function: stateful}; update public.S {via: setval, where: present}",
    );
    check(
        "SELECT pg_catalog.setval('Audit.Ids'::regclass, 1)",
        "call pg_catalog.setval {function: stateful}; update audit.ids {via: setval, where: present}",
    );
    check(
        "SELECT nextval('a.s')",
        "call nextval {function: stateful}; update a.s {via: nextval, where: present}",
    );
    check(
        "SELECT nextval($1)",
        "call nextval {function: stateful}; update ? {via: nextval, where: present}",
    );
}

#[test]
fn merge_and_truncate_tell_what_they_do() {
    check(
        "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED AND b.dead THEN DELETE WHEN MATCHED THEN UPDATE SET x = b.x WHEN NOT MATCHED THEN INSERT (id, x) VALUES (b.id, b.x)",
        "merge a; select b [id,dead,x]; select a [id]; delete a {via: merge, where: present}; update a [x] {via: merge, where: present}; insert a [id,x] {via: merge}",
    );
    check(
        "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DO NOTHING",
        "merge a; select b [id]; select a [id]",
    );
    check(
        "TRUNCATE a, public.b CASCADE",
        "truncate a {cascade: true}; truncate public.b {cascade: true}",
    );
    check("TRUNCATE ONLY a RESTART IDENTITY", "truncate a {only: true}");
}

#[test]
fn a_condition_or_its_opposite_chooses_no_rows() {
    rows("DELETE FROM t WHERE id IS NULL OR id IS NOT NULL", "constant");
    rows("DELETE FROM t WHERE t.id IS NOT NULL OR a = 1 OR id IS NULL", "constant");
    rows("DELETE FROM t WHERE id = 1 OR NOT id = 1", "constant");
    rows("DELETE FROM t WHERE NOT (id > 1) OR (a OR id > 1)", "constant");
    rows("DELETE FROM t WHERE id > 1 OR id <= 1", "constant");
    rows("DELETE FROM t WHERE id = $1 OR id <> $1", "constant");
    rows("DELETE FROM t WHERE a LIKE 'x' OR a NOT LIKE 'x'", "constant");
    rows("DELETE FROM t WHERE id IN (1, 2) OR id NOT IN (1, 2)", "constant");
    rows("DELETE FROM t WHERE id BETWEEN 1 AND 2 OR id NOT BETWEEN 1 AND 2", "constant");
    rows("DELETE FROM t WHERE id IS DISTINCT FROM 1 OR id IS NOT DISTINCT FROM 1", "constant");
    rows("DELETE FROM t WHERE a IS TRUE OR a IS NOT TRUE", "constant");
    rows("DELETE FROM t WHERE id > 1 OR id <= 2", "present");
    rows("DELETE FROM t WHERE id IS NULL OR a IS NOT NULL", "present");
    rows("DELETE FROM t WHERE id = 1 OR id = 2", "present");
    rows("DELETE FROM t WHERE id > 1 AND id <= 1", "present");
}

#[test]
fn being_among_all_of_its_own_rows_chooses_no_rows() {
    rows("DELETE FROM t WHERE id IN (SELECT id FROM t)", "constant");
    rows("DELETE FROM t WHERE t.id IN (SELECT o.id FROM s.t o)", "constant");
    rows("DELETE FROM t WHERE id = ANY (SELECT id FROM t)", "constant");
    rows("DELETE FROM t WHERE id IN (SELECT id FROM t WHERE a)", "present");
    rows("DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT 5)", "present");
    rows("DELETE FROM t WHERE id IN (SELECT id FROM u)", "present");
    rows("DELETE FROM t WHERE id IN (SELECT parent FROM t)", "present");
    rows("DELETE FROM s.t WHERE id IN (SELECT id FROM r.t)", "present");
}
