//! Queries: which relations and columns they read.

use super::check;
use crate::{Dialect, PostgreSql};

#[test]
fn a_query_reads_what_it_names() {
    check("SELECT 1", "");
    check("-- nothing here", "");
    check(";;", "");
    check(
        "SELECT abalance FROM pgbench_accounts WHERE aid = 42",
        "select pgbench_accounts [aid,abalance]",
    );
    check("SELECT * FROM users", "select users [*]");
    check("SELECT u.* FROM public.users u", "select public.users [*]");
    check("TABLE secret", "select secret [*]");
    check(
        "SELECT id, password AS x FROM public.users WHERE email = $1 ORDER BY created_at LIMIT 10",
        "select public.users [email,id,password,created_at]",
    );
    check(
        "SELECT u.name, o.total FROM users u JOIN orders o ON o.user_id = u.id",
        "select users [id,name]; select orders [user_id,total]",
    );
    check(
        "SELECT name, total FROM users, orders",
        "select users [name,total]; select orders [name,total]",
    );
    check("SELECT count(*) FROM users", "select users");
}

#[test]
fn names_are_folded_and_qualified_as_written() {
    check("SELECT \"Weird Name\".\"Col\" FROM \"Weird Name\"", "select Weird Name [Col]");
    check("SELECT U&\"\\0070assword\" FROM U&\"\\0075sers\"", "select users [password]");
    check("SELECT public.users.ssn FROM public.users", "select public.users [ssn]");
    check("SELECT mydb.public.users.ssn FROM mydb.public.users", "select public.users [ssn]");
}

#[test]
fn what_joins_and_subqueries_decide_with_is_read() {
    check("SELECT * FROM ONLY users", "select users [*]");
    check("SELECT * FROM a NATURAL JOIN b", "select a [*]; select b [*]");
    check("SELECT x FROM a JOIN b USING (k)", "select a [k,x]; select b [k,x]");
    check(
        "SELECT * FROM users WHERE id IN (SELECT user_id FROM admins)",
        "select users [id,user_id,*]; select admins [user_id]",
    );
    check("SELECT EXISTS (SELECT 1 FROM users WHERE ssn = '1')", "select users [ssn]");
    check("SELECT * FROM users FOR UPDATE", "select users [*]; lock users {rows: update}");
    check(
        "SELECT * FROM users u, orders o FOR SHARE OF o",
        "select users [*]; select orders [*]; lock orders {rows: share}",
    );
    check(
        "SELECT a FROM t1 UNION ALL SELECT b FROM t2 EXCEPT SELECT c FROM t3",
        "select t1 [a]; select t2 [b]; select t3 [c]",
    );
}

#[test]
fn every_kind_of_row_source_is_followed() {
    check("VALUES (1, 2), (3, 4)", "");
    check("VALUES ((SELECT ssn FROM users LIMIT 1))", "select users [ssn]");
    check(
        "SELECT * FROM (SELECT id, ssn FROM users) AS q (a, b) WHERE b = '1'",
        "select users [id,ssn]",
    );
    check("SELECT q.x FROM users u, LATERAL (SELECT u.ssn AS x) q", "select users [ssn]");
    check("SELECT users FROM users", "select users [users,*]");
    check("SELECT (u).ssn, (u).* FROM users u", "select users [u,*]");
    check("SELECT row_to_json(u) FROM users u", "select users [u,*]");
    check("SELECT u.row_to_json FROM users u", "select users [row_to_json,*]");
    check("SELECT * FROM generate_series(1, 10) AS g (n)", "");
    check("SELECT * FROM json_to_record('{}') AS r (a int, b text)", "");
    check("SELECT * FROM users TABLESAMPLE system (10)", "select users [*]");
    check(
        "SELECT * FROM xmltable('/r' PASSING (SELECT doc FROM docs) COLUMNS a text PATH 'a')",
        "select docs [doc]",
    );
    check(
        "SELECT * FROM json_table((SELECT j FROM docs), '$[*]' COLUMNS (a text PATH '$.a', NESTED PATH '$.b[*]' COLUMNS (c int PATH '$')))",
        "select docs [j]",
    );
}

