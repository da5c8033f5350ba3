//! What statements are taken for in MySQL.

use crate::MySql;

fn check(text: &str, expected: &str) {
    super::check(&MySql, text, expected);
}

fn outputs(text: &str, expected: &str) {
    super::outputs(&MySql, text, expected);
}

#[test]
fn a_query_reads_what_it_names() {
    check(
        "SELECT id, password AS x FROM users WHERE email = ? ORDER BY created_at LIMIT 10",
        "select users [email,id,password,created_at]",
    );
    check("SELECT `ID`, \"text\" FROM `Users`", "select users [id]");
    check(
        "SELECT * FROM db.users u JOIN orders o ON o.user_id = u.id",
        "select db.users [id,*]; select orders [user_id,*]",
    );
    check("SELECT USERS.SSN FROM Users", "select users [ssn]");
    check("SELECT count(*) FROM users", "select users");
    check("SELECT a FROM t1 UNION SELECT b FROM t2", "select t1 [a]; select t2 [b]");
    check(
        "SELECT * FROM users WHERE id IN (SELECT user_id FROM admins)",
        "select users [id,user_id,*]; select admins [user_id]",
    );
    check("SELECT (SELECT 'y' FROM dual WHERE u.ssn LIKE '1%') FROM users u", "select users [ssn]");
    check("WITH x AS (SELECT id FROM users) SELECT * FROM x", "select users [id]");
    check(
        "WITH RECURSIVE t AS (SELECT id, parent FROM tree UNION ALL SELECT c.id, c.parent FROM tree c JOIN t ON c.parent = t.id) SELECT * FROM t",
        "select tree [id,parent]",
    );
    check("SELECT * FROM (SELECT id, ssn FROM users) AS q (a, b)", "select users [id,ssn]");
    check("SELECT org.password FROM (SELECT ssn AS password FROM users) org", "select users [ssn]");
    check(
        "SELECT IFNULL(a, b), CONCAT(c, d), IF(e, f, g), GROUP_CONCAT(h ORDER BY i SEPARATOR ','), DATE_FORMAT(j, '%Y') FROM t",
        "select t [a,b,c,d,e,f,g,h,i,j]",
    );
    check(
        "SELECT sum(x) OVER w FROM t WINDOW w AS (PARTITION BY k ORDER BY d)",
        "select t [k,d,x]",
    );
    check("SELECT * FROM users FOR UPDATE", "select users [*]; lock users {rows: update}");
    check("SELECT 1 -- x", "");
    check("SELECT 1 # x", "");
    check("SELECT 1; DROP TABLE a", " | drop a {kind: table}; ~ ChangesCatalog");
    check("VALUES ROW(1, 2)", "");
    check("SELECT * FROM users PARTITION (p0)", "select users [*]");
    check("SELECT * FROM json_table('[]', '$[*]' COLUMNS (a int PATH '$')) AS j", "");
    check("SELECT _utf8mb4'x', N'y', x'00', 0x10", "");
    check(
        "SELECT a -> '$.b', a ->> '$.c', BINARY a, CAST(b AS CHAR), a DIV b, NOT a, a REGEXP b, a BETWEEN b AND c, a MEMBER OF(b) FROM t",
        "select t [a,b,c]",
    );
    check("SELECT MATCH (title) AGAINST ('x') FROM t", "select t [title]");
    check(
        "SELECT INTERVAL 1 DAY + ts, EXTRACT(YEAR FROM ts), TRIM(BOTH 'x' FROM y), SUBSTRING(z FROM 2) FROM t",
        "select t [ts,y,z]",
    );
}

#[test]
fn variables_of_the_session_are_not_followed() {
    check("SELECT @@version", "");
    check("SELECT @x", "");
    check(
        "SELECT @x := ssn FROM users",
        "select users [ssn]; ! an assignment to a variable is not accounted for",
    );
    check(
        "SELECT ssn INTO @x FROM users",
        "select users [ssn]; ! SELECT INTO a variable is not accounted for",
    );
    check(
        "SET @@session.sql_mode = ''",
        "set sql_mode {value: }; ~ Set { name: \"sql_mode\", value: Some(\"\"), local: false }",
    );
    check(
        "SET @x = 1",
        "set @x {value: 1}; ~ Set { name: \"@x\", value: Some(\"1\"), local: false }",
    );
    check(
        "SET @x = (SELECT ssn FROM users)",
        "select users [ssn]; set @x; ~ Set { name: \"@x\", value: None, local: false }; ! a value kept in a variable is not accounted for",
    );
}

