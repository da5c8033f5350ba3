//! DDL of everything else, and code that cannot be seen.

use super::check;
use crate::{Dialect, PostgreSql};

#[test]
fn rights_and_schemas_are_told() {
    check(
        "GRANT SELECT (a), UPDATE ON users TO bob, PUBLIC",
        "grant users {kind: table, privileges: select(a),update, roles: bob,public}; ~ ChangesCatalog",
    );
    check(
        "GRANT ALL ON ALL TABLES IN SCHEMA s TO bob",
        "grant s {kind: table, all: in-schema, privileges: all, roles: bob}; ~ ChangesCatalog",
    );
    check(
        "REVOKE ALL ON FUNCTION f(int) FROM bob",
        "revoke f {kind: function, privileges: all, roles: bob}; ~ ChangesCatalog",
    );
    check(
        "GRANT admin TO bob",
        "grant admin {kind: role, roles: bob}; ~ ChangesCatalog; ! GRANT of a role changes who may do what",
    );
    check(
        "CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT ssn FROM users",
        "create s {kind: schema}; create t {kind: table}; create v {kind: view}; select users [ssn]; ~ ChangesCatalog",
    );
}

#[test]
fn code_that_cannot_be_seen_is_a_gap() {
    check(
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS 'return 1'",
        "create f {kind: function}; ~ ChangesCatalog; ! CREATE FUNCTION defines code that is not followed",
    );
    check(
        "CREATE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC DELETE FROM users; END",
        "create p {kind: procedure}; ~ ChangesCatalog; ! CREATE FUNCTION defines code that is not followed",
    );
    check(
        "ALTER FUNCTION f() SECURITY DEFINER",
        "alter f {kind: function}; ~ ChangesCatalog; ! ALTER FUNCTION changes code that is not followed",
    );
    check("DO $$ BEGIN DELETE FROM users; END $$", "do; ! DO runs code that is not followed");
    check("CALL p(1, (SELECT ssn FROM users))", "call p {kind: procedure}; select users [ssn]");
    check(
        "CREATE TRIGGER tr BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()",
        "create tr {kind: trigger}; alter users {change: add-trigger}; ~ ChangesCatalog; ! CREATE TRIGGER makes other statements run code",
    );
    check(
        "CREATE RULE r AS ON SELECT TO v DO INSTEAD SELECT ssn FROM users",
        "create r {kind: rule}; alter v {change: add-rule}; select users [ssn]; ~ ChangesCatalog; ! CREATE RULE makes other statements do something else",
    );
    check(
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()",
        "create e {kind: event-trigger}; ~ ChangesCatalog; ! CREATE EVENT TRIGGER makes other statements run code",
    );
    check(
        "CREATE EXTENSION dblink",
        "create dblink {kind: extension}; ~ ChangesCatalog; ! an extension brings code that is not seen",
    );
    check("LOAD 'x'", "load; ! LOAD runs a library of the server");
    check(
        "SECURITY LABEL ON TABLE users IS 'x'",
        "label users {kind: table}; ~ ChangesCatalog; ! SECURITY LABEL changes what others enforce",
    );
    check(
        "CREATE TYPE r AS RANGE (SUBTYPE = float8, CANONICAL = f)",
        "create r {kind: type}; ~ ChangesCatalog; ! CREATE makes an object of code or files that are not seen",
    );
    check(
        "CREATE CAST (a AS b) WITH FUNCTION f(a)",
        "create b {kind: cast}; ~ ChangesCatalog; ! CREATE makes an object of code or files that are not seen",
    );
    check(
        "CREATE OPERATOR + (FUNCTION = f, LEFTARG = int)",
        "create + {kind: operator}; ~ ChangesCatalog; ! CREATE makes an object of code or files that are not seen",
    );
    check(
        "CREATE AGGREGATE agg (int) (SFUNC = f, STYPE = int)",
        "create agg {kind: aggregate}; ~ ChangesCatalog; ! CREATE makes an object of code or files that are not seen",
    );
    check(
        "CREATE LANGUAGE plx HANDLER h",
        "create plx {kind: language}; ~ ChangesCatalog; ! CREATE makes an object of code or files that are not seen",
    );
}

#[test]
fn what_reaches_elsewhere_is_a_gap() {
    check(
        "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw",
        "create s {kind: server}; ~ ChangesCatalog; ! a foreign server holds data from elsewhere",
    );
    check(
        "CREATE USER MAPPING FOR bob SERVER s",
        "create s {kind: user-mapping}; ~ ChangesCatalog; ! a foreign server holds data from elsewhere",
    );
    check(
        "IMPORT FOREIGN SCHEMA x FROM SERVER s INTO y",
        "import y {kind: schema}; ~ ChangesCatalog; ! a foreign server holds data from elsewhere",
    );
    check(
        "CREATE FOREIGN TABLE f (a int) SERVER s",
        "create f {kind: foreign-table}; ~ ChangesCatalog; ! a foreign table holds data from elsewhere",
    );
    check(
        "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p",
        "create s {kind: subscription}; ~ ChangesCatalog; ! logical replication carries data elsewhere",
    );
    check(
        "CREATE PUBLICATION p FOR ALL TABLES",
        "create p {kind: publication}; ~ ChangesCatalog; ! logical replication carries data elsewhere",
    );
    check(
        "ALTER SYSTEM SET work_mem = '1GB'",
        "alter work_mem {kind: system}; ~ ChangesCatalog; ! the statement changes the server itself",
    );
    check(
        "CREATE TABLESPACE ts LOCATION '/x'",
        "create ts {kind: tablespace}; ~ ChangesCatalog; ! the statement changes the server itself",
    );
    check(
        "REASSIGN OWNED BY a TO b",
        "alter a {kind: owned}; ~ ChangesCatalog; ! REASSIGN OWNED changes who may do what; ! the statement changes objects that it does not name",
    );
}