#[test]
fn every_kind_of_expression_is_followed() {
    check(
        "SELECT sum(x) OVER w FROM t WINDOW w AS (PARTITION BY k ORDER BY d)",
        "select t [k,d,x]",
    );
    check(
        "SELECT g, count(*) FROM t GROUP BY GROUPING SETS ((g), ()) HAVING max(y) > 1",
        "select t [g,y]",
    );
    check("SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, c", "select t [a,b,c]");
    check(
        "SELECT a + b, -c, a IS NULL, CASE WHEN d THEN e END, ARRAY[f], ROW(g), COALESCE(h, i), GREATEST(j, k), l::text, m COLLATE \"C\", n[o], NOT p FROM t",
        "select t [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p]",
    );
    check(
        "SELECT date_trunc('day', ts) AS day, count(*) FROM log GROUP BY day ORDER BY 2 DESC, day",
        "select log [ts]",
    );
    check(
        "SELECT JSON_OBJECT('a' : x), JSON_ARRAY(y), JSON_ARRAYAGG(z), JSON_OBJECTAGG(k : v), JSON_VALUE(j, '$.a'), j IS JSON FROM t",
        "select t [x,y,z,k,v,j]",
    );
    check(
        "SELECT xmlelement(name a, xmlattributes(b AS c), d), xmlforest(e), xmlserialize(content f AS text) FROM t",
        "select t [b,d,e,f]",
    );
}

#[test]
fn syntax_that_is_a_call_is_followed() {
    check(
        "SELECT extract(year FROM d), position(a IN b), substring(c FROM 1 FOR 2), trim(e), overlay(f PLACING g FROM 1), x AT TIME ZONE 'UTC', y LIKE z ESCAPE '!' FROM t",
        "select t [d,b,a,c,e,f,g,x,y,z]",
    );
    check("SELECT current_user, current_timestamp, session_user, current_date", "");
    check(
        "SELECT a FROM t WHERE (a, b) = ANY (SELECT c, d FROM u)",
        "select t [a,b,c,d]; select u [c,d]",
    );
    check("SELECT $1::text", "");
}

#[test]
fn names_that_with_gives_are_no_relations() {
    check("WITH x AS (SELECT id FROM users) SELECT * FROM x", "select users [id]");
    check("WITH users AS (SELECT id FROM users) SELECT id FROM users", "select users [id]");
    check("WITH users AS (SELECT 1 AS id) SELECT id FROM public.users", "select public.users [id]");
    check("WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b", "");
    check(
        "WITH a AS (SELECT x FROM b), b AS (SELECT y FROM t) SELECT * FROM a, b",
        "select b [x]; select t [y]",
    );
    check(
        "WITH RECURSIVE a AS (SELECT x FROM b), b AS (SELECT y AS x FROM t) SELECT x FROM a",
        "select t [y]",
    );
    check(
        "WITH RECURSIVE t AS (SELECT id, parent FROM tree WHERE id = 1 UNION ALL SELECT c.id, c.parent FROM tree c JOIN t ON c.parent = t.id) SELECT * FROM t",
        "select tree [id,parent]",
    );
    check(
        "SELECT * FROM (WITH x AS (SELECT a FROM t) SELECT * FROM x) q, x",
        "select t [a]; select x [*]",
    );
}

#[test]
fn statements_that_write_inside_of_a_with_are_told() {
    check(
        "WITH gone AS (DELETE FROM users RETURNING id, ssn) SELECT * FROM gone",
        "delete users {where: absent, cte: writable}; select users [id,ssn]",
    );
    check(
        "WITH moved AS (DELETE FROM a WHERE id = 1 RETURNING *) INSERT INTO b SELECT * FROM moved",
        "delete a {where: present, cte: writable}; select a [id,*]; insert b [*]",
    );
    check(
        "WITH RECURSIVE d AS (DELETE FROM a WHERE id = 1 RETURNING id) SELECT * FROM d",
        "delete a {where: present, cte: writable}; select a [id]",
    );
    check("WITH a AS (SELECT 1) INSERT INTO a SELECT * FROM a", "insert a [*]");
}

#[test]
fn a_name_that_means_something_else_here_makes_a_text_unreadable() {
    for name in [
        "\"#1\"",
        "\"(new)\".v",
        "\"(call)\".v",
        "\"*\"",
        "U&\"!0028call!0029\" UESCAPE '!'",
        "U&\"\\+000023x\"",
    ] {
        let analysis = PostgreSql.analyze(&format!("SELECT 1 FROM {name}"));
        assert!(analysis.statements.is_empty() && !analysis.is_complete(), "{name}");
    }
    for text in ["SELECT '\"#1\" (new)' AS \"(All)\"", "SELECT \"# 1\", \"?column?\" FROM a"] {
        assert!(PostgreSql.analyze(text).is_complete(), "{text}");
    }
}