#[test]
fn what_may_be_read_otherwise_or_not_at_all_is_a_gap() {
    check(
        "SELECT ssn INTO OUTFILE '/tmp/x' FROM users",
        "! the statement could not be parsed: syntax error",
    );
    check(
        "SELECT /*!50000 secret FROM */ 1",
        "! a versioned comment runs on some servers and not on others",
    );
    check("SELECT /*M! 1 */ 2", "! a versioned comment runs on some servers and not on others");
    check(
        "SELECT /*+ SET_VAR(sql_mode='ANSI_QUOTES') */ 1",
        "! an optimizer hint changes a setting",
    );
    check("SELECT 1 END", "! the statement could not be parsed: there is something after its end");
    check(
        "SELECT 1 END FROM secret",
        "! the statement could not be parsed: there is something after its end",
    );
    check(
        "SELECT a FROM t WHERE b = 1 || 1",
        "select t [b,a]; ! the operator || is not accounted for",
    );
    check("SELECT 1 INTO DUMPFILE \"x\"", "! the statement could not be parsed: syntax error");
    check("PREPARE p FROM 'SELECT 1'", "! the statement could not be parsed: syntax error");
    check(
        "EXECUTE IMMEDIATE 'SELECT 1'",
        "execute immediate; ~ Execute { name: \"immediate\" }; ! EXECUTE IMMEDIATE is not accounted for",
    );
    check("HANDLER users OPEN", "! the statement could not be parsed: syntax error");
    check("OPTIMIZE TABLE users", "! the statement could not be parsed: syntax error");
    check("DO sleep(1)", "! the statement could not be parsed: syntax error");
    check("TABLE secret", "! the statement could not be parsed: syntax error");
}

#[test]
fn what_functions_may_do_is_told() {
    check(
        "SELECT load_file('/etc/passwd')",
        "call load_file {function: dangerous}; ! function load_file reads files of the server",
    );
    check("SELECT sleep(ssn) FROM users", "select users [ssn]; call sleep {function: stateful}");
    check("SELECT sleep(1)", "call sleep {function: stateful}");
    check("SELECT my_function(1)", "call my_function {function: unknown}");
}

#[test]
fn what_is_written_is_told_and_whether_rows_are_chosen() {
    check("INSERT INTO a SELECT x FROM b", "insert a [*]; select b [x]");
    check(
        "INSERT INTO a (x, y) VALUES (1, 2) ON DUPLICATE KEY UPDATE x = VALUES(x)",
        "insert a [x,y] {conflict: update}; update a [x] {conflict: update}; select a [x]",
    );
    check("INSERT INTO a SET x = 1", "insert a [x]");
    check("INSERT IGNORE INTO a (x) VALUES (1)", "insert a [x] {conflict: nothing}");
    check("REPLACE INTO a (x) VALUES (1)", "insert a [x] {replace: true}");
    check("UPDATE users SET name = 'x'", "update users [name] {where: absent}");
    check(
        "UPDATE users SET name = 'x' WHERE id = 1 LIMIT 3",
        "select users [id]; update users [name] {where: present, limit: present}",
    );
    check("UPDATE users SET name = 'x' WHERE 1", "update users [name] {where: constant}");
    check(
        "UPDATE a JOIN b ON a.id = b.id SET a.x = b.y WHERE b.z = 1",
        "select a [id]; select b [id,y,z]; update a [x] {where: constant}",
    );
    check("UPDATE a, b SET a.x = 1", "! the statement could not be parsed: syntax error");
    check("DELETE FROM users", "delete users {where: absent}");
    check("DELETE FROM users WHERE 1 = 1", "delete users {where: constant}");
    check(
        "DELETE FROM users WHERE id = 1 OR 1",
        "select users [id]; delete users {where: constant}",
    );
    check("DELETE FROM users WHERE id = id", "select users [id]; delete users {where: constant}");
    check(
        "DELETE FROM users ORDER BY id LIMIT 1",
        "select users [id]; delete users {where: absent, limit: present}",
    );
    check(
        "DELETE a FROM a JOIN b ON a.id = b.id WHERE b.x = 1",
        "select a [id]; select b [id,x]; delete a {where: constant}",
    );
    check(
        "DELETE FROM a USING a JOIN b ON a.id = b.id",
        "select a [id]; select b [id]; delete a {where: absent}",
    );
    check("TRUNCATE TABLE users", "truncate users");
    check("TRUNCATE users", "truncate users");
}