#[test]
fn plain_objects_are_told() {
    check(
        "CREATE POLICY p ON users USING (owner = current_user)",
        "create p {kind: policy}; alter users {change: add-policy}; select users [owner]; ~ ChangesCatalog",
    );
    check(
        "ALTER POLICY p ON users USING (true)",
        "alter users {change: alter-policy}; ~ ChangesCatalog",
    );
    check(
        "CREATE ROLE bob LOGIN PASSWORD 'x'",
        "create bob {kind: role, options: canlogin,password}; ~ ChangesCatalog; ! CREATE ROLE changes who may do what",
    );
    check(
        "ALTER ROLE bob SUPERUSER",
        "alter bob {kind: role, options: superuser}; ~ ChangesCatalog; ! ALTER ROLE changes who may do what",
    );
    check(
        "ALTER ROLE bob SET search_path = x",
        "alter bob {kind: role, change: set, setting: search_path}; ~ ChangesCatalog; ! ALTER ROLE changes who may do what",
    );
    check(
        "ALTER ROLE bob SET role = admin",
        "alter bob {kind: role, change: set, setting: role}; ~ ChangesCatalog; ! ALTER ROLE changes who may do what; ! SET ROLE changes who acts",
    );
    check(
        "ALTER DATABASE d SET standard_conforming_strings = off",
        "alter d {kind: database, change: set, setting: standard_conforming_strings}; ~ ChangesCatalog; ! ALTER DATABASE changes who may do what; ! SET standard_conforming_strings changes how text is read",
    );
    check("CREATE DATABASE d", "create d {kind: database}; ~ ChangesCatalog");
    check("CREATE TYPE mood AS ENUM ('a')", "create mood {kind: type}; ~ ChangesCatalog");
    check("CREATE TYPE pair AS (a int, b int)", "create pair {kind: type}; ~ ChangesCatalog");
    check("CREATE TYPE shell", "create shell {kind: type}; ~ ChangesCatalog");
    check(
        "CREATE DOMAIN d AS int CHECK (VALUE > f(1))",
        "create d {kind: domain}; call f {function: unknown}; ~ ChangesCatalog",
    );
    check("CREATE COLLATION c FROM \"C\"", "create c {kind: collation}; ~ ChangesCatalog");
    let analysis = PostgreSql.analyze("CREATE COLLATION c (provider = icu, deterministic = false)");
    assert!(!analysis.is_complete(), "it says which values are equal");
    let plain = "CREATE COLLATION c (provider = icu, locale = 'de', deterministic = true)";
    assert!(PostgreSql.analyze(plain).is_complete());
    check("ALTER TYPE mood ADD VALUE 'b'", "alter mood {kind: type}; ~ ChangesCatalog");
}

#[test]
fn what_changes_who_may_do_what_is_a_gap_that_names_it() {
    let gap = |text: &str, statement: &str| {
        let gap = format!("{statement} changes who may do what");
        assert!(PostgreSql.analyze(text).gaps.contains(&gap), "{text}");
    };
    gap("CREATE USER bob", "CREATE ROLE");
    gap("CREATE GROUP g", "CREATE ROLE");
    gap("ALTER USER bob PASSWORD 'x'", "ALTER ROLE");
    gap("ALTER GROUP g ADD USER bob", "ALTER ROLE");
    gap("ALTER ROLE ALL RESET ALL", "ALTER ROLE");
    gap("ALTER ROLE bob RENAME TO eve", "ALTER ROLE");
    gap("DROP USER bob", "DROP ROLE");
    gap("DROP OWNED BY bob", "DROP OWNED");
    gap("REASSIGN OWNED BY a TO b", "REASSIGN OWNED");
    gap("REVOKE admin FROM bob", "REVOKE of a role");
    gap("ALTER DATABASE d CONNECTION LIMIT 1", "ALTER DATABASE");
    gap("ALTER DATABASE d SET TABLESPACE s", "ALTER DATABASE");
    gap("ALTER DATABASE d RENAME TO e", "ALTER DATABASE");
    gap("ALTER DATABASE d RESET work_mem", "ALTER DATABASE");
    gap("ALTER DATABASE d REFRESH COLLATION VERSION", "ALTER DATABASE");
    gap("ALTER DATABASE d OWNER TO bob", "OWNER TO");
    gap("ALTER SCHEMA s OWNER TO bob", "OWNER TO");
    gap("ALTER VIEW v OWNER TO bob", "OWNER TO");
    gap("ALTER FUNCTION f() OWNER TO bob", "OWNER TO");
    gap("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bob", "ALTER DEFAULT PRIVILEGES");
}
