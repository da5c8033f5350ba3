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

#[test]
fn merge_and_truncate_tell_what_they_do() {
    check(
        "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED AND b.dead THEN DELETE WHEN MATCHED THEN UPDATE SET x = b.x WHEN NOT MATCHED THEN INSERT (id, x) VALUES (b.id, b.x)",
        "merge a; select b [id,dead,x]; select a [id]; delete a {via: merge}; update a [x] {via: merge}; insert a [id,x] {via: merge}",
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