#[test]
fn ddl_is_told() {
    check("CREATE PROCEDURE p() SELECT 1", "! the statement could not be parsed: syntax error");
    check("DROP TABLE a, b", "drop a {kind: table}; drop b {kind: table}; ~ ChangesCatalog");
    check("DROP TABLE IF EXISTS a", "drop a {kind: table}; ~ ChangesCatalog");
    check("DROP DATABASE d", "drop d {kind: database}; ~ ChangesCatalog");
    check(
        "DROP INDEX i ON t",
        "drop i {kind: index}; alter t {change: drop-index}; ~ ChangesCatalog",
    );
    check("DROP TRIGGER tr", "drop tr {kind: trigger}; ~ ChangesCatalog");
    check(
        "CREATE TABLE t (id int PRIMARY KEY, x text DEFAULT (my_default()), FOREIGN KEY (x) REFERENCES other (id))",
        "create t {kind: table}; references other [id] {via: foreign-key}; call my_default {function: unknown}; ~ ChangesCatalog",
    );
    check(
        "CREATE TABLE t LIKE users",
        "create t {kind: table}; references users {via: like}; ~ ChangesCatalog",
    );
    check(
        "CREATE TABLE t AS SELECT ssn FROM users",
        "create t {kind: table}; select users [ssn]; ~ ChangesCatalog",
    );
    check(
        "CREATE TEMPORARY TABLE t SELECT ssn FROM users",
        "create t {kind: table, temporary: true}; select users [ssn]; ~ ChangesCatalog",
    );
    check(
        "CREATE VIEW v AS SELECT ssn FROM users",
        "create v {kind: view}; select users [ssn]; ~ ChangesCatalog",
    );
    check(
        "CREATE INDEX i ON users (ssn)",
        "create i {kind: index, on: users}; alter users {change: add-index}; ~ ChangesCatalog",
    );
    check(
        "ALTER TABLE a ADD COLUMN x int, DROP COLUMN y",
        "alter a {kind: table, change: add-column, change: drop-column}; ~ ChangesCatalog",
    );
    check(
        "ALTER TABLE a RENAME COLUMN x TO y",
        "alter a {kind: table, change: rename-column}; ~ ChangesCatalog",
    );
    check(
        "ALTER TABLE a RENAME TO b",
        "alter a {kind: table, change: rename}; create b {via: rename}; ~ ChangesCatalog",
    );
    check(
        "RENAME TABLE a TO b",
        "alter a {kind: table, change: rename, to: b}; create b {via: rename}; ~ ChangesCatalog",
    );
    check("CREATE USER bob IDENTIFIED BY 'x'", "! the statement could not be parsed: syntax error");
    check("GRANT SELECT ON db.users TO bob", "grant db.users {kind: table}; ~ ChangesCatalog");
    check("GRANT ALL PRIVILEGES ON *.* TO 'bob'@'%'", "grant *.* {kind: table}; ~ ChangesCatalog");
    check(
        "CREATE FUNCTION f() RETURNS int RETURN 1",
        "! the statement could not be parsed: syntax error",
    );
    check(
        "CREATE TRIGGER tr BEFORE INSERT ON users FOR EACH ROW SET NEW.x = 1",
        "! the statement could not be parsed: syntax error",
    );
}

#[test]
fn statements_about_the_session_are_told() {
    check("SHOW TABLES FROM db", "show db {what: tables}; show tables");
    check(
        "USE other",
        "use other; ~ Set { name: \"database\", value: Some(\"other\"), local: false }",
    );
    check("BEGIN", "begin; ~ Begin");
    check("START TRANSACTION READ ONLY", "begin {read_only: 1}; ~ Begin");
    check("COMMIT", "commit; ~ Commit { chain: false }");
    check("ROLLBACK", "rollback; ~ Rollback { chain: false }");
    check("SAVEPOINT s", "savepoint s; ~ Savepoint { name: \"s\" }");
    check("ROLLBACK TO SAVEPOINT s", "rollback s; ~ RollbackTo { name: \"s\" }");
    check("RELEASE SAVEPOINT s", "release s; ~ Release { name: \"s\" }");
    check("SHOW TABLES", "show tables");
    check("SHOW DATABASES", "show databases");
    check("SHOW CREATE TABLE users", "show users {what: create}");
    check("SHOW COLUMNS FROM users", "show users {what: columns}; show columns");
    check("SHOW VARIABLES LIKE 'x'", "show variables");
    check(
        "SHOW PROCESSLIST",
        "show processlist; ! SHOW PROCESSLIST shows other sessions' statements",
    );
    check("SHOW WARNINGS", "show warnings");
    check("SHOW BINLOG EVENTS", "show binlog events; ! this form of SHOW is not accounted for");
    check("DESCRIBE users", "describe users");
    check(
        "EXPLAIN SELECT ssn FROM users WHERE id = 1",
        "explain {explain: plan}; select users [id,ssn] {explain: plan}",
    );
    check(
        "EXPLAIN ANALYZE SELECT ssn FROM users",
        "explain {explain: analyze}; select users [ssn] {explain: analyze}",
    );
    check("EXECUTE p", "execute p; ~ Execute { name: \"p\" }");
    check("EXECUTE p USING @x", "execute p; ~ Execute { name: \"p\" }");
    check("DEALLOCATE PREPARE p", "deallocate p; ~ Deallocate { name: Some(\"p\") }");
    check("LOCK TABLES users READ", "lock users");
    check("UNLOCK TABLES", "unlock");
    check("KILL 5", "kill");
    check("FLUSH PRIVILEGES", "flush");
    check("ANALYZE TABLE users", "analyze users");
}

#[test]
fn code_and_files_are_gaps() {
    check("CALL p(1)", "call p {kind: procedure}; ! CALL runs a procedure that is not followed");
    check(
        "LOAD DATA INFILE '/tmp/x' INTO TABLE users",
        "! the statement could not be parsed: syntax error",
    );
}

#[test]
fn settings_that_change_how_text_is_read_are_gaps() {
    check(
        "SET sql_mode = 'ANSI_QUOTES'",
        "set sql_mode {value: ANSI_QUOTES}; ~ Set { name: \"sql_mode\", value: Some(\"ANSI_QUOTES\"), local: false }; ! SET sql_mode changes how text is read",
    );
    check(
        "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE'",
        "set sql_mode {value: STRICT_TRANS_TABLES,NO_ZERO_DATE}; ~ Set { name: \"sql_mode\", value: Some(\"STRICT_TRANS_TABLES,NO_ZERO_DATE\"), local: false }",
    );
    check(
        "SET NAMES utf8mb4",
        "set names {value: utf8mb4}; ~ Set { name: \"names\", value: Some(\"utf8mb4\"), local: false }",
    );
    check(
        "SET NAMES sjis",
        "set names {value: sjis}; ~ Set { name: \"names\", value: Some(\"sjis\"), local: false }; ! SET names changes how text is read",
    );
    check(
        "SET character_set_client = gbk",
        "set character_set_client {value: gbk}; ~ Set { name: \"character_set_client\", value: Some(\"gbk\"), local: false }; ! SET character_set_client changes how text is read",
    );
    check(
        "SET autocommit = 0",
        "set autocommit {value: 0}; ~ Set { name: \"autocommit\", value: Some(\"0\"), local: false }",
    );
    check(
        "SET GLOBAL max_connections = 5",
        "set max_connections {value: 5}; ~ Set { name: \"max_connections\", value: Some(\"5\"), local: false }",
    );
    check(
        "SET ROLE admin",
        "set role {value: admin}; ~ Set { name: \"role\", value: Some(\"admin\"), local: false }; ! SET ROLE changes who acts",
    );
}

#[test]
fn result_columns_come_from_the_columns_that_flow_into_them() {
    outputs(
        "SELECT id, password AS x FROM users WHERE email = ? ORDER BY created_at LIMIT 10",
        "id <- users.id; x <- users.password",
    );
    outputs("SELECT `ID`, \"text\" FROM `Users`", "id <- users.id; ~ <- ");
    outputs(
        "SELECT * FROM db.users u JOIN orders o ON o.user_id = u.id",
        "* <- db.users.*; * <- orders.* (inexact)",
    );
    outputs("SELECT USERS.SSN FROM Users", "ssn <- users.ssn");
    outputs("SELECT count(*) FROM users", "~ <- ");
    outputs("SELECT a FROM t1 UNION SELECT b FROM t2", "a <- t1.a, t2.b");
    outputs(
        "SELECT * FROM users WHERE id IN (SELECT user_id FROM admins)",
        "* <- users.* (inexact)",
    );
    outputs("SELECT (SELECT 'y' FROM dual WHERE u.ssn LIKE '1%') FROM users u", "~ <- users.ssn");
    outputs("WITH x AS (SELECT id FROM users) SELECT * FROM x", "id <- users.id");
    outputs(
        "WITH RECURSIVE t AS (SELECT id, parent FROM tree UNION ALL SELECT c.id, c.parent FROM tree c JOIN t ON c.parent = t.id) SELECT * FROM t",
        "id <- tree.id, tree.parent; parent <- tree.id, tree.parent",
    );
    outputs(
        "SELECT * FROM (SELECT id, ssn FROM users) AS q (a, b)",
        "a <- users.id; b <- users.ssn",
    );
    outputs(
        "SELECT org.password FROM (SELECT ssn AS password FROM users) org",
        "password <- users.ssn",
    );
    outputs(
        "SELECT IFNULL(a, b), CONCAT(c, d), IF(e, f, g), GROUP_CONCAT(h ORDER BY i SEPARATOR ','), DATE_FORMAT(j, '%Y') FROM t",
        "~ <- t.a, t.b; ~ <- t.c, t.d; ~ <- t.e, t.f, t.g; ~ <- t.h, t.i; ~ <- t.j",
    );
    outputs(
        "SELECT sum(x) OVER w FROM t WINDOW w AS (PARTITION BY k ORDER BY d)",
        "~ <- t.d, t.k, t.x",
    );
    outputs("SELECT * FROM users FOR UPDATE", "* <- users.* (inexact)");
}

#[test]
fn values_of_every_kind_of_expression_come_from_its_columns() {
    outputs("SELECT @@version", "~@@version <- ");
    outputs("SELECT @x", "?~@x <- ");
    outputs("SELECT sleep(1)", "~ <- ");
    outputs("SELECT my_function(1)", "?~ <- ");
    outputs("VALUES ROW(1, 2)", "~column_0 <- ; ~column_1 <- ");
    outputs("SELECT * FROM users PARTITION (p0)", "* <- users.* (inexact)");
    outputs(
        "SELECT * FROM json_table('[]', '$[*]' COLUMNS (a int PATH '$')) AS j",
        "*~ <-  (inexact)",
    );
    outputs("SELECT _utf8mb4'x', N'y', x'00', 0x10", "~ <- ; ~ <- ; ~ <- ; ~ <- ");
    outputs(
        "SELECT a -> '$.b', a ->> '$.c', BINARY a, CAST(b AS CHAR), a DIV b, NOT a, a REGEXP b, a BETWEEN b AND c, a MEMBER OF(b) FROM t",
        "~ <- t.a; ~ <- t.a; ~ <- t.a; ~ <- t.b; ~ <- t.a, t.b; ~ <- t.a; ~ <- t.a, t.b; ~ <- t.a, t.b, t.c; ~ <- t.a, t.b",
    );
    outputs("SELECT MATCH (title) AGAINST ('x') FROM t", "~ <- t.title");
    outputs(
        "SELECT INTERVAL 1 DAY + ts, EXTRACT(YEAR FROM ts), TRIM(BOTH 'x' FROM y), SUBSTRING(z FROM 2) FROM t",
        "~ <- t.ts; ~ <- t.ts; ~ <- t.y; ~ <- t.z",
    );
}
